-- Grain: one row per source system, pipeline and target period
with
    fct_pipeline_movements as (select * from {{ ref("fct_pipeline_movements") }}),
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    periods as (
        select distinct
            'fiscal_month' as period_kind,
            month_start as period_start,
            month_end as period_end,
            fiscal_year,
            fiscal_quarter,
            fiscal_month_number,
        from dim_dates
        union all
        select distinct
            'fiscal_quarter' as period_kind,
            fiscal_quarter_start as period_start,
            last_day(fiscal_quarter_start + interval 2 month) as period_end,
            fiscal_year,
            fiscal_quarter,
            cast(null as integer) as fiscal_month_number,
        from dim_dates
    ),
    begun_periods as (
        select
            periods.*,
            least(periods.period_end, run_settings.as_of_date) as measured_to_date,
            periods.period_end > run_settings.as_of_date as is_in_progress,
        from periods
        cross join run_settings
        where periods.period_start <= run_settings.as_of_date
    ),
    -- What stood open at the two ends, seen without any event: the month-end snapshots, and the
    -- versions in force at the as_of for a period in progress.
    rates_at_as_of as (
        select int_fx_rates_dated.currency, int_fx_rates_dated.fx_rate,
        from int_fx_rates_dated
        inner join
            run_settings
            on run_settings.as_of_date >= int_fx_rates_dated.valid_from
            and run_settings.as_of_date < int_fx_rates_dated.valid_to
    ),
    open_at_as_of as (
        select
            versions.opportunity_id,
            versions.source_system,
            versions.pipeline,
            versions.expected_close_date,
            cast(
                round(versions.amount_original * rates_at_as_of.fx_rate, 2) as decimal(18, 2)
            ) as amount_base,
        from int_opportunity_versions_dated as versions
        left join rates_at_as_of on versions.currency = rates_at_as_of.currency
        where versions.status = 'open' and versions.known_to_date is null
    ),
    month_ends as (
        select
            opportunity_id,
            source_system,
            pipeline,
            expected_close_date,
            snapshot_date,
            amount_base,
        from fct_pipeline_snapshots
        where snapshot_kind = 'month_end'
    ),
    stock as (
        select begun_periods.*, month_ends.*, 'start' as part,
        from begun_periods
        inner join
            month_ends
            on begun_periods.period_start - 1 = month_ends.snapshot_date
            and month_ends.expected_close_date
            between begun_periods.period_start and begun_periods.period_end
        union all by name
        select begun_periods.*, month_ends.*, 'end' as part,
        from begun_periods
        inner join
            month_ends
            on begun_periods.period_end = month_ends.snapshot_date
            and month_ends.expected_close_date
            between begun_periods.period_start and begun_periods.period_end
        union all by name
        select begun_periods.*, open_at_as_of.*, 'end' as part,
        from begun_periods
        inner join
            open_at_as_of
            on begun_periods.is_in_progress
            and open_at_as_of.expected_close_date
            between begun_periods.period_start and begun_periods.period_end
    ),
    unpriced as (
        select opportunity_id, period_kind, period_start,
        from fct_pipeline_movements
        where is_unpriced
    ),
    -- each part as it adds to the end: what leaves is negative
    parts as (
        select
            stock.source_system,
            stock.pipeline,
            stock.period_kind,
            stock.period_start,
            stock.part,
            case when unpriced.opportunity_id is null then stock.amount_base end as amount,
        from stock
        left join
            unpriced
            on stock.opportunity_id = unpriced.opportunity_id
            and stock.period_kind = unpriced.period_kind
            and stock.period_start = unpriced.period_start
        union all
        select
            source_system,
            entry_pipeline as pipeline,
            period_kind,
            period_start,
            entry_kind as part,
            entry_amount as amount,
        from fct_pipeline_movements
        where entry_kind <> 'start'
        union all
        select
            source_system,
            entry_pipeline as pipeline,
            period_kind,
            period_start,
            'amount_change' as part,
            amount_change_amount as amount,
        from fct_pipeline_movements
        where amount_change_amount <> 0
        union all
        select
            source_system,
            entry_pipeline as pipeline,
            period_kind,
            period_start,
            'fx_change' as part,
            fx_change_amount as amount,
        from fct_pipeline_movements
        where fx_change_amount <> 0
        union all
        select
            source_system,
            entry_pipeline as pipeline,
            period_kind,
            period_start,
            'pipeline_out' as part,
            - exit_amount as amount,
        from fct_pipeline_movements
        where entry_pipeline <> exit_pipeline
        union all
        select
            source_system,
            exit_pipeline as pipeline,
            period_kind,
            period_start,
            'pipeline_in' as part,
            exit_amount as amount,
        from fct_pipeline_movements
        where entry_pipeline <> exit_pipeline
        union all
        select
            source_system,
            exit_pipeline as pipeline,
            period_kind,
            period_start,
            exit_kind as part,
            - exit_amount as amount,
        from fct_pipeline_movements
        where exit_kind <> 'end'
        union all
        select
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown') as pipeline,
            begun_periods.period_kind,
            begun_periods.period_start,
            'unknown_creation' as part,
            0 as amount,
        from fct_opportunities
        inner join
            begun_periods
            on fct_opportunities.expected_close_date
            between begun_periods.period_start and begun_periods.period_end
        where fct_opportunities.created_at is null
    ),
    totals as (
        select
            source_system,
            pipeline,
            period_kind,
            period_start,
            {%- for part in [
                "start",
                "created",
                "pulled_in",
                "reopened",
                "amount_change",
                "fx_change",
                "pipeline_in",
                "pipeline_out",
                "slipped",
                "won",
                "lost",
                "disqualified",
                "duplicate",
                "merged",
                "deleted",
                "end",
            ] %}
                cast(
                    coalesce(sum(amount) filter (where part = '{{ part }}'), 0) as decimal(18, 2)
                ) as {{ part }}_amount,
                count(*) filter (where part = '{{ part }}') as {{ part }}_count,
            {%- endfor %}
            count(*) filter (where part = 'unknown_creation') as n_unknown_creation,
        from parts
        group by source_system, pipeline, period_kind, period_start
    ),
    -- a deal that changed its pipeline stood in two waterfalls
    pipelines_stood_in as (
        select *, entry_pipeline as pipeline,
        from fct_pipeline_movements
        union all
        select *, exit_pipeline as pipeline,
        from fct_pipeline_movements
        where entry_pipeline <> exit_pipeline
    ),
    caveats as (
        select
            source_system,
            pipeline,
            period_kind,
            period_start,
            count(*) filter (where is_unpriced) as n_unpriced,
            count(*) filter (where is_amount_missing) as n_amount_missing,
            count(*) filter (where is_history_reconstructed) as n_history_reconstructed,
        from pipelines_stood_in
        group by source_system, pipeline, period_kind, period_start
    ),
    waterfall as (
        select
            totals.source_system,
            totals.pipeline,
            totals.period_kind,
            totals.period_start,
            begun_periods.period_end,
            begun_periods.fiscal_year,
            begun_periods.fiscal_quarter,
            begun_periods.fiscal_month_number,
            begun_periods.measured_to_date,
            begun_periods.is_in_progress,
            totals.start_amount,
            totals.created_amount,
            totals.pulled_in_amount,
            totals.reopened_amount,
            totals.amount_change_amount,
            totals.fx_change_amount,
            cast(
                totals.pipeline_in_amount + totals.pipeline_out_amount as decimal(18, 2)
            ) as pipeline_change_amount,
            totals.slipped_amount,
            totals.won_amount,
            totals.lost_amount,
            totals.disqualified_amount,
            totals.duplicate_amount,
            totals.merged_amount,
            totals.deleted_amount,
            totals.end_amount,
            cast(
                totals.end_amount
                - totals.start_amount
                - totals.created_amount
                - totals.pulled_in_amount
                - totals.reopened_amount
                - totals.amount_change_amount
                - totals.fx_change_amount
                - totals.pipeline_in_amount
                - totals.pipeline_out_amount
                - totals.slipped_amount
                - totals.won_amount
                - totals.lost_amount
                - totals.disqualified_amount
                - totals.duplicate_amount
                - totals.merged_amount
                - totals.deleted_amount as decimal(18, 2)
            ) as residual_amount,
            totals.start_count,
            totals.created_count,
            totals.pulled_in_count,
            totals.reopened_count,
            totals.amount_change_count,
            totals.fx_change_count,
            totals.pipeline_in_count,
            totals.pipeline_out_count,
            totals.slipped_count,
            totals.won_count,
            totals.lost_count,
            totals.disqualified_count,
            totals.duplicate_count,
            totals.merged_count,
            totals.deleted_count,
            totals.end_count,
            totals.end_count
            - totals.start_count
            - totals.created_count
            - totals.pulled_in_count
            - totals.reopened_count
            - totals.pipeline_in_count
            + totals.pipeline_out_count
            + totals.slipped_count
            + totals.won_count
            + totals.lost_count
            + totals.disqualified_count
            + totals.duplicate_count
            + totals.merged_count
            + totals.deleted_count as residual_count,
            coalesce(caveats.n_unpriced, 0) as n_unpriced,
            coalesce(caveats.n_amount_missing, 0) as n_amount_missing,
            coalesce(caveats.n_history_reconstructed, 0) as n_history_reconstructed,
            totals.n_unknown_creation,
        from totals
        inner join
            begun_periods
            on totals.period_kind = begun_periods.period_kind
            and totals.period_start = begun_periods.period_start
        left join
            caveats
            on totals.source_system = caveats.source_system
            and totals.pipeline = caveats.pipeline
            and totals.period_kind = caveats.period_kind
            and totals.period_start = caveats.period_start
    )
select *
from waterfall

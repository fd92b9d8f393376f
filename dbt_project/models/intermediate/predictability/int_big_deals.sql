-- Grain: one row per source system, period kind, period and large deal that met its fate in it
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    int_forecast_periods as (select * from {{ ref("int_forecast_periods") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    calendar_periods as (
        select 'month' as period_kind, month_start as period_start, month_start as last_month,
        from dim_dates
        union
        select
            'fiscal_quarter' as period_kind,
            fiscal_quarter_start as period_start,
            cast(fiscal_quarter_start + interval 2 month as date) as last_month,
        from dim_dates
    ),
    past_periods as (
        select
            calendar_periods.period_kind,
            calendar_periods.period_start,
            last_day(calendar_periods.last_month) as period_end,
        from calendar_periods
        cross join run_settings
        where
            last_day(calendar_periods.last_month) <= run_settings.as_of_date
            and calendar_periods.period_start
            >= date_trunc('month', run_settings.as_of_date + 1)
            - to_months({{ var("predictability_months") }})
    ),
    periods as (
        select period_kind, period_start, period_end, true as is_over,
        from past_periods
        union all
        select period_kind, period_start, period_end, false as is_over,
        from int_forecast_periods
    ),
    -- large: among the largest tenth of what was won in the year before the period
    thresholds as (
        select
            won.source_system,
            periods.period_kind,
            periods.period_start,
            periods.period_end,
            periods.is_over,
            run_settings.as_of_date,
            cast(
                quantile_disc(won.amount_base, {{ var("big_deal_quantile") }}) as decimal(18, 2)
            ) as threshold_amount,
        from periods
        cross join run_settings
        inner join
            fct_opportunities as won
            on won.outcome = 'won'
            and won.closed_date < least(periods.period_start, run_settings.as_of_date + 1)
            and won.closed_date
            >= least(periods.period_start, run_settings.as_of_date + 1) - interval 12 month
            and won.amount_base is not null
        group by
            won.source_system,
            periods.period_kind,
            periods.period_start,
            periods.period_end,
            periods.is_over,
            run_settings.as_of_date
        having count(*) >= {{ var("big_deal_least_wins") }}
    ),
    ended as (
        select
            thresholds.*,
            fct_opportunities.opportunity_id,
            case
                when fct_opportunities.outcome in ('won', 'lost')
                then fct_opportunities.outcome
                else 'dropped'
            end as fate,
            coalesce(fct_opportunities.closed_date, fct_opportunities.removed_date) as fate_date,
            fct_opportunities.amount_base,
            fct_opportunities.expected_close_date,
        from thresholds
        inner join
            fct_opportunities
            on thresholds.source_system = fct_opportunities.source_system
            and fct_opportunities.outcome <> 'open'
            and thresholds.threshold_amount <= fct_opportunities.amount_base
            and thresholds.period_start
            <= coalesce(fct_opportunities.closed_date, fct_opportunities.removed_date)
            and thresholds.period_end
            >= coalesce(fct_opportunities.closed_date, fct_opportunities.removed_date)
    ),
    -- expected in the period 30 days before its end, and still open at its end
    slipped as (
        select
            thresholds.*,
            watched.opportunity_id,
            'slipped' as fate,
            thresholds.period_end as fate_date,
            cast(
                round(watched.amount_original * int_fx_rates_dated.fx_rate, 2) as decimal(18, 2)
            ) as amount_base,
            watched.expected_close_date,
        from thresholds
        inner join
            int_opportunity_versions_dated as watched
            on thresholds.source_system = watched.source_system
            and watched.status = 'open'
            and thresholds.period_end - 30 >= watched.known_from_date
            and coalesce(thresholds.period_end - 30 < watched.known_to_date, true)
            and thresholds.period_start <= watched.expected_close_date
            and thresholds.period_end >= watched.expected_close_date
        inner join
            int_opportunity_versions_dated as at_end
            on watched.opportunity_id = at_end.opportunity_id
            and at_end.status = 'open'
            and thresholds.period_end >= at_end.known_from_date
            and coalesce(thresholds.period_end < at_end.known_to_date, true)
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated", "watched.currency", "thresholds.period_end - 30"
                )
            }}
        where
            thresholds.is_over
            and round(watched.amount_original * int_fx_rates_dated.fx_rate, 2)
            >= thresholds.threshold_amount
    ),
    -- overdue ones are expected in the period that goes on
    still_open as (
        select
            thresholds.*,
            fct_opportunities.opportunity_id,
            'open' as fate,
            thresholds.as_of_date as fate_date,
            fct_opportunities.amount_base,
            fct_opportunities.expected_close_date,
        from thresholds
        inner join
            fct_opportunities
            on thresholds.source_system = fct_opportunities.source_system
            and fct_opportunities.outcome = 'open'
            and thresholds.threshold_amount <= fct_opportunities.amount_base
            and thresholds.period_start
            <= greatest(fct_opportunities.expected_close_date, thresholds.as_of_date + 1)
            and thresholds.period_end
            >= greatest(fct_opportunities.expected_close_date, thresholds.as_of_date + 1)
        where not thresholds.is_over and fct_opportunities.expected_close_date is not null
    ),
    fates as (
        select *
        from ended
        union all by name
        select *
        from slipped
        union all by name
        select *
        from still_open
    ),
    big_deals as (
        select
            source_system,
            period_kind,
            period_start,
            period_end,
            threshold_amount,
            opportunity_id,
            fate,
            fate_date,
            amount_base,
            expected_close_date,
        from fates
    )
select *
from big_deals

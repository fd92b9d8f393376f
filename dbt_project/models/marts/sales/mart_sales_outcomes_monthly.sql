-- Grain: one row per source system, pipeline, segment and close month
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    closed as (
        select
            *,
            coalesce(pipeline, 'unknown') as closed_pipeline,
            coalesce(segment, 'unknown') as closed_segment,
            is_resolved and not is_history_reconstructed as is_move_history_known,
        from fct_opportunities
        where outcome in ('won', 'lost', 'disqualified', 'duplicate', 'merged')
    ),
    outcomes as (
        select
            source_system,
            closed_pipeline as pipeline,
            closed_segment as segment,
            close_month,
            count(*) filter (where outcome = 'won') as won_count,
            count(*) filter (where outcome = 'lost') as lost_count,
            count(*) filter (where outcome = 'disqualified') as disqualified_count,
            count(*) filter (where outcome = 'duplicate') as duplicate_count,
            count(*) filter (where outcome = 'merged') as merged_count,
            count(*) filter (where is_resolved) as resolved_count,
            sum(amount_base) filter (where outcome = 'won') as won_amount,
            sum(amount_base) filter (where outcome = 'lost') as lost_amount,
            count(amount_base) filter (where outcome = 'won') as won_priced_count,
            count(amount_base) filter (where outcome in ('won', 'lost')) as valued_count,
            count(*) filter (where outcome in ('won', 'lost') and is_unpriced) as n_unpriced,
            count(*) filter (
                where outcome = 'lost' and coalesce(amount_original, 0) = 0
            ) as lost_without_amount_count,
            count(*) filter (where is_move_history_known) as move_history_count,
            count(*) filter (where is_move_history_known and not has_rework) as first_pass_count,
            count(*) filter (where is_move_history_known and has_rework) as rework_count,
            count(*) filter (where is_resolved and reached_proposal) as proposal_count,
            count(*) filter (
                where outcome in ('lost', 'disqualified') and reached_proposal
            ) as scrap_count,
            count(cycle_days) filter (where outcome = 'won') as won_cycle_count,
            percentile_cont(0.5) within group (order by cycle_days) filter (
                where outcome = 'won'
            ) as won_cycle_p50_days,
            percentile_cont(0.9) within group (order by cycle_days) filter (
                where outcome = 'won'
            ) as won_cycle_p90_days,
            avg(cast(cycle_days as decimal(18, 6))) filter (
                where outcome = 'won'
            ) as won_cycle_mean_days,
            count(cycle_days) filter (where is_resolved) as resolved_cycle_count,
            percentile_cont(0.5) within group (order by cycle_days) filter (
                where is_resolved
            ) as resolved_cycle_p50_days,
            percentile_cont(0.9) within group (order by cycle_days) filter (
                where is_resolved
            ) as resolved_cycle_p90_days,
            avg(cast(cycle_days as decimal(18, 6))) filter (
                where is_resolved
            ) as resolved_cycle_mean_days,
            sum(close_date_push_count) filter (where is_resolved) as close_date_push_count,
            count(*) filter (
                where is_resolved and close_date_push_count > 0
            ) as pushed_opportunity_count,
            sum(close_date_net_pushed_days) filter (
                where is_resolved
            ) as close_date_net_pushed_days,
            count(*) filter (where is_history_reconstructed) as n_history_reconstructed,
        from closed
        group by source_system, closed_pipeline, closed_segment, close_month
    ),
    -- what is open at the end of each month, and at the as_of for the month in progress
    open_at_month_end as (
        select
            source_system,
            pipeline,
            segment,
            cast(date_trunc('month', snapshot_date) as date) as close_month,
            is_qualified,
        from fct_pipeline_snapshots
        where snapshot_kind = 'month_end'
        union all
        select
            versions.source_system,
            versions.pipeline,
            versions.segment,
            cast(date_trunc('month', run_settings.as_of_date) as date) as close_month,
            versions.is_qualified,
        from int_opportunity_versions_dated as versions
        inner join run_settings on run_settings.as_of_date < last_day(run_settings.as_of_date)
        where versions.status = 'open' and versions.known_to_date is null
    ),
    open_counts as (
        select
            source_system,
            pipeline,
            segment,
            close_month,
            count(*) as open_count,
            count(*) filter (where is_qualified) as open_qualified_count,
        from open_at_month_end
        group by source_system, pipeline, segment, close_month
    ),
    months as (
        select
            coalesce(outcomes.source_system, open_counts.source_system) as source_system,
            coalesce(outcomes.pipeline, open_counts.pipeline) as pipeline,
            coalesce(outcomes.segment, open_counts.segment) as segment,
            coalesce(outcomes.close_month, open_counts.close_month) as close_month,
            {%- for count in [
                "won_count",
                "lost_count",
                "disqualified_count",
                "duplicate_count",
                "merged_count",
                "resolved_count",
                "won_priced_count",
                "valued_count",
                "n_unpriced",
                "lost_without_amount_count",
                "move_history_count",
                "first_pass_count",
                "rework_count",
                "proposal_count",
                "scrap_count",
                "won_cycle_count",
                "resolved_cycle_count",
                "pushed_opportunity_count",
                "n_history_reconstructed",
                "close_date_push_count",
                "close_date_net_pushed_days",
            ] %}
                cast(coalesce(outcomes.{{ count }}, 0) as bigint) as {{ count }},
            {%- endfor %}
            {%- for amount in ["won_amount", "lost_amount"] %}
                cast(coalesce(outcomes.{{ amount }}, 0) as decimal(18, 2)) as {{ amount }},
            {%- endfor %}
            {%- for cycle in ["won_cycle", "resolved_cycle"] %}
                {%- for statistic in ["p50", "p90", "mean"] %}
                    round(
                        cast(outcomes.{{ cycle }}_{{ statistic }}_days as double), 9
                    ) as {{ cycle }}_{{ statistic }}_days,
                {%- endfor %}
            {%- endfor %}
            case
                when coalesce(outcomes.close_month, open_counts.close_month) is not null
                then coalesce(open_counts.open_count, 0)
            end as open_count,
            case
                when coalesce(outcomes.close_month, open_counts.close_month) is not null
                then coalesce(open_counts.open_qualified_count, 0)
            end as open_qualified_count,
        from outcomes
        full outer join
            open_counts
            on outcomes.source_system = open_counts.source_system
            and outcomes.pipeline = open_counts.pipeline
            and outcomes.segment = open_counts.segment
            and outcomes.close_month = open_counts.close_month
    ),
    {%- set value_reason %}
        case
            when lost_count > 0 and lost_without_amount_count = lost_count
            then 'lost deals carry no amount'
        end
    {%- endset %}
    {%- set history_reason %}
        case
            when resolved_count > 0 and move_history_count = 0 then 'no history of stages'
        end
    {%- endset %}
    rates as (
        select
            *,
            {{ rate_columns("win_rate", "won_count", "won_count + lost_count") }},
            {{
                rate_columns(
                    "win_rate_by_value",
                    "won_amount",
                    "cast(won_amount + lost_amount as decimal(18, 2))",
                    n="valued_count",
                    reason=value_reason,
                )
            }},
            {{
                rate_columns(
                    "first_pass_yield_rate",
                    "first_pass_count",
                    "move_history_count",
                    reason=history_reason,
                )
            }},
            {{
                rate_columns(
                    "rework_rate", "rework_count", "move_history_count", reason=history_reason
                )
            }},
            {{ rate_columns("scrap_after_proposal_rate", "scrap_count", "proposal_count") }},
            cast(
                round({{ safe_ratio("won_amount", "won_priced_count") }}, 2) as decimal(18, 2)
            ) as mean_won_amount,
        from months
    ),
    velocities as (
        select
            *,
            case
                when open_qualified_count is null
                then 'close date unknown'
                when win_rate_suppressed_reason is not null
                then win_rate_suppressed_reason
                when mean_won_amount is null
                then 'no won deal with an amount'
                when coalesce(won_cycle_mean_days, 0) = 0
                then 'no cycle time of won deals'
            end as velocity_suppressed_reason,
        from rates
    ),
    monthly as (
        select
            source_system,
            pipeline,
            segment,
            close_month,
            won_count,
            lost_count,
            disqualified_count,
            duplicate_count,
            merged_count,
            won_amount,
            lost_amount,
            n_unpriced,
            lost_without_amount_count,
            {%- for rate in [
                "win_rate",
                "win_rate_by_value",
                "first_pass_yield_rate",
                "rework_rate",
                "scrap_after_proposal_rate",
            ] %}
                {{ rate }}_numerator,
                {{ rate }}_denominator,
                {{ rate }},
                {{ rate }}_suppressed_reason,
            {%- endfor %}
            won_cycle_count,
            won_cycle_p50_days,
            won_cycle_p90_days,
            won_cycle_mean_days,
            resolved_cycle_count,
            resolved_cycle_p50_days,
            resolved_cycle_p90_days,
            resolved_cycle_mean_days,
            open_count,
            open_qualified_count,
            mean_won_amount,
            cast(
                case
                    when velocity_suppressed_reason is null
                    then
                        round(
                            {{
                                safe_ratio(
                                    "open_qualified_count * win_rate * mean_won_amount",
                                    "won_cycle_mean_days",
                                )
                            }},
                            2
                        )
                end as decimal(18, 2)
            ) as velocity_per_day_amount,
            velocity_suppressed_reason,
            close_date_push_count,
            pushed_opportunity_count,
            close_date_net_pushed_days,
            n_history_reconstructed,
        from velocities
    )
select *
from monthly

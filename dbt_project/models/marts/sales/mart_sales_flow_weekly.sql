-- Grain: one row per source system, pipeline, open stage and week
with
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- a deal that was deleted, or deleted and later restored, has no next visit where one ends
    followed_visits as (
        select
            *,
            lead(entered_at) over history = exited_at as is_followed,
            lead(stage_type) over history as next_stage_type,
            lead(move_type) over history as next_move_type,
        from fct_opportunity_stage_events
        window history as (partition by opportunity_id order by visit_number)
    ),
    visits as (
        select
            source_system,
            pipeline,
            stage,
            stage_order,
            entered_date,
            exited_date,
            case
                when exited_date is null
                then null
                when coalesce(not is_followed, true)
                then 'other'
                when next_stage_type = 'won'
                then 'win'
                when next_stage_type = 'lost'
                then 'loss'
                when next_stage_type in ('disqualified', 'duplicate')
                then 'disqualification'
                when next_move_type in ('forward', 'skip')
                then 'advance'
                when next_move_type = 'backward'
                then 'backward'
                else 'other'
            end as exit_kind,
        from followed_visits
        where coalesce(stage_type, 'open') = 'open' and entered_date is not null
    ),
    weeks as ({{ finished_weeks() }}),
    stage_weeks as (
        select
            stages.source_system,
            stages.pipeline,
            stages.stage,
            stages.stage_order,
            weeks.week_start,
            weeks.week_end,
        from
            (
                select
                    source_system,
                    pipeline,
                    stage,
                    max(stage_order) as stage_order,
                    min(entered_date) as first_entered_date,
                from visits
                group by source_system, pipeline, stage
            ) as stages
        inner join weeks on stages.first_entered_date <= weeks.week_end
    ),
    entries as (
        select
            source_system,
            pipeline,
            stage,
            cast(date_trunc('week', entered_date) as date) as week_start,
            count(*) as entry_count,
        from visits
        group by source_system, pipeline, stage, date_trunc('week', entered_date)
    ),
    exits as (
        select
            source_system,
            pipeline,
            stage,
            cast(date_trunc('week', exited_date) as date) as week_start,
            count(*) as exit_count,
            {%- for kind in ["advance", "win", "loss", "disqualification", "backward", "other"] %}
                count(*) filter (where exit_kind = '{{ kind }}') as {{ kind }}_exit_count,
            {%- endfor %}
            sum(exited_date - entered_date) as exited_days,
        from visits
        where exited_date is not null
        group by source_system, pipeline, stage, date_trunc('week', exited_date)
    ),
    flows as (
        select
            stage_weeks.*,
            coalesce(entries.entry_count, 0) as entry_count,
            coalesce(exits.exit_count, 0) as exit_count,
            {%- for kind in ["advance", "win", "loss", "disqualification", "backward", "other"] %}
                coalesce(exits.{{ kind }}_exit_count, 0) as {{ kind }}_exit_count,
            {%- endfor %}
            coalesce(exits.exited_days, 0) as exited_days,
            cast(
                sum(coalesce(entries.entry_count, 0) - coalesce(exits.exit_count, 0)) over (
                    partition by stage_weeks.source_system, stage_weeks.pipeline, stage_weeks.stage
                    order by stage_weeks.week_start
                    rows between unbounded preceding and current row
                ) as bigint
            ) as wip_count,
        from stage_weeks
        left join
            entries
            on stage_weeks.source_system = entries.source_system
            and stage_weeks.pipeline = entries.pipeline
            and stage_weeks.stage = entries.stage
            and stage_weeks.week_start = entries.week_start
        left join
            exits
            on stage_weeks.source_system = exits.source_system
            and stage_weeks.pipeline = exits.pipeline
            and stage_weeks.stage = exits.stage
            and stage_weeks.week_start = exits.week_start
    ),
    trailing_weeks as (
        select
            *,
            count(*) over trailing_weeks as trailing_week_count,
            cast(sum(exit_count) over trailing_weeks as bigint) as trailing_exit_count,
            cast(sum(exited_days) over trailing_weeks as bigint) as trailing_exited_days,
            cast(sum(wip_count) over trailing_weeks as bigint) as trailing_wip,
        from flows
        window
            trailing_weeks as (
                partition by source_system, pipeline, stage
                order by
                    week_start
                    rows between {{ var("littles_law_weeks") - 1 }} preceding and current row
            )
    ),
    throughputs as (
        select
            *,
            round(
                {{ safe_ratio("trailing_exit_count", "trailing_week_count") }}, 9
            ) as throughput_per_week,
            round(
                {{ safe_ratio("trailing_exited_days", "trailing_exit_count") }}, 9
            ) as mean_cycle_days,
            round({{ safe_ratio("trailing_wip", "trailing_week_count") }}, 9) as mean_wip,
            round(
                {{ safe_ratio("trailing_exited_days", "7 * trailing_week_count") }}, 9
            ) as expected_wip,
        from trailing_weeks
    ),
    {%- set short_history %}
        case
            when trailing_week_count < {{ var("littles_law_weeks") }}
            then 'fewer than {{ var("littles_law_weeks") }} weeks'
        end
    {%- endset %}
    checked as (
        select
            *,
            {{
                rate_columns(
                    "littles_law_gap",
                    "abs(mean_wip - expected_wip)",
                    "mean_wip",
                    n="trailing_exit_count + wip_count",
                    reason=short_history,
                )
            }},
        from throughputs
    ),
    -- Time in stage: Kaplan–Meier on the visits that began in the last weeks up to a week end, as
    -- known then. Counted by day first, so that the work grows with the days, not with the deals.
    visit_counts as (
        select source_system, pipeline, stage, entered_date, exited_date, count(*) as visit_count,
        from visits
        group by source_system, pipeline, stage, entered_date, exited_date
    ),
    week_offsets as (
        select unnest(generate_series(0, {{ var("time_in_stage_weeks") }} - 1)) as weeks_later
    ),
    observed as (
        select
            visit_counts.source_system,
            visit_counts.pipeline,
            visit_counts.stage,
            weeks.week_start,
            least(visit_counts.exited_date, weeks.week_end)
            - visit_counts.entered_date as days_in_stage,
            cast(sum(visit_counts.visit_count) as bigint) as visit_count,
            cast(
                coalesce(
                    sum(visit_counts.visit_count) filter (
                        where visit_counts.exited_date <= weeks.week_end
                    ),
                    0
                ) as bigint
            ) as exit_count,
        from visit_counts
        cross join week_offsets
        inner join
            weeks
            on date_trunc('week', visit_counts.entered_date)
            + to_days(cast(7 * week_offsets.weeks_later as integer))
            = weeks.week_start
        group by
            visit_counts.source_system,
            visit_counts.pipeline,
            visit_counts.stage,
            weeks.week_start,
            least(visit_counts.exited_date, weeks.week_end) - visit_counts.entered_date
    ),
    {{
        kaplan_meier(
            "observed",
            "source_system, pipeline, stage, week_start",
            days="days_in_stage",
            ended="exit_count",
            watched="visit_count",
        )
    }},
    times_in_stage as (
        select
            source_system,
            pipeline,
            stage,
            week_start,
            cast(sum(visit_count) as bigint) as visit_count,
            cast(sum(visit_count - exit_count) as bigint) as open_visit_count,
            min(days_in_stage) filter (where round(staying_rate, 9) <= 0.5) as p50_days,
            min(days_in_stage) filter (where round(staying_rate, 9) <= 0.1) as p90_days,
        from survival
        group by source_system, pipeline, stage, week_start
    ),
    weekly as (
        select
            checked.source_system,
            checked.pipeline,
            checked.stage,
            checked.stage_order,
            checked.week_start,
            checked.week_end,
            checked.entry_count,
            checked.exit_count,
            checked.advance_exit_count,
            checked.win_exit_count,
            checked.loss_exit_count,
            checked.disqualification_exit_count,
            checked.backward_exit_count,
            checked.other_exit_count,
            checked.wip_count,
            coalesce(times_in_stage.visit_count, 0) as time_in_stage_visit_count,
            coalesce(times_in_stage.open_visit_count, 0) as time_in_stage_open_visit_count,
            cast(times_in_stage.p50_days as bigint) as time_in_stage_p50_days,
            cast(times_in_stage.p90_days as bigint) as time_in_stage_p90_days,
            checked.trailing_week_count,
            checked.trailing_exit_count,
            checked.throughput_per_week,
            checked.mean_cycle_days,
            checked.mean_wip,
            checked.expected_wip,
            checked.littles_law_gap_numerator,
            checked.littles_law_gap_denominator,
            checked.littles_law_gap,
            checked.littles_law_gap_suppressed_reason,
            checked.littles_law_gap > {{ var("littles_law_limit") }} as is_littles_law_flagged,
        from checked
        left join
            times_in_stage
            on checked.source_system = times_in_stage.source_system
            and checked.pipeline = times_in_stage.pipeline
            and checked.stage = times_in_stage.stage
            and checked.week_start = times_in_stage.week_start
    )
select *
from weekly

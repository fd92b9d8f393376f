-- Grain: one row per subject, measure, source system, period kind, period, method and horizon
{%- set key = "subject, measure, source_system" %}
with
    int_forecast_snapshots as (select * from {{ ref("int_forecast_snapshots") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    known_outcomes as (select * from {{ ref("int_predictability_outcomes_dated") }}),
    int_output_planned as (select * from {{ ref("int_output_planned") }}),
    int_bookings_forecasts as (select * from {{ ref("int_bookings_forecasts") }}),
    int_forecast_submissions_priced as (select * from {{ ref("int_forecast_submissions_priced") }}),
    int_stage_win_rates_dated as (select * from {{ ref("int_stage_win_rates_dated") }}),
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    quarters as (select distinct month_start, fiscal_quarter_start as period_start, from dim_dates),
    periods as (
        select 'month' as period_kind, month_start, month_start as period_start,
        from quarters
        union all
        select 'fiscal_quarter' as period_kind, month_start, period_start,
        from quarters
    ),
    -- the months and quarters that each snapshot looks at; one that ends with its month is over
    targets as (
        select distinct
            snapshots.snapshot_date,
            periods.period_kind,
            periods.period_start,
            last_day(
                case
                    when periods.period_kind = 'month'
                    then periods.period_start
                    else cast(periods.period_start + interval 2 month as date)
                end
            ) as period_end,
        from int_forecast_snapshots as snapshots
        inner join periods on periods.period_start > snapshots.snapshot_date - interval 3 month
    ),
    ahead as (
        select
            *,
            date_diff('month', snapshot_date, period_end) as horizon_months,
            case when period_kind = 'month' then 1 else 3 end as month_count,
        from targets
        where
            date_diff('month', snapshot_date, period_end)
            between 1 and {{ var("forecast_horizon_months") }}
    ),
    -- the mean of the last 12 full months
    monthly_means as (
        select {{ key }}, snapshot_date, avg(amount order by outcome_month) as amount,
        from known_outcomes
        where outcome_month >= date_trunc('month', snapshot_date + 1) - interval 12 month
        group by {{ key }}, snapshot_date
        having count(*) = 12
    ),
    run_rates as (
        select
            monthly_means.subject,
            monthly_means.measure,
            monthly_means.source_system,
            monthly_means.snapshot_date,
            'run_rate' as method,
            ahead.period_kind,
            ahead.period_start,
            ahead.period_end,
            ahead.horizon_months,
            ahead.month_count * monthly_means.amount as expected,
        from monthly_means
        inner join ahead on monthly_means.snapshot_date = ahead.snapshot_date
        where monthly_means.subject = 'bookings' or ahead.period_kind = 'month'
    ),
    -- from the first snapshot on at which anything was planned
    planned_series as (
        {%- for measure in ["quantity", "value"] %}
            select
                subject,
                '{{ measure }}' as measure,
                source_system,
                min(snapshot_date) as first_snapshot_date,
            from int_output_planned
            where {{ measure }} is not null
            group by subject, source_system
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    plans as (
        select
            planned_series.subject,
            planned_series.measure,
            planned_series.source_system,
            ahead.snapshot_date,
            'plan' as method,
            ahead.period_kind,
            ahead.period_start,
            ahead.period_end,
            ahead.horizon_months,
            cast(
                coalesce(
                    case
                        planned_series.measure
                        when 'quantity'
                        then planned.quantity
                        else planned.value
                    end,
                    0
                ) as double
            ) as expected,
        from planned_series
        inner join ahead on planned_series.first_snapshot_date <= ahead.snapshot_date
        left join
            int_output_planned as planned
            on planned_series.subject = planned.subject
            and planned_series.source_system = planned.source_system
            and ahead.snapshot_date = planned.snapshot_date
            and ahead.period_start = planned.planned_month
        where ahead.period_kind = 'month'
    ),
    -- the plan, and by how much months exceeded their plan of that horizon before
    adjusted_plans as (
        select
            plans.subject,
            plans.measure,
            plans.source_system,
            plans.snapshot_date,
            'adjusted_plan' as method,
            plans.period_kind,
            plans.period_start,
            plans.period_end,
            plans.horizon_months,
            greatest(
                any_value(plans.expected)
                + avg(known_outcomes.amount - earlier.expected order by earlier.period_start),
                0
            ) as expected,
        from plans
        inner join
            plans as earlier
            on plans.subject = earlier.subject
            and plans.measure = earlier.measure
            and plans.source_system = earlier.source_system
            and plans.horizon_months = earlier.horizon_months
            and plans.snapshot_date >= earlier.period_end
            and earlier.period_start
            >= date_trunc('month', plans.snapshot_date + 1) - interval 12 month
        inner join
            known_outcomes
            on plans.subject = known_outcomes.subject
            and plans.measure = known_outcomes.measure
            and plans.source_system = known_outcomes.source_system
            and plans.snapshot_date = known_outcomes.snapshot_date
            and earlier.period_start = known_outcomes.outcome_month
        group by
            plans.subject,
            plans.measure,
            plans.source_system,
            plans.snapshot_date,
            plans.period_kind,
            plans.period_start,
            plans.period_end,
            plans.horizon_months
        having count(*) >= {{ var("adjusted_plan_least_months") }}
    ),
    booked_so_far as (
        select
            known_outcomes.source_system,
            known_outcomes.snapshot_date,
            quarters.period_start,
            sum(known_outcomes.amount order by known_outcomes.outcome_month) as amount,
        from known_outcomes
        inner join quarters on known_outcomes.outcome_month = quarters.month_start
        where known_outcomes.subject = 'bookings'
        group by known_outcomes.source_system, known_outcomes.snapshot_date, quarters.period_start
    ),
    -- the open deals of a month end at the win rate of their stage, in the month of the expected
    -- close, overdue ones in the first
    weighted as (
        select
            snapshots.source_system,
            snapshots.snapshot_date,
            cast(
                date_trunc(
                    'month', greatest(snapshots.expected_close_date, snapshots.snapshot_date + 1)
                ) as date
            ) as close_month,
            count(*) as deal_count,
            count(snapshots.amount_base) as priced_count,
            sum(
                cast(snapshots.amount_base as double)
                * coalesce(stage_rates.win_rate, all_rates.win_rate)
                order by snapshots.opportunity_id
            ) as amount,
        from fct_pipeline_snapshots as snapshots
        inner join
            int_stage_win_rates_dated as all_rates
            on snapshots.source_system = all_rates.source_system
            and snapshots.snapshot_date = all_rates.snapshot_date
            and all_rates.stage = ''
        left join
            int_stage_win_rates_dated as stage_rates
            on snapshots.source_system = stage_rates.source_system
            and snapshots.snapshot_date = stage_rates.snapshot_date
            and coalesce(snapshots.stage, 'unknown') = stage_rates.stage
        where snapshots.snapshot_kind = 'month_end'
        group by snapshots.source_system, snapshots.snapshot_date, close_month
    ),
    -- where more than half have no amount or no day there is no sum
    weighable as (
        select source_system, snapshot_date,
        from weighted
        group by source_system, snapshot_date
        having
            sum(priced_count) >= 0.5 * sum(deal_count)
            and sum(deal_count) filter (where close_month is not null) >= 0.5 * sum(deal_count)
    ),
    stage_weighted as (
        select
            'bookings' as subject,
            'value' as measure,
            weighable.source_system,
            ahead.snapshot_date,
            'stage_weighted' as method,
            ahead.period_kind,
            ahead.period_start,
            ahead.period_end,
            ahead.horizon_months,
            coalesce(any_value(booked_so_far.amount), 0)
            + coalesce(sum(weighted.amount order by weighted.close_month), 0) as expected,
        from weighable
        inner join ahead on weighable.snapshot_date = ahead.snapshot_date
        left join
            weighted
            on weighable.source_system = weighted.source_system
            and weighable.snapshot_date = weighted.snapshot_date
            and ahead.period_start <= weighted.close_month
            and ahead.period_end >= weighted.close_month
        left join
            booked_so_far
            on weighable.source_system = booked_so_far.source_system
            and weighable.snapshot_date = booked_so_far.snapshot_date
            and ahead.period_kind = 'fiscal_quarter'
            and ahead.period_start = booked_so_far.period_start
        group by
            weighable.source_system,
            ahead.snapshot_date,
            ahead.period_kind,
            ahead.period_start,
            ahead.period_end,
            ahead.horizon_months
    ),
    latest_commits as (
        select
            ahead.snapshot_date,
            ahead.period_kind,
            ahead.period_start,
            ahead.period_end,
            ahead.horizon_months,
            commits.source_system,
            commits.rep_id,
            arg_max_null(commits.commit_amount_base, commits.submitted_at) as amount,
        from ahead
        inner join
            int_forecast_submissions_priced as commits
            on ahead.period_kind = commits.period_kind
            and ahead.period_start = commits.period_start
            and ahead.snapshot_date >= commits.known_from_date
        group by all
    ),
    rep_commits as (
        select
            'bookings' as subject,
            'value' as measure,
            source_system,
            snapshot_date,
            'rep_commit' as method,
            period_kind,
            period_start,
            period_end,
            horizon_months,
            cast(sum(amount) as double) as expected,
        from latest_commits
        group by source_system, snapshot_date, period_kind, period_start, period_end, horizon_months
    ),
    as_recorded as (
        {%- for method in [
            "run_rates",
            "plans",
            "adjusted_plans",
            "stage_weighted",
            "rep_commits",
        ] %}
            select *, true as is_reconstructed,
            from {{ method }}
            {% if not loop.last -%}
                union all by name
            {%- endif -%}
        {%- endfor %}
    ),
    frozen as (
        select
            'bookings' as subject,
            'value' as measure,
            source_system,
            forecast_date as snapshot_date,
            method,
            period_kind,
            period_start,
            period_end,
            horizon_months,
            cast(expected_amount as double) as expected,
            {% for name in ["p10", "p25", "p50", "p75", "p90"] -%}
                cast({{ name }}_amount as double) as {{ name }},
            {% endfor -%}
            false as is_reconstructed,
        from int_bookings_forecasts
        where horizon_months >= 1
    ),
    -- what a run has frozen goes before what is read off the records, the latest of its month first
    told as (
        select *,
        from
            (
                select *
                from frozen
                union all by name
                select *
                from as_recorded
            ) as forecasts
        where expected is not null
        qualify
            row_number() over (
                partition by {{ key }}, period_kind, period_start, method, horizon_months
                order by is_reconstructed asc, snapshot_date desc
            )
            = 1
    )
select *
from told

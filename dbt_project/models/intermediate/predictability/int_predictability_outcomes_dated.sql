-- Grain: one row per subject, measure, source system, month end and month that is over by then
{%- set key = "subject, measure, source_system" %}
with
    int_forecast_snapshots as (select * from {{ ref("int_forecast_snapshots") }}),
    int_predictability_outcomes as (select * from {{ ref("int_predictability_outcomes") }}),
    series as (
        select {{ key }}, min(outcome_month) as first_month,
        from int_predictability_outcomes
        group by {{ key }}
    ),
    -- each snapshot with the months that are over by then, and what was known then to have come
    known_months as (
        select
            series.subject,
            series.measure,
            series.source_system,
            snapshots.snapshot_date,
            months.snapshot_month as outcome_month,
        from series
        cross join int_forecast_snapshots as snapshots
        inner join
            int_forecast_snapshots as months
            on snapshots.snapshot_date >= months.snapshot_date
            and series.first_month <= months.snapshot_month
    ),
    known_outcomes as (
        select
            known_months.subject,
            known_months.measure,
            known_months.source_system,
            known_months.snapshot_date,
            known_months.outcome_month,
            cast(coalesce(sum(outcomes.amount), 0) as double) as amount,
        from known_months
        left join
            int_predictability_outcomes as outcomes
            on known_months.subject = outcomes.subject
            and known_months.measure = outcomes.measure
            and known_months.source_system = outcomes.source_system
            and known_months.outcome_month = outcomes.outcome_month
            and known_months.snapshot_date >= outcomes.known_month
        group by all
    )
select *
from known_outcomes

{#
    Kaplan–Meier median of the days an objective counts, by `group_column` and month: as known at
    the month's end, objectives still counting then being censored. NULL while less than half have
    ended. Gives the CTEs `lifetimes`, `dates`, `run_settings` and, last, `half_lives`
    (group_column, objective_month, half_life_days, objective_count).
#}
{% macro objective_half_life(group_column) %}
    lifetimes as (select * from {{ ref("int_objective_lifetimes") }}),
    dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    months as (
        select dates.month_start as objective_month, max(dates.date_day) + 1 as known_until
        from dates
        inner join run_settings on dates.date_day <= run_settings.as_of_date
        group by dates.month_start
    ),
    observed as (
        select
            lifetimes.{{ group_column }},
            months.objective_month,
            least(coalesce(lifetimes.counts_to, months.known_until), months.known_until)
            - lifetimes.counts_from as days,
            coalesce(lifetimes.counts_to <= months.known_until, false) as has_ended,
        from lifetimes
        inner join months on lifetimes.counts_from < months.known_until
    ),
    by_days as (
        select
            {{ group_column }},
            objective_month,
            days,
            count(*) filter (where has_ended) as ended_count,
            count(*) as watched_count,
        from observed
        group by {{ group_column }}, objective_month, days
    ),
    {{ kaplan_meier("by_days", group_column ~ ", objective_month") }},
    half_lives as (
        select
            {{ group_column }},
            objective_month,
            cast(sum(watched_count) as bigint) as lifetime_count,
            min(days) filter (where round(staying_rate, 9) <= 0.5) as half_life_days,
        from survival
        group by {{ group_column }}, objective_month
    )
{% endmacro %}

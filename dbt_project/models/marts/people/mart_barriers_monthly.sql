-- Grain: one row per source system, month and process step, `all` for every step together
with
    fct_barriers as (select * from {{ ref("fct_barriers") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    stepped_barriers as (
        select * exclude (process_step), coalesce(process_step, 'unknown') as process_step,
        from fct_barriers
        union all by name
        select * exclude (process_step), 'all' as process_step,
        from fct_barriers
    ),
    month_span as (
        select min(fct_barriers.raised_month) as first_month, run_settings.as_of_date,
        from fct_barriers
        cross join run_settings
        group by run_settings.as_of_date
    ),
    month_instants as (
        select
            as_of_date,
            unnest(
                generate_series(
                    cast(first_month as timestamp),
                    cast(date_trunc('month', as_of_date) as timestamp),
                    interval 1 month
                )
            ) as month_instant,
        from month_span
    ),
    months as (
        select
            cast(month_instant as date) as barrier_month,
            least(last_day(cast(month_instant as date)), as_of_date) as known_date,
        from month_instants
    ),
    -- as known at the end of the month, of the barriers raised in the twelve months up to it
    watched_barriers as (
        select
            stepped_barriers.source_system,
            stepped_barriers.process_step,
            months.barrier_month,
            stepped_barriers.raised_month = months.barrier_month as is_raised_now,
            date_trunc('month', stepped_barriers.removed_date)
            = months.barrier_month as is_removed_now,
            stepped_barriers.raised_date > months.known_date - interval 365 day as is_raised_lately,
            coalesce(stepped_barriers.removed_date <= months.known_date, false) as has_ended,
            case
                when stepped_barriers.removed_date <= months.known_date
                then stepped_barriers.removed_date
                else months.known_date
            end
            - stepped_barriers.raised_date as days,
            stepped_barriers.hours_lost,
            stepped_barriers.response_hours,
            stepped_barriers.cause,
            stepped_barriers.is_recurrence,
        from stepped_barriers
        inner join months on stepped_barriers.raised_date <= months.known_date
        where not coalesce(stepped_barriers.has_impossible_removal, false)
    ),
    counted_barriers as (
        select
            source_system,
            process_step,
            barrier_month,
            count(*) filter (where is_raised_now) as raised_count,
            count(*) filter (where is_removed_now) as removed_count,
            count(*) filter (where not has_ended) as open_count,
            round(
                sum(hours_lost order by hours_lost) filter (where is_raised_now), 6
            ) as hours_lost,
            count(response_hours) filter (where is_raised_now) as response_count,
            quantile_cont(response_hours, 0.5) filter (where is_raised_now) as response_p50_hours,
            count(*) filter (where is_raised_now and cause = 'process') as process_cause_count,
            count(*) filter (where is_raised_now and cause is not null) as caused_count,
            count(*) filter (where is_raised_now and is_recurrence) as recurrence_count,
        from watched_barriers
        group by source_system, process_step, barrier_month
    ),
    by_days as (
        select
            source_system,
            process_step,
            barrier_month,
            days,
            count(*) filter (where has_ended) as ended_count,
            count(*) as watched_count,
        from watched_barriers
        where is_raised_lately
        group by source_system, process_step, barrier_month, days
    ),
    {{ kaplan_meier("by_days", "source_system, process_step, barrier_month") }},
    removal_times as (
        select
            source_system,
            process_step,
            barrier_month,
            cast(sum(watched_count) as bigint) as removal_case_count,
            min(days) filter (where round(staying_rate, 9) <= 0.5) as removal_p50_days,
        from survival
        group by source_system, process_step, barrier_month
    ),
    told_months as (
        select
            counted_barriers.source_system,
            counted_barriers.barrier_month,
            counted_barriers.process_step,
            counted_barriers.raised_count,
            counted_barriers.removed_count,
            counted_barriers.open_count,
            counted_barriers.hours_lost,
            coalesce(removal_times.removal_case_count, 0) as removal_case_count,
            case
                when removal_times.removal_case_count >= {{ var("min_n") }}
                then removal_times.removal_p50_days
            end as removal_p50_days,
            case
                when coalesce(removal_times.removal_case_count, 0) < {{ var("min_n") }}
                then 'fewer than {{ var("min_n") }} cases'
                when removal_times.removal_p50_days is null
                then 'less than half are removed'
            end as removal_p50_suppressed_reason,
            counted_barriers.response_count,
            case
                when counted_barriers.response_count >= {{ var("min_n") }}
                then round(counted_barriers.response_p50_hours, 9)
            end as response_p50_hours,
            {{
                rate_columns(
                    "process_cause_rate",
                    "counted_barriers.process_cause_count",
                    "counted_barriers.caused_count",
                )
            }},
            {{
                rate_columns(
                    "recurrence_rate",
                    "counted_barriers.recurrence_count",
                    "counted_barriers.raised_count",
                )
            }},
        from counted_barriers
        left join
            removal_times
            on counted_barriers.source_system = removal_times.source_system
            and counted_barriers.process_step = removal_times.process_step
            and counted_barriers.barrier_month = removal_times.barrier_month
    )
select *
from told_months

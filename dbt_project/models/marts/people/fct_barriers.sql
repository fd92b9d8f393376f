-- Grain: one row per barrier raised by the as_of
with
    int_barriers_unioned as (select * from {{ ref("int_barriers_unioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    known_barriers as (
        select
            barriers.* exclude (first_response_at, removed_at),
            run_settings.as_of_date,
            run_settings.as_of_at,
            case
                when barriers.first_response_at < run_settings.as_of_at
                then barriers.first_response_at
            end as first_response_at,
            case
                when barriers.removed_at < run_settings.as_of_at then barriers.removed_at
            end as removed_at,
        from int_barriers_unioned as barriers
        cross join run_settings
        where barriers.raised_at < run_settings.as_of_at
    ),
    followed_barriers as (
        select
            *,
            business_date(raised_at) as raised_date,
            business_date(removed_at) as removed_date,
            max(removed_at) over earlier_alike as earlier_removed_at,
        from known_barriers
        window
            earlier_alike as (
                partition by source_system, process_step, cause, raised_by
                order by raised_at, barrier_id
                rows between unbounded preceding and 1 preceding
            )
    ),
    barriers as (
        select
            barrier_id,
            source_system,
            process_step,
            cause,
            raised_at,
            raised_date,
            cast(date_trunc('month', raised_date) as date) as raised_month,
            raised_by,
            manager_id,
            opportunity_id,
            hours_lost,
            first_response_at,
            round(
                (epoch_ms(first_response_at) - epoch_ms(raised_at)) / 3600000.0, 9
            ) as response_hours,
            removed_at,
            removed_date,
            removed_at is null as is_open,
            coalesce(removed_date, as_of_date) - raised_date as age_days,
            -- removal is seen before it is written down: a record that ends before it begins
            removed_at < raised_at as has_impossible_removal,
            coalesce(
                earlier_removed_at < raised_at and raised_at < earlier_removed_at + interval 90 day,
                false
            ) as is_recurrence,
            recorded_at,
            is_history_reconstructed,
        from followed_barriers
    )
select *
from barriers

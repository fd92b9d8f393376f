-- Grain: one row per step of a routing and interval of days in which it is so
with
    int_routings_unioned as (select * from {{ ref("int_routings_unioned") }}),
    dated as (
        select
            *,
            business_date(recorded_at) as known_date,
            business_date(ended_at) as ended_date,
            -- nobody says what a product was made by before its routing was first told
            case
                when bool_and(recorded_at is not null) over (partition by product_id)
                then min(business_date(recorded_at)) over (partition by product_id)
            end as first_date,
        from int_routings_unioned
    ),
    versioned as (
        select
            source_system,
            product_id,
            operation_number,
            work_center_id,
            coalesce(setup_minutes, 0) / 60 as setup_hours,
            run_minutes_per_unit / 60 as run_hours_per_unit,
            lot_size,
            case when known_date > first_date or first_date is null then known_date end as valid_from,
            least(
                ended_date,
                lead(known_date) over (
                    partition by product_id, operation_number
                    order by known_date nulls first, recorded_at nulls first
                )
            ) as valid_to,
        from dated
    )
select *
from versioned
where coalesce(valid_from < valid_to, true)

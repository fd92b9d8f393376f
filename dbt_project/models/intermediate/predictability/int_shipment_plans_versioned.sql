-- Grain: one row per planned date of an order line and promise that was in force for it
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_delivery_units as (select * from {{ ref("int_delivery_units") }}),
    int_promises_versioned as (select * from {{ ref("int_promises_versioned") }}),
    units as (
        select
            source_system,
            order_id,
            line_number,
            schedule_number,
            quantity_ordered as quantity,
            latest_promise_date,
            coalesce(
                business_date(recorded_at), business_date(ordered_at), date '0001-01-01'
            ) as known_date,
            least(cancelled_on, business_date(deleted_at)) as withdrawn_date,
        from int_delivery_units
    ),
    promised as (
        select
            units.*,
            coalesce(promises.version_number, 1) as version_number,
            coalesce(promises.promise_date, units.latest_promise_date) as planned_date,
            greatest(
                units.known_date, coalesce(business_date(promises.recorded_at), units.known_date)
            ) as known_from_date,
        from units
        left join
            int_promises_versioned as promises
            on units.order_id = promises.order_id
            and units.line_number = promises.line_number
            and units.schedule_number = promises.schedule_number
    ),
    replaced as (
        select
            source_system,
            order_id,
            line_number,
            schedule_number,
            version_number,
            quantity,
            planned_date,
            known_from_date,
            least(
                lead(known_from_date) over (
                    partition by order_id, line_number, schedule_number order by version_number
                ),
                withdrawn_date
            ) as known_to_date,
        from promised
        where planned_date is not null
    ),
    in_force as (
        select replaced.*,
        from replaced
        cross join run_settings
        where
            coalesce(replaced.known_to_date > replaced.known_from_date, true)
            and replaced.known_from_date <= run_settings.as_of_date
    )
select *
from in_force

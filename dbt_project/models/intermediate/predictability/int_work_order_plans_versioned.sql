-- Grain: one row per work order and version of its plan
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    int_work_order_plans_seen_unioned as (
        select * from {{ ref("int_work_order_plans_seen_unioned") }}
    ),
    -- of most orders no version has ended: they stand as they were first seen
    standing as (
        select
            orders.work_order_id,
            orders.source_system,
            orders.quantity,
            orders.planned_end_at,
            orders.finished_at,
            coalesce(orders.recorded_at, least(orders.released_at, orders.started_at)) as seen_at,
            orders.deleted_at as ended_at,
        from int_work_orders_unioned as orders
        anti join
            int_work_order_plans_seen_unioned as seen on orders.work_order_id = seen.work_order_id
    ),
    versions as (
        select *
        from standing
        union all by name
        select *
        from int_work_order_plans_seen_unioned
    ),
    dated as (
        select
            versions.work_order_id,
            versions.source_system,
            row_number() over (
                partition by versions.work_order_id
                order by versions.seen_at nulls first, versions.ended_at
            ) as version_number,
            versions.quantity,
            business_date(versions.planned_end_at) as planned_date,
            case
                when versions.finished_at < run_settings.as_of_at
                then business_date(versions.finished_at)
            end as finished_date,
            -- what has no day of its own stood before all extracts
            coalesce(business_date(versions.seen_at), date '0001-01-01') as known_from_date,
            business_date(versions.ended_at) as known_to_date,
        from versions
        cross join run_settings
        where versions.seen_at is null or versions.seen_at < run_settings.as_of_at
    )
select *
from dated

-- Grain: one row per kind of output, system, snapshot and month that it was planned for then
with
    int_forecast_snapshots as (select * from {{ ref("int_forecast_snapshots") }}),
    int_work_order_plans_versioned as (select * from {{ ref("int_work_order_plans_versioned") }}),
    int_shipment_plans_versioned as (select * from {{ ref("int_shipment_plans_versioned") }}),
    int_shipments_unioned as (select * from {{ ref("int_shipments_unioned") }}),
    int_output_values as (select * from {{ ref("int_output_values") }}),
    open_work_orders as (
        select
            'production output' as subject,
            plans.source_system,
            snapshots.snapshot_date,
            plans.work_order_id as order_id,
            '' as line_number,
            plans.planned_date,
            plans.quantity as open_quantity,
        from int_work_order_plans_versioned as plans
        inner join
            int_forecast_snapshots as snapshots
            on plans.known_from_date <= snapshots.snapshot_date
            and coalesce(plans.known_to_date > snapshots.snapshot_date, true)
            and coalesce(plans.finished_date > snapshots.snapshot_date, true)
        where plans.planned_date is not null
    ),
    promised as (
        select snapshots.snapshot_date, plans.*,
        from int_shipment_plans_versioned as plans
        inner join
            int_forecast_snapshots as snapshots
            on plans.known_from_date <= snapshots.snapshot_date
            and coalesce(plans.known_to_date > snapshots.snapshot_date, true)
    ),
    shipments as (
        select
            order_id,
            line_number,
            quantity,
            greatest(shipped_on, coalesce(business_date(recorded_at), shipped_on)) as known_date,
        from int_shipments_unioned
    ),
    shipped_by_then as (
        select
            snapshots.snapshot_date,
            shipments.order_id,
            shipments.line_number,
            sum(shipments.quantity) as shipped_quantity,
        from shipments
        inner join
            int_forecast_snapshots as snapshots on snapshots.snapshot_date >= shipments.known_date
        group by snapshots.snapshot_date, shipments.order_id, shipments.line_number
    ),
    -- shipments fill the earliest promise first
    filled as (
        select
            'shipments' as subject,
            promised.source_system,
            promised.snapshot_date,
            promised.order_id,
            promised.line_number,
            promised.planned_date,
            greatest(
                least(
                    promised.quantity,
                    sum(promised.quantity) over (
                        partition by promised.snapshot_date, promised.order_id, promised.line_number
                        order by promised.planned_date, promised.schedule_number
                        rows between unbounded preceding and current row
                    )
                    - coalesce(shipped_by_then.shipped_quantity, 0)
                ),
                0
            ) as open_quantity,
        from promised
        left join
            shipped_by_then
            on promised.snapshot_date = shipped_by_then.snapshot_date
            and promised.order_id = shipped_by_then.order_id
            and promised.line_number = shipped_by_then.line_number
    ),
    open_orders as (
        select *
        from open_work_orders
        union all by name
        select *
        from filled
        where open_quantity > 0
    ),
    planned as (
        select
            open_orders.subject,
            open_orders.source_system,
            open_orders.snapshot_date,
            -- what is overdue is planned for the first month that is left
            cast(
                date_trunc(
                    'month', greatest(open_orders.planned_date, open_orders.snapshot_date + 1)
                ) as date
            ) as planned_month,
            cast(sum(open_orders.open_quantity) as decimal(18, 2)) as quantity,
            -- summed as decimals, which add up alike in any order
            cast(
                sum(
                    cast(
                        cast(open_orders.open_quantity as double)
                        * int_output_values.unit_value as decimal(38, 9)
                    )
                ) as decimal(18, 2)
            ) as value,
        from open_orders
        left join
            int_output_values
            on open_orders.subject = int_output_values.subject
            and open_orders.order_id = int_output_values.order_id
            and open_orders.line_number = int_output_values.line_number
        group by
            open_orders.subject, open_orders.source_system, open_orders.snapshot_date, planned_month
    )
select *
from planned

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
            and coalesce(least(plans.known_to_date, plans.finished_date), date '9999-12-31')
            > snapshots.snapshot_date
        where plans.planned_date is not null
    ),
    shipments as (
        select
            order_id,
            line_number,
            quantity,
            greatest(shipped_on, coalesce(business_date(recorded_at), shipped_on)) as known_date,
        from int_shipments_unioned
    ),
    shipped_by_day as (
        select
            order_id,
            line_number,
            known_date,
            sum(coalesce(sum(quantity), 0)) over (
                partition by order_id, line_number order by known_date
            ) as shipped_quantity,
        from shipments
        where known_date is not null
        group by order_id, line_number, known_date
    ),
    -- From filled_date on nothing of an order line was open, whatever plan was in force: most lines
    -- are shipped soon, and would otherwise be looked at in every later snapshot.
    most_planned_parts as (
        select order_id, line_number, max(greatest(quantity, 0)) as quantity,
        from int_shipment_plans_versioned
        group by order_id, line_number, schedule_number
    ),
    most_planned as (
        select order_id, line_number, sum(quantity) as quantity,
        from most_planned_parts
        group by order_id, line_number
    ),
    shortfalls as (
        select
            shipped_by_day.*,
            max(shipped_by_day.known_date) filter (
                where shipped_by_day.shipped_quantity < most_planned.quantity
            ) over (partition by shipped_by_day.order_id, shipped_by_day.line_number) as short_date,
        from shipped_by_day
        inner join
            most_planned
            on shipped_by_day.order_id = most_planned.order_id
            and shipped_by_day.line_number = most_planned.line_number
    ),
    filled_lines as (
        select order_id, line_number, min(known_date) as filled_date,
        from shortfalls
        where coalesce(known_date > short_date, true)
        group by order_id, line_number
    ),
    open_plans as (
        select
            plans.*,
            coalesce(
                least(plans.known_to_date, filled_lines.filled_date), date '9999-12-31'
            ) as open_to_date,
        from int_shipment_plans_versioned as plans
        left join
            filled_lines
            on plans.order_id = filled_lines.order_id
            and plans.line_number = filled_lines.line_number
    ),
    promised as (
        select snapshots.snapshot_date, open_plans.*,
        from open_plans
        inner join
            int_forecast_snapshots as snapshots
            on open_plans.known_from_date <= snapshots.snapshot_date
            and open_plans.open_to_date > snapshots.snapshot_date
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
                    - coalesce(shipped_by_day.shipped_quantity, 0)
                ),
                0
            ) as open_quantity,
        from promised
        asof left join
            shipped_by_day
            on promised.order_id = shipped_by_day.order_id
            and promised.line_number = shipped_by_day.line_number
            and promised.snapshot_date >= shipped_by_day.known_date
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

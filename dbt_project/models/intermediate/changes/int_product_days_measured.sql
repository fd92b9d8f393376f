-- Grain: one row per product, day and measure
with
    fct_operations as (select * from {{ ref("fct_operations") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    shipments as (select * from {{ ref("int_shipments_unioned") }}),
    order_lines as (select * from {{ ref("int_order_lines_unioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    operated as (
        select
            source_system,
            product_id,
            started_date as day,
            coalesce(
                sum(cast(duration_minutes / 60 as decimal(28, 9))) filter (
                    where report_type = 'setup'
                ),
                0
            ) as setup_hours,
            coalesce(
                sum(cast(duration_minutes / 60 as decimal(28, 9))) filter (
                    where report_type = 'run'
                ),
                0
            ) as run_hours,
            sum(quantity_scrapped) as scrapped_quantity,
            -- the share of a run's hours that went into what was scrapped
            sum(
                cast(
                    round(
                        coalesce(
                            {{
                                safe_ratio(
                                    "duration_minutes / 60 * quantity_scrapped",
                                    "quantity_reported",
                                )
                            }},
                            0
                        ),
                        9
                    ) as decimal(28, 9)
                )
            ) filter (where report_type = 'run' and quantity_scrapped is not null) as scrap_hours,
        from fct_operations
        where product_id is not null
        group by source_system, product_id, started_date
    ),
    first_operations as (
        select source_system, min(day) as first_day, from operated group by source_system
    ),
    shipped as (
        select
            shipments.source_system,
            shipments.order_id,
            shipments.line_number,
            order_lines.product_id,
            shipments.shipped_on,
            shipments.is_expedited,
            -- the hours of a line count once, with the first of its shipments that was expedited
            row_number() over (
                partition by
                    shipments.source_system,
                    shipments.order_id,
                    shipments.line_number,
                    shipments.is_expedited
                order by shipments.shipped_on, shipments.shipment_id
            )
            = 1 as is_first,
        from shipments
        inner join
            order_lines
            on order_lines.source_system = shipments.source_system
            and order_lines.order_id = shipments.order_id
            and order_lines.line_number = shipments.line_number
        inner join run_settings on shipments.shipped_on <= run_settings.as_of_date
        where shipments.is_expedited is not null and order_lines.product_id is not null
    ),
    worked as (
        select
            source_system,
            order_id,
            line_number,
            sum(
                cast((coalesce(setup_minutes, 0) + coalesce(run_minutes, 0)) / 60 as decimal(28, 9))
            ) as hours,
        from fct_work_orders
        where order_id is not null
        group by source_system, order_id, line_number
    ),
    sent as (
        select
            shipped.source_system,
            shipped.product_id,
            shipped.shipped_on as day,
            count(*) filter (where shipped.is_expedited) as expedited_shipments,
            case
                when shipped.shipped_on >= any_value(first_operations.first_day)
                then
                    coalesce(
                        sum(worked.hours) filter (where shipped.is_expedited and shipped.is_first),
                        0
                    )
            end as expedite_hours,
        from shipped
        left join first_operations on first_operations.source_system = shipped.source_system
        left join
            worked
            on worked.source_system = shipped.source_system
            and worked.order_id = shipped.order_id
            and worked.line_number = shipped.line_number
        group by shipped.source_system, shipped.product_id, shipped.shipped_on
    ),
    measured as (
        {% for relation, measures in [
            (
                "operated",
                ["setup_hours", "run_hours", "scrapped_quantity", "scrap_hours"],
            ),
            ("sent", ["expedited_shipments", "expedite_hours"]),
        ] %}
            {% for measure in measures %}
                select
                    source_system,
                    product_id,
                    day,
                    '{{ measure }}' as measure,
                    cast({{ measure }} as decimal(28, 9)) as value,
                from {{ relation }}
                where {{ measure }} is not null
                union all
            {% endfor %}
        {% endfor %}
        select
            null as source_system, null as product_id, null as day, null as measure, null as value,
        where false
    )
select *
from measured

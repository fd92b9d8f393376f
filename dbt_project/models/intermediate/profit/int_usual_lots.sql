-- Grain: one row per source system, product and month in which something of it was ordered
with
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    entered_lines as (
        select source_system, product_id, ordered_month, quantity,
        from int_order_lines_attributed
        where not is_deleted and ordered_month is not null
    ),
    product_months as (
        select distinct source_system, product_id, ordered_month, from entered_lines
    ),
    usual_lots as (
        select
            product_months.source_system,
            product_months.product_id,
            product_months.ordered_month,
            median(entered_lines.quantity) as usual_quantity,
        from product_months
        inner join
            entered_lines
            on product_months.source_system = entered_lines.source_system
            and product_months.product_id = entered_lines.product_id
            and entered_lines.ordered_month between cast(
                product_months.ordered_month - interval 11 months as date
            ) and product_months.ordered_month
        group by
            product_months.source_system, product_months.product_id, product_months.ordered_month
    )
select *
from usual_lots

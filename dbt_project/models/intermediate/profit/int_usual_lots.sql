-- Grain: one row per source system, product and month in which something of it was ordered
with
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    -- a window, which keeps a product's lines once, where a join would have each in twelve months
    usual_lots as (
        select distinct
            source_system,
            product_id,
            ordered_month,
            median(quantity) over (
                partition by source_system, product_id
                order by ordered_month range between interval 11 months preceding and current row
            ) as usual_quantity,
        from int_order_lines_attributed
        where not is_deleted and ordered_month is not null
    )
select *
from usual_lots

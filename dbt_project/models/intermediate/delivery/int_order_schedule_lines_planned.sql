-- Grain: one row per schedule line of an order line by which it is, or was last, planned
with
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_order_schedule_lines_unioned as (
        select * from {{ ref("int_order_schedule_lines_unioned") }}
    ),
    -- what vanishes with its order line was not withdrawn from the plan
    judged as (
        select
            int_order_schedule_lines_unioned.*,
            coalesce(
                business_date(int_order_schedule_lines_unioned.deleted_at)
                < coalesce(business_date(int_order_lines_unioned.deleted_at), date '9999-12-31'),
                false
            ) as is_withdrawn,
        from int_order_schedule_lines_unioned
        left join
            int_order_lines_unioned
            on int_order_schedule_lines_unioned.order_id = int_order_lines_unioned.order_id
            and int_order_schedule_lines_unioned.line_number = int_order_lines_unioned.line_number
    ),
    -- with all of its schedule lines withdrawn, the order line is planned as a whole
    planned as (
        select *,
        from judged
        qualify not bool_and(is_withdrawn) over (partition by order_id, line_number)
    )
select *
from planned

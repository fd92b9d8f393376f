-- Grain: one row per schedule line of an order line, of every system
with unioned as ({{ union_systems("order_schedule_lines") }}) select * from unioned

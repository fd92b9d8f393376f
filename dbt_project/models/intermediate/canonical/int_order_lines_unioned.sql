-- Grain: one row per order line, of every system
with unioned as ({{ union_systems("order_lines") }}) select * from unioned

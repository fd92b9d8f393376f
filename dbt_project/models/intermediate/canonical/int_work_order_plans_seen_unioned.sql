-- Grain: one row per work order and version of it that dated extracts show, of every system
with unioned as ({{ union_systems("work_order_plans_seen") }}) select * from unioned

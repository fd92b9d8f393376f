-- Grain: one row per work order, of every system
with unioned as ({{ union_systems("work_orders") }}) select * from unioned

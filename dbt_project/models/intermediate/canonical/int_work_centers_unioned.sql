-- Grain: one row per work centre, of every system
with unioned as ({{ union_systems("work_centers") }}) select * from unioned

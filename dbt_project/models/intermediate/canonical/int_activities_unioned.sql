-- Grain: one row per activity, of every system
with unioned as ({{ union_systems("activities") }}) select * from unioned

-- Grain: one row per barrier, of every system
with unioned as ({{ union_systems("barriers") }}) select * from unioned

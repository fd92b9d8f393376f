-- Grain: one row per step of a routing and version of it, of every system
with unioned as ({{ union_systems("routings") }}) select * from unioned

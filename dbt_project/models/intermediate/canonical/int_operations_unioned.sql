-- Grain: one row per operation report, of every system
with unioned as ({{ union_systems("operations") }}) select * from unioned

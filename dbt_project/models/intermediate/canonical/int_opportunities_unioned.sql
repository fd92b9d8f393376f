-- Grain: one row per opportunity, of every system
with unioned as ({{ union_systems("opportunities") }}) select * from unioned

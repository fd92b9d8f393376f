-- Grain: one row per opportunity and rep, of every system
with unioned as ({{ union_systems("opportunity_splits") }}) select * from unioned

-- Grain: one row per line of an opportunity, of every system
with unioned as ({{ union_systems("opportunity_lines") }}) select * from unioned

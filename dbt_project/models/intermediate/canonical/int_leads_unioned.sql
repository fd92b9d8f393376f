-- Grain: one row per lead, of every system
with unioned as ({{ union_systems("leads") }}) select * from unioned

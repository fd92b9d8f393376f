-- Grain: one row per rep and first day of a period, of every system
with unioned as ({{ union_systems("quotas") }}) select * from unioned

-- Grain: one row per rep, of every system
with unioned as ({{ union_systems("sales_reps") }}) select * from unioned

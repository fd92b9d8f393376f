-- Grain: one row per objective, rep and period, of every system
with unioned as ({{ union_systems("objective_results") }}) select * from unioned

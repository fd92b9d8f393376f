-- Grain: one row per rep, period and instant of submission, of every system
with unioned as ({{ union_systems("forecast_submissions") }}) select * from unioned

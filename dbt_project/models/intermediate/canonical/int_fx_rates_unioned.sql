-- Grain: one row per currency and day, of every system
with unioned as ({{ union_systems("fx_rates") }}) select * from unioned

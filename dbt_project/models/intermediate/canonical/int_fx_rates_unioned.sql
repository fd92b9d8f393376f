-- Grain: one row per system, currency and day
with unioned as ({{ union_systems("fx_rates") }}) select * from unioned

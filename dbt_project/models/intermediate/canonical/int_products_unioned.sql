-- Grain: one row per product, of every system
with unioned as ({{ union_systems("products") }}) select * from unioned

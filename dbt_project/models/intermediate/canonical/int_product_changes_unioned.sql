-- Grain: one row per product change, of every system
with unioned as ({{ union_systems("product_changes") }}) select * from unioned

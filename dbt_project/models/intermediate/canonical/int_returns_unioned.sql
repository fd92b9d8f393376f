-- Grain: one row per return of an order line, of every system
with unioned as ({{ union_systems("returns") }}) select * from unioned

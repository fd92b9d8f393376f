-- Grain: one row per recorded promise or quote of an order line, of every system
with unioned as ({{ union_systems("promise_changes") }}) select * from unioned

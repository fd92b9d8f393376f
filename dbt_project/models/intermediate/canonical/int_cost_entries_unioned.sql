-- Grain: one row per entry of the cost ledger, of every system
with unioned as ({{ union_systems("cost_entries") }}) select * from unioned

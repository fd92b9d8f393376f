-- Grain: one row per promise for a planned date that extracts show, of every system
with unioned as ({{ union_systems("promise_changes_seen") }}) select * from unioned

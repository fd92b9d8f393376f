-- Grain: one row per change of one field of an opportunity that extracts show, of every system
with unioned as ({{ union_systems("opportunity_changes_seen") }}) select * from unioned

-- Grain: one row per coaching session, of every system
with unioned as ({{ union_systems("coaching_sessions") }}) select * from unioned

-- Grain: one row per account, of every system
with unioned as ({{ union_systems("accounts") }}) select * from unioned

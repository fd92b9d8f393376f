-- Grain: one row per action, of every system
with unioned as ({{ union_systems("pulse_actions") }}) select * from unioned

-- Grain: one row per wave and function, of every system
with unioned as ({{ union_systems("pulse_invitations") }}) select * from unioned

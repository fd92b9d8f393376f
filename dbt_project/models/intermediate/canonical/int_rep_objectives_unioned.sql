-- Grain: one row per objective and rep, of every system
with unioned as ({{ union_systems("rep_objectives") }}) select * from unioned

-- Grain: one row per rep and absence, of every system
with unioned as ({{ union_systems("rep_absences") }}) select * from unioned

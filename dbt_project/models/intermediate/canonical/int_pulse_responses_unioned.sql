-- Grain: one row per wave, respondent and question, of every system
with unioned as ({{ union_systems("pulse_responses") }}) select * from unioned

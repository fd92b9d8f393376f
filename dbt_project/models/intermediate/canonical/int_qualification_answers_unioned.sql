-- Grain: one row per answer: opportunity, attribute, instant and rater, of every system
with unioned as ({{ union_systems("qualification_answers") }}) select * from unioned

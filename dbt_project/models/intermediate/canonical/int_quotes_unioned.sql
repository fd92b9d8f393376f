-- Grain: one row per quote for a deal, of every system
with unioned as ({{ union_systems("quotes") }}) select * from unioned

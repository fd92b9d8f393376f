-- Grain: one row per score and decision
with
    int_win_probability_models as (select * from {{ ref("int_win_probability_models") }}),
    int_lead_time_models as (select * from {{ ref("int_lead_time_models") }}),
    decisions as (
        select *
        from int_win_probability_models
        union all by name
        select *
        from int_lead_time_models
    )
select *
from decisions

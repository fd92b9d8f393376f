-- Grain: one row per source system, outcome and comparison
with
    int_objective_load_effects as (select * from {{ ref("int_objective_load_effects") }}),
    told_effects as (
        select
            source_system,
            outcome,
            comparison,
            status,
            effect,
            effect_lower,
            effect_upper,
            is_shown,
            compared_count,
            rep_count,
            quarter_count,
            rep_month_count,
            objective_period_count,
            first_objective_month,
            last_objective_month,
            fewest_active_objectives,
            most_active_objectives,
        from int_objective_load_effects
    )
select *
from told_effects

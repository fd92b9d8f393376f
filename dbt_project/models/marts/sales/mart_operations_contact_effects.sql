-- Grain: one row per source system and measure
with
    int_operations_contact_effects as (select * from {{ ref("int_operations_contact_effects") }}),
    effects as (
        select
            * exclude (
                unmatched_difference, difference, difference_lower, difference_upper, verdict
            ),
            difference,
            difference_lower,
            difference_upper,
            unmatched_difference,
            coalesce(verdict, 'too few') as effect_status,
            case when verdict is null then 'too few pairs' end as difference_suppressed_reason,
        from int_operations_contact_effects
    )
select *
from effects

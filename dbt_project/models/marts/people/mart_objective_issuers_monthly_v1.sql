-- Grain: one row per issuer and month
with
    second_version as (select * from {{ ref("mart_objective_issuers_monthly", v=2) }}),
    first_version as (
        select
            issued_by,
            objective_month,
            issued_objective_count,
            issued_assignment_count,
            objectives_per_product_change_denominator as product_change_count,
            objectives_per_product_change,
            active_objective_count,
            ignored_rate_numerator,
            ignored_rate_denominator,
            ignored_rate,
            ignored_rate_suppressed_reason,
            ignored_bonus_rate_numerator,
            ignored_bonus_rate_denominator,
            ignored_bonus_rate,
            ignored_bonus_rate_suppressed_reason,
            lifetime_count,
            half_life_days,
        from second_version
    )
select *
from first_version

-- Grain: one row per issuer and month
with
    periods as (select * from {{ ref("fct_rep_objective_periods") }}),
    product_changes as (select * from {{ ref("int_product_changes_unioned") }}),
    {{ objective_half_life("issued_by") }},
    issued as (
        select
            issued_by,
            cast(date_trunc('month', counts_from) as date) as objective_month,
            count(distinct first_objective_id) as issued_objective_count,
            count(*) as issued_assignment_count,
            count(distinct first_objective_id) filter (
                where product_change_id is not null
            ) as change_objective_count,
        from lifetimes
        group by issued_by, objective_month
    ),
    changes as (
        select
            product_manager_id as issued_by,
            cast(date_trunc('month', effective_on) as date) as objective_month,
            count(*) as product_change_count,
        from product_changes
        where product_manager_id is not null
        group by product_manager_id, objective_month
    ),
    attention as (
        select
            issued_by,
            objective_month,
            count(distinct first_objective_id) as active_objective_count,
            count(*) as assignment_count,
            count(*) filter (where not is_attended) as ignored_assignment_count,
            coalesce(sum(bonus_amount), 0) as bonus_amount,
            coalesce(sum(bonus_amount) filter (where not is_attended), 0) as ignored_bonus_amount,
        from periods
        group by issued_by, objective_month
    ),
    issuer_months as (
        select issued_by, objective_month
        from issued
        union
        select issued_by, objective_month
        from changes
        union
        select issued_by, objective_month
        from attention
    ),
    monthly as (
        select
            issuer_months.issued_by,
            issuer_months.objective_month,
            coalesce(issued.issued_objective_count, 0) as issued_objective_count,
            coalesce(issued.issued_assignment_count, 0) as issued_assignment_count,
            coalesce(issued.change_objective_count, 0) as objectives_per_product_change_numerator,
            coalesce(changes.product_change_count, 0) as objectives_per_product_change_denominator,
            round(
                {{
                    safe_ratio(
                        "coalesce(issued.change_objective_count, 0)",
                        "changes.product_change_count",
                    )
                }},
                9
            ) as objectives_per_product_change,
            coalesce(attention.active_objective_count, 0) as active_objective_count,
            {{
                rate_columns(
                    "ignored_rate",
                    "coalesce(attention.ignored_assignment_count, 0)",
                    "coalesce(attention.assignment_count, 0)",
                )
            }},
            {{
                rate_columns(
                    "ignored_bonus_rate",
                    "cast(coalesce(attention.ignored_bonus_amount, 0) as decimal(18, 2))",
                    "cast(coalesce(attention.bonus_amount, 0) as decimal(18, 2))",
                    n="attention.assignment_count",
                    reason="case when attention.bonus_amount = 0 then 'no bonus money' end",
                )
            }},
            half_lives.lifetime_count,
            half_lives.half_life_days,
        from issuer_months
        inner join run_settings on issuer_months.objective_month <= run_settings.as_of_date
        left join
            issued
            on issued.issued_by = issuer_months.issued_by
            and issued.objective_month = issuer_months.objective_month
        left join
            changes
            on changes.issued_by = issuer_months.issued_by
            and changes.objective_month = issuer_months.objective_month
        left join
            attention
            on attention.issued_by = issuer_months.issued_by
            and attention.objective_month = issuer_months.objective_month
        left join
            half_lives
            on half_lives.issued_by = issuer_months.issued_by
            and half_lives.objective_month = issuer_months.objective_month
    )
select *
from monthly

-- Grain: one row per rep and month
with
    rep_days as (select * from {{ ref("fct_rep_objective_days") }}),
    periods as (select * from {{ ref("fct_rep_objective_periods") }}),
    reps as (select * from {{ ref("dim_reps") }}),
    int_rep_attainments as (select * from {{ ref("int_rep_attainments") }}),
    {{ objective_half_life("rep_id") }},
    loads as (
        select
            rep_id,
            objective_month,
            count(*) as employed_days,
            count(*) filter (where not is_absent) as counted_days,
            round(
                avg(active_objective_count) filter (where not is_absent), 9
            ) as mean_active_objectives,
            percentile_cont(0.5) within group (order by active_objective_count) filter (
                where not is_absent
            ) as median_active_objectives,
            percentile_cont(0.9) within group (order by active_objective_count) filter (
                where not is_absent
            ) as p90_active_objectives,
            max(active_objective_count) filter (where not is_absent) as max_active_objectives,
            percentile_cont(0.5) within group (order by effective_objective_number) filter (
                where not is_absent
            ) as median_effective_objectives,
            cast(sum(new_objective_count) as bigint) as new_objective_count,
            cast(sum(withdrawn_objective_count) as bigint) as withdrawn_objective_count,
            count(*) filter (where is_over_core_limit and not is_absent) as over_core_limit_days,
            count(*) filter (where is_over_hard_limit and not is_absent) as over_hard_limit_days,
            cast(
                coalesce(sum(small_objective_count) filter (where not is_absent), 0) as bigint
            ) as small_objective_days,
            cast(
                coalesce(sum(active_objective_count) filter (where not is_absent), 0) as bigint
            ) as objective_days,
        from rep_days
        group by rep_id, objective_month
    ),
    attention as (
        select
            rep_id,
            objective_month,
            count(*) as objective_count,
            count(*) filter (where is_attended) as attended_objective_count,
            coalesce(sum(bonus_amount), 0) as bonus_amount,
            coalesce(sum(bonus_amount) filter (where not is_attended), 0) as ignored_bonus_amount,
            count(*) filter (where bonus_amount > 0) as bonus_objective_count,
            count(*) filter (
                where bonus_amount > 0 and not is_attended
            ) as ignored_bonus_objective_count,
        from periods
        group by rep_id, objective_month
    ),
    attainments as (
        select
            rep_id,
            objective_month,
            round(sum(attainment_sum order by source_system), 9) as attainment_sum,
            cast(sum(objective_period_count) as bigint) as objective_period_count,
        from int_rep_attainments
        group by rep_id, objective_month
    ),
    monthly as (
        select
            loads.rep_id,
            loads.objective_month,
            reps.manager_id,
            reps.territory,
            loads.employed_days,
            loads.counted_days,
            loads.mean_active_objectives,
            loads.median_active_objectives,
            loads.p90_active_objectives,
            loads.max_active_objectives,
            round(loads.median_effective_objectives, 9) as median_effective_objectives,
            loads.new_objective_count,
            loads.withdrawn_objective_count,
            half_lives.lifetime_count,
            half_lives.half_life_days,
            loads.over_core_limit_days,
            loads.over_hard_limit_days,
            {{
                rate_columns(
                    "small_objective_rate", "loads.small_objective_days", "loads.objective_days"
                )
            }},
            coalesce(attention.objective_count, 0) as objective_count,
            coalesce(attention.attended_objective_count, 0) as attended_objective_count,
            {{
                rate_columns(
                    "ignored_rate",
                    "coalesce(attention.objective_count - attention.attended_objective_count, 0)",
                    "coalesce(attention.objective_count, 0)",
                )
            }},
            {{
                rate_columns(
                    "ignored_bonus_rate",
                    "cast(coalesce(attention.ignored_bonus_amount, 0) as decimal(18, 2))",
                    "cast(coalesce(attention.bonus_amount, 0) as decimal(18, 2))",
                    n="attention.objective_count",
                    reason="case when attention.bonus_amount = 0 then 'no bonus money' end",
                )
            }},
            coalesce(attention.bonus_objective_count, 0) as bonus_objective_count,
            coalesce(attention.ignored_bonus_objective_count, 0) as ignored_bonus_objective_count,
            {{
                rate_columns(
                    "attainment_rate",
                    "coalesce(attainments.attainment_sum, 0)",
                    "coalesce(attainments.objective_period_count, 0)",
                )
            }},
        from loads
        left join reps on reps.rep_id = loads.rep_id
        left join
            attention
            on attention.rep_id = loads.rep_id
            and attention.objective_month = loads.objective_month
        left join
            attainments
            on attainments.rep_id = loads.rep_id
            and attainments.objective_month = loads.objective_month
        left join
            half_lives
            on half_lives.rep_id = loads.rep_id
            and half_lives.objective_month = loads.objective_month
    )
select *
from monthly

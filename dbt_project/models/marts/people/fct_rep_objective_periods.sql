-- Grain: one row per rep, objective and month in which it counted on a day the rep was there
with
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    rep_days as (select * from {{ ref("fct_rep_objective_days") }}),
    activities as (select * from {{ ref("int_activities_unioned") }}),
    order_lines as (select * from {{ ref("int_order_lines_unioned") }}),
    results as (select * from {{ ref("int_objective_results_unioned") }}),
    present_days as (select rep_id, date_day, objective_month from rep_days where not is_absent),
    -- all versions of an objective are one; the latest that counted in the month gives its terms
    active_days as (
        select
            objectives.rep_id,
            objectives.first_objective_id,
            present_days.objective_month,
            count(distinct present_days.date_day) as active_days,
            arg_max(
                objectives.objective_id, (objectives.valid_from, objectives.objective_id)
            ) as objective_id,
        from objectives
        inner join
            present_days
            on present_days.rep_id = objectives.rep_id
            and present_days.date_day >= objectives.counts_from
            and (objectives.counts_to is null or present_days.date_day < objectives.counts_to)
        group by objectives.rep_id, objectives.first_objective_id, present_days.objective_month
    ),
    -- evidence counts while its version does
    evidence as (
        select
            objectives.rep_id,
            objectives.first_objective_id,
            cast(date_trunc('month', business_date(activities.occurred_at)) as date) as month,
            'activity' as kind,
        from activities
        inner join
            objectives
            on objectives.rep_id = activities.rep_id
            and objectives.objective_id = activities.objective_id
        where
            business_date(activities.occurred_at) >= objectives.counts_from
            and (
                objectives.counts_to is null
                or business_date(activities.occurred_at) < objectives.counts_to
            )
        union all
        select
            objectives.rep_id,
            objectives.first_objective_id,
            cast(date_trunc('month', business_date(order_lines.ordered_at)) as date) as month,
            'order line' as kind,
        from order_lines
        inner join
            objectives
            on objectives.rep_id = order_lines.rep_id
            and objectives.product_id = order_lines.product_id
        where
            order_lines.deleted_at is null
            and business_date(order_lines.ordered_at) >= objectives.counts_from
            and (
                objectives.counts_to is null
                or business_date(order_lines.ordered_at) < objectives.counts_to
            )
    ),
    evidence_counts as (
        select
            rep_id,
            first_objective_id,
            month,
            count(*) filter (where kind = 'activity') as activity_count,
            count(*) filter (where kind = 'order line') as order_line_count,
        from evidence
        group by rep_id, first_objective_id, month
    ),
    achieved as (
        select
            objectives.rep_id,
            objectives.first_objective_id,
            cast(date_trunc('month', results.period_start) as date) as month,
            sum(results.actual) as actual,
        from results
        inner join
            objectives
            on objectives.rep_id = results.rep_id
            and objectives.objective_id = results.objective_id
        group by objectives.rep_id, objectives.first_objective_id, month
    ),
    periods as (
        select
            active_days.rep_id,
            active_days.first_objective_id,
            active_days.objective_month,
            active_days.objective_id,
            objectives.source_system,
            objectives.objective_name,
            coalesce(objectives.issued_by, 'unknown') as issued_by,
            objectives.product_id,
            objectives.product_change_id,
            active_days.active_days,
            cast(objectives.weight as double) as weight,
            objectives.bonus_amount,
            objectives.target,
            round(achieved.actual, 9) as actual,
            coalesce(evidence_counts.activity_count, 0) as activity_count,
            coalesce(evidence_counts.order_line_count, 0) as order_line_count,
            coalesce(evidence_counts.activity_count, 0)
            + coalesce(evidence_counts.order_line_count, 0)
            >= 3
            or coalesce(
                achieved.actual >= 0.1 * objectives.target and objectives.target > 0, false
            ) as is_attended,
        from active_days
        inner join
            objectives
            on objectives.rep_id = active_days.rep_id
            and objectives.objective_id = active_days.objective_id
        left join
            evidence_counts
            on evidence_counts.rep_id = active_days.rep_id
            and evidence_counts.first_objective_id = active_days.first_objective_id
            and evidence_counts.month = active_days.objective_month
        left join
            achieved
            on achieved.rep_id = active_days.rep_id
            and achieved.first_objective_id = active_days.first_objective_id
            and achieved.month = active_days.objective_month
    )
select *
from periods

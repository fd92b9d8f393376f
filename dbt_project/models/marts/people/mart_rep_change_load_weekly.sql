-- Grain: one row per rep and week since the first product change of the rep's system
with
    change_weeks as (select * from {{ ref("int_product_change_weeks") }}),
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    order_lines as (select * from {{ ref("int_order_lines_unioned") }}),
    dim_reps as (select * from {{ ref("dim_reps") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    first_weeks as (
        select source_system, min(week_start) as first_week_start,
        from change_weeks
        group by source_system
    ),
    weeks as ({{ finished_weeks() }}),
    rep_weeks as (
        select dim_reps.rep_id, dim_reps.source_system, weeks.week_start, weeks.week_end,
        from dim_reps
        inner join first_weeks on first_weeks.source_system = dim_reps.source_system
        inner join
            weeks
            on weeks.week_start >= first_weeks.first_week_start
            and weeks.week_end >= coalesce(dim_reps.hired_on, weeks.week_end)
            and weeks.week_start < coalesce(dim_reps.left_on, weeks.week_start + 1)
    ),
    sold as (
        select distinct
            rep_id,
            product_id,
            cast(date_trunc('week', business_date(ordered_at)) as date) as week_start,
        from order_lines
        where rep_id is not null and product_id is not null and deleted_at is null
    ),
    -- a change reaches a rep by an objective that names it, by a product sold lately, or by both
    reaching as (
        select distinct
            objectives.rep_id,
            change_weeks.week_start,
            change_weeks.product_change_id,
            change_weeks.takes_effect,
            'objective' as reached_by,
        from change_weeks
        inner join
            objectives
            on objectives.product_change_id = change_weeks.product_change_id
            and objectives.counts_from <= change_weeks.week_end
            and coalesce(objectives.counts_to > change_weeks.week_start, true)
        union all
        select distinct
            sold.rep_id,
            change_weeks.week_start,
            change_weeks.product_change_id,
            change_weeks.takes_effect,
            'product' as reached_by,
        from change_weeks
        inner join
            sold
            on sold.product_id = change_weeks.product_id
            and sold.week_start <= change_weeks.week_start
            and sold.week_start > change_weeks.week_start - 7 * {{ var("change_reach_weeks") }}
    ),
    reached as (
        select
            rep_id,
            week_start,
            count(distinct product_change_id) as active_change_count,
            count(*) filter (where reached_by = 'objective') as reached_by_objective_count,
            count(*) filter (where reached_by = 'product') as reached_by_product_count,
            count(distinct product_change_id) filter (where takes_effect) as taking_effect_count,
        from reaching
        group by rep_id, week_start
    ),
    issued as (
        select
            rep_id,
            cast(date_trunc('week', counts_from) as date) as week_start,
            count(*) as issued_objective_count,
            count(*) filter (where not is_later_version) as new_objective_count,
        from objectives
        where product_change_id is not null
        group by rep_id, week_start
    ),
    loads as (
        select
            rep_weeks.rep_id,
            rep_weeks.week_start,
            rep_weeks.week_end,
            rep_weeks.source_system,
            coalesce(reached.active_change_count, 0) as active_change_count,
            coalesce(reached.reached_by_objective_count, 0) as reached_by_objective_count,
            coalesce(reached.reached_by_product_count, 0) as reached_by_product_count,
            coalesce(reached.taking_effect_count, 0) as taking_effect_count,
            {{ collision_columns("reached.active_change_count") }},
            coalesce(issued.issued_objective_count, 0) as issued_objective_count,
            coalesce(issued.new_objective_count, 0) as new_objective_count,
        from rep_weeks
        left join
            reached
            on reached.rep_id = rep_weeks.rep_id
            and reached.week_start = rep_weeks.week_start
        left join
            issued on issued.rep_id = rep_weeks.rep_id and issued.week_start = rep_weeks.week_start
    )
select *
from loads

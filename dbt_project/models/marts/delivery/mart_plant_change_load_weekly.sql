-- Grain: one row per source system, scope (plant, product family, work centre), its id and week
with
    change_weeks as (select * from {{ ref("int_product_change_weeks") }}),
    fct_product_changes as (select * from {{ ref("fct_product_changes") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    operated as (
        select distinct
            product_id,
            work_center_id,
            cast(date_trunc('week', started_date) as date) as week_start,
        from fct_operations
        where product_id is not null and work_center_id is not null
    ),
    scoped as (
        select
            source_system,
            'plant' as load_scope,
            source_system as scope_id,
            week_start,
            product_change_id,
            takes_effect,
        from change_weeks
        union all
        select
            source_system,
            'product_family' as load_scope,
            product_family as scope_id,
            week_start,
            product_change_id,
            takes_effect,
        from change_weeks
        union all
        -- where the product was made lately
        select distinct
            change_weeks.source_system,
            'work_center' as load_scope,
            operated.work_center_id as scope_id,
            change_weeks.week_start,
            change_weeks.product_change_id,
            change_weeks.takes_effect,
        from change_weeks
        inner join
            operated
            on operated.product_id = change_weeks.product_id
            and operated.week_start <= change_weeks.week_start
            and operated.week_start > change_weeks.week_start - 7 * {{ var("change_reach_weeks") }}
    ),
    active as (
        select
            scoped.source_system,
            scoped.load_scope,
            scoped.scope_id,
            scoped.week_start,
            count(*) as active_change_count,
            count(*) filter (where scoped.takes_effect) as taking_effect_count,
            count(*) filter (
                where
                    scoped.takes_effect
                    and not (
                        fct_product_changes.is_signed_off_by_operations_before_effect
                        and fct_product_changes.is_signed_off_by_sales_before_effect
                    )
            ) as unsigned_taking_effect_count,
            string_agg(
                scoped.product_change_id, ', ' order by scoped.product_change_id
            ) as product_change_ids,
        from scoped
        inner join
            fct_product_changes on fct_product_changes.product_change_id = scoped.product_change_id
        group by scoped.source_system, scoped.load_scope, scoped.scope_id, scoped.week_start
    ),
    weeks as ({{ finished_weeks() }}),
    first_weeks as (
        select source_system, min(week_start) as first_week_start,
        from change_weeks
        group by source_system
    ),
    scopes as (select distinct source_system, load_scope, scope_id from scoped),
    loads as (
        select
            scopes.source_system,
            scopes.load_scope,
            scopes.scope_id,
            weeks.week_start,
            weeks.week_end,
            coalesce(active.active_change_count, 0) as active_change_count,
            coalesce(active.taking_effect_count, 0) as taking_effect_count,
            coalesce(active.unsigned_taking_effect_count, 0) as unsigned_taking_effect_count,
            {{ collision_columns("active.active_change_count") }},
            active.product_change_ids,
        from scopes
        inner join first_weeks on first_weeks.source_system = scopes.source_system
        inner join weeks on weeks.week_start >= first_weeks.first_week_start
        left join
            active
            on active.source_system = scopes.source_system
            and active.load_scope = scopes.load_scope
            and active.scope_id = scopes.scope_id
            and active.week_start = weeks.week_start
    )
select *
from loads

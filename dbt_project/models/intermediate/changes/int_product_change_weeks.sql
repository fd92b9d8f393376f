-- Grain: one row per product change and week, over by the as_of, in which it is active
with
    product_changes as (select * from {{ ref("int_product_changes_unioned") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    weeks as ({{ finished_weeks() }}),
    change_weeks as (
        select
            product_changes.product_change_id,
            weeks.week_start,
            weeks.week_end,
            product_changes.source_system,
            product_changes.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            product_changes.effective_on
            between weeks.week_start and weeks.week_end as takes_effect,
        from product_changes
        inner join
            weeks
            on weeks.week_end >= product_changes.effective_on - 7 * {{ var("change_window_weeks") }}
            and weeks.week_start
            < product_changes.effective_on + 7 * {{ var("change_window_weeks") }}
        left join dim_products on dim_products.product_id = product_changes.product_id
    )
select *
from change_weeks

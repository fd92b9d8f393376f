-- Grain: one row per source system, month and work centre
with
    int_best_mix as (select * from {{ ref("int_best_mix") }}),
    int_best_mix_products as (select * from {{ ref("int_best_mix_products") }}),
    int_best_mix_hours as (select * from {{ ref("int_best_mix_hours") }}),
    int_best_mix_capacities as (select * from {{ ref("int_best_mix_capacities") }}),
    demanded as (
        select
            hours.source_system,
            hours.period_month,
            hours.work_center_id,
            sum(
                hours.hours_per_good_unit * cast(products.demand_quantity as double)
                order by hours.product_id
            ) as demand_hours,
        from int_best_mix_hours as hours
        inner join
            int_best_mix_products as products
            on hours.source_system = products.source_system
            and hours.period_month = products.period_month
            and hours.product_id = products.product_id
        group by hours.source_system, hours.period_month, hours.work_center_id
    ),
    priced as (
        select
            best.source_system,
            best.period_start as period_month,
            best.work_center_id,
            capacities.work_center_name,
            best.available_hours,
            round(coalesce(demanded.demand_hours, 0), 9) as demand_hours,
            best.least_hours,
            best.best_hours,
            best.short_hours,
            best.shadow_price as shadow_price_per_hour,
            best.one_more_hour_amount,
            best.in_words,
            best.mix_status,
        from int_best_mix as best
        inner join
            int_best_mix_capacities as capacities
            on best.source_system = capacities.source_system
            and best.period_start = capacities.period_month
            and best.work_center_id = capacities.work_center_id
        left join
            demanded
            on best.source_system = demanded.source_system
            and best.period_start = demanded.period_month
            and best.work_center_id = demanded.work_center_id
        where best.row_kind = 'work_center'
    )
select *
from priced

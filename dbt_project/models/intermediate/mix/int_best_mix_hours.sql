-- Grain: one row per source system, month, product and work centre
with
    int_best_mix_products as (select * from {{ ref("int_best_mix_products") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    -- lots as they are made: a routing's lot may be another one
    lots as (
        select source_system, product_id, avg(quantity) as lot_quantity,
        from fct_work_orders
        where quantity > 0 and deleted_at is null
        group by source_system, product_id
    ),
    needed as (
        select
            int_best_mix_products.source_system,
            int_best_mix_products.period_month,
            int_best_mix_products.product_id,
            hours.work_center_id,
            round(
                {{
                    safe_ratio(
                        safe_ratio(
                            "hours.setup_hours_per_lot",
                            "coalesce(lots.lot_quantity, hours.lot_size)",
                        )
                        ~ " + hours.run_hours_per_unit",
                        "hours.first_pass_yield_rate",
                    )
                }},
                9
            ) as hours_per_good_unit,
        from int_best_mix_products
        inner join
            int_product_work_center_hours as hours
            on int_best_mix_products.source_system = hours.source_system
            and int_best_mix_products.product_id = hours.product_id
            and int_best_mix_products.period_month >= coalesce(hours.valid_from, date '-infinity')
            and int_best_mix_products.period_month < coalesce(hours.valid_to, date 'infinity')
        left join
            lots on hours.source_system = lots.source_system and hours.product_id = lots.product_id
        where hours.hours_per_good_unit > 0
    )
select *
from needed

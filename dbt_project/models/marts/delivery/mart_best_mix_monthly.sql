-- Grain: one row per source system, month and product
with
    int_best_mix_products as (select * from {{ ref("int_best_mix_products") }}),
    int_best_mix as (select * from {{ ref("int_best_mix") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    mixed as (
        select
            asked.source_system,
            asked.period_month,
            asked.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            asked.is_over,
            cast(asked.booked_quantity as decimal(18, 4)) as booked_quantity,
            cast(round(asked.pipeline_quantity, 4) as decimal(18, 4)) as pipeline_quantity,
            cast(round(asked.demand_quantity, 4) as decimal(18, 4)) as demand_quantity,
            cast(round(asked.least_quantity, 4) as decimal(18, 4)) as least_quantity,
            asked.least_basis,
            cast(round(asked.most_quantity, 4) as decimal(18, 4)) as most_quantity,
            asked.most_basis,
            asked.bound_reason,
            asked.exception_owner,
            asked.exception_reason,
            asked.exception_expires_on,
            asked.left_as_it_is_reason,
            asked.is_prior,
            cast(round(asked.unit_throughput, 4) as decimal(18, 4)) as unit_throughput_amount,
            best.best_quantity,
            best.mix_status,
        from int_best_mix_products as asked
        left join
            int_best_mix as best
            on asked.source_system = best.source_system
            and asked.period_month = best.period_start
            and asked.product_id = best.product_id
        left join dim_products on asked.product_id = dim_products.product_id
    ),
    compared as (
        select
            *,
            cast(best_quantity - demand_quantity as decimal(18, 4)) as quantity_change,
            cast(
                round(demand_quantity * unit_throughput_amount, 2) as decimal(18, 2)
            ) as demand_throughput_amount,
            cast(
                round(best_quantity * unit_throughput_amount, 2) as decimal(18, 2)
            ) as best_throughput_amount,
        from mixed
    )
select *
from compared

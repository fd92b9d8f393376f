-- Grain: one row per source system, month, kind of demand and product
with
    fct_throughput_lines as (select * from {{ ref("fct_throughput_lines") }}),
    {{ throughput_by("product_id, product_family") }},
    ranked as (
        select
            *,
            -- 1 earns most by the hour that is scarce
            case
                when throughput_per_constraint_hour is not null
                then
                    rank() over (
                        partition by source_system, need_month, demand_kind
                        order by throughput_per_constraint_hour desc nulls last
                    )
            end as throughput_rank,
        from rated
    )
select *
from ranked

-- Grain: one row per month × destination × route × source system
with
    int_order_line_margins as (select * from {{ ref("int_order_line_margins") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    shipped as (
        select
            int_order_line_margins.event_month as shipped_month,
            coalesce(
                int_order_line_margins.destination, dim_accounts.region, 'unknown'
            ) as destination,
            coalesce(
                int_order_line_margins.route,
                case when int_order_line_margins.is_expedited then 'expedited' else 'usual' end
            ) as route,
            int_order_line_margins.source_system,
            int_order_line_margins.freight_status,
            int_order_line_margins.freight_cost_amount,
            int_order_line_margins.net_revenue_amount,
        from int_order_line_margins
        left join dim_accounts on int_order_line_margins.account_id = dim_accounts.account_id
        where int_order_line_margins.event_kind = 'shipment'
    ),
    counted as (
        select
            shipped_month,
            destination,
            route,
            source_system,
            count(*) as shipment_count,
            count(*) filter (freight_status = 'known') as freight_count,
            count(*) filter (freight_status = 'no figure') as unparsed_freight_count,
            count(*) filter (freight_status = 'unpriced') as unpriced_freight_count,
            count(*) filter (freight_status = 'not delivered') as no_freight_count,
            cast(sum(freight_cost_amount) as decimal(18, 2)) as freight_cost_amount,
            count(*) filter (
                freight_status = 'known' and net_revenue_amount is not null
            ) as compared_count,
            cast(
                sum(freight_cost_amount) filter (net_revenue_amount is not null) as decimal(18, 2)
            ) as freight_compared_amount,
            cast(
                sum(net_revenue_amount) filter (freight_status = 'known') as decimal(18, 2)
            ) as value_compared_amount,
        from shipped
        group by shipped_month, destination, route, source_system
    ),
    rated as (
        select
            *,
            case
                when {{ suppressed_reason("compared_count") }} is null
                then round({{ safe_ratio("freight_compared_amount", "value_compared_amount") }}, 9)
            end as freight_to_value_ratio,
            {{ suppressed_reason("compared_count") }} as freight_to_value_suppressed_reason,
        from counted
    )
select *
from rated

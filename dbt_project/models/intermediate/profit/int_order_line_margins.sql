-- Grain: one row per shipment or return of an order line; per order line where none are delivered
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_shipments_unioned as (select * from {{ ref("int_shipments_unioned") }}),
    int_returns_unioned as (select * from {{ ref("int_returns_unioned") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    shipping_systems as (select distinct source_system, from int_shipments_unioned),
    -- revenue is that of what was shipped, in the month it was; a system that delivers no
    -- shipments tells of it only by its order lines
    events as (
        select
            'shipment' as event_kind,
            shipment_id as event_id,
            order_id,
            line_number,
            shipped_on as event_date,
            quantity,
            cast(null as decimal(18, 2)) as credit_amount,
            freight_amount,
            freight_as_delivered,
            currency as freight_currency,
            coalesce(is_expedited, false) as is_expedited,
            destination,
            route,
        from int_shipments_unioned
        union all by name
        select
            'return' as event_kind,
            return_id as event_id,
            order_id,
            line_number,
            returned_on as event_date,
            - quantity as quantity,
            credit_amount,
        from int_returns_unioned
        union all by name
        select
            'order' as event_kind,
            order_id || '/' || line_number as event_id,
            order_id,
            line_number,
            ordered_date as event_date,
            quantity,
        from int_order_lines_attributed
        where
            not is_cancelled
            and not is_deleted
            and source_system not in (select shipping_systems.source_system from shipping_systems)
    ),
    attributed as (
        select
            events.* exclude (freight_currency, is_expedited),
            coalesce(events.is_expedited, false) as is_expedited,
            int_order_lines_attributed.source_system,
            int_order_lines_attributed.account_id,
            int_order_lines_attributed.product_id,
            int_order_lines_attributed.priced_currency,
            int_order_lines_attributed.net_price_amount,
            coalesce(events.freight_currency, run_settings.base_currency) as freight_currency,
            dim_products.variable_cost_amount as unit_cost_amount,
            coalesce(dim_products.currency, run_settings.base_currency) as cost_currency,
        from events
        inner join
            int_order_lines_attributed
            on events.order_id = int_order_lines_attributed.order_id
            and events.line_number = int_order_lines_attributed.line_number
        cross join run_settings
        left join dim_products on int_order_lines_attributed.product_id = dim_products.product_id
        where events.event_date <= run_settings.as_of_date
    ),
    -- next to no days and currencies, of very many events
    rates as (
        select priced_days.currency, priced_days.event_date, int_fx_rates_dated.fx_rate,
        from
            (
                select priced_currency as currency, event_date,
                from attributed
                union
                select freight_currency as currency, event_date,
                from attributed
                union
                select cost_currency as currency, event_date,
                from attributed
            ) as priced_days
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated", "priced_days.currency", "priced_days.event_date"
                )
            }}
    ),
    priced as (
        select
            attributed.source_system,
            attributed.event_kind,
            attributed.event_id,
            attributed.order_id,
            attributed.line_number,
            attributed.account_id,
            attributed.product_id,
            attributed.event_date,
            cast(date_trunc('month', attributed.event_date) as date) as event_month,
            attributed.quantity,
            attributed.is_expedited,
            attributed.destination,
            attributed.route,
            -- a return takes back what was credited; the goods are not worth their cost again
            case
                when attributed.event_kind = 'return' and attributed.credit_amount is null
                then 0
                else
                    try_cast(
                        round(
                            case
                                when attributed.event_kind = 'return'
                                then - attributed.credit_amount
                                else
                                    try_cast(
                                        round(
                                            attributed.quantity * attributed.net_price_amount, 2
                                        ) as decimal(18, 2)
                                    )
                            end
                            * sale_rates.fx_rate,
                            2
                        ) as decimal(18, 2)
                    )
            end as net_revenue_amount,
            case
                when attributed.event_kind = 'return'
                then 0
                else
                    try_cast(
                        round(
                            try_cast(
                                round(
                                    attributed.quantity * attributed.unit_cost_amount, 2
                                ) as decimal(18, 2)
                            )
                            * cost_rates.fx_rate,
                            2
                        ) as decimal(18, 2)
                    )
            end as variable_cost_amount,
            try_cast(
                round(attributed.freight_amount * freight_rates.fx_rate, 2) as decimal(18, 2)
            ) as freight_cost_amount,
            case
                when attributed.event_kind <> 'shipment'
                then null
                when attributed.freight_amount is not null and freight_rates.fx_rate is null
                then 'unpriced'
                when attributed.freight_amount is not null
                then 'known'
                when attributed.freight_as_delivered is not null
                then 'no figure'
                else 'not delivered'
            end as freight_status,
            attributed.event_kind = 'return'
            and attributed.credit_amount is null as is_uncredited_return,
        from attributed
        left join
            rates as sale_rates
            on attributed.priced_currency = sale_rates.currency
            and attributed.event_date = sale_rates.event_date
        left join
            rates as cost_rates
            on attributed.cost_currency = cost_rates.currency
            and attributed.event_date = cost_rates.event_date
        left join
            rates as freight_rates
            on attributed.freight_currency = freight_rates.currency
            and attributed.event_date = freight_rates.event_date
    ),
    judged as (
        select
            *,
            net_revenue_amount is null as is_unpriced,
            variable_cost_amount is null as is_uncosted,
            net_revenue_amount - variable_cost_amount as pocket_margin_amount,
        from priced
    )
select *
from judged

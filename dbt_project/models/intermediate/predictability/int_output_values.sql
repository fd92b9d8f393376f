-- Grain: one row per kind of output and thing that is planned: work order, or order line
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    -- one weight per product, the same for plan and output
    costs as (
        select
            dim_products.product_id,
            cast(dim_products.standard_cost_amount as double)
            * int_fx_rates_dated.fx_rate as unit_value,
        from dim_products
        cross join run_settings
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated",
                    "coalesce(dim_products.currency, run_settings.base_currency)",
                    "run_settings.as_of_date",
                )
            }}
    ),
    output_values as (
        select
            'production output' as subject,
            orders.work_order_id as order_id,
            '' as line_number,
            round(costs.unit_value, 9) as unit_value,
        from int_work_orders_unioned as orders
        left join costs on orders.product_id = costs.product_id
        union all by name
        -- a line keeps the rate of the day on which it was ordered
        select
            'shipments' as subject,
            lines.order_id,
            lines.line_number,
            round(
                cast(lines.net_price_amount as double) * int_fx_rates_dated.fx_rate, 9
            ) as unit_value,
        from int_order_lines_attributed as lines
        left join
            int_fx_rates_dated
            on
            {{ rate_in_force("int_fx_rates_dated", "lines.priced_currency", "lines.ordered_date") }}
    )
select *
from output_values

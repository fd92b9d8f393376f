-- Grain: one row per planned date of an order line, and per line of an open opportunity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_lines_unioned as (select * from {{ ref("int_opportunity_lines_unioned") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_scores as (select * from {{ ref("fct_opportunity_scores") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    ordered as (
        select
            'order' as demand_kind,
            planned.source_system,
            planned.order_id as demand_id,
            planned.line_number,
            planned.schedule_number,
            int_order_lines_unioned.opportunity_id,
            coalesce(
                int_account_survivors.surviving_account_id, int_order_lines_unioned.account_id
            ) as account_id,
            planned.product_id,
            planned.quantity,
            planned.ordered_date as demand_date,
            planned.promise_date as need_date,
            planned.promise_basis as need_basis,
            planned.is_open,
            cast(1 as double) as win_probability,
            -- an amount of the line stands for all its planned dates
            coalesce(
                cast(int_order_lines_unioned.unit_price_amount as double)
                * (1 - coalesce(int_order_lines_unioned.discount_rate, 0)),
                {{
                    safe_ratio(
                        "int_order_lines_unioned.line_amount", "int_order_lines_unioned.quantity"
                    )
                }}
            ) as net_unit_price,
            int_order_lines_unioned.currency,
        from int_order_line_lead_times as planned
        inner join
            int_order_lines_unioned
            on planned.order_id = int_order_lines_unioned.order_id
            and planned.line_number = int_order_lines_unioned.line_number
        left join
            int_account_survivors
            on int_order_lines_unioned.account_id = int_account_survivors.account_id
        -- what was taken back is nobody's demand
        where planned.withdrawn_date is null or planned.finished_date is not null
    ),
    offered as (
        select
            'opportunity' as demand_kind,
            fct_opportunities.source_system,
            fct_opportunities.opportunity_id as demand_id,
            int_opportunity_lines_unioned.line_number,
            '1' as schedule_number,
            fct_opportunities.opportunity_id,
            fct_opportunities.account_id,
            int_opportunity_lines_unioned.product_id,
            int_opportunity_lines_unioned.quantity,
            run_settings.as_of_date as demand_date,
            coalesce(
                int_opportunity_lines_unioned.requested_delivery_date,
                int_opportunities_unioned.requested_delivery_date,
                fct_opportunities.expected_close_date
            ) as need_date,
            case
                when int_opportunity_lines_unioned.requested_delivery_date is not null
                then 'request of the line'
                when int_opportunities_unioned.requested_delivery_date is not null
                then 'request of the deal'
                when fct_opportunities.expected_close_date is not null
                then 'expected close'
            end as need_basis,
            true as is_open,
            coalesce(
                fct_opportunity_scores.win_probability,
                fct_opportunity_scores.stage_win_rate_probability
            ) as win_probability,
            cast(int_opportunity_lines_unioned.unit_price_amount as double)
            * (1 - coalesce(int_opportunity_lines_unioned.discount_rate, 0)) as net_unit_price,
            fct_opportunities.currency,
        from fct_opportunities
        cross join run_settings
        inner join
            int_opportunity_lines_unioned
            on fct_opportunities.opportunity_id = int_opportunity_lines_unioned.opportunity_id
        inner join
            int_opportunities_unioned
            on fct_opportunities.opportunity_id = int_opportunities_unioned.opportunity_id
        left join
            fct_opportunity_scores
            on fct_opportunities.opportunity_id = fct_opportunity_scores.opportunity_id
        where fct_opportunities.outcome = 'open'
    ),
    demanded as (
        select *
        from ordered
        union all by name
        select *
        from offered
    ),
    -- a piece must come through every work centre: the yields multiply
    product_yields as (
        select
            source_system,
            product_id,
            valid_from,
            valid_to,
            case
                when count(nullif(first_pass_yield_rate, 0)) = count(*)
                then round(exp(sum(ln(nullif(first_pass_yield_rate, 0)))), 9)
            end as first_pass_yield,
        from int_product_work_center_hours
        group by source_system, product_id, valid_from, valid_to
    ),
    priced as (
        select
            demanded.*,
            cast(date_trunc('week', demanded.need_date) as date) as need_week_start_date,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            product_yields.first_pass_yield,
            demanded.net_unit_price is null as has_no_price,
            price_rates.fx_rate is null or cost_rates.fx_rate is null as is_unpriced,
            round(demanded.net_unit_price * price_rates.fx_rate, 4) as unit_price,
            round(
                cast(dim_products.variable_cost_amount as double) * cost_rates.fx_rate, 4
            ) as unit_variable_cost,
        from demanded
        cross join run_settings
        left join dim_products on demanded.product_id = dim_products.product_id
        left join
            product_yields
            on demanded.source_system = product_yields.source_system
            and demanded.product_id = product_yields.product_id
            and coalesce(demanded.need_date, run_settings.as_of_date)
            >= coalesce(product_yields.valid_from, date '-infinity')
            and coalesce(demanded.need_date, run_settings.as_of_date)
            < coalesce(product_yields.valid_to, date 'infinity')
        left join
            int_fx_rates_dated as price_rates
            on {{
                rate_in_force(
                    "price_rates",
                    "coalesce(demanded.currency, run_settings.base_currency)",
                    "demanded.demand_date",
                )
            }}
        left join
            int_fx_rates_dated as cost_rates
            on {{
                rate_in_force(
                    "cost_rates",
                    "coalesce(dim_products.currency, run_settings.base_currency)",
                    "demanded.demand_date",
                )
            }}
    ),
    earned as (
        select
            * exclude (
                net_unit_price, currency, has_no_price, is_unpriced, unit_price, unit_variable_cost
            ),
            cast(unit_price as decimal(18, 4)) as unit_price_amount,
            cast(unit_variable_cost as decimal(18, 4)) as unit_variable_cost_amount,
            -- for every good piece the material of those that fail is bought, too
            cast(
                round(
                    unit_price - {{ safe_ratio("unit_variable_cost", "first_pass_yield") }}, 4
                ) as decimal(18, 4)
            ) as unit_throughput_amount,
            case
                when has_no_price
                then 'no price'
                when unit_variable_cost is null and not is_unpriced
                then 'no variable cost'
                when is_unpriced
                then 'no exchange rate'
                when first_pass_yield is null
                then 'no first-pass yield'
            end as unit_throughput_suppressed_reason,
            cast(round(unit_price * quantity, 2) as decimal(18, 2)) as value_amount,
        from priced
    )
select *
from earned

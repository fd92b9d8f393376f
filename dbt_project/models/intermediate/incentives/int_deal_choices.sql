-- Grain: one row per open or won deal and product that could be chosen in it
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    opportunity_lines as (select * from {{ ref("int_opportunity_lines_unioned") }}),
    quotes as (select * from {{ ref("int_quotes_unioned") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    fx_rates as (select * from {{ ref("int_fx_rates_dated") }}),
    commission_plans as (select * from {{ ref("commission_plans") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    planned_systems as (select distinct source_system from commission_plans),
    deals as (
        select
            fct_opportunities.opportunity_id,
            fct_opportunities.source_system,
            coalesce(fct_opportunities.currency, run_settings.base_currency) as currency,
            coalesce(fct_opportunities.closed_date, run_settings.as_of_date) as choice_date,
        from fct_opportunities
        inner join
            planned_systems on planned_systems.source_system = fct_opportunities.source_system
        cross join run_settings
        where fct_opportunities.outcome in ('open', 'won')
    ),
    -- lines of one product are one choice; a line without quantity or price leaves it without money
    listed as (
        select
            deals.opportunity_id,
            deals.source_system,
            deals.choice_date,
            deals.currency,
            opportunity_lines.product_id,
            case
                when count(*) = count(opportunity_lines.quantity)
                then sum(opportunity_lines.quantity)
            end as quantity,
            case
                when
                    count(*)
                    = count(opportunity_lines.quantity * opportunity_lines.unit_price_amount)
                then
                    sum(
                        cast(
                            round(
                                opportunity_lines.quantity
                                * opportunity_lines.unit_price_amount
                                * (1 - coalesce(opportunity_lines.discount_rate, 0)),
                                4
                            ) as decimal(28, 4)
                        )
                    )
            end as net_amount,
        from deals
        inner join opportunity_lines on opportunity_lines.opportunity_id = deals.opportunity_id
        group by
            deals.opportunity_id,
            deals.source_system,
            deals.choice_date,
            deals.currency,
            opportunity_lines.product_id
    ),
    -- and so is what was quoted besides, as it was quoted last
    quoted as (
        select
            deals.opportunity_id,
            deals.source_system,
            deals.choice_date,
            quotes.currency,
            quotes.product_id,
            quotes.quantity,
            quotes.amount as net_amount,
        from deals
        inner join quotes on quotes.opportunity_id = deals.opportunity_id
        anti join
            listed
            on listed.opportunity_id = quotes.opportunity_id
            and listed.product_id = quotes.product_id
        where quotes.product_id is not null
        qualify
            row_number() over (
                partition by quotes.opportunity_id, quotes.product_id
                order by quotes.quoted_at desc, quotes.quote_id desc
            )
            = 1
    ),
    offered as (
        select *
        from listed
        union all by name
        select *
        from quoted
    ),
    sized as (select *, count(*) over (partition by opportunity_id) as offered_count, from offered),
    -- where one product was offered: what of its family could have been, all at list price
    alternatives as (
        select
            sized.opportunity_id,
            sized.source_system,
            sized.choice_date,
            dim_products.currency,
            dim_products.product_id,
            sized.quantity,
            sized.quantity * dim_products.list_price_amount as net_amount,
        from sized
        inner join
            dim_products as offered_products on offered_products.product_id = sized.product_id
        inner join
            dim_products
            on dim_products.source_system = offered_products.source_system
            and dim_products.product_family = offered_products.product_family
        where
            sized.offered_count = 1
            and offered_products.product_family <> 'unknown'
            and (
                dim_products.product_id = sized.product_id
                or (dim_products.is_listed and dim_products.list_price_amount is not null)
            )
    ),
    choices as (
        select * exclude (offered_count), 'offered' as choice_basis,
        from sized
        where offered_count > 1
        union all by name
        select *, 'same family' as choice_basis,
        from alternatives
    ),
    costed as (
        select
            choices.opportunity_id,
            choices.source_system,
            choices.choice_date,
            choices.choice_basis,
            choices.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            choices.quantity,
            round(choices.net_amount * net_rates.fx_rate, 4) as revenue_amount,
            round(
                choices.quantity * dim_products.variable_cost_amount * cost_rates.fx_rate, 4
            ) as variable_cost_amount,
        from choices
        cross join run_settings
        left join dim_products on dim_products.product_id = choices.product_id
        left join
            fx_rates as net_rates
            on {{
                rate_in_force(
                    "net_rates",
                    "coalesce(choices.currency, run_settings.base_currency)",
                    "choices.choice_date",
                )
            }}
        left join
            fx_rates as cost_rates
            on {{
                rate_in_force(
                    "cost_rates",
                    "coalesce(dim_products.currency, run_settings.base_currency)",
                    "choices.choice_date",
                )
            }}
    ),
    planned as (
        select
            costed.*,
            costed.revenue_amount - costed.variable_cost_amount as contribution_amount,
            commission_plans.plan_id,
            case
                commission_plans.basis
                when 'revenue'
                then costed.revenue_amount
                when 'contribution'
                then greatest(costed.revenue_amount - costed.variable_cost_amount, 0)
            end
            * commission_plans.rate as commission_amount,
        from costed
        left join
            commission_plans
            on commission_plans.source_system = costed.source_system
            and coalesce(commission_plans.product_family, costed.product_family)
            = costed.product_family
            and costed.choice_date >= commission_plans.valid_from
            and costed.choice_date < coalesce(commission_plans.valid_to, date '9999-12-31')
        -- the family's own row goes before the one for all, the later before the earlier
        qualify
            row_number() over (
                partition by costed.opportunity_id, costed.product_id
                order by
                    commission_plans.product_family is null asc,
                    commission_plans.valid_from desc,
                    commission_plans.plan_id asc
            )
            = 1
    ),
    final as (
        select
            opportunity_id,
            product_id,
            source_system,
            choice_date,
            choice_basis,
            product_family,
            plan_id,
            quantity,
            cast(revenue_amount as decimal(18, 2)) as revenue_amount,
            cast(contribution_amount as decimal(18, 2)) as contribution_amount,
            cast(commission_amount as decimal(18, 2)) as commission_amount,
        from planned
    )
select *
from final

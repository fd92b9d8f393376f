-- Grain: one row per month × account × product × source system
{%- set to_serve = [
    "order",
    "order_line",
    "drop",
    "expedite",
    "return",
    "service",
    "sales_time",
] %}
{%- set complexity = ["changeover", "small_lot", "sku_upkeep"] %}
{%- set year_to_month -%}
    partition by source_system, account_id, product_id
    order by profit_month
    range between interval {{ var("profit_window_months") - 1 }} months preceding and current row
{%- endset %}
with
    int_order_line_margins as (select * from {{ ref("int_order_line_margins") }}),
    int_cost_allocations as (select * from {{ ref("int_cost_allocations") }}),
    int_cost_entries_priced as (select * from {{ ref("int_cost_entries_priced") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    earned as (
        select
            source_system,
            event_month as profit_month,
            account_id,
            product_id,
            count(*) filter (event_kind <> 'return') as sale_count,
            count(*) filter (event_kind = 'return') as return_count,
            count(*) filter (is_uncredited_return) as uncredited_return_count,
            count(*) filter (is_unpriced) as unpriced_count,
            count(*) filter (is_uncosted) as uncosted_count,
            count(*) filter (freight_status in ('no figure', 'unpriced')) as unparsed_freight_count,
            sum(net_revenue_amount) as net_revenue_amount,
            sum(variable_cost_amount) as variable_cost_amount,
            sum(pocket_margin_amount) as pocket_margin_amount,
            sum(freight_cost_amount) as freight_cost_amount,
        from int_order_line_margins
        where account_id is not null
        group by source_system, event_month, account_id, product_id
    ),
    allocated as (
        select
            source_system,
            cost_month as profit_month,
            account_id,
            product_id,
            {% for cost_class in to_serve + complexity -%}
                sum(amount) filter (
                    cost_class = '{{ cost_class }}'
                ) as {{ cost_class }}_cost_amount,
            {% endfor -%}
            sum(amount) filter (
                cost_class not in ('{{ (to_serve + complexity) | join("', '") }}')
            ) as other_cost_amount,
            sum(abs(amount)) filter (accuracy_rate is not null) as judged_cost_amount,
            sum(
                cast(abs(amount) * cast(accuracy_rate as decimal(9, 6)) as decimal(28, 8))
            ) as cost_uncertainty_amount,
        from int_cost_allocations
        where unallocated_reason is null
        group by source_system, cost_month, account_id, product_id
    ),
    judged_dates as (
        select
            source_system,
            basis_month as profit_month,
            account_id,
            coalesce(product_id, 'unknown') as known_product_id,
            is_on_time,
        from fct_order_line_deliveries
        where basis = 'first_promise' and is_eligible and account_id is not null
    ),
    delivered as (
        select
            source_system,
            profit_month,
            account_id,
            known_product_id as product_id,
            count(*) filter (is_on_time) as on_time_count,
            count(*) as eligible_count,
        from judged_dates
        group by source_system, profit_month, account_id, known_product_id
    ),
    ended_deals as (
        select
            fct_opportunities.source_system,
            fct_opportunities.close_month as profit_month,
            coalesce(
                int_account_survivors.surviving_account_id, fct_opportunities.account_id
            ) as known_account_id,
            fct_opportunities.product_id,
            fct_opportunities.outcome,
        from fct_opportunities
        left join
            int_account_survivors on fct_opportunities.account_id = int_account_survivors.account_id
        where
            fct_opportunities.outcome in ('won', 'lost')
            and fct_opportunities.close_month is not null
            and fct_opportunities.account_id is not null
            and fct_opportunities.product_id is not null
    ),
    decided as (
        select
            source_system,
            profit_month,
            known_account_id as account_id,
            product_id,
            count(*) filter (outcome = 'won') as won_count,
            count(*) as decided_count,
        from ended_deals
        group by source_system, profit_month, known_account_id, product_id
    ),
    pairs as (
        {% for part in ["earned", "allocated", "delivered", "decided"] -%}
            select source_system, profit_month, account_id, product_id,
            from {{ part }}
            {% if not loop.last %}
                union
            {% endif %}
        {%- endfor %}
    ),
    ledger_months as (
        select distinct source_system, cost_month as profit_month, from int_cost_entries_priced
    ),
    -- where nothing was sold there is no revenue; where something was that has no price, it is not
    -- known
    joined as (
        select
            pairs.profit_month,
            pairs.account_id,
            pairs.product_id,
            pairs.source_system,
            coalesce(dim_accounts.segment, 'unknown') as segment,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            ledger_months.profit_month is not null as has_ledger,
            {% for counted in [
                "sale_count",
                "return_count",
                "uncredited_return_count",
                "unpriced_count",
                "uncosted_count",
                "unparsed_freight_count",
            ] -%}
                coalesce(earned.{{ counted }}, 0) as {{ counted }},
            {% endfor -%}
            {% for figure in ["net_revenue", "variable_cost", "pocket_margin"] -%}
                case
                    when earned.{{ figure }}_amount is null and earned.profit_month is not null
                    then null
                    else cast(coalesce(earned.{{ figure }}_amount, 0) as decimal(18, 2))
                end as {{ figure }}_amount,
            {% endfor -%}
            {% for cost_class in to_serve + complexity + ["other"] -%}
                cast(
                    coalesce(allocated.{{ cost_class }}_cost_amount, 0) as decimal(18, 2)
                ) as {{ cost_class }}_cost_amount,
            {% endfor -%}
            cast(coalesce(earned.freight_cost_amount, 0) as decimal(18, 2)) as freight_cost_amount,
            cast(coalesce(allocated.judged_cost_amount, 0) as decimal(18, 2)) as judged_cost_amount,
            cast(
                round(coalesce(allocated.cost_uncertainty_amount, 0), 2) as decimal(18, 2)
            ) as cost_uncertainty_amount,
            coalesce(delivered.on_time_count, 0) as on_time_count,
            coalesce(delivered.eligible_count, 0) as eligible_count,
            coalesce(decided.won_count, 0) as won_count,
            coalesce(decided.decided_count, 0) as decided_count,
        from pairs
        {% for part in ["earned", "allocated", "delivered", "decided"] -%}
            left join
                {{ part }}
                on pairs.source_system = {{ part }}.source_system
                and pairs.profit_month = {{ part }}.profit_month
                and pairs.account_id = {{ part }}.account_id
                and pairs.product_id = {{ part }}.product_id
        {% endfor -%}
        left join
            ledger_months
            on pairs.source_system = ledger_months.source_system
            and pairs.profit_month = ledger_months.profit_month
        left join dim_accounts on pairs.account_id = dim_accounts.account_id
        left join dim_products on pairs.product_id = dim_products.product_id
    ),
    summed as (
        select
            *,
            cast(
                {{ to_serve | join("_cost_amount + ") }}_cost_amount
                + freight_cost_amount
                + other_cost_amount as decimal(18, 2)
            ) as cost_to_serve_amount,
            cast(
                {{ complexity | join("_cost_amount + ") }}_cost_amount as decimal(18, 2)
            ) as complexity_cost_amount,
            unpriced_count + uncosted_count = 0 as is_complete,
        from joined
    ),
    netted as (
        select
            *,
            cast(
                pocket_margin_amount
                - cost_to_serve_amount
                - complexity_cost_amount as decimal(18, 2)
            ) as net_profit_amount,
        from summed
    ),
    trailed as (
        select
            *,
            {% for figure in [
                "pocket_margin_amount",
                "net_profit_amount",
                "cost_uncertainty_amount",
            ] -%}
                cast(
                    sum({{ figure }}) over year_to_month as decimal(18, 2)
                ) as trailing_{{ figure }},
            {% endfor -%}
            case
                when product_id = 'unknown'
                then 'no product is named'
                when not has_ledger
                then 'no cost ledger for this month'
                when not bool_and(is_complete) over year_to_month
                then 'something has no price or no cost'
            end as quadrant_suppressed_reason,
        from netted
        window year_to_month as ({{ year_to_month }})
    ),
    -- what is large is measured on what pairs make or lose that month's year on average
    sized as (
        select
            *,
            {{ var("profit_small_share") }} * avg(abs(trailing_net_profit_amount)) filter (
                quadrant_suppressed_reason is null
            ) over (partition by source_system, profit_month) as small_limit,
        from trailed
    ),
    judged as (
        select
            * exclude (judged_cost_amount, on_time_count, eligible_count, won_count, decided_count),
            {{
                profit_quadrant(
                    "trailing_net_profit_amount",
                    "trailing_cost_uncertainty_amount",
                    "small_limit",
                    "quadrant_suppressed_reason",
                )
            }} as quadrant,
            case
                when quadrant_suppressed_reason is null
                then trailing_pocket_margin_amount > 0 and trailing_net_profit_amount < 0
            end as is_sign_flip,
            {{
                rate_columns(
                    "cost_accuracy_rate",
                    "cost_uncertainty_amount",
                    "judged_cost_amount",
                    n="case when judged_cost_amount > 0 then " ~ var("min_n") ~ " end",
                )
            }},
            {{ rate_columns("on_time_rate", "on_time_count", "eligible_count") }},
            {{ rate_columns("win_rate", "won_count", "decided_count") }},
        from sized
    ),
    final as (select * exclude (small_limit), round(small_limit, 2) as desert_limit, from judged)
select *
from final

-- Grain: one row per open or won deal with a choice of products
with
    int_deal_choices as (select * from {{ ref("int_deal_choices") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    ranked as (
        select
            *,
            commission_amount = max(commission_amount) over deal as is_commission_best,
            contribution_amount = max(contribution_amount) over deal as is_contribution_best,
        from int_deal_choices
        window deal as (partition by opportunity_id)
    ),
    -- of several that pay the most, the one that earns the most: indifference is no conflict
    deals as (
        select
            opportunity_id,
            min(source_system) as source_system,
            min(choice_date) as choice_date,
            min(choice_basis) as choice_basis,
            string_agg(distinct plan_id, ', ' order by plan_id) as plan_ids,
            count(*) as choice_count,
            case
                when count(*) < 2
                then 'no second choice'
                when count(plan_id) < count(*)
                then 'no plan in force'
                when count(revenue_amount) < count(*)
                then 'not priced'
                when count(contribution_amount) < count(*)
                then 'variable cost not known'
            end as not_judged_reason,
            {% for aim, order in [
                ("commission_best", "(contribution_amount, product_id)"),
                ("contribution_best", "(commission_amount, product_id)"),
            ] %}
                {% for column in [
                    "product_id",
                    "revenue_amount",
                    "contribution_amount",
                    "commission_amount",
                ] %}
                    arg_max({{ column }}, {{ order }}) filter (
                        where is_{{ aim }}
                    ) as {{ aim }}_{{ column }},
                {% endfor %}
            {% endfor %}
        from ranked
        group by opportunity_id
    ),
    judged as (
        select
            deals.opportunity_id,
            deals.source_system,
            fct_opportunities.pipeline,
            fct_opportunities.outcome,
            deals.choice_date,
            cast(date_trunc('month', deals.choice_date) as date) as choice_month,
            deals.choice_basis,
            deals.choice_count,
            deals.plan_ids,
            deals.not_judged_reason,
            {% for aim in ["commission_best", "contribution_best"] %}
                case
                    when deals.not_judged_reason is null then deals.{{ aim }}_product_id
                end as {{ aim }}_product_id,
                case
                    when deals.not_judged_reason is null
                    then coalesce({{ aim }}_products.product_family, 'unknown')
                end as {{ aim }}_product_family,
                {% for column in ["revenue_amount", "contribution_amount", "commission_amount"] %}
                    case
                        when deals.not_judged_reason is null then deals.{{ aim }}_{{ column }}
                    end as {{ aim }}_{{ column }},
                {% endfor %}
            {% endfor %}
            case
                when deals.not_judged_reason is null
                then
                    deals.commission_best_contribution_amount
                    < deals.contribution_best_contribution_amount
            end as has_conflict,
            case
                when deals.not_judged_reason is null
                then
                    deals.contribution_best_contribution_amount
                    - deals.commission_best_contribution_amount
            end as contribution_at_stake_amount,
        from deals
        inner join fct_opportunities on fct_opportunities.opportunity_id = deals.opportunity_id
        {% for aim in ["commission_best", "contribution_best"] %}
            left join
                dim_products as {{ aim }}_products
                on {{ aim }}_products.product_id = deals.{{ aim }}_product_id
        {% endfor %}
    ),
    final as (
        select
            * replace (
                cast(contribution_at_stake_amount as decimal(18, 2)) as contribution_at_stake_amount
            ),
        from judged
    )
select *
from final

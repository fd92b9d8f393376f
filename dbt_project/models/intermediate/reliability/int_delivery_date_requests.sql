-- Grain: one row per won deal with a requested delivery date, or deal lost on its date
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_quotes_unioned as (select * from {{ ref("int_quotes_unioned") }}),
    outcome_reasons as (select * from {{ ref("outcome_reasons") }}),
    -- the date was decided on when it was last quoted; a deal without a quote when it was closed
    quoted as (
        select
            fct_opportunities.opportunity_id,
            max(business_date(int_quotes_unioned.quoted_at)) as quoted_date,
        from fct_opportunities
        inner join
            int_quotes_unioned
            on fct_opportunities.opportunity_id = int_quotes_unioned.opportunity_id
            and int_quotes_unioned.quoted_at <= fct_opportunities.closed_at
        group by fct_opportunities.opportunity_id
    ),
    final as (
        select
            fct_opportunities.opportunity_id,
            fct_opportunities.source_system,
            fct_opportunities.product_id,
            fct_opportunities.product_family,
            fct_opportunities.segment,
            fct_opportunities.close_month,
            fct_opportunities.amount_base,
            case
                when fct_opportunities.outcome = 'won' then 'accepted' else 'lost on date'
            end as decision,
            int_opportunities_unioned.requested_delivery_date,
            coalesce(quoted.quoted_date, fct_opportunities.closed_date) as decided_date,
            cast(
                int_opportunities_unioned.requested_delivery_date
                - coalesce(quoted.quoted_date, fct_opportunities.closed_date) as bigint
            ) as requested_lead_days,
        from fct_opportunities
        inner join
            int_opportunities_unioned
            on fct_opportunities.opportunity_id = int_opportunities_unioned.opportunity_id
        left join
            outcome_reasons
            on fct_opportunities.source_system = outcome_reasons.source_system
            and fct_opportunities.outcome_reason = outcome_reasons.reason
        left join quoted on fct_opportunities.opportunity_id = quoted.opportunity_id
        where
            (
                fct_opportunities.outcome = 'won'
                and int_opportunities_unioned.requested_delivery_date is not null
            )
            or (fct_opportunities.outcome = 'lost' and outcome_reasons.class = 'delivery_date')
    )
select *
from final

-- Grain: one row per won, lost or disqualified opportunity
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    outcome_reasons as (select * from {{ ref("outcome_reasons") }}),
    deals as (
        select
            fct_opportunities.opportunity_id,
            fct_opportunities.source_system,
            fct_opportunities.account_id,
            fct_opportunities.owner_at_close_id as rep_id,
            fct_opportunities.segment,
            fct_opportunities.industry,
            fct_opportunities.region,
            fct_opportunities.outcome,
            fct_opportunities.closed_date,
            fct_opportunities.amount_base,
            fct_opportunities.value_proposition,
            case
                when fct_opportunities.outcome_reason is not null
                then coalesce(outcome_reasons.class, 'unlisted')
            end as reason_class,
        from fct_opportunities
        left join
            outcome_reasons
            on fct_opportunities.source_system = outcome_reasons.source_system
            and fct_opportunities.outcome_reason = outcome_reasons.reason
        where
            fct_opportunities.outcome in ('won', 'lost', 'disqualified')
            and fct_opportunities.closed_date is not null
    )
select *
from deals

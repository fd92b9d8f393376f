-- Grain: one row per entry into the funnel (lead, opportunity, qualified) and kind it may reach
with
    int_leads_unioned as (select * from {{ ref("int_leads_unioned") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    qualified_visits as (
        select opportunity_id, min(entered_date) as qualified_date,
        from fct_opportunity_stage_events
        where is_qualified or stage_type = 'won'
        group by opportunity_id
    ),
    deals as (
        select
            fct_opportunities.opportunity_id,
            fct_opportunities.source_system,
            coalesce(fct_opportunities.lead_source, 'unknown') as source,
            coalesce(fct_opportunities.entry_segment, 'unknown') as segment,
            fct_opportunities.created_date,
            fct_opportunities.outcome,
            coalesce(fct_opportunities.closed_date, fct_opportunities.removed_date) as end_date,
            -- one that is none of its own brings nothing
            fct_opportunities.outcome in ('duplicate', 'merged', 'deleted') as is_no_deal,
            case
                when fct_opportunities.reached_qualified is not null
                then qualified_visits.qualified_date
            end as qualified_date,
            fct_opportunities.reached_qualified is not null as has_qualified_stage,
        from fct_opportunities
        left join
            qualified_visits on fct_opportunities.opportunity_id = qualified_visits.opportunity_id
        where fct_opportunities.created_date is not null
    ),
    leads as (
        select
            leads.lead_id,
            leads.source_system,
            coalesce(leads.source, 'unknown') as source,
            coalesce(leads.segment, 'unknown') as segment,
            business_date(leads.created_at) as created_date,
            case
                when leads.disqualified_at < run_settings.as_of_at
                then business_date(leads.disqualified_at)
            end as disqualified_date,
            deals.opportunity_id,
            deals.created_date as opportunity_date,
            deals.outcome,
            deals.end_date,
            -- of several leads of one deal the first has brought it
            deals.opportunity_id is not null
            and not deals.is_no_deal
            and row_number() over (
                partition by deals.opportunity_id order by leads.created_at, leads.lead_id
            )
            = 1 as has_deal,
        from int_leads_unioned as leads
        cross join run_settings
        left join deals on leads.opportunity_id = deals.opportunity_id
        where leads.created_at < run_settings.as_of_at
    ),
    followed as (
        select
            source_system,
            'lead' as entry_kind,
            lead_id as entry_id,
            'opportunity' as reached_kind,
            source,
            segment,
            created_date as entry_date,
            case
                when has_deal
                then 'reached'
                when opportunity_id is not null or disqualified_date is not null
                then 'ended'
                else 'open'
            end as outcome,
            coalesce(opportunity_date, disqualified_date) as outcome_date,
        from leads
        union all by name
        select
            source_system,
            'lead' as entry_kind,
            lead_id as entry_id,
            'won' as reached_kind,
            source,
            segment,
            created_date as entry_date,
            case
                when has_deal and outcome = 'won'
                then 'reached'
                when has_deal and outcome = 'open'
                then 'open'
                when opportunity_id is not null or disqualified_date is not null
                then 'ended'
                else 'open'
            end as outcome,
            case
                when has_deal then end_date else coalesce(opportunity_date, disqualified_date)
            end as outcome_date,
        from leads
        union all by name
        select
            source_system,
            'opportunity' as entry_kind,
            opportunity_id as entry_id,
            'qualified' as reached_kind,
            source,
            segment,
            created_date as entry_date,
            case
                when qualified_date is not null
                then 'reached'
                when outcome = 'open'
                then 'open'
                else 'ended'
            end as outcome,
            coalesce(qualified_date, end_date) as outcome_date,
        from deals
        where not is_no_deal and has_qualified_stage
        union all by name
        select
            source_system,
            unnest(['opportunity', 'qualified']) as entry_kind,
            opportunity_id as entry_id,
            'won' as reached_kind,
            source,
            segment,
            unnest([created_date, qualified_date]) as entry_date,
            case
                outcome when 'won' then 'reached' when 'open' then 'open' else 'ended'
            end as outcome,
            end_date as outcome_date,
        from deals
        where not is_no_deal
    ),
    final as (
        select
            followed.source_system,
            followed.entry_kind,
            followed.entry_id,
            followed.reached_kind,
            followed.source,
            followed.segment,
            followed.entry_date,
            cast(date_trunc('month', followed.entry_date) as date) as entry_month,
            followed.outcome,
            -- what is still open has been watched up to the as_of
            cast(
                greatest(
                    case
                        when followed.outcome = 'open'
                        then run_settings.as_of_date
                        else followed.outcome_date
                    end
                    - followed.entry_date,
                    0
                ) as bigint
            ) as day_number,
        from followed
        cross join run_settings
        -- of an end of which nobody knows the day nothing of time is told
        where
            followed.entry_date is not null
            and (followed.outcome = 'open' or followed.outcome_date is not null)
    )
select *
from final

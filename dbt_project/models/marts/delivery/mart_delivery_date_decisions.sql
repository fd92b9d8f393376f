-- Grain: one row per source system, close month, product family, segment, decision and feasibility
with
    int_delivery_date_requests as (select * from {{ ref("int_delivery_date_requests") }}),
    int_comparable_leads as (select * from {{ ref("int_comparable_leads") }}),
    judged as (
        select
            int_delivery_date_requests.*,
            int_comparable_leads.feasible_p80_days,
            case
                when int_delivery_date_requests.requested_lead_days is null
                then 'no requested date'
                when int_comparable_leads.feasible_p80_days is null
                then 'no comparable lines'
                when
                    int_delivery_date_requests.requested_lead_days
                    >= int_comparable_leads.feasible_p80_days
                then 'feasible'
                else 'infeasible'
            end as feasibility,
        from int_delivery_date_requests
        left join
            int_comparable_leads
            on int_delivery_date_requests.source_system = int_comparable_leads.source_system
            and int_delivery_date_requests.product_id = int_comparable_leads.product_id
            and int_delivery_date_requests.product_family = int_comparable_leads.product_family
            and int_delivery_date_requests.decided_date = int_comparable_leads.named_date
    ),
    final as (
        select
            source_system,
            close_month,
            product_family,
            segment,
            decision,
            feasibility,
            count(*) as opportunity_count,
            cast(sum(amount_base) as decimal(18, 2)) as total_amount,
            count(*) - count(amount_base) as unpriced_count,
            cast(sum(requested_lead_days - feasible_p80_days) as bigint) as days_beyond_feasible,
        from judged
        group by source_system, close_month, product_family, segment, decision, feasibility
    )
select *
from final

-- Grain: one row per planned date of an order line × version of what was said of it
with
    int_promise_events_numbered as (select * from {{ ref("int_promise_events_numbered") }}),
    int_comparable_leads as (select * from {{ ref("int_comparable_leads") }}),
    int_open_loads as (select * from {{ ref("int_open_loads") }}),
    kinds as (
        select
            *,
            case
                when is_quote
                then 'quote'
                when promise_number = 1
                then 'promise'
                when new_delivery_date <> old_delivery_date
                then 'change'
                else 'confirmation'
            end as event_kind,
            -- a quote for a deal counts from its own day: nothing was ordered yet
            case when event_source = 'deal' then said_date else ordered_date end as starts_on,
        from int_promise_events_numbered
    ),
    measured as (
        select
            *,
            cast(new_delivery_date - starts_on as bigint) as lead_days,
            cast(new_delivery_date - old_delivery_date as bigint) as days_moved,
            cast(
                case when event_kind = 'change' then old_delivery_date else new_delivery_date end
                - said_date as bigint
            ) as notice_days,
        from kinds
    ),
    -- only a first word can be held against the times of lines from their order on
    compared as (
        select
            measured.*,
            int_open_loads.open_order_line_count,
            int_open_loads.open_work_order_count,
            int_comparable_leads.comparable_basis,
            int_comparable_leads.comparable_count,
            int_comparable_leads.feasible_p10_days,
            int_comparable_leads.feasible_p50_days,
            int_comparable_leads.feasible_p80_days,
            int_comparable_leads.feasible_p95_days,
            measured.lead_days < int_comparable_leads.feasible_p10_days as is_infeasible,
            int_comparable_leads.comparable_lead_days,
        from measured
        asof left join
            int_open_loads
            on measured.source_system = int_open_loads.source_system
            and measured.said_date > int_open_loads.step_date
        -- last: its lists are long, and what an asof join has on its left it sorts
        left join
            int_comparable_leads
            on measured.source_system = int_comparable_leads.source_system
            and measured.product_id = int_comparable_leads.product_id
            and measured.product_family = int_comparable_leads.product_family
            and measured.said_date = int_comparable_leads.named_date
            and measured.event_kind in ('quote', 'promise')
    ),
    final as (
        select
            order_id,
            line_number,
            schedule_number,
            version_number,
            source_system,
            account_id,
            product_id,
            product_family,
            promised_by,
            event_kind,
            event_source,
            said_by_function,
            reason,
            said_at,
            said_date,
            ordered_date,
            old_delivery_date,
            new_delivery_date,
            days_moved,
            lead_days,
            notice_days,
            case
                when event_kind = 'change' and notice_days is not null
                then
                    round(
                        abs(days_moved) * pow(
                            0.5,
                            greatest(notice_days, 0) / {{ var("nervousness_half_life_days") }}.0
                        ),
                        9
                    )
            end as weighted_days_moved,
            open_order_line_count,
            open_work_order_count,
            comparable_basis,
            comparable_count,
            feasible_p10_days,
            feasible_p50_days,
            feasible_p80_days,
            feasible_p95_days,
            is_infeasible,
            cast(
                case
                    when lead_days is not null
                    then len(list_filter(comparable_lead_days, lambda days:days < lead_days))
                end as bigint
            ) as shorter_count,
        from compared
    )
select *
from final

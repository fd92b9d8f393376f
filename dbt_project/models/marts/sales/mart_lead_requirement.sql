-- Grain: one row per source system, fiscal quarter, entry kind and confidence level
with
    int_lead_requirement as (select * from {{ ref("int_lead_requirement") }}),
    int_lead_targets as (select * from {{ ref("int_lead_targets") }}),
    int_lead_shares as (select * from {{ ref("int_lead_shares") }}),
    useful as (
        select source_system, period_start, entry_kind, max(last_useful_date) as last_useful_date,
        from int_lead_shares
        group by source_system, period_start, entry_kind
    ),
    final as (
        select
            needed.source_system,
            needed.period_start,
            targets.period_end,
            needed.entry_kind,
            needed.confidence_level,
            needed.status,
            targets.target_amount,
            targets.booked_amount,
            needed.open_deals_amount,
            needed.gap_amount,
            targets.mean_won_amount,
            needed.wins_needed_count,
            needed.other_wins,
            needed.in_time_probability,
            needed.average_count,
            needed.needed_count,
            needed.usual_count,
            needed.usual_success_probability,
            needed.usual_expected_amount,
            -- what leads are worth before they are deals nobody says
            case
                when needed.entry_kind = 'opportunity'
                then cast(needed.needed_count * targets.mean_won_amount as decimal(18, 2))
            end as needed_pipeline_amount,
            round(
                {{ safe_ratio("needed_pipeline_amount", "targets.target_amount") }}, 9
            ) as coverage_ratio,
            useful.last_useful_date,
            targets.forecast_amount,
            targets.shortfall_amount,
            targets.first_visible_date,
            targets.constraint_work_center_id,
            targets.constraint_available_hours,
            targets.constraint_overdue_hours,
            targets.constraint_other_hours,
            round(
                cast(targets.target_amount as double) * targets.constraint_hours_per_amount, 9
            ) as constraint_needed_hours,
            targets.makeable_amount,
            targets.makeable_amount < targets.target_amount as is_capped,
            needed.capped_count,
            case
                when targets.makeable_amount is null then 'no hours of a constraint are known'
            end as capped_count_suppressed_reason,
        from int_lead_requirement as needed
        inner join
            int_lead_targets as targets
            on needed.source_system = targets.source_system
            and needed.period_start = targets.period_start
        left join
            useful
            on needed.source_system = useful.source_system
            and needed.period_start = useful.period_start
            and needed.entry_kind = useful.entry_kind
        where needed.lever = 'as it is'
    )
select *
from final

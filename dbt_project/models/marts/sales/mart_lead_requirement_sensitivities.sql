-- Grain: one row per source system, fiscal quarter, entry kind, confidence level and lever
with
    int_lead_requirement as (select * from {{ ref("int_lead_requirement") }}),
    as_it_is as (select * from int_lead_requirement where lever = 'as it is'),
    final as (
        select
            levers.source_system,
            levers.period_start,
            levers.entry_kind,
            levers.confidence_level,
            levers.lever,
            levers.status,
            levers.needed_count,
            levers.needed_count - as_it_is.needed_count as needed_change_count,
            levers.usual_expected_amount,
            cast(
                levers.usual_expected_amount - as_it_is.usual_expected_amount as decimal(18, 2)
            ) as usual_change_amount,
            levers.usual_success_probability,
            round(
                levers.usual_success_probability - as_it_is.usual_success_probability, 9
            ) as usual_success_change,
        from int_lead_requirement as levers
        inner join
            as_it_is
            on levers.source_system = as_it_is.source_system
            and levers.period_start = as_it_is.period_start
            and levers.entry_kind = as_it_is.entry_kind
            and levers.confidence_level = as_it_is.confidence_level
        where levers.lever <> 'as it is'
    )
select *
from final

-- Grain: one row per source system, entry kind, kind reached, source and segment, and one of all
with
    int_lead_conversions as (select * from {{ ref("int_lead_conversions") }}),
    final as (
        select
            source_system,
            entry_kind,
            reached_kind,
            source,
            segment,
            entry_count,
            reached_count,
            ended_count,
            open_count,
            lag_basis,
            reached_probability,
            lag_p10_days,
            lag_p50_days,
            lag_p90_days,
        from int_lead_conversions
    )
select *
from final

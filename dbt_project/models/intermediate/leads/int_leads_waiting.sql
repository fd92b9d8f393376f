-- Grain: one row per source system and age of leads that are neither a deal nor turned down
with
    int_lead_entries as (select * from {{ ref("int_lead_entries") }}),
    waiting as (
        select source_system, day_number as age_days, count(*) as lead_count,
        from int_lead_entries
        where entry_kind = 'lead' and reached_kind = 'opportunity' and outcome = 'open'
        group by source_system, age_days
    )
select *
from waiting

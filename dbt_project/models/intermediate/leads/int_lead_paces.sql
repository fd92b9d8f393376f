-- Grain: one row per source system, entry kind, source and segment with entries in twelve months
with
    int_lead_entries as (select * from {{ ref("int_lead_entries") }}),
    int_leads_unioned as (select * from {{ ref("int_leads_unioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    led as (select distinct opportunity_id, from int_leads_unioned),
    paces as (
        select
            entries.source_system,
            entries.entry_kind,
            entries.source,
            entries.segment,
            count(*) as entry_count,
            count(*) filter (
                where entries.entry_kind = 'opportunity' and led.opportunity_id is null
            ) as unled_count,
        from int_lead_entries as entries
        cross join run_settings
        left join led on entries.entry_id = led.opportunity_id
        where entries.reached_kind = 'won' and entries.entry_date > run_settings.as_of_date - 365
        group by entries.source_system, entries.entry_kind, entries.source, entries.segment
    )
select *
from paces

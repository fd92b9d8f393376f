-- Grain: one row per source system, entry kind, kind reached, source, segment and day after entry
with
    int_lead_entries as (select * from {{ ref("int_lead_entries") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    exits as (
        select
            entries.source_system,
            entries.entry_kind,
            entries.reached_kind,
            entries.source,
            entries.segment,
            entries.day_number,
            count(*) filter (where entries.outcome = 'reached') as reached_count,
            count(*) filter (where entries.outcome = 'ended') as ended_count,
            count(*) filter (where entries.outcome = 'open') as open_count,
        from int_lead_entries as entries
        cross join run_settings
        where
            entries.entry_date
            > run_settings.as_of_date - to_months({{ var("lead_history_months") }})
        group by
            entries.source_system,
            entries.entry_kind,
            entries.reached_kind,
            entries.source,
            entries.segment,
            entries.day_number
    )
select *
from exits

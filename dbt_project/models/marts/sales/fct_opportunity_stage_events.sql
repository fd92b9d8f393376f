-- Grain: one row per opportunity and stage visit
with
    int_opportunity_stage_visits as (select * from {{ ref("int_opportunity_stage_visits") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    int_accounts_unioned as (select * from {{ ref("int_accounts_unioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    stage_events as (
        select
            visits.opportunity_id,
            visits.visit_number,
            visits.source_system,
            visits.pipeline,
            coalesce(int_accounts_unioned.segment, 'unknown') as segment,
            visits.stage,
            visits.stage_order,
            visits.stage_rank,
            visits.stage_type,
            visits.is_qualified,
            visits.is_proposal,
            visits.entered_at,
            business_date(visits.entered_at) as entered_date,
            visits.exited_at,
            business_date(visits.exited_at) as exited_date,
            round(
                date_diff(
                    'microsecond',
                    visits.entered_at,
                    coalesce(visits.exited_at, run_settings.as_of_at)
                )
                / 86400e6,
                9
            ) as days_in_stage,
            visits.is_current,
            visits.move_type,
            visits.owner_id as owner_at_entry_id,
            visits.is_history_reconstructed,
        from int_opportunity_stage_visits as visits
        cross join run_settings
        left join int_account_survivors on visits.account_id = int_account_survivors.account_id
        left join
            int_accounts_unioned
            on coalesce(int_account_survivors.surviving_account_id, visits.account_id)
            = int_accounts_unioned.account_id
    )
select *
from stage_events

-- Grain: one row per opportunity and step of its pipeline that it entered
with
    int_opportunity_cohorts as (select * from {{ ref("int_opportunity_cohorts") }}),
    int_opportunity_stage_visits as (select * from {{ ref("int_opportunity_stage_visits") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    visits as (
        select
            int_opportunity_stage_visits.opportunity_id,
            int_opportunity_stage_visits.visit_number,
            int_opportunity_stage_visits.stage_rank,
            int_opportunity_stage_visits.stage_type,
            business_date(int_opportunity_stage_visits.entered_at) as entered_date,
            coalesce(
                business_date(int_opportunity_stage_visits.exited_at), run_settings.as_of_date
            ) as seen_until_date,
            int_opportunity_stage_visits.move_type,
            int_opportunity_stage_visits.owner_id,
        from int_opportunity_stage_visits
        inner join
            int_opportunity_cohorts
            on int_opportunity_stage_visits.opportunity_id = int_opportunity_cohorts.opportunity_id
            and int_opportunity_stage_visits.pipeline = int_opportunity_cohorts.pipeline
        cross join run_settings
    ),
    first_entries as (
        select
            opportunity_id,
            stage_rank,
            min(visit_number) as visit_number,
            min(entered_date) as entered_date,
            first(owner_id order by visit_number) as owner_at_entry_id,
            bool_or(coalesce(move_type = 'backward', false)) as has_backward_entry,
            bool_or(coalesce(move_type = 'reopen', false)) as has_reopening,
        from visits
        where stage_rank is not null
        group by opportunity_id, stage_rank
    ),
    -- the days as the visits tell them, in order: what came first decides
    followed as (
        select
            first_entries.opportunity_id,
            first_entries.stage_rank,
            min(visits.visit_number) filter (
                where visits.stage_rank > first_entries.stage_rank
            ) as advance_visit_number,
            min(visits.visit_number) filter (
                where visits.stage_type in ('lost', 'disqualified')
            ) as loss_visit_number,
            min(visits.visit_number) filter (
                where visits.stage_type = 'duplicate'
            ) as duplicate_visit_number,
            min(visits.entered_date) filter (
                where visits.stage_rank > first_entries.stage_rank
            ) as advance_date,
            min(visits.entered_date) filter (
                where visits.stage_type in ('lost', 'disqualified')
            ) as loss_date,
            min(visits.entered_date) filter (
                where visits.stage_type = 'duplicate'
            ) as duplicate_date,
            max(visits.seen_until_date) as seen_until_date,
        from first_entries
        inner join
            visits
            on first_entries.opportunity_id = visits.opportunity_id
            and first_entries.visit_number <= visits.visit_number
        group by first_entries.opportunity_id, first_entries.stage_rank
    ),
    ended as (
        select
            *,
            case
                least(advance_visit_number, loss_visit_number, duplicate_visit_number)
                when advance_visit_number
                then 'advance'
                when loss_visit_number
                then 'loss'
                else 'censored'
            end as transition,
            case
                least(advance_visit_number, loss_visit_number, duplicate_visit_number)
                when advance_visit_number
                then advance_date
                when loss_visit_number
                then loss_date
                when duplicate_visit_number
                then duplicate_date
                else seen_until_date
            end as transition_date,
        from followed
    ),
    step_entries as (
        select
            first_entries.opportunity_id,
            first_entries.stage_rank,
            first_entries.entered_date,
            first_entries.owner_at_entry_id,
            first_entries.has_backward_entry,
            first_entries.has_reopening,
            ended.transition,
            cast(ended.transition_date - first_entries.entered_date as bigint) as transition_days,
        from first_entries
        inner join
            ended
            on first_entries.opportunity_id = ended.opportunity_id
            and first_entries.stage_rank = ended.stage_rank
    )
select *
from step_entries

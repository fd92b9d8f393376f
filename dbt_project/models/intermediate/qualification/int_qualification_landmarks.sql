-- Grain: one row per opportunity and landmark
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    int_qualification_first_complete as (
        select * from {{ ref("int_qualification_first_complete") }}
    ),
    -- a system that delivers no answers at all owes no scores
    answering_systems as (select distinct source_system from int_qualification_answers_valued),
    opportunities as (
        select fct_opportunities.*
        from fct_opportunities
        inner join
            answering_systems on fct_opportunities.source_system = answering_systems.source_system
    ),
    stage_2_entries as (
        select opportunity_id, entered_at
        from fct_opportunity_stage_events
        where stage_type = 'open' and stage_order >= 2
        qualify row_number() over (partition by opportunity_id order by visit_number) = 1
    ),
    landmarks as (
        select
            opportunities.opportunity_id,
            'first_complete' as landmark,
            int_qualification_first_complete.first_complete_at as landmark_at,
        from opportunities
        inner join
            int_qualification_first_complete
            on opportunities.opportunity_id = int_qualification_first_complete.opportunity_id
        union all by name
        -- the first entry to stage 2, or to a later open one where stage 2 was skipped
        select
            opportunities.opportunity_id,
            'stage_2_entry' as landmark,
            stage_2_entries.entered_at as landmark_at,
        from opportunities
        inner join stage_2_entries on opportunities.opportunity_id = stage_2_entries.opportunity_id
        where stage_2_entries.entered_at is not null
        union all by name
        select
            opportunity_id,
            'thirty_days_before_close' as landmark,
            closed_at - interval 30 day as landmark_at,
        from opportunities
        where outcome <> 'open' and created_at <= closed_at - interval 30 day
        union all by name
        select
            opportunities.opportunity_id, 'as_of' as landmark, run_settings.as_of_at as landmark_at,
        from opportunities
        cross join run_settings
        where opportunities.outcome = 'open'
    ),
    -- owner and attributes as they were then; what is known from the start goes with the first
    -- version
    described_landmarks as (
        select
            opportunities.source_system,
            landmarks.opportunity_id,
            landmarks.landmark,
            landmarks.landmark_at,
            case
                when landmarks.landmark = 'as_of'
                then run_settings.as_of_date
                else business_date(landmarks.landmark_at)
            end as landmark_date,
            int_opportunity_versions.owner_id as owner_at_landmark_id,
            case
                when int_opportunity_versions.opportunity_id is null
                then opportunities.account_id
                else int_opportunity_versions.account_id
            end as account_id,
            coalesce(
                int_opportunity_versions.pipeline, opportunities.pipeline, 'unknown'
            ) as pipeline,
            coalesce(int_opportunity_versions.segment, opportunities.segment, 'unknown') as segment,
        from landmarks
        inner join opportunities on landmarks.opportunity_id = opportunities.opportunity_id
        cross join run_settings
        left join
            int_opportunity_versions
            on landmarks.opportunity_id = int_opportunity_versions.opportunity_id
            and case
                when landmarks.landmark_at is null
                then int_opportunity_versions.version_number = 1
                else
                    coalesce(landmarks.landmark_at >= int_opportunity_versions.valid_from, true)
                    and coalesce(landmarks.landmark_at < int_opportunity_versions.valid_to, true)
            end
    )
select *
from described_landmarks

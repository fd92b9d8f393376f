-- Grain: one row per source system, step of the funnel, rep and week that is over
with
    fct_coaching_sessions as (select * from {{ ref("fct_coaching_sessions") }}),
    int_opportunity_step_entries as (select * from {{ ref("int_opportunity_step_entries") }}),
    int_opportunity_cohorts as (select * from {{ ref("int_opportunity_cohorts") }}),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- a step of several pipelines is one, as are its names where they share an order
    steps as (
        select source_system, pipeline, stage_rank, min(stage) as process_step,
        from int_stages_ranked
        where stage_type = 'open' and stage_rank is not null
        group by source_system, pipeline, stage_rank
    ),
    names as (
        select
            int_stages_ranked.source_system,
            lower(int_stages_ranked.stage) as step_key,
            min(steps.process_step) as process_step,
        from int_stages_ranked
        inner join
            steps
            on int_stages_ranked.source_system = steps.source_system
            and int_stages_ranked.pipeline = steps.pipeline
            and int_stages_ranked.stage_rank = steps.stage_rank
        where int_stages_ranked.stage_type = 'open'
        group by int_stages_ranked.source_system, step_key
    ),
    told as (
        select
            int_opportunity_cohorts.source_system,
            steps.process_step,
            entries.owner_at_entry_id as rep_id,
            cast(date_trunc('week', entries.entered_date) as date) as week_start,
            count(*) filter (where entries.transition = 'advance') as passed_count,
            count(*) filter (where entries.transition in ('advance', 'loss')) as ended_count,
            0 as session_count,
        from int_opportunity_step_entries as entries
        inner join
            int_opportunity_cohorts
            on entries.opportunity_id = int_opportunity_cohorts.opportunity_id
        inner join
            steps
            on int_opportunity_cohorts.source_system = steps.source_system
            and int_opportunity_cohorts.pipeline = steps.pipeline
            and entries.stage_rank = steps.stage_rank
        where int_opportunity_cohorts.outcome not in ('duplicate', 'merged', 'deleted')
        group by
            int_opportunity_cohorts.source_system,
            steps.process_step,
            entries.owner_at_entry_id,
            week_start
        union all by name
        select
            fct_coaching_sessions.source_system,
            names.process_step,
            fct_coaching_sessions.rep_id,
            fct_coaching_sessions.week_start,
            0 as passed_count,
            0 as ended_count,
            count(*) as session_count,
        from fct_coaching_sessions
        inner join
            names
            on fct_coaching_sessions.source_system = names.source_system
            and lower(fct_coaching_sessions.process_step) = names.step_key
        group by
            fct_coaching_sessions.source_system,
            names.process_step,
            fct_coaching_sessions.rep_id,
            fct_coaching_sessions.week_start
    ),
    rep_weeks as (
        select
            told.source_system,
            told.process_step,
            told.rep_id,
            told.week_start,
            cast(sum(told.passed_count) as bigint) as passed_count,
            cast(sum(told.ended_count) as bigint) as ended_count,
            cast(sum(told.session_count) as bigint) as session_count,
        from told
        cross join run_settings
        where told.rep_id is not null and told.week_start + 6 <= run_settings.as_of_date
        group by told.source_system, told.process_step, told.rep_id, told.week_start
    )
select *
from rep_weeks

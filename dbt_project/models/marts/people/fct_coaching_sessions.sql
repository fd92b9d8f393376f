-- Grain: one row per coaching session held by the as_of
with
    int_coaching_sessions_unioned as (select * from {{ ref("int_coaching_sessions_unioned") }}),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    funnel_steps as (
        select source_system, lower(stage) as step_key,
        from int_stages_ranked
        where stage_type = 'open'
        group by source_system, step_key
    ),
    sessions as (
        select
            sessions.session_id,
            sessions.source_system,
            sessions.held_at,
            business_date(sessions.held_at) as held_date,
            cast(date_trunc('week', business_date(sessions.held_at)) as date) as week_start,
            cast(date_trunc('month', business_date(sessions.held_at)) as date) as session_month,
            sessions.rep_id,
            sessions.manager_id,
            sessions.process_step,
            sessions.process_step_as_delivered,
            funnel_steps.step_key is not null as is_funnel_step,
            sessions.duration_minutes,
            sessions.recorded_at,
            sessions.is_history_reconstructed,
        from int_coaching_sessions_unioned as sessions
        cross join run_settings
        left join
            funnel_steps
            on sessions.source_system = funnel_steps.source_system
            and lower(sessions.process_step) = funnel_steps.step_key
        where sessions.held_at < run_settings.as_of_at
    )
select *
from sessions

-- Grain: one row per activity: a task that is done, an event that has begun
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    tasks as ({{ salesforce_records("task") }}),
    events as ({{ salesforce_records("event") }}),
    done as (
        select
            * exclude (type),
            coalesce(
                to_utc_instant(completed_date_time),
                {{ day_start("to_utc_date(activity_date)") }},
                _modified_at
            ) as occurred_at,
            coalesce(blank_to_null(type), blank_to_null(task_subtype), 'Task') as activity_type,
            to_decimal(call_duration_in_seconds) / 60 as duration_minutes,
        from tasks
        where {{ salesforce_flag("is_closed") }}
        union all by name
        select
            * exclude (type),
            coalesce(
                to_utc_instant(activity_date_time),
                to_utc_instant(start_date_time),
                {{ day_start("to_utc_date(activity_date)") }}
            ) as occurred_at,
            coalesce(blank_to_null(type), blank_to_null(event_subtype), 'Event') as activity_type,
            to_decimal(duration_in_minutes) as duration_minutes,
        from events
    ),
    renamed as (
        select
            {{ salesforce_id("done.id") }} as activity_id,
            done.occurred_at,
            {{ salesforce_id("done.owner_id") }} as rep_id,
            done.activity_type,
            -- ids tell by their first three characters what they are of
            case
                when left(trim(done.what_id), 3) = '006' then {{ salesforce_id("done.what_id") }}
            end as opportunity_id,
            coalesce(
                {{ salesforce_id("done.account_id") }},
                case
                    when left(trim(done.what_id), 3) = '001'
                    then {{ salesforce_id("done.what_id") }}
                end
            ) as account_id,
            cast(done.duration_minutes as double) as duration_minutes,
            'salesforce' as source_system,
            greatest(done.occurred_at, done._known_at) as recorded_at,
            done._is_reconstructed as is_history_reconstructed,
        from done
        cross join run_settings
        where
            not done._is_deleted
            -- the head of a series is the plan of it, no activity
            and not coalesce({{ salesforce_flag("done.is_recurrence") }}, false)
            and done.occurred_at < run_settings.as_of_at
    )
select *
from renamed

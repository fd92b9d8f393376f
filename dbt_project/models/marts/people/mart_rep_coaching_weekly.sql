-- Grain: one row per rep and week that is over, since the first session of the rep's system
with
    fct_coaching_sessions as (select * from {{ ref("fct_coaching_sessions") }}),
    int_rep_absences_unioned as (select * from {{ ref("int_rep_absences_unioned") }}),
    coaching_cadences as (select * from {{ ref("coaching_cadences") }}),
    dim_reps as (select * from {{ ref("dim_reps") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    first_weeks as (
        select source_system, min(week_start) as first_week_start,
        from fct_coaching_sessions
        group by source_system
    ),
    absent_days as (
        select distinct absences.rep_id, dim_dates.date_day,
        from int_rep_absences_unioned as absences
        inner join
            dim_dates
            on dim_dates.date_day >= absences.starts_on
            and (absences.ends_on is null or dim_dates.date_day < absences.ends_on)
    ),
    rep_weeks as (
        select
            dim_reps.rep_id,
            dim_dates.week_start,
            dim_dates.week_end,
            dim_reps.source_system,
            dim_reps.manager_id,
            first_weeks.first_week_start,
            dim_reps.hired_on,
            count(*) filter (
                where dim_dates.is_working_day and absent_days.rep_id is null
            ) as present_day_count,
        from dim_reps
        inner join first_weeks on dim_reps.source_system = first_weeks.source_system
        cross join run_settings
        inner join
            dim_dates
            on dim_dates.week_start >= first_weeks.first_week_start
            and dim_dates.week_end <= run_settings.as_of_date
            and dim_dates.date_day >= coalesce(dim_reps.hired_on, dim_dates.date_day)
            and dim_dates.date_day < coalesce(dim_reps.left_on, dim_dates.date_day + 1)
        left join
            absent_days
            on dim_reps.rep_id = absent_days.rep_id
            and dim_dates.date_day = absent_days.date_day
        where dim_reps.is_listed
        group by all
    ),
    held as (
        select
            rep_id,
            week_start,
            count(*) as session_count,
            count(*) filter (where duration_minutes is null) as untimed_session_count,
            sum(duration_minutes order by duration_minutes) as coaching_minutes,
        from fct_coaching_sessions
        group by rep_id, week_start
    ),
    counted as (
        select
            rep_weeks.*,
            coalesce(held.session_count, 0) as session_count,
            coalesce(held.untimed_session_count, 0) as untimed_session_count,
            round(coalesce(held.coaching_minutes, 0) / 60.0, 9) as coaching_hours,
        from rep_weeks
        left join held on rep_weeks.rep_id = held.rep_id and rep_weeks.week_start = held.week_start
    ),
    -- the most specific row of the seed that holds on the last day of the week counts whole
    cadences as (
        select
            counted.rep_id,
            counted.week_start,
            coaching_cadences.scope as cadence_scope,
            coaching_cadences.session_count as cadence_session_count,
            coaching_cadences.week_count as cadence_week_count,
        from counted
        inner join
            coaching_cadences
            on (
                coaching_cadences.scope = 'default'
                or (
                    coaching_cadences.scope = 'system'
                    and coaching_cadences.scope_id = counted.source_system
                )
                or (
                    coaching_cadences.scope = 'manager'
                    and coaching_cadences.scope_id = counted.manager_id
                )
                or (coaching_cadences.scope = 'rep' and coaching_cadences.scope_id = counted.rep_id)
            )
            and coalesce(coaching_cadences.valid_from <= counted.week_end, true)
            and coalesce(coaching_cadences.valid_to > counted.week_end, true)
        qualify
            row_number() over (
                partition by counted.rep_id, counted.week_start
                order by
                    list_position(['rep', 'manager', 'system', 'default'], coaching_cadences.scope),
                    coaching_cadences.valid_from desc nulls last
            )
            = 1
    ),
    windowed as (
        select
            cadences.rep_id,
            cadences.week_start,
            cast(sum(earlier.session_count) as bigint) as window_session_count,
            cast(sum(earlier.present_day_count) as bigint) as window_present_day_count,
            count(*) as window_week_count,
        from cadences
        inner join
            counted as earlier
            on cadences.rep_id = earlier.rep_id
            and earlier.week_start <= cadences.week_start
            and earlier.week_start > cadences.week_start - 7 * cadences.cadence_week_count
            and coalesce(earlier.hired_on <= earlier.week_start, true)
        group by cadences.rep_id, cadences.week_start
    ),
    judged as (
        select
            counted.rep_id,
            counted.week_start,
            counted.week_end,
            counted.source_system,
            counted.manager_id,
            counted.present_day_count,
            counted.session_count,
            counted.untimed_session_count,
            counted.coaching_hours,
            cadences.cadence_scope,
            cast(cadences.cadence_session_count as bigint) as cadence_session_count,
            cast(cadences.cadence_week_count as bigint) as cadence_week_count,
            coalesce(windowed.window_session_count, 0) as window_session_count,
            coalesce(
                windowed.window_week_count = cadences.cadence_week_count
                and windowed.window_present_day_count > 0
                and cadences.cadence_session_count > 0,
                false
            ) as is_due,
            case
                when is_due then windowed.window_session_count >= cadences.cadence_session_count
            end as is_cadence_kept,
        from counted
        left join
            cadences
            on counted.rep_id = cadences.rep_id
            and counted.week_start = cadences.week_start
        left join
            windowed
            on counted.rep_id = windowed.rep_id
            and counted.week_start = windowed.week_start
    )
select *
from judged

-- Grain: one row per action agreed after a wave, by the as_of
with
    int_pulse_actions_unioned as (select * from {{ ref("int_pulse_actions_unioned") }}),
    mart_pulse_functions as (select * from {{ ref("mart_pulse_functions") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    actions as (
        select
            int_pulse_actions_unioned.action_id,
            int_pulse_actions_unioned.source_system,
            int_pulse_actions_unioned.wave,
            int_pulse_actions_unioned.function_name,
            int_pulse_actions_unioned.process_step,
            int_pulse_actions_unioned.agreed_on as agreed_date,
            case
                when int_pulse_actions_unioned.done_on <= run_settings.as_of_date
                then int_pulse_actions_unioned.done_on
            end as done_date,
            run_settings.as_of_date,
        from int_pulse_actions_unioned
        cross join run_settings
        where int_pulse_actions_unioned.agreed_on <= run_settings.as_of_date
    ),
    waves as (
        select
            source_system,
            wave,
            lead(wave) over (partition by source_system order by wave) as next_wave,
        from (select distinct source_system, wave, from mart_pulse_functions) as all_waves
    ),
    -- a wave is over when its first action is agreed
    wave_ends as (
        select source_system, wave, min(agreed_date) as first_agreed_date,
        from actions
        group by source_system, wave
    ),
    moves as (
        select
            functions.source_system,
            functions.wave,
            functions.function_name,
            waves.next_wave,
            functions.mean_score as score_before,
            later_functions.mean_score as score_after,
            later_functions.mean_score - functions.mean_score as score_change,
            exists (
                select 1
                from actions
                where
                    actions.source_system = functions.source_system
                    and actions.wave = functions.wave
                    and actions.function_name = functions.function_name
            ) as has_action,
        from mart_pulse_functions as functions
        inner join
            waves on functions.source_system = waves.source_system and functions.wave = waves.wave
        left join
            mart_pulse_functions as later_functions
            on waves.source_system = later_functions.source_system
            and waves.next_wave = later_functions.wave
            and functions.function_name = later_functions.function_name
    ),
    others as (
        select
            source_system,
            wave,
            count(score_change) as others_count,
            avg(score_change order by function_name) as others_score_change,
        from moves
        where not has_action
        group by source_system, wave
    ),
    followed as (
        select
            actions.action_id,
            actions.source_system,
            actions.wave,
            actions.function_name,
            actions.process_step,
            actions.agreed_date,
            actions.done_date,
            actions.done_date - actions.agreed_date as days_to_done,
            case
                when actions.done_date is not null or actions.agreed_date + 30 < actions.as_of_date
                then coalesce(actions.done_date <= actions.agreed_date + 30, false)
            end as is_in_time,
            moves.next_wave,
            case
                when moves.next_wave is not null
                then
                    coalesce(
                        actions.done_date
                        < coalesce(wave_ends.first_agreed_date, actions.as_of_date + 1),
                        false
                    )
            end as is_done_by_next_wave,
            moves.score_before,
            moves.score_after,
            round(moves.score_change, 9) as score_change,
            coalesce(others.others_count, 0) as others_count,
            round(others.others_score_change, 9) as others_score_change,
        from actions
        left join
            moves
            on actions.source_system = moves.source_system
            and actions.wave = moves.wave
            and actions.function_name = moves.function_name
        left join
            others on actions.source_system = others.source_system and actions.wave = others.wave
        left join
            wave_ends
            on moves.source_system = wave_ends.source_system
            and moves.next_wave = wave_ends.wave
    )
select *
from followed

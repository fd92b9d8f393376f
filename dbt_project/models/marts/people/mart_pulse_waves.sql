-- Grain: one row per source system and wave
with
    mart_pulse_functions as (select * from {{ ref("mart_pulse_functions") }}),
    int_pulse_actions_unioned as (select * from {{ ref("int_pulse_actions_unioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- of functions that are shown alone: a total of all would give the hidden ones away
    functions as (
        select
            source_system,
            wave,
            count(*) as function_count,
            count(mean_score) as told_function_count,
            count(*) - count(mean_score) as hidden_function_count,
            avg(mean_score order by function_name) as mean_score,
            max(mean_score) - min(mean_score) as gap,
            arg_min(function_name, mean_score) as lowest_function_name,
            arg_max(function_name, mean_score) as highest_function_name,
            cast(sum(low_score_rate_numerator) as bigint) as low_score_count,
            cast(sum(respondent_count) as bigint) as respondent_count,
            cast(sum(response_rate_numerator) as bigint) as answered_count,
            cast(sum(response_rate_denominator) as bigint) as invited_count,
        from mart_pulse_functions
        group by source_system, wave
    ),
    actions as (
        select
            int_pulse_actions_unioned.source_system,
            int_pulse_actions_unioned.wave,
            count(*) as action_count,
            count(*) filter (
                where int_pulse_actions_unioned.done_on <= run_settings.as_of_date
            ) as action_done_count,
            count(*) filter (
                where
                    int_pulse_actions_unioned.done_on
                    <= least(int_pulse_actions_unioned.agreed_on + 30, run_settings.as_of_date)
            ) as done_in_time_count,
            -- one that is not done yet counts once its thirty days are over
            count(*) filter (
                where
                    int_pulse_actions_unioned.agreed_on + 30 < run_settings.as_of_date
                    or int_pulse_actions_unioned.done_on <= run_settings.as_of_date
            ) as due_count,
        from int_pulse_actions_unioned
        cross join run_settings
        group by int_pulse_actions_unioned.source_system, int_pulse_actions_unioned.wave
    ),
    waves as (
        select
            functions.source_system,
            functions.wave,
            functions.function_count,
            functions.told_function_count,
            functions.hidden_function_count,
            round(functions.mean_score, 9) as mean_score,
            case
                when functions.told_function_count > 1 then round(functions.gap, 9)
            end as score_gap,
            case
                when functions.told_function_count > 1 then functions.lowest_function_name
            end as lowest_function_name,
            case
                when functions.told_function_count > 1 then functions.highest_function_name
            end as highest_function_name,
            {{
                rate_columns(
                    "low_score_rate", "functions.low_score_count", "functions.respondent_count"
                )
            }},
            {{
                rate_columns(
                    "response_rate", "functions.answered_count", "functions.invited_count"
                )
            }},
            coalesce(actions.action_count, 0) as action_count,
            coalesce(actions.action_done_count, 0) as action_done_count,
            {{
                rate_columns(
                    "action_in_time_rate",
                    "coalesce(actions.done_in_time_count, 0)",
                    "coalesce(actions.due_count, 0)",
                )
            }},
        from functions
        left join actions using (source_system, wave)
    )
select *
from waves

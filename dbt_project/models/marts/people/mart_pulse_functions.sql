-- Grain: one row per source system, wave and function
with
    int_pulse_respondents as (select * from {{ ref("int_pulse_respondents") }}),
    int_pulse_invitations_unioned as (select * from {{ ref("int_pulse_invitations_unioned") }}),
    answers as (
        select
            source_system,
            wave,
            function_name,
            count(*) as respondent_count,
            avg(score order by respondent_key) as mean_score,
            count(*) filter (where score <= 6) as low_score_count,
        from int_pulse_respondents
        group by source_system, wave, function_name
    ),
    -- fewer than five are not shown, nor is how many they were
    functions as (
        select
            coalesce(answers.source_system, invitations.source_system) as source_system,
            coalesce(answers.wave, invitations.wave) as wave,
            coalesce(answers.function_name, invitations.function_name) as function_name,
            invitations.invited_count,
            case
                when answers.respondent_count >= {{ var("min_n") }} then answers.respondent_count
            end as respondent_count,
            case
                when answers.respondent_count >= {{ var("min_n") }}
                then round(answers.mean_score, 9)
            end as mean_score,
            case
                when answers.respondent_count >= {{ var("min_n") }} then answers.low_score_count
            end as low_score_count,
        from answers
        full join
            int_pulse_invitations_unioned as invitations
            on answers.source_system = invitations.source_system
            and answers.wave = invitations.wave
            and answers.function_name = invitations.function_name
    ),
    told_functions as (
        select
            source_system,
            wave,
            function_name,
            invited_count,
            respondent_count,
            mean_score,
            case
                when respondent_count is null then 'fewer than {{ var("min_n") }} respondents'
            end as mean_score_suppressed_reason,
            low_score_count as low_score_rate_numerator,
            respondent_count as low_score_rate_denominator,
            round({{ safe_ratio("low_score_count", "respondent_count") }}, 9) as low_score_rate,
            case
                when respondent_count is null then 'fewer than {{ var("min_n") }} respondents'
            end as low_score_rate_suppressed_reason,
            case
                when invited_count is not null then respondent_count
            end as response_rate_numerator,
            case
                when respondent_count is not null then invited_count
            end as response_rate_denominator,
            case
                when invited_count >= respondent_count
                then round({{ safe_ratio("respondent_count", "invited_count") }}, 9)
            end as response_rate,
            case
                when respondent_count is null
                then 'fewer than {{ var("min_n") }} respondents'
                when invited_count is null
                then 'no invitations'
                when invited_count < respondent_count
                then 'fewer invited than answered'
            end as response_rate_suppressed_reason,
            round(
                mean_score
                - lag(mean_score) over (partition by source_system, function_name order by wave),
                9
            ) as mean_score_change,
        from functions
    )
select *
from told_functions

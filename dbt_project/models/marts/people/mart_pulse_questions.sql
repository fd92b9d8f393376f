-- Grain: one row per source system, wave, function and question
with
    int_pulse_responses_unioned as (select * from {{ ref("int_pulse_responses_unioned") }}),
    int_pulse_respondents as (select * from {{ ref("int_pulse_respondents") }}),
    answers as (
        select
            responses.source_system,
            responses.wave,
            responses.function_name,
            responses.question_id,
            count(*) as respondent_count,
            avg(responses.score order by responses.respondent_key) as mean_score,
        from int_pulse_responses_unioned as responses
        -- of those who count for their function
        semi join int_pulse_respondents using (source_system, wave, respondent_key)
        where responses.score is not null
        group by
            responses.source_system, responses.wave, responses.function_name, responses.question_id
    ),
    counted_answers as (
        select
            *,
            count(*) filter (where respondent_count < {{ var("min_n") }}) over (
                partition by source_system, wave, function_name
            ) as hidden_count,
            row_number() over (
                partition by source_system, wave, function_name
                order by respondent_count, question_id
            ) as place,
        from answers
    ),
    -- one hidden question of a function could be told from the others and the function's mean: so
    -- the next smallest is hidden with it
    questions as (
        select
            *,
            respondent_count < {{ var("min_n") }} as is_small,
            hidden_count = 1 and place = 2 as is_cover,
        from counted_answers
    ),
    told_questions as (
        select
            source_system,
            wave,
            function_name,
            question_id,
            case when not (is_small or is_cover) then respondent_count end as respondent_count,
            case when not (is_small or is_cover) then round(mean_score, 9) end as mean_score,
            case
                when is_small
                then 'fewer than {{ var("min_n") }} respondents'
                when is_cover
                then 'another question could be told from it'
            end as mean_score_suppressed_reason,
        from questions
    )
select *
from told_questions

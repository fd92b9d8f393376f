-- Grain: one row per wave and respondent
with
    int_pulse_responses_unioned as (select * from {{ ref("int_pulse_responses_unioned") }}),
    respondents as (
        select
            source_system,
            wave,
            respondent_key,
            max(function_name) as function_name,
            avg(score order by question_id) as score,
        from int_pulse_responses_unioned
        where score is not null
        group by source_system, wave, respondent_key
        -- who answers for two functions answers for none of them
        having count(distinct function_name) = 1
    )
select *
from respondents

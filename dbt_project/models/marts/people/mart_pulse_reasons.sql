-- Grain: one row per source system, wave and reason that five respondents or more gave
with
    int_pulse_responses_unioned as (select * from {{ ref("int_pulse_responses_unioned") }}),
    reasons as (
        select
            source_system,
            wave,
            lower(gap_reason) as gap_reason,
            count(distinct respondent_key) as respondent_count,
        from int_pulse_responses_unioned
        where gap_reason is not null
        group by source_system, wave, lower(gap_reason)
        having count(distinct respondent_key) >= {{ var("min_n") }}
    )
select *
from reasons

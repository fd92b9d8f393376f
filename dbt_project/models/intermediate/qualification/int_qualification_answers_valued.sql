-- Grain: one row per answer: opportunity, attribute, instant and rater
with
    int_qualification_answers_unioned as (
        select * from {{ ref("int_qualification_answers_unioned") }}
    ),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    qualification_answer_scale as (select * from {{ ref("qualification_answer_scale") }}),
    answers as (
        select
            source_system,
            opportunity_id,
            attribute_id,
            assessed_by as rater_id,
            coalesce(is_only_answer, false) as is_only_answer,
            rating,
            assessed_at,
            coalesce(greatest(assessed_at, recorded_at), {{ the_start() }}) as known_from,
            coalesce(business_date(assessed_at), date '0001-01-01') as assessed_date,
            is_history_reconstructed,
        from int_qualification_answers_unioned
    ),
    read_answers as (
        select
            answers.*,
            int_qualification_scorecards.attribute_id is not null as is_in_scorecard,
            case
                when
                    to_decimal(answers.rating)
                    between int_qualification_scorecards.scale_min
                    and int_qualification_scorecards.scale_max
                then
                    round(
                        cast(
                            to_decimal(answers.rating)
                            - int_qualification_scorecards.scale_min as double
                        ) / cast(
                            int_qualification_scorecards.scale_max
                            - int_qualification_scorecards.scale_min as double
                        ),
                        9
                    )
                else cast(qualification_answer_scale.value as double)
            end as value,
            qualification_answer_scale.answer_text is not null as is_listed_answer,
        from answers
        left join
            int_qualification_scorecards
            on answers.source_system = int_qualification_scorecards.source_system
            and answers.attribute_id = int_qualification_scorecards.attribute_id
            and answers.assessed_date >= int_qualification_scorecards.reads_from
            and answers.assessed_date < int_qualification_scorecards.reads_to
        left join
            qualification_answer_scale
            on answers.source_system = qualification_answer_scale.source_system
            and answers.attribute_id = qualification_answer_scale.attribute_id
            and lower(trim(answers.rating)) = lower(trim(qualification_answer_scale.answer_text))
    ),
    judged_answers as (
        select
            source_system,
            opportunity_id,
            attribute_id,
            rater_id,
            -- where a source keeps one answer, whoever gives the next one overwrites it
            case when not is_only_answer then rater_id end as kept_for_rater_id,
            rating,
            assessed_at,
            known_from,
            value,
            is_in_scorecard,
            is_in_scorecard and (value is not null or is_listed_answer) as is_valid,
            is_history_reconstructed,
        from read_answers
    ),
    -- the latest valid answer of a rater ends the one before it; an invalid one was never given
    valued_answers as (
        select
            * exclude (kept_for_rater_id),
            case
                when is_valid
                then
                    lead(known_from) over (
                        partition by
                            source_system, opportunity_id, attribute_id, kept_for_rater_id, is_valid
                        order by known_from, assessed_at nulls first, rating
                    )
            end as known_to,
        from judged_answers
    )
select *
from valued_answers

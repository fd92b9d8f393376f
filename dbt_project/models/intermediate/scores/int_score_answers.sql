-- Grain: one row per opportunity, landmark day and attribute that was answered by then
with
    int_score_landmarks as (select * from {{ ref("int_score_landmarks") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    -- one without an instant may have been given after the outcome
    answers as (
        select
            int_score_landmarks.source_system,
            int_score_landmarks.opportunity_id,
            int_score_landmarks.landmark_date,
            int_qualification_answers_valued.attribute_id,
            {{
                answer_in_force(
                    "int_qualification_answers_valued.rater_id = int_score_landmarks.owner_id",
                    "int_qualification_answers_valued.value",
                )
            }} as value,
        from int_score_landmarks
        inner join
            int_qualification_answers_valued
            on int_score_landmarks.opportunity_id = int_qualification_answers_valued.opportunity_id
            and int_qualification_answers_valued.known_from < int_score_landmarks.landmark_at
            and coalesce(
                int_qualification_answers_valued.known_to >= int_score_landmarks.landmark_at, true
            )
        where
            int_qualification_answers_valued.value is not null
            and not int_qualification_answers_valued.is_history_reconstructed
        group by
            int_score_landmarks.source_system,
            int_score_landmarks.opportunity_id,
            int_score_landmarks.landmark_date,
            int_qualification_answers_valued.attribute_id
    )
select *
from answers

-- Grain: one row per opportunity, landmark, attribute and rater: the answer in force then
with
    int_qualification_landmarks as (select * from {{ ref("int_qualification_landmarks") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    -- nothing that was recorded after the landmark
    answers_in_force as (
        select
            int_qualification_landmarks.opportunity_id,
            int_qualification_landmarks.landmark,
            int_qualification_landmarks.landmark_date,
            int_qualification_landmarks.source_system,
            int_qualification_answers_valued.attribute_id,
            int_qualification_answers_valued.rater_id,
            coalesce(
                int_qualification_answers_valued.rater_id
                = int_qualification_landmarks.owner_at_landmark_id,
                false
            ) as is_owner,
            int_qualification_answers_valued.value,
            int_qualification_answers_valued.known_from,
            int_qualification_answers_valued.is_history_reconstructed,
        from int_qualification_landmarks
        inner join
            int_qualification_answers_valued
            on int_qualification_landmarks.opportunity_id
            = int_qualification_answers_valued.opportunity_id
            and int_qualification_answers_valued.known_from
            <= coalesce(int_qualification_landmarks.landmark_at, {{ the_start() }})
            and coalesce(
                int_qualification_answers_valued.known_to
                > coalesce(int_qualification_landmarks.landmark_at, {{ the_start() }}),
                true
            )
        where int_qualification_answers_valued.value is not null
    )
select *
from answers_in_force

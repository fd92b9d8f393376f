-- Grain: one row per open opportunity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_score_landmarks as (select * from {{ ref("int_score_landmarks") }}),
    int_opportunity_scores as (select * from {{ ref("int_opportunity_scores") }}),
    fct_qualification_scores as (select * from {{ ref("fct_qualification_scores") }}),
    hand_scores as (
        select opportunity_id, score from fct_qualification_scores where landmark = 'as_of'
    ),
    scores as (
        select
            int_score_landmarks.source_system,
            int_score_landmarks.opportunity_id,
            int_score_landmarks.pipeline,
            int_score_landmarks.segment,
            int_score_landmarks.stage,
            int_score_landmarks.amount_base,
            int_score_landmarks.expected_close_date,
            int_score_landmarks.age_days,
            int_score_landmarks.days_in_stage,
            int_opportunity_scores.win_probability,
            int_opportunity_scores.score_basis,
            int_opportunity_scores.score_status,
            int_opportunity_scores.base_rate_probability,
            int_opportunity_scores.stage_win_rate_probability,
            int_opportunity_scores.crm_probability,
            hand_scores.score as hand_score,
            int_opportunity_scores.hand_score_probability,
            int_opportunity_scores.model_version,
            run_settings.as_of_at as scored_at,
        from int_score_landmarks
        inner join
            int_opportunity_scores
            on int_score_landmarks.opportunity_id = int_opportunity_scores.opportunity_id
        left join hand_scores on int_score_landmarks.opportunity_id = hand_scores.opportunity_id
        cross join run_settings
        where int_score_landmarks.landmark_kind = 'as_of'
    )
select *
from scores

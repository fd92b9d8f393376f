-- Grain: one row per opportunity and landmark
with
    int_qualification_landmarks as (select * from {{ ref("int_qualification_landmarks") }}),
    int_qualification_landmark_answers as (
        select * from {{ ref("int_qualification_landmark_answers") }}
    ),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    scorecard_versions as (
        select distinct
            source_system,
            scorecard_version,
            valid_from,
            valid_to,
            version_weight,
            version_attribute_count,
        from int_qualification_scorecards
    ),
    attribute_values as (
        select
            source_system,
            opportunity_id,
            landmark,
            landmark_date,
            attribute_id,
            {{ answer_in_force("is_owner") }} as value,
        from int_qualification_landmark_answers
        group by source_system, opportunity_id, landmark, landmark_date, attribute_id
    ),
    weighted_scores as (
        select
            attribute_values.opportunity_id,
            attribute_values.landmark,
            sum(int_qualification_scorecards.weight) as answered_weight,
            sum(
                cast(int_qualification_scorecards.weight as double) * attribute_values.value
                order by attribute_values.attribute_id
            ) as weighted_value,
            count(*) as answered_attribute_count,
        from attribute_values
        inner join
            int_qualification_scorecards
            on attribute_values.source_system = int_qualification_scorecards.source_system
            and attribute_values.attribute_id = int_qualification_scorecards.attribute_id
            and coalesce(attribute_values.landmark_date, date '0001-01-01')
            >= int_qualification_scorecards.valid_from
            and coalesce(attribute_values.landmark_date, date '0001-01-01')
            < int_qualification_scorecards.valid_to
        group by attribute_values.opportunity_id, attribute_values.landmark
    ),
    raters as (
        select
            opportunity_id,
            landmark,
            count(distinct rater_id) as rater_count,
            bool_or(is_history_reconstructed) as is_history_reconstructed,
        from int_qualification_landmark_answers
        group by opportunity_id, landmark
    ),
    invalid_answers as (
        select
            int_qualification_landmarks.opportunity_id,
            int_qualification_landmarks.landmark,
            count(*) as invalid_answer_count,
        from int_qualification_landmarks
        inner join
            int_qualification_answers_valued
            on int_qualification_landmarks.opportunity_id
            = int_qualification_answers_valued.opportunity_id
            and int_qualification_answers_valued.known_from
            <= coalesce(int_qualification_landmarks.landmark_at, {{ the_start() }})
        where
            int_qualification_answers_valued.is_in_scorecard
            and not int_qualification_answers_valued.is_valid
        group by int_qualification_landmarks.opportunity_id, int_qualification_landmarks.landmark
    ),
    scored_landmarks as (
        select
            int_qualification_landmarks.*,
            scorecard_versions.scorecard_version,
            cast(scorecard_versions.version_weight as double) as completeness_rate_denominator,
            cast(
                case
                    when scorecard_versions.scorecard_version is not null
                    then coalesce(weighted_scores.answered_weight, 0)
                end as double
            ) as completeness_rate_numerator,
            coalesce(
                weighted_scores.answered_weight
                >= {{ var("complete_from") }} * scorecard_versions.version_weight,
                false
            ) as is_complete,
            weighted_scores.weighted_value,
            coalesce(weighted_scores.answered_attribute_count, 0) as answered_attribute_count,
            scorecard_versions.version_attribute_count as attribute_count,
            coalesce(raters.rater_count, 0) as rater_count,
            coalesce(invalid_answers.invalid_answer_count, 0) as invalid_answer_count,
            coalesce(raters.is_history_reconstructed, false) as is_history_reconstructed,
        from int_qualification_landmarks
        left join
            scorecard_versions
            on int_qualification_landmarks.source_system = scorecard_versions.source_system
            and coalesce(int_qualification_landmarks.landmark_date, date '0001-01-01')
            >= scorecard_versions.valid_from
            and coalesce(int_qualification_landmarks.landmark_date, date '0001-01-01')
            < scorecard_versions.valid_to
        left join
            weighted_scores
            on int_qualification_landmarks.opportunity_id = weighted_scores.opportunity_id
            and int_qualification_landmarks.landmark = weighted_scores.landmark
        left join
            raters
            on int_qualification_landmarks.opportunity_id = raters.opportunity_id
            and int_qualification_landmarks.landmark = raters.landmark
        left join
            invalid_answers
            on int_qualification_landmarks.opportunity_id = invalid_answers.opportunity_id
            and int_qualification_landmarks.landmark = invalid_answers.landmark
    ),
    with_outcome as (
        select
            scored_landmarks.*,
            fct_opportunities.outcome,
            fct_opportunities.amount_base,
            fct_opportunities.closed_date,
            case
                when scored_landmarks.landmark = 'as_of' or fct_opportunities.outcome = 'open'
                then 'still open'
                when fct_opportunities.outcome not in ('won', 'lost')
                then 'neither won nor lost'
                when not scored_landmarks.is_complete
                then 'score not complete'
                when
                    scored_landmarks.landmark_at is not null and fct_opportunities.closed_at is null
                then 'close unknown'
                when scored_landmarks.landmark_at >= fct_opportunities.closed_at
                then 'scored after the close'
            end as evidence_excluded_reason,
        from scored_landmarks
        inner join
            fct_opportunities on scored_landmarks.opportunity_id = fct_opportunities.opportunity_id
    ),
    scores as (
        select
            opportunity_id,
            landmark,
            source_system,
            landmark_at,
            landmark_date,
            case
                when is_complete
                then
                    round(
                        100 * {{ safe_ratio("weighted_value", "completeness_rate_numerator") }}, 9
                    )
            end as score,
            completeness_rate_numerator,
            completeness_rate_denominator,
            round(
                {{ safe_ratio("completeness_rate_numerator", "completeness_rate_denominator") }}, 9
            ) as completeness_rate,
            is_complete,
            answered_attribute_count,
            attribute_count,
            invalid_answer_count,
            rater_count,
            owner_at_landmark_id,
            scorecard_version,
            outcome,
            outcome = 'won' as is_won,
            evidence_excluded_reason is null as is_resolved_evidence,
            evidence_excluded_reason,
            account_id,
            pipeline,
            segment,
            amount_base,
            closed_date,
            is_history_reconstructed,
        from with_outcome
    )
select *
from scores

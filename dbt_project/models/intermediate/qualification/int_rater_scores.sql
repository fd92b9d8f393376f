-- Grain: one row per opportunity and rater who answered it before its outcome was known
with
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    -- the first answer of each, since later ones know more of the deal than it
    first_answers as (
        select
            int_qualification_answers_valued.source_system,
            int_qualification_answers_valued.opportunity_id,
            int_qualification_answers_valued.rater_id,
            int_qualification_answers_valued.attribute_id,
            int_qualification_answers_valued.known_from,
            int_qualification_answers_valued.value,
        from int_qualification_answers_valued
        inner join
            fct_opportunities
            on int_qualification_answers_valued.opportunity_id = fct_opportunities.opportunity_id
        where
            int_qualification_answers_valued.is_valid
            and int_qualification_answers_valued.value is not null
            and int_qualification_answers_valued.rater_id is not null
            and int_qualification_answers_valued.known_from > {{ the_start() }}
            and coalesce(
                int_qualification_answers_valued.known_from < fct_opportunities.closed_at, true
            )
        qualify
            row_number() over (
                partition by
                    int_qualification_answers_valued.opportunity_id,
                    int_qualification_answers_valued.rater_id,
                    int_qualification_answers_valued.attribute_id
                order by
                    int_qualification_answers_valued.known_from,
                    int_qualification_answers_valued.assessed_at,
                    int_qualification_answers_valued.rating
            )
            = 1
    ),
    weighted_answers as (
        select
            first_answers.*,
            cast(int_qualification_scorecards.weight as double) as weight,
            cast(int_qualification_scorecards.version_weight as double) as version_weight,
            count(*) over attribute_answers as answer_count,
            sum(cast(first_answers.value as decimal(18, 9))) over attribute_answers as value_sum,
        from first_answers
        inner join
            int_qualification_scorecards
            on first_answers.source_system = int_qualification_scorecards.source_system
            and first_answers.attribute_id = int_qualification_scorecards.attribute_id
            and business_date(first_answers.known_from) >= int_qualification_scorecards.valid_from
            and business_date(first_answers.known_from) < int_qualification_scorecards.valid_to
        window
            attribute_answers as (
                partition by first_answers.opportunity_id, first_answers.attribute_id
            )
    ),
    compared_answers as (
        select *, {{ safe_ratio("value_sum - value", "answer_count - 1") }} as others_value,
        from weighted_answers
    ),
    own_scores as (
        select
            source_system,
            opportunity_id,
            rater_id,
            max(version_weight) as version_weight,
            sum(weight order by attribute_id) as answered_weight,
            sum(weight * value order by attribute_id) as answered_value,
            sum(weight order by attribute_id) filter (
                where others_value is not null
            ) as shared_weight,
            sum(weight * value order by attribute_id) filter (
                where others_value is not null
            ) as shared_value,
            sum(weight * others_value order by attribute_id) filter (
                where others_value is not null
            ) as others_value,
        from compared_answers
        group by source_system, opportunity_id, rater_id
    ),
    -- a score is one from the share on from which it is complete, also that of a comparison
    rater_scores as (
        select
            own_scores.source_system,
            own_scores.opportunity_id,
            own_scores.rater_id,
            round(
                100 * {{ safe_ratio("own_scores.answered_value", "own_scores.answered_weight") }}, 9
            ) as score,
            case
                when
                    own_scores.shared_weight
                    >= {{ var("complete_from") }} * own_scores.version_weight
                then
                    round(
                        100
                        * {{ safe_ratio("own_scores.shared_value", "own_scores.shared_weight") }},
                        9
                    )
            end as shared_score,
            case
                when
                    own_scores.shared_weight
                    >= {{ var("complete_from") }} * own_scores.version_weight
                then
                    round(
                        100
                        * {{ safe_ratio("own_scores.others_value", "own_scores.shared_weight") }},
                        9
                    )
            end as others_score,
            fct_opportunities.pipeline,
            fct_opportunities.entry_segment,
            fct_opportunities.industry,
            fct_opportunities.region,
            fct_opportunities.product_family,
            fct_opportunities.lead_source,
            fct_opportunities.opportunity_type,
            cast(date_trunc('quarter', fct_opportunities.created_date) as date) as created_quarter,
        from own_scores
        inner join fct_opportunities on own_scores.opportunity_id = fct_opportunities.opportunity_id
        where own_scores.answered_weight >= {{ var("complete_from") }} * own_scores.version_weight
    )
select *
from rater_scores

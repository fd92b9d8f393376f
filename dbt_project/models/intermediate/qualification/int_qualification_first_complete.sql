-- Grain: one row per opportunity whose score has ever been complete
with
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    -- an answer begins to count when it is known and ends when the same rater's next one is
    rater_steps as (
        select source_system, opportunity_id, attribute_id, known_from as step_at, 1 as step,
        from int_qualification_answers_valued
        where value is not null
        union all
        select source_system, opportunity_id, attribute_id, known_to as step_at, -1 as step,
        from int_qualification_answers_valued
        where value is not null and known_to is not null
    ),
    rater_counts as (
        select
            source_system,
            opportunity_id,
            attribute_id,
            step_at,
            sum(sum(step)) over (
                partition by source_system, opportunity_id, attribute_id order by step_at
            ) as rater_count,
        from rater_steps
        group by source_system, opportunity_id, attribute_id, step_at
    ),
    attribute_steps as (
        select
            source_system,
            opportunity_id,
            attribute_id,
            step_at,
            cast(rater_count > 0 as integer) - coalesce(
                lag(cast(rater_count > 0 as integer)) over (
                    partition by source_system, opportunity_id, attribute_id order by step_at
                ),
                0
            ) as step,
        from rater_counts
    ),
    answered_weights as (
        select
            attribute_steps.source_system,
            attribute_steps.opportunity_id,
            attribute_steps.step_at,
            int_qualification_scorecards.scorecard_version,
            int_qualification_scorecards.valid_from,
            int_qualification_scorecards.valid_to,
            int_qualification_scorecards.version_weight,
            sum(sum(int_qualification_scorecards.weight * attribute_steps.step)) over (
                partition by
                    attribute_steps.source_system,
                    attribute_steps.opportunity_id,
                    int_qualification_scorecards.scorecard_version
                order by attribute_steps.step_at
            ) as answered_weight,
        from attribute_steps
        inner join
            int_qualification_scorecards
            on attribute_steps.source_system = int_qualification_scorecards.source_system
            and attribute_steps.attribute_id = int_qualification_scorecards.attribute_id
        group by
            attribute_steps.source_system,
            attribute_steps.opportunity_id,
            attribute_steps.step_at,
            int_qualification_scorecards.scorecard_version,
            int_qualification_scorecards.valid_from,
            int_qualification_scorecards.valid_to,
            int_qualification_scorecards.version_weight
    ),
    first_complete as (
        select
            source_system,
            opportunity_id,
            nullif(min(step_at), {{ the_start() }}) as first_complete_at,
        from answered_weights
        where
            answered_weight >= {{ var("complete_from") }} * version_weight
            and greatest(business_date(step_at), date '0001-01-01') >= valid_from
            and business_date(step_at) < valid_to
        group by source_system, opportunity_id
    )
select *
from first_complete

-- Grain: one row per source system and attribute, and one for all attributes ('overall')
with
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    int_qualification_double_ratings as (
        select * from {{ ref("int_qualification_double_ratings") }}
    ),
    int_rater_agreement as (select * from {{ ref("int_rater_agreement") }}),
    attributes as (
        select source_system, attribute_id
        from int_qualification_scorecards
        union
        select source_system, 'overall' as attribute_id
        from int_qualification_scorecards
    ),
    answering_systems as (select distinct source_system from int_qualification_answers_valued),
    rating_counts as (
        select
            source_system,
            coalesce(attribute_id, 'overall') as attribute_id,
            count(distinct unit_id) as unit_count,
            count(distinct opportunity_id) as opportunity_count,
            count(distinct rater_id) as rater_count,
            count(*) as rating_count,
        from int_qualification_double_ratings
        group by grouping sets ((source_system, attribute_id), (source_system))
    ),
    compared_attributes as (
        select
            attributes.source_system,
            attributes.attribute_id,
            coalesce(rating_counts.unit_count, 0) as unit_count,
            coalesce(rating_counts.opportunity_count, 0) as opportunity_count,
            coalesce(rating_counts.rater_count, 0) as rater_count,
            coalesce(rating_counts.rating_count, 0) as rating_count,
            int_rater_agreement.alpha,
        from attributes
        inner join answering_systems on attributes.source_system = answering_systems.source_system
        left join
            rating_counts
            on attributes.source_system = rating_counts.source_system
            and attributes.attribute_id = rating_counts.attribute_id
        left join
            int_rater_agreement
            on attributes.source_system = int_rater_agreement.source_system
            and attributes.attribute_id = int_rater_agreement.attribute_id
    ),
    judged_attributes as (
        select
            *,
            {{
                suppressed_reason(
                    "unit_count",
                    "case when unit_count >= "
                    ~ var("min_n")
                    ~ " and alpha is null then 'all answers alike' end",
                )
            }} as alpha_suppressed_reason,
        from compared_attributes
    ),
    agreement as (
        select
            source_system,
            attribute_id,
            attribute_id = 'overall' as is_overall,
            case when alpha_suppressed_reason is null then alpha end as alpha,
            alpha_suppressed_reason,
            case
                when alpha_suppressed_reason is not null
                then null
                when alpha >= {{ var("alpha_good") }}
                then 'good'
                when alpha >= {{ var("alpha_acceptable") }}
                then 'acceptable'
                else 'too low'
            end as verdict,
            unit_count,
            opportunity_count,
            rater_count,
            rating_count,
        from judged_attributes
    )
select *
from agreement

-- Grain: one row per opportunity, attribute and rater, where two people or more have answered
with
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    -- of each rater the latest answer, unless it is that it is not known
    latest_answers as (
        select
            source_system,
            opportunity_id,
            attribute_id,
            opportunity_id || '/' || attribute_id as unit_id,
            rater_id,
            value,
        from int_qualification_answers_valued
        where is_valid and known_to is null and value is not null and rater_id is not null
    ),
    double_ratings as (
        select *
        from latest_answers
        qualify count(*) over (partition by source_system, opportunity_id, attribute_id) >= 2
    )
select *
from double_ratings

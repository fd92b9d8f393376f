-- Grain: one row per source system, scorecard version and attribute
with
    qualification_attributes as (select * from {{ ref("qualification_attributes") }}),
    closed_intervals as (
        select
            source_system,
            scorecard_version,
            attribute_id,
            question,
            weight,
            scale_min,
            scale_max,
            coalesce(valid_from, date '0001-01-01') as valid_from,
            coalesce(valid_to, date '9999-12-31') as valid_to,
        from qualification_attributes
    ),
    -- an answer is read on the scale in force when it was given; one given before the attribute's
    -- first version, or between two of them, on the nearest earlier, else the first
    scorecards as (
        select
            *,
            sum(weight) over (partition by source_system, scorecard_version) as version_weight,
            count(*) over (
                partition by source_system, scorecard_version
            ) as version_attribute_count,
            case
                when row_number() over (attribute_versions) = 1
                then date '0001-01-01'
                else valid_from
            end as reads_from,
            coalesce(lead(valid_from) over (attribute_versions), date '9999-12-31') as reads_to,
        from closed_intervals
        window
            attribute_versions as (
                partition by source_system, attribute_id order by valid_from, scorecard_version
            )
    )
select *
from scorecards

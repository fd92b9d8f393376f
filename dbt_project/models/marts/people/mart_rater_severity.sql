-- Grain: one row per source system, basis and rater
with
    int_rater_severity as (select * from {{ ref("int_rater_severity") }}),
    told_raters as (
        select
            source_system,
            basis,
            rater_id,
            score_count,
            {{ suppressed_reason("score_count") }} as difference_suppressed_reason,
            case when score_count >= {{ var("min_n") }} then mean_score end as mean_score,
            case when score_count >= {{ var("min_n") }} then expected_score end as expected_score,
            case when score_count >= {{ var("min_n") }} then difference end as difference_points,
            lower_limit_95 as lower_limit_95_points,
            upper_limit_95 as upper_limit_95_points,
            lower_limit_998 as lower_limit_998_points,
            upper_limit_998 as upper_limit_998_points,
            shrunken as shrunken_points,
            shrunken_lower as shrunken_lower_points,
            shrunken_upper as shrunken_upper_points,
            spread_within as spread_within_points,
            spread_between as spread_between_points,
            dispersion_ratio,
            case
                when is_outside_998 is null
                then null
                when is_outside_998
                then 'special'
                else 'common'
            end as cause,
            is_outside_95,
        from int_rater_severity
    )
select *
from told_raters

-- Grain: one row per source system, pipeline, landmark and threshold
with
    int_score_bunching as (select * from {{ ref("int_score_bunching") }}),
    told_thresholds as (
        select
            source_system,
            pipeline,
            landmark,
            threshold as threshold_score,
            threshold_kind,
            status,
            score_count,
            below_count,
            above_count,
            below_expected as expected_below,
            above_expected as expected_above,
            case
                when status <> 'measured'
                then null
                -- what lies above beyond the smooth curve, where the whole step is beyond chance
                when is_bunched
                then round(above_count - above_expected, 6)
                else 0
            end as lifted_scores,
            step_ratio,
            step_ratio_lower,
            step_ratio_upper,
            is_bunched,
            compared_count,
        from int_score_bunching
    )
select *
from told_thresholds

-- How much work goes into deals that are hardly ever won?
-- Pipelines without a lower tipping point have no numerator, and are left out of both sums.
with
    qualification as (
        select *
        from {{ ref("mart_qualification_monthly") }}
        where lower_tipping_point_score is not null
    )
select
    pipeline,
    segment,
    sum(below_proposal_rate_numerator) as proposals_below_count,
    sum(below_proposal_rate_numerator)
    / nullif(sum(below_proposal_rate_denominator), 0) as below_proposal_rate,
    sum(below_activity_hours_rate_numerator) as hours_below,
    sum(below_activity_hours_rate_numerator)
    / nullif(sum(below_activity_hours_rate_denominator), 0) as below_activity_hours_rate,
from qualification
group by pipeline, segment
order by pipeline, segment

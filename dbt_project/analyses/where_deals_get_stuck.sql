-- At which step do deals stop, and how many still stand there?
-- Open deals are in no denominator; held_open_count tells how many are undecided.
with funnel as (select * from {{ ref("mart_funnel_monthly") }})
select
    source_system,
    pipeline,
    stage,
    sum(effective_reach_count) as reached_count,
    sum(held_open_count) as still_open_count,
    sum(conversion_rate_numerator) as went_on_count,
    sum(conversion_rate_denominator) as decided_count,
    sum(conversion_rate_numerator) / nullif(sum(conversion_rate_denominator), 0) as conversion_rate,
from funnel
where stage_type = 'open'
group by source_system, pipeline, stage, stage_order
order by source_system, pipeline, stage_order

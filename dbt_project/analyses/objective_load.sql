-- How many objectives do reps carry at once, and how many of them are left alone?
-- A distribution over reps by month, not a list of reps: nobody is ranked.
with objectives as (select * from {{ ref("mart_rep_objectives_monthly") }})
select
    objective_month,
    count(*) as rep_count,
    percentile_cont(0.1) within group (order by median_active_objectives) as p10_active_objectives,
    percentile_cont(0.5) within group (order by median_active_objectives) as p50_active_objectives,
    percentile_cont(0.9) within group (order by median_active_objectives) as p90_active_objectives,
    sum(ignored_rate_numerator) / nullif(sum(ignored_rate_denominator), 0) as ignored_rate,
from objectives
group by objective_month
order by objective_month

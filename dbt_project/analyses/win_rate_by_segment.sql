-- Which segments do we win, by number and by value, in the last twelve whole months?
-- Numerators and denominators are added up; a rate is never averaged.
with
    outcomes as (select * from {{ ref("mart_sales_outcomes_monthly") }}),
    last_month as (select max(close_month) as close_month, from outcomes),
    last_months as (
        select outcomes.*
        from outcomes
        inner join
            last_month
            on outcomes.close_month >= last_month.close_month - interval 12 month
            and outcomes.close_month < last_month.close_month
    )
select
    segment,
    sum(won_count) as won_count,
    sum(lost_count) as lost_count,
    sum(win_rate_numerator) / nullif(sum(win_rate_denominator), 0) as win_rate,
    sum(win_rate_by_value_numerator)
    / nullif(sum(win_rate_by_value_denominator), 0) as win_rate_by_value,
from last_months
group by segment
order by segment

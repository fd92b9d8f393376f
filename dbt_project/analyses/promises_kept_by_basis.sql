-- Which of our dates do we keep: the customer's, the first promised, the last promised?
-- Compare the bases: what only the last promise keeps was kept by moving it.
with deliveries as (select * from {{ ref("mart_on_time_delivery_monthly") }})
select
    basis,
    promised_by,
    sum(otif_rate_numerator) as kept_count,
    sum(otif_rate_denominator) as due_count,
    sum(otif_rate_numerator) / nullif(sum(otif_rate_denominator), 0) as otif_rate,
    sum(on_time_recorded_rate_numerator)
    / nullif(sum(on_time_recorded_rate_denominator), 0) as on_time_recorded_rate,
    sum(overdue_open_count) as overdue_count,
from deliveries
group by basis, promised_by
order by basis, promised_by

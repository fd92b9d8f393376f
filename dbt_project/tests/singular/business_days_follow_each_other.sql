-- A business day ends where the next begins, and is 22 to 26 hours long however clocks change:
-- a gap or an overlap would lose events or count them twice.
select date_day, starts_at, ends_at
from {{ ref("dim_dates") }}
qualify
    ends_at <> lead(starts_at, 1, ends_at) over (order by date_day)
    or ends_at - starts_at not between interval 22 hours
    and interval 26 hours

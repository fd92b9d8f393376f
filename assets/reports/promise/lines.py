"""What the sections on promises share: the marts, the bases, and how months of them are added up.

A line here is a planned date of an order line, the unit of the delivery marts.
"""

from assets.reports.content import Column
from assets.reports.freshness import AS_OF
from assets.reports.monthly import rate, reason

ON_TIME = "mart_on_time_delivery_monthly"
LINES = "fct_order_line_deliveries"
SCORES = "fct_promise_scores"
#: months of the lists by month
LISTED_MONTHS = 13
BASES = {
    "request": "the customer's date",
    "first_promise": "the first promise",
    "last_promise": "the last promise",
}
NO_ORDERS = (
    "No order line is published. Bring the extract order_lines, and shipments for what was"
    " delivered; promise_changes tells which dates were moved."
)
BASIS_LABEL = (
    "case basis when 'request' then 'customer''s date' when 'first_promise' then 'first promise'"
    " else 'last promise' end"
)
BASIS_ORDER = "array_position(['request', 'first_promise', 'last_promise'], basis)"


def on_time(basis: str) -> str:
    """The on-time rate by month of the date on the basis, whole months only."""
    return f"""
select basis_month as period, sum(on_time_rate_numerator) as numerator,
    sum(on_time_rate_denominator) as denominator
from marts.{ON_TIME}
where basis = '{basis}' and last_day(basis_month) <= {AS_OF}
group by basis_month
"""


SUMS = (
    Column("Due", "count"),
    Column("On time", "count"),
    Column("On time, share", "rate"),
    Column("On time as booked", "count"),
    Column("As booked, share", "rate"),
    Column("Not due yet", "count"),
    Column("No share because"),
)


def sums(rest: str) -> str:
    """What the mart of a month says when its rows are added up; `rest` is the grouping."""
    recorded = "sum(on_time_recorded_rate_numerator)"
    kept, due = "sum(on_time_rate_numerator)", "sum(on_time_rate_denominator)"
    return f"""
{due} as due_count, {kept} as kept_count, {rate(kept, due)} as on_time_rate,
    {recorded} as recorded_count, {rate(recorded, due)} as recorded_rate,
    sum(not_due_count) as not_due_count, {reason(due)} as suppressed_reason
from marts.{ON_TIME}
{rest}"""

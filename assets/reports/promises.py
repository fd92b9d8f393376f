"""The monthly report on promises: which dates were kept, moved and missed, and which will be.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), what is too old (`freshness`), how it looks (the renderings).

A line here is a planned date of an order line, the unit of the delivery marts: a line that is
planned in three parts is three. The month is the last one that was over by the as_of, and in which
something was due. Figures are pooled over source systems and functions by adding numerators and
denominators; shares of fewer than five lines are NULL with the reason beside them. A line that is
not due yet is in no share.
"""

from assets.reports.content import Report
from assets.reports.promise import (
    at_risk,
    changes,
    families,
    held,
    lines,
    on_time,
    overdue,
    quotes,
    recorded,
)
from assets.reports.published import Published
from assets.reports.review.found import report_of
from assets.reports.signals import Metric, judge

KEY = "promises"
TITLE = "Promises, month by month"


def report(marts: Published) -> Report:
    """The report on the last whole month, as of the published day."""
    judged = {
        basis: judge(
            marts, lines.on_time(basis), "rate", "month", "rate", Metric("on_time_rate", basis)
        )
        for basis in lines.BASES
    }
    # who has no promises, but requests, is held against those
    basis = next((name for name in ("first_promise", "request") if judged[name]), "first_promise")
    month = judged[basis]
    return report_of(
        marts,
        KEY,
        TITLE,
        "Which dates were kept, moved and missed, and which are at risk",
        (
            on_time.section(marts, basis, month),
            families.section(marts, basis, month),
            recorded.section(marts, basis, month),
            changes.section(marts),
            overdue.section(marts),
            at_risk.section(marts),
            quotes.section(marts),
            held.section(marts),
        ),
    )

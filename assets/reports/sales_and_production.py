"""The monthly report in which sales meets production: promises, capacity, mix, profit, change.

Belongs here: which sections there are, in which order. Does not belong here: what each asks and
says (`production`), how signal is told from noise (`signals`), how it looks (the renderings).
"""

from assets.reports.content import Report
from assets.reports.production import (
    best_mix,
    capacity,
    change_load,
    incentives,
    mix,
    operations_contact,
    opportunity_fit,
    profit,
    promise_reliability,
    promise_spiral,
)
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "sales_and_production"
TITLE = "Sales meets production, month by month"


def report(marts: Published) -> Report:
    """The report on the last whole month and the weeks to come, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "What was promised, what the plant can make, and what each product earns in each account",
        (
            promise_reliability.section(marts),
            promise_spiral.section(marts),
            capacity.section(marts),
            mix.section(marts),
            best_mix.section(marts),
            opportunity_fit.section(marts),
            profit.section(marts),
            operations_contact.section(marts),
            change_load.section(marts),
            incentives.section(marts),
        ),
    )

"""The monthly report on the plan: what is needed to meet it, and how predictable we are.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), how it looks (the renderings).

A plan is one of the company: nobody's quota, commit or pipeline is told apart.
"""

from assets.reports.content import Report
from assets.reports.plan import (
    at_risk,
    big_deals,
    early_warning,
    gap,
    levers,
    needed,
    room,
    scoreboard,
)
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "plan_and_predictability"
TITLE = "The plan: what is needed, and how predictable we are"


def report(marts: Published) -> Report:
    """The report on the quarter three months out, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "What has to begin this month so that the plan is met, and how far our word can be relied"
        " on",
        (
            needed.section(marts),
            room.section(marts),
            levers.section(marts),
            gap.section(marts),
            scoreboard.section(marts),
            early_warning.section(marts),
            big_deals.section(marts),
            at_risk.section(marts),
        ),
    )

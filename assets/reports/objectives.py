"""The monthly report on sales objectives: how many a rep carries, and what comes of them.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), what is too old (`freshness`), how it looks (the renderings).

The driver is the number assigned, not the person: reps appear only as a distribution, never by
name. Issuers are told by name, in the order of their names, with n, limits and a shrunken estimate,
and each is common or special cause. The month is the last one that was over by the as_of.
"""

from assets.reports.content import Report
from assets.reports.objective import attainment, attention, issued, issuers, load, overlap
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "objectives"
TITLE = "Objectives, month by month"


def report(marts: Published) -> Report:
    """The report on the last whole month, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "How many objectives a rep carries, and how many get attention",
        (
            load.section(marts),
            attention.section(marts),
            attainment.section(marts),
            issued.section(marts),
            issuers.section(marts),
            overlap.section(marts),
        ),
    )

"""The monthly report on barriers, coaching and alignment: what stands in the way, what is done to
get on, and who sees it how.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), how it looks (the renderings).

A barrier is a fault of the process until shown otherwise: nobody who raises one, or is to remove
it, is named, nor is anybody who coaches or is coached. Functions of fewer than five respondents
have no figure anywhere.
"""

from assets.reports.alignment import barriers, coaching, pulse
from assets.reports.content import Report
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "barriers_and_alignment"
TITLE = "Barriers, coaching and alignment, month by month"


def report(marts: Published) -> Report:
    """The report on the last whole month and the last wave, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "What stands in the way of the work, who is helped on, and how far functions see it alike",
        (barriers.section(marts), coaching.section(marts), pulse.section(marts)),
    )

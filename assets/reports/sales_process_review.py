"""The weekly review of the sales process: how deals flow, what moved, and what it means.

Belongs here: which sections there are, and what goes first. Does not belong here: the sections
(`review`), how signal is told from noise (`signals`), what is too old (`freshness`), how it looks
(the renderings).

Counts, amounts and rates are pooled over source systems and pipelines, by adding numerators and
denominators; what hangs on the steps of a pipeline is told by pipeline, and where one has to stand
for all it is the one with the most deals, by name. Rates of fewer than five cases are NULL with the
reason beside them. A month or week that is not over is never held against whole ones.
"""

from assets.reports.content import Report
from assets.reports.published import Published
from assets.reports.review import (
    data_quality,
    delivery,
    forecast,
    funnel,
    objectives,
    qualification,
    time_in_stage,
    waterfall,
)
from assets.reports.review.found import report_of

KEY = "sales_process_review"
TITLE = "Sales process, week by week"
SECTIONS = (
    *(funnel, waterfall, time_in_stage, forecast),
    *(qualification, delivery, objectives, data_quality),
)


def report(marts: Published) -> Report:
    """The review as of the published day.

    What to look at first: signals for the worse, then deals and lines that wait for somebody, then
    other signals; each kind in the order of the sections.
    """
    return report_of(
        marts,
        KEY,
        TITLE,
        "What moved in funnel, forecast and delivery, and what is no more than chance",
        tuple(part.section(marts) for part in SECTIONS),
    )

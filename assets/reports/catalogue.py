"""Which reports there are, how often each is due, and what fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assets.reports import objectives, promises, qualification_year_to_date, sales_process_review
from assets.reports.content import Report
from assets.reports.published import Published


@dataclass(frozen=True)
class Listed:
    title: str
    cadence: Literal["weekly", "monthly"]
    report: Callable[[Published], Report]


REPORTS: dict[str, Listed] = {
    module.KEY: Listed(module.TITLE, cadence, module.report)
    for module, cadence in (
        (sales_process_review, "weekly"),
        (qualification_year_to_date, "monthly"),
        (promises, "monthly"),
        (objectives, "monthly"),
    )
}

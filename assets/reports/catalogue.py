"""Which reports there are, how often each is due, and what fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeAlias

from assets.reports import (
    barriers_and_alignment,
    market_picture,
    objectives,
    plan_and_predictability,
    process_behaviour,
    promises,
    qualification_year_to_date,
    sales_and_production,
    sales_process_review,
)
from assets.reports.content import Report
from assets.reports.published import Published

Cadence: TypeAlias = Literal["weekly", "monthly"]


@dataclass(frozen=True)
class Listed:
    title: str
    cadence: Cadence
    report: Callable[[Published], Report]


_DUE: tuple[tuple[ModuleType, Cadence], ...] = (
    (sales_process_review, "weekly"),
    (qualification_year_to_date, "monthly"),
    (promises, "monthly"),
    (objectives, "monthly"),
    (process_behaviour, "monthly"),
    (sales_and_production, "monthly"),
    (barriers_and_alignment, "monthly"),
    (plan_and_predictability, "monthly"),
    (market_picture, "monthly"),
)
REPORTS: dict[str, Listed] = {
    module.KEY: Listed(module.TITLE, cadence, module.report) for module, cadence in _DUE
}

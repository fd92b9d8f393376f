"""Coaching sessions, and what they are worth.

Planted here: a rep who was coached on quotations loses fewer deals at the proposal for some weeks.
Those deals get into the negotiation and are lost there, so that nothing but the step changes.
"""

import numpy as np

from assets.demo.company import DAY, MONTHS, Company

STEPS = ("Lead", "Qualification", "Quotation", "Order entry", "Planning", "Delivery")
HELPED_STEP = STEPS.index("Quotation")
#: working days after a session in which it helps, and the chance to get over the step by it
HELPS_FOR = 65
HELPS = 0.6


def sessions(company: Company) -> dict[str, np.ndarray]:
    """About one session a month for each rep, on any step."""
    draw = company.plan.draw("coaching")
    calendar = company.calendar
    reps = len(company.rep_name)
    keen = draw.uniform(0.3, 1.5, reps)
    counts = draw.poisson(keen * MONTHS)
    rep = np.repeat(np.arange(reps), counts)
    when = draw.uniform(0, calendar.days, len(rep))
    held_on = calendar.moment(when)
    there = (company.rep["hired"][rep] <= held_on // DAY) & (
        held_on // DAY < company.rep["left"][rep]
    )
    rep, when = rep[there], when[there]
    order = np.argsort(when, kind="stable")
    return {
        "at": calendar.moment(when)[order],
        "rep": rep[order],
        "minutes": draw.choice([30, 45, 60], len(rep)),
        "step": draw.integers(0, len(STEPS), len(rep)),
    }


def is_helped(company: Company, rep: np.ndarray, entered_w: np.ndarray) -> np.ndarray:
    """Whether each rep was coached on quotations in the weeks before a working day."""
    held = sessions(company)
    helped = np.zeros(len(rep), bool)
    entered = company.calendar.moment(entered_w)
    since = company.calendar.moment(np.maximum(entered_w - HELPS_FOR, 0))
    for one in range(len(company.rep_name)):
        at = np.sort(held["at"][(held["rep"] == one) & (held["step"] == HELPED_STEP)])
        mine = np.flatnonzero(rep == one)
        before = np.searchsorted(at, entered[mine])
        helped[mine] = before > np.searchsorted(at, since[mine])
    return helped

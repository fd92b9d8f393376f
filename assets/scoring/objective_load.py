"""Whether a rep attains less of each objective while carrying more of them.

Belongs here: the slope of attainment on the number carried, its interval, and when it counts as
shown. Which months of reps are evidence, and what is attained, is decided in dbt
(`int_rep_attainments`). A slope is an association: nobody drew by lot who carries how many.

Two comparisons, since each lets in what the other keeps out:

- *the same rep over time*: months of a rep against that rep's other months, so that who is good at
  attaining tells nothing. Whatever else moved while the number moved (a season, a market) is in it.
- *the same month across reps*: beside that, months against months, so that what moved everybody
  tells nothing. Only reps who carry other numbers than their colleagues speak here.

Months of one rep hang together, and so do those of all reps in one quarter: the standard error adds
what the slope moves by when a group of reps is left out to what it moves by when a quarter is (a
jackknife of two terms, rather too wide than too narrow where neither matters: J. G. MacKinnon, M.
Ø. Nielsen and M. D. Webb, "Jackknife inference with two-way clustering" (2024)); the interval is
Student's with one degree of freedom less than there are groups or quarters, whichever are fewer.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

CONFIDENCE = 0.95
#: fewer cannot tell an effect from chance
LEAST_REPS, LEAST_QUARTERS = 5, 6
#: reps are left out in so many groups at most
REP_GROUPS = 40
#: the mean of what is attained of an objective, and the sum over all that a rep carries
OUTCOMES = {"attainment per objective": "mean_attainment", "attainment in all": "attainment_sum"}
COMPARISONS = ("same rep over time", "same month across reps")
SCHEMA = [
    *((name, pa.string()) for name in ("source_system", "outcome", "comparison", "status")),
    *((name, pa.float64()) for name in ("effect", "effect_lower", "effect_upper")),
    ("is_shown", pa.bool_()),
    *(
        (f"{name}_count", pa.int64())
        for name in ("compared", "rep", "quarter", "rep_month", "objective_period")
    ),
    *((f"{end}_objective_month", pa.date32()) for end in ("first", "last")),
    *((f"{end}_active_objectives", pa.float64()) for end in ("fewest", "most")),
]
#: so little a number of objectives varies that it does not vary, in squared objectives per month
STEADY = 1e-6


def slope(number: Floats, attained: Floats, *effects: Codes) -> float:
    """The least-squares slope of `attained` on `number` within groups; NaN where it never varies.

    Args:
        number, attained: (n,) finite numbers.
        effects: each (n,) the group 0… of each case; with two, cases are compared within both.
    """
    left = number.copy()
    # one pass is exact for one grouping; two take turns until nothing moves
    for _ in range(1 if len(effects) == 1 else 200):
        before = left
        for group in effects:
            counts = np.maximum(np.bincount(group), 1)
            left = left - (np.bincount(group, left) / counts)[group]
        if np.abs(left - before).max(initial=0.0) < 1e-10:
            break
    spread = float((left * left).sum())
    if spread <= STEADY * max(number.size, 1):
        return float("nan")
    return float((left * attained).sum()) / spread


def left_out(number: Floats, attained: Floats, effects: tuple[Codes, ...], among: Codes) -> float:
    """The variance of the slope by what it moves when each group of `among` is left out; NaN where
    without one of them nothing varies."""
    groups = np.unique(among)
    whole = slope(number, attained, *effects)
    moved = []
    for group in groups:
        kept = among != group
        moved.append(slope(number[kept], attained[kept], *(each[kept] for each in effects)))
    scale = (groups.size - 1) / groups.size
    return float(scale * ((np.array(moved) - whole) ** 2).sum())


def effects(cases: Any) -> list[dict[str, Any]]:
    """A row per source system, outcome and comparison of `int_rep_attainments` (pandas).

    `is_shown`: whether 0 lies outside of the interval at the confidence 1 − .05/m, where m is the
    number of slopes told of the system (Bonferroni).
    """
    rows: list[dict[str, Any]] = []
    for system, told in cases.groupby("source_system", sort=True):
        found = [
            {"source_system": system, "outcome": outcome, "comparison": comparison}
            | _effect(told, column, comparison)
            for outcome, column in OUTCOMES.items()
            for comparison in COMPARISONS
        ]
        measured = sum(row["status"] == "measured" for row in found)
        for row in found:
            row |= _limits(row.pop("standard_error"), row, measured)
            row["compared_count"] = measured
        rows += found
    return rows


def _effect(told: Any, column: str, comparison: str) -> dict[str, Any]:
    # a rep seen once is all rep effect
    told = told[told.groupby("rep_id")["rep_id"].transform("size") > 1]
    months, month = np.unique(
        told["objective_month"].to_numpy("datetime64[M]"), return_inverse=True
    )
    reps, rep = np.unique(told["rep_id"].to_numpy(str), return_inverse=True)
    # quarters of the calendar, counted from 1970
    quarter = months.astype(np.int64)[month] // 3
    number = told["mean_active_objectives"].to_numpy(float)
    row: dict[str, Any] = {
        "rep_count": int(reps.size),
        "quarter_count": int(np.unique(quarter).size),
        "rep_month_count": len(told),
        "objective_period_count": int(told["objective_period_count"].sum()),
        "first_objective_month": months[0].item() if months.size else None,
        "last_objective_month": months[-1].item() if months.size else None,
        "fewest_active_objectives": _rounded(number.min()) if number.size else None,
        "most_active_objectives": _rounded(number.max()) if number.size else None,
        "effect": None,
        "standard_error": None,
    }
    if row["rep_count"] < LEAST_REPS or row["quarter_count"] < LEAST_QUARTERS:
        return row | {"status": "too few reps or quarters"}
    attained = told[column].to_numpy(float)
    within = (rep,) if comparison == COMPARISONS[0] else (rep, month)
    found = slope(number, attained, *within)
    if np.isnan(found):
        return row | {"status": "the number does not vary"}
    variance = left_out(number, attained, within, rep % REP_GROUPS)
    variance += left_out(number, attained, within, quarter)
    if np.isnan(variance):
        return row | {"status": "the number varies in one quarter or group of reps alone"}
    return row | {
        "status": "measured",
        "effect": _rounded(found),
        "standard_error": float(np.sqrt(variance)),
    }


def _limits(error: float | None, row: dict[str, Any], measured: int) -> dict[str, Any]:
    """The ends of the interval, and whether an effect is shown; None where there is none."""
    from scipy.stats import t

    if error is None:
        return {"effect_lower": None, "effect_upper": None, "is_shown": None}
    freedom = min(row["rep_count"], REP_GROUPS, row["quarter_count"]) - 1
    reach, strict = (
        float(t.ppf(1 - (1 - CONFIDENCE) / 2 / many, freedom)) * error for many in (1, measured)
    )
    return {
        "effect_lower": _rounded(row["effect"] - reach),
        "effect_upper": _rounded(row["effect"] + reach),
        "is_shown": abs(row["effect"]) > strict,
    }


def _rounded(value: float) -> float:
    return round(float(value), 9)

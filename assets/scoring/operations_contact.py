"""What came of accounts that operations met early, beside like accounts that it met late.

Belongs here: which early account is held against which late one, and the differences with their
intervals. When sales and operations first met an account, and what it ordered, cost and got on time
before and after, is decided in dbt (`int_account_contacts`).

An account is early or late by what happened in the first days after sales first met it, and what
came of it is counted only from their end on: whoever is met in the second year has then not had two
years in which to grow first (landmark analysis; J. R. Anderson, K. C. Cain and R. D. Gelber, J.
Clinical Oncology 1, 1983).

Each early account is held against one late account of the same segment that sales met in the same
quarter, that ordered alike in those first days and that sales met about as often: each within a
fifth of all accounts of the system by rank. How often matters, because whoever is met often meets
operations sooner by chance alone, and goes on ordering. Among all ways to pair them that of the
smallest gaps is taken (P. R. Rosenbaum, J. American Statistical Association 84, 1989). Who has no
like is left out, and counted.

Each figure is a ratio of sums over the accounts of a side. The interval draws pairs again, so that
one large account is as uncertain as it is. An association: accounts that operations hurries to see
may differ in what nobody wrote down.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.scoring.resampling import expanded_tail

DRAWS = 4_000
CONFIDENCE = 0.95
#: what accounts of a pair are alike in, and how far apart they may be in each, as a share of ranks
LIKENESS = ("before_order_amount", "before_contact_count")
REACH = 0.2
#: pairs below which an interval of resampled pairs says nothing
LEAST_PAIRS = 10
#: measure → its numerator and denominator in `int_account_contacts`, and what is taken off it
MEASURES = {
    "order_growth": ("after_daily_amount", "before_daily_amount", 1.0),
    "cost_to_serve_rate": ("cost_to_serve_amount", "net_revenue_amount", 0.0),
    "on_time_rate": ("on_time_count", "eligible_count", 0.0),
}


def pairs(accounts: Any) -> Any:
    """Pairs of like accounts, in pandas: source_system, account_id (early), late_account_id and
    rank_gap.

    Args:
        accounts: rows of `int_account_contacts` (pandas) that can be compared: source_system,
            account_id, segment, entry_quarter_start_date, is_early and the columns of LIKENESS.

    The gap of a pair is the larger of its gaps.
    """
    import pandas as pd
    from scipy.optimize import linear_sum_assignment

    accounts = accounts.sort_values(["source_system", "account_id"])
    places = [
        accounts[column].astype(float).groupby(accounts["source_system"]).rank(pct=True)
        for column in LIKENESS
    ]
    accounts = accounts.assign(place=list(np.stack(places, axis=1)))
    found = []
    for (system, *_), cell in accounts.groupby(
        ["source_system", "segment", "entry_quarter_start_date"], sort=True
    ):
        early, late = (cell[cell["is_early"] == side] for side in (True, False))
        if early.empty or late.empty:
            continue
        one_side, other_side = (np.stack(side["place"].to_list()) for side in (early, late))
        gaps = np.abs(one_side[:, None] - other_side).max(axis=2)
        # a pair out of reach is worth less than none
        one, other = linear_sum_assignment(np.where(gaps <= REACH, gaps, 1e3))
        for left, right in zip(one, other, strict=True):
            if gaps[left, right] <= REACH:
                found.append(
                    (
                        system,
                        early["account_id"].iloc[left],
                        late["account_id"].iloc[right],
                        round(float(gaps[left, right]), 9),
                    )
                )
    columns = ["source_system", "account_id", "late_account_id", "rank_gap"]
    return pd.DataFrame(found, columns=columns).astype(
        {**dict.fromkeys(columns[:3], "string"), "rank_gap": "float64"}
    )


def difference(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    confidences: Iterable[float] = (CONFIDENCE,),
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, list[tuple[float, float]]]:
    """Early less late ratio of sums, and an interval for each confidence.

    Args:
        numerators, denominators: (pairs, 2), early and late.
    """
    count = len(numerators)
    random = np.random.default_rng(seed)
    times = np.ones((draws + 1, count))
    times[1:] = random.multinomial(count, np.full(count, 1 / count), draws)
    # not by @, whose last digits depend on the machine's threads
    over, under = (np.einsum("dp,ps->ds", times, part) for part in (numerators, denominators))
    ratios = np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)
    found = ratios[:, 0] - ratios[:, 1]
    ends = []
    for confidence in confidences:
        tail = expanded_tail(count, confidence)
        lower, upper = np.nanquantile(found[1:], [tail, 1 - tail])
        ends.append((float(lower), float(upper)))
    return float(found[0]), ends


def compared(accounts: Any, paired: Any, *, draws: int = DRAWS) -> Any:
    """A row per source system and measure, in pandas.

    Args:
        accounts: rows of `int_account_contacts` (pandas) that can be compared; a measure of which
            an account has no denominator is NaN there.
        paired: what `pairs` gave of them.
        draws: of the bootstrap.
    """
    import pandas as pd

    sides = ("early", "late")
    columns = {
        "source_system": "string",
        "measure": "string",
        **dict.fromkeys(("early_count", "late_count", "pair_count"), "int64"),
        **{f"{side}_{part}": "float64" for side in sides for part in ("numerator", "denominator")},
        **dict.fromkeys(("early_value", "late_value", "unmatched_difference"), "float64"),
        **dict.fromkeys(("difference", "difference_lower", "difference_upper"), "float64"),
        "verdict": "string",
    }
    rows = []
    corrected = 1 - (1 - CONFIDENCE) / len(MEASURES)
    for system, of_system in accounts.groupby("source_system", sort=True):
        by_id = of_system.set_index("account_id").sort_index()
        mine = paired[paired["source_system"] == system].sort_values("account_id")
        for measure, (top, bottom, off) in MEASURES.items():
            known = by_id[by_id[[top, bottom]].notna().all(axis=1)]
            is_early = known["is_early"].astype(bool)
            told = mine[
                mine["account_id"].isin(known.index) & mine["late_account_id"].isin(known.index)
            ]
            over, under = (
                np.stack(
                    [
                        known.loc[told[key], column].to_numpy(dtype=float)
                        for key in ("account_id", "late_account_id")
                    ],
                    axis=1,
                )
                for column in (top, bottom)
            )
            plain = [
                _ratio(known.loc[side, top].sum(), known.loc[side, bottom].sum())
                for side in (is_early, ~is_early)
            ]
            row = {
                "source_system": system,
                "measure": measure,
                "early_count": int(is_early.sum()),
                "late_count": int((~is_early).sum()),
                "pair_count": len(told),
                "unmatched_difference": plain[0] - plain[1],
            }
            for place, side in enumerate(sides):
                row |= {
                    f"{side}_numerator": over[:, place].sum(),
                    f"{side}_denominator": under[:, place].sum(),
                    f"{side}_value": _ratio(over[:, place].sum(), under[:, place].sum()) - off,
                }
            if len(told) >= LEAST_PAIRS and (under.sum(axis=0) > 0).all():
                found, [(lower, upper), (low, high)] = difference(
                    over, under, confidences=(CONFIDENCE, corrected), draws=draws
                )
                row |= {
                    "difference": found,
                    "difference_lower": lower,
                    "difference_upper": upper,
                    "verdict": "more" if low > 0 else "less" if high < 0 else "not shown",
                }
            rows.append(row)
    return pd.DataFrame(rows, columns=list(columns)).astype(columns).round(9)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator) / float(denominator) if denominator > 0 else float("nan")

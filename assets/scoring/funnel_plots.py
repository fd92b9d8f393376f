"""Rates of several members side by side, so that none is praised or blamed for chance.

Belongs here: the limits of a funnel plot and the shrinkage of rates, on counts. Which rates are
compared, of whom, over which months, is decided in dbt (`int_rate_cases`, `int_market_cases`).

- *Limits* are exact: a member is outside of the 95 (99.8) % limits where a binomial of the common
  rate and its own number of cases gives as few, or as many, in at most 2.5 (0.1) of 100. Source: D.
  J. Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine
  24 (2005).
- *Dispersion* is the mean squared distance of members in standard errors; 1 is chance alone. Where
  it is far above, members differ throughout (in what they sell, in whom they serve), and to be
  outside of the limits says less of one member.
- *Shrunken rates* lean on the common one as far as their own few cases ask: the mean of a Beta
  that all members share as prior, fitted by maximum likelihood of the Beta–binomial. Source: J. G.
  Skellam, Journal of the Royal Statistical Society B 10 (1948).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

#: share of each tail outside of the two pairs of limits
TAILS = {"95": 0.025, "998": 0.001}
#: cases that a prior weighs at least and at most: fewer shrink hardly, with more all are alike
LIGHTEST, HEAVIEST = 1.0, 1e5
#: what `compared` says of each member
SCHEMA = [
    ("centre", pa.float64()),
    *((f"{side}_limit_{name}", pa.float64()) for name in TAILS for side in ("lower", "upper")),
    ("shrunken", pa.float64()),
    ("prior_cases", pa.float64()),
    ("dispersion_ratio", pa.float64()),
    ("is_outside_95", pa.bool_()),
    ("is_outside_998", pa.bool_()),
]


def compared(cases: Sequence[int], totals: Sequence[int]) -> list[dict[str, Any]]:
    """A row of SCHEMA per member, in their order.

    A limit is the last rate inside of it. All NULL but the centre where there are fewer than two
    members or the common rate is 0 or 1: nothing can stand out.

    Args:
        cases, totals: k and n of each member, 0 ≤ k ≤ n and n > 0.
    """
    from scipy.stats import binom

    k, n = np.asarray(cases, dtype=np.int64), np.asarray(totals, dtype=np.int64)
    centre = float(k.sum() / n.sum()) if n.size else float("nan")
    rows: list[dict[str, Any]] = [
        {name: None for name, _ in SCHEMA} | {"centre": round(centre, 9)} for _ in k
    ]
    if n.size < 2 or not 0 < centre < 1:
        return rows
    weight = prior_cases(k, n, centre)
    shrunken = shrink(k, n, centre * weight, (1 - centre) * weight)
    dispersion = float(np.mean((k / n - centre) ** 2 / (centre * (1 - centre) / n)))
    for row, rate in zip(rows, shrunken, strict=True):
        row["shrunken"] = round(float(rate), 9)
        row["prior_cases"] = round(weight, 3)
        row["dispersion_ratio"] = round(dispersion, 6)
    for name, tail in TAILS.items():
        # the fewest with more than a tail below or at them; the most, with more than a tail above
        lowest = binom.ppf(tail, n, centre)
        lowest += binom.cdf(lowest, n, centre) <= tail
        highest = binom.isf(tail, n, centre)
        highest += binom.sf(highest - 1, n, centre) > tail
        highest -= binom.sf(highest - 1, n, centre) <= tail
        for i, row in enumerate(rows):
            row[f"lower_limit_{name}"] = round(float(lowest[i] / n[i]), 9)
            row[f"upper_limit_{name}"] = round(float(highest[i] / n[i]), 9)
            row[f"is_outside_{name}"] = bool(k[i] < lowest[i] or k[i] > highest[i])
    return rows


def compared_within(cases: pa.Table, group: Sequence[str]) -> pa.Table:
    """The members of each group side by side: its columns, `member` and those of SCHEMA.

    Args:
        cases: a row per group and member, with `rate_numerator` and `rate_denominator`.
        group: the columns whose values members have in common.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in cases.to_pylist():
        groups[tuple(row[name] for name in group)].append(row)
    key = (*group, "member")
    found = []
    for members in groups.values():
        limits = compared(
            [row["rate_numerator"] for row in members], [row["rate_denominator"] for row in members]
        )
        for row, told in zip(members, limits, strict=True):
            found.append({name: row[name] for name in key} | told)
    keys = [cases.schema.field(name) for name in key]
    return pa.Table.from_pylist(found, schema=pa.schema([*keys, *SCHEMA]))


def shrink(cases: np.ndarray, totals: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """(members,) mean of the Beta(alpha, beta) that is left when k of n have been seen."""
    shrunken: np.ndarray = (alpha + cases) / (alpha + beta + totals)
    return shrunken


def prior_cases(cases: np.ndarray, totals: np.ndarray, centre: float) -> float:
    """How many cases the prior weighs: alpha + beta of the Beta with mean `centre` under which the
    members' counts are likeliest, within LIGHTEST and HEAVIEST."""
    from scipy.optimize import minimize_scalar
    from scipy.special import betaln

    def surprise(log_weight: float) -> float:
        weight = np.exp(log_weight)
        alpha, beta = centre * weight, (1 - centre) * weight
        return -float(np.sum(betaln(cases + alpha, totals - cases + beta) - betaln(alpha, beta)))

    found = minimize_scalar(surprise, bounds=(np.log(LIGHTEST), np.log(HEAVIEST)), method="bounded")
    return float(np.exp(found.x))

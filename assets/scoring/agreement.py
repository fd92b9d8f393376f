"""How far raters agree: Krippendorff's alpha.

Belongs here: the coefficient on arrays. Which answers are compared is decided in dbt
(`int_qualification_double_ratings`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Metric = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True)
class Agreement:
    """`alpha` is None where it is not defined: nothing to compare, or no variation at all.

    `unit_count` and `value_count` count what could be compared: units with two values or more.
    """

    alpha: float | None
    unit_count: int
    value_count: int


def krippendorff_alpha(units: ArrayLike, values: ArrayLike, metric: Metric) -> Agreement:
    """Krippendorff's alpha, 1 − observed ÷ expected disagreement, with values missing at will.

    Args:
        units: (n,) what was rated, any sortable key.
        values: (n,) the number given, one row per unit and rater; a missing rating has no row.
        metric: what a difference weighs. "ratio" wants values of 0 or more.

    Raises:
        ValueError: unequal lengths, a value that is not finite, or a negative one for "ratio".

    Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), coincidence
    matrix; Content Analysis, 4th ed. (2019), chapter 12.
    """
    unit_keys, unit_of = np.unique(np.asarray(units), return_inverse=True)
    scale, value_of = np.unique(np.asarray(values, dtype=float), return_inverse=True)
    if unit_of.shape != value_of.shape:
        raise ValueError(f"{unit_of.size} units but {value_of.size} values")
    if not np.isfinite(scale).all():
        raise ValueError("a value is not a finite number")
    if metric == "ratio" and (scale < 0).any():
        raise ValueError("the ratio metric has no meaning for negative values")

    # units × values: how many raters gave the unit the value
    counts = sparse.csr_array(
        (np.ones(unit_of.size), (unit_of, value_of)), shape=(unit_keys.size, scale.size)
    )
    raters = counts.sum(axis=1)
    counts, raters = counts[raters >= 2], raters[raters >= 2]
    per_pair = sparse.diags_array(1 / (raters - 1))
    coincidences = (counts.T @ per_pair @ counts).toarray()
    # a value is not paired with itself
    coincidences -= np.diag((per_pair @ counts).sum(axis=0))

    occurrences = counts.sum(axis=0)
    total = occurrences.sum()
    weights = _squared_differences(scale, occurrences, metric)
    expected = (np.outer(occurrences, occurrences) * weights).sum()
    observed = (coincidences * weights).sum()
    return Agreement(
        alpha=round(float(1 - (total - 1) * observed / expected), 9) if expected > 0 else None,
        unit_count=int(raters.size),
        value_count=int(total),
    )


def _squared_differences(
    scale: NDArray[np.float64], occurrences: NDArray[np.float64], metric: Metric
) -> NDArray[np.float64]:
    """(v, v) squared differences between the values of a scale that occur so often."""
    if metric == "nominal":
        return 1 - np.eye(scale.size)
    # an ordinal difference is the number of values in between, each end counted half
    position = np.cumsum(occurrences) - occurrences / 2 if metric == "ordinal" else scale
    difference = position[:, None] - position[None, :]
    if metric == "ratio":
        span = position[:, None] + position[None, :]
        difference = np.divide(difference, span, out=np.zeros_like(difference), where=span > 0)
    return difference**2

"""What product changes do to the hours of the plant: mean differences over many changes.

Belongs here: the mean difference after − before over changes, its interval, and what is left of it
beside placebo dates. Which changes are evidence, and their hours in the weeks before and after, is
decided in dbt (`fct_product_change_effects`).

Changes of one product share its demand, its machines and often its windows, so that they are not
independent: the standard error sums the deviations of each product first (CR1; K.-Y. Liang and
S. L. Zeger, Biometrika 73 (1986)), and the interval is Student's with one degree of freedom less
than there are products (A. C. Cameron and D. L. Miller, J. Human Resources 50 (2015), § VI). With
one change per product that is the ordinary interval of a mean. A bootstrap of so few changes as a
plant makes would give intervals that are too narrow.

Many figures are told at once, measure by measure and group by group, and each has its own chance to
look like an effect. So whether an effect is shown is asked at the confidence 1 − .05/m, where m is
the number of means told of a system (Bonferroni).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.special import stdtrit

CONFIDENCE = 0.95
#: what changes are told by: all together, and columns of `fct_product_change_effects`
GROUPINGS = ("all", "change_type", "size_class")
KEY = ("source_system", "grouped_by", "group_value", "measure")
SCHEMA = [
    *((name, pa.string()) for name in KEY),
    ("change_count", pa.int64()),
    ("product_count", pa.int64()),
    ("before_sum", pa.float64()),
    ("after_sum", pa.float64()),
    *((f"mean_difference{end}", pa.float64()) for end in ("", "_low", "_high")),
    ("placebo_change_count", pa.int64()),
    ("placebo_product_count", pa.int64()),
    *((f"mean_placebo_difference{end}", pa.float64()) for end in ("", "_low", "_high")),
    ("net_change_count", pa.int64()),
    ("net_product_count", pa.int64()),
    *((f"mean_net_difference{end}", pa.float64()) for end in ("", "_low", "_high")),
    ("corrected_low", pa.float64()),
    ("corrected_high", pa.float64()),
    ("compared_count", pa.int64()),
]


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, which is None where fewer than two clusters are there."""

    mean: float | None
    standard_error: float | None
    case_count: int
    cluster_count: int

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float | None, float | None]:
        """Student's two-sided interval; (None, None) where there is no standard error."""
        if self.mean is None or self.standard_error is None:
            return None, None
        reach = stdtrit(self.cluster_count - 1, (1 + confidence) / 2) * self.standard_error
        return self.mean - float(reach), self.mean + float(reach)


def clustered_mean(values: ArrayLike, clusters: ArrayLike) -> Mean:
    """The mean of values of which those of one cluster may hang together.

    Args:
        values: (n,) finite numbers.
        clusters: (n,) the cluster of each, any sortable key.

    Raises:
        ValueError: unequal lengths, or a value that is not finite.
    """
    numbers = np.asarray(values, dtype=float)
    keys, cluster_of = np.unique(np.asarray(clusters), return_inverse=True)
    if cluster_of.shape != numbers.shape:
        raise ValueError(f"{numbers.size} values but {cluster_of.size} clusters")
    if not np.isfinite(numbers).all():
        raise ValueError("a value is not a finite number")
    if not numbers.size:
        return Mean(None, None, 0, 0)
    mean = float(numbers.mean())
    error = None
    if keys.size > 1:
        deviations = np.bincount(cluster_of, numbers - mean)
        variance = keys.size / (keys.size - 1) * (deviations**2).sum()
        error = float(np.sqrt(variance)) / numbers.size
    return Mean(mean, error, int(numbers.size), int(keys.size))


def pooled(effects: pd.DataFrame) -> pa.Table:
    """Mean differences by system, group and measure: one row of `SCHEMA` for each.

    Args:
        effects: rows of `fct_product_change_effects`: the columns of `KEY` but for the group, the
            columns of `GROUPINGS`, product_id, before_value, after_value, difference,
            placebo_difference, net_difference (NaN where the windows are not whole) and
            other_change_count. A change is evidence where no other change of its product fell
            into its windows.
    """
    rows = []
    for system, told in effects.assign(all="all").groupby("source_system"):
        compared: list[tuple[dict[str, object], Mean]] = []
        for grouped_by in GROUPINGS:
            for (value, measure), group in told.groupby([grouped_by, "measure"]):
                row, net = _told(group[group["other_change_count"] == 0])
                key = dict(zip(KEY, (system, grouped_by, value, measure), strict=True))
                compared.append((key | row, net))
        means = sum(net.standard_error is not None for _, net in compared)
        for row, net in compared:
            low, high = net.interval(1 - (1 - CONFIDENCE) / max(means, 1))
            row |= {
                "corrected_low": _rounded(low),
                "corrected_high": _rounded(high),
                "compared_count": means,
            }
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=pa.schema(SCHEMA))


def _told(group: pd.DataFrame) -> tuple[dict[str, object], Mean]:
    """The figures of the changes of a group, and the mean of what is left beside the placebo."""
    whole = group[group["difference"].notna()]
    row: dict[str, object] = {
        "before_sum": _rounded(whole["before_value"].sum()),
        "after_sum": _rounded(whole["after_value"].sum()),
    }
    found = Mean(None, None, 0, 0)
    for prefix in ("", "placebo_", "net_"):
        cases = group[group[f"{prefix}difference"].notna()]
        found = clustered_mean(cases[f"{prefix}difference"], cases["product_id"].astype(str))
        low, high = found.interval()
        row |= {
            f"{prefix}change_count": found.case_count,
            f"{prefix}product_count": found.cluster_count,
            f"mean_{prefix}difference": _rounded(found.mean),
            f"mean_{prefix}difference_low": _rounded(low),
            f"mean_{prefix}difference_high": _rounded(high),
        }
    return row, found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 9)

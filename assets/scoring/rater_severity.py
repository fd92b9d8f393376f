"""How strictly raters score, held against what they had to score.

Belongs here: what the case mix predicts, and per rater the mean difference with the limits that
chance leaves and what few deals allow to believe. Which scores count is decided in dbt
(`int_rater_scores`): first answers given before the outcome was known.

- *What is predicted* is fitted within raters (a dummy for each of them beside the case mix), so
  that a lenient rater of one segment does not make that segment look good; then the mean of the own
  differences is drawn towards 0. That is how the value a teacher adds is told from the pupils: R.
  Chetty, J. N. Friedman and J. E. Rockoff, American Economic Review 104 (2014).
- *Limits* are those of a mean of so many deals around 0 if all raters were alike (a funnel plot: D.
  J. Spiegelhalter, Statistics in Medicine 24 (2005)), from the spread within raters.
- *Shrunken* is the mean of a normal posterior; the prior that all raters share has mean 0 and the
  variance under which their means are likeliest (normal–normal empirical Bayes: C. N. Morris, J.
  Am. Stat. Assoc. 78 (1983)).
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assets.scoring.funnel_plots import TAILS

Floats = NDArray[np.float64]

#: categories of the case mix with fewer scores are one
LEAST_SCORES = 20
#: what `severities` says of each rater
SCHEMA = [
    ("score_count", pa.int64()),
    ("difference", pa.float64()),
    *((f"{side}_limit_{name}", pa.float64()) for name in TAILS for side in ("lower", "upper")),
    *((name, pa.float64()) for name in ("shrunken", "shrunken_lower", "shrunken_upper")),
    ("spread_within", pa.float64()),
    ("spread_between", pa.float64()),
    ("dispersion_ratio", pa.float64()),
    ("is_outside_95", pa.bool_()),
    ("is_outside_998", pa.bool_()),
]


def against_case_mix(scores: ArrayLike, raters: ArrayLike, case_mix: list[ArrayLike]) -> Floats:
    """(n,): by how much each score lies above what its case mix predicts; they add up to 0.

    Args:
        scores: (n,) the score a rater gave a deal.
        raters: (n,) who gave it, any sortable key.
        case_mix: of each attribute of the deals (n,) its category, any sortable key.
    """
    from scipy import sparse

    score = np.asarray(scores, dtype=float)
    _, rater = np.unique(np.asarray(raters), return_inverse=True)
    if not score.size:
        return score
    columns = []
    for attribute in case_mix:
        _, category, counts = np.unique(
            np.asarray(attribute), return_inverse=True, return_counts=True
        )
        place = np.where(counts >= LEAST_SCORES, np.cumsum(counts >= LEAST_SCORES), 0)
        columns.append(_dummies(place[category]))
    mix = sparse.hstack([np.ones((score.size, 1)), *columns], format="csr")
    by_rater = _dummies(rater)
    # what is left of both within raters, without making the dummies dense
    counts = np.asarray(by_rater.sum(axis=0)).ravel()
    mix_sums = (by_rater.T @ mix).toarray()
    score_sums = by_rater.T @ score
    squares = (mix.T @ mix).toarray() - mix_sums.T @ (mix_sums / counts[:, None])
    products = mix.T @ score - mix_sums.T @ (score_sums / counts)
    weights, *_ = np.linalg.lstsq(squares, products, rcond=1e-9)
    difference: Floats = score - mix @ weights
    return difference - difference.mean()


def _dummies(category: NDArray[np.int64]) -> Any:
    from scipy import sparse

    rows = np.arange(category.size)
    return sparse.csr_array(
        (np.ones(category.size), (rows, category)), shape=(category.size, category.max() + 1)
    )


def severities(differences: ArrayLike, raters: ArrayLike) -> list[tuple[Any, dict[str, Any]]]:
    """Per rater, in the order of their keys, the key and a row of SCHEMA.

    All NULL but count and difference where there are fewer than two raters, or nobody scored twice.

    Args:
        differences: (n,) by how many points each score lies above what it is held against.
        raters: (n,) who gave it.
    """
    from scipy.stats import norm

    difference = np.asarray(differences, dtype=float)
    keys, rater = np.unique(np.asarray(raters), return_inverse=True)
    counts = np.bincount(rater, minlength=keys.size)
    means = np.bincount(rater, difference, minlength=keys.size) / np.maximum(counts, 1)
    rows: list[dict[str, Any]] = [
        {name: None for name, _ in SCHEMA}
        | {"score_count": int(count), "difference": round(float(mean), 9)}
        for count, mean in zip(counts, means, strict=True)
    ]
    freedom = difference.size - keys.size
    if keys.size < 2 or freedom < 1:
        return list(zip(keys.tolist(), rows, strict=True))
    within = float(((difference - means[rater]) ** 2).sum() / freedom)
    if within <= 0:
        return list(zip(keys.tolist(), rows, strict=True))
    error = within / counts
    between = _variance_between(means, error)
    weight = between / (between + error)
    shrunken, left = means * weight, np.sqrt(between * error / (between + error))
    reach = float(norm.isf(TAILS["95"]))
    dispersion = float(np.mean(means**2 / error))
    for i, row in enumerate(rows):
        row |= {
            # what is drawn to nothing has no minus
            "shrunken": round(float(shrunken[i]), 9) + 0.0,
            "shrunken_lower": round(float(shrunken[i] - reach * left[i]), 9),
            "shrunken_upper": round(float(shrunken[i] + reach * left[i]), 9),
            "spread_within": round(float(np.sqrt(within)), 9),
            "spread_between": round(float(np.sqrt(between)), 6),
            "dispersion_ratio": round(dispersion, 6),
        }
        for name, tail in TAILS.items():
            limit = float(norm.isf(tail) * np.sqrt(error[i]))
            row[f"lower_limit_{name}"] = round(-limit, 9)
            row[f"upper_limit_{name}"] = round(limit, 9)
            row[f"is_outside_{name}"] = bool(abs(means[i]) > limit)
    return list(zip(keys.tolist(), rows, strict=True))


def _variance_between(means: Floats, error: Floats) -> float:
    """The variance of raters around 0 under which their means are likeliest."""
    from scipy.optimize import minimize_scalar

    def surprise(variance: float) -> float:
        total = variance + error
        return float(np.sum(np.log(total) + means**2 / total))

    most = float(np.max(means**2)) + float(np.max(error))
    found = minimize_scalar(surprise, bounds=(0.0, most), method="bounded", options={"xatol": 1e-9})
    variance = float(found.x)
    return variance if surprise(variance) < surprise(0.0) else 0.0

"""Whether scores bunch just above a threshold: answers that were lifted until the deal got over it.

Belongs here: a smooth density around a threshold and how far the scores just above it exceed those
just below, as the density has it. Which scores and which thresholds are asked is decided in dbt
(`int_score_bunching`).

The scores within REACH points of a threshold are counted by whole points. A smooth density is a
quadratic in the logarithm there (exact for a normal one), fitted by Poisson regression together
with a step: up in the WINDOW points from the threshold on, down as much in those below it. Without
lifting the step is 0. That is the test of a density's continuity at a threshold (J. McCrary,
Journal of Econometrics 142 (2008)) with the excess spread over the points that an answer can lift a
score by, as where bunching is measured (H. Kleven, Annual Review of Economics 8 (2016)). Scores of
few questions stand on a coarse ladder and never look smooth: the standard error grows with how
badly the whole curve fits (quasi-likelihood), so that these say nothing.

Of each system the thresholds are many, and each has its own chance to look bunched. So a threshold
is bunched where the step lies above 0 at the confidence 1 − .05/m, m being those asked
(Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
#: points on each side of a threshold that show the smooth density
REACH = 20
#: points on each side from and to which scores are lifted
WINDOW = 3
#: fewer scores within reach show no density
LEAST_SCORES = 100
#: what `judged` says of each threshold
SCHEMA = [
    ("status", pa.string()),
    *((f"{name}_count", pa.int64()) for name in ("score", "below", "above")),
    *((f"{name}_expected", pa.float64()) for name in ("below", "above")),
    *((f"step_ratio{end}", pa.float64()) for end in ("", "_lower", "_upper")),
    ("is_bunched", pa.bool_()),
    ("compared_count", pa.int64()),
]


@dataclass(frozen=True)
class Bunching:
    """Scores just below and just above a threshold; the rest is None where `status` says why.

    `below_expected`, `above_expected`: what the smooth density has there. `step_ratio`: by how much
    above ÷ below exceeds what it has; 1 is no bunching.
    """

    status: str
    score_count: int
    below_count: int
    above_count: int
    below_expected: float | None = None
    above_expected: float | None = None
    step: float | None = None
    standard_error: float | None = None
    freedom: int = 0

    def ratio(self, confidence: float = CONFIDENCE) -> tuple[float, float, float] | None:
        """The step as a ratio of above ÷ below, and Student's two-sided interval of it."""
        from scipy.stats import t

        if self.step is None or self.standard_error is None:
            return None
        reach = float(t.ppf((1 + confidence) / 2, self.freedom)) * self.standard_error
        low, middle, high = (float(np.exp(2 * (self.step + sign * reach))) for sign in (-1, 0, 1))
        return middle, low, high


def bunching(counts: ArrayLike, threshold: int) -> Bunching:
    """The scores around one threshold.

    Args:
        counts: (101,) scores by whole points, those in [b, b + 1) in row b.
        threshold: a whole score from which on a deal is over it.

    Raises:
        ValueError: another number of counts.
    """
    every = np.asarray(counts, dtype=float)
    if every.shape != (101,):
        raise ValueError(f"101 counts, not {every.shape}")
    points = np.arange(max(threshold - REACH, 0), min(threshold + REACH, 100))
    seen, away = every[points], points - threshold + 0.5
    above, below = (away > 0) & (away < WINDOW), (away < 0) & (away > -WINDOW)
    found = (int(seen.sum()), int(seen[below].sum()), int(seen[above].sum()))
    if found[0] < LEAST_SCORES:
        return Bunching("too few scores", *found)
    if above.sum() < WINDOW or below.sum() < WINDOW:
        return Bunching("at the end of the scale", *found)
    scaled = away / REACH
    smooth = np.column_stack([np.ones_like(scaled), scaled, scaled**2])
    design = np.column_stack([smooth, above.astype(float) - below])
    fitted = _poisson(design, seen)
    if fitted is None:
        return Bunching("no smooth density", *found)
    weights, mean, covariance = fitted
    freedom = points.size - design.shape[1]
    spread = max(float(((seen - mean) ** 2 / mean).sum()) / freedom, 1.0)
    expected = np.exp(smooth @ weights[:3])
    return Bunching(
        "measured",
        *found,
        below_expected=round(float(expected[below].sum()), 6),
        above_expected=round(float(expected[above].sum()), 6),
        step=float(weights[3]),
        standard_error=float(np.sqrt(covariance[3, 3] * spread)),
        freedom=freedom,
    )


def _poisson(design: Floats, seen: Floats) -> tuple[Floats, Floats, Floats] | None:
    """Weights, means and covariance of a Poisson regression with the logarithm as link; None where
    it does not settle. Newton's method from the logarithm of the counts."""
    weights: Any = np.linalg.lstsq(design, np.log(seen + 0.5), rcond=None)[0]
    for _ in range(50):
        mean = np.exp(np.clip(design @ weights, -30, 30))
        information = design.T @ (design * mean[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            return None
        change = np.linalg.solve(information, design.T @ (seen - mean))
        weights = weights + change
        if np.abs(change).max() < 1e-10:
            return weights, mean, np.linalg.inv(information)
    return None


def judged(found: Sequence[Bunching]) -> list[dict[str, Any]]:
    """A row of SCHEMA for each threshold, all of them asked together."""
    asked = sum(each.step is not None for each in found)
    strict = 1 - (1 - CONFIDENCE) / max(asked, 1)
    rows = []
    for each in found:
        row: dict[str, Any] = {name: None for name, _ in SCHEMA} | {
            "status": each.status,
            "score_count": each.score_count,
            "below_count": each.below_count,
            "above_count": each.above_count,
            "below_expected": each.below_expected,
            "above_expected": each.above_expected,
            "compared_count": asked,
        }
        ratio, corrected = each.ratio(), each.ratio(strict)
        if ratio is not None and corrected is not None:
            names = ("step_ratio", "step_ratio_lower", "step_ratio_upper")
            row |= {name: round(value, 9) for name, value in zip(names, ratio, strict=True)}
            row["is_bunched"] = corrected[1] > 1
        rows.append(row)
    return rows

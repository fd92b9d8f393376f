"""How many of cases alike have come to which end by when, with open ones censored: what the scores
that foresee ends share."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def incidences(left: Floats, least_at_risk: int) -> Floats:
    """The Aalen–Johansen curves (ends, steps): the share that has come to each end by each step,
    as far as `least_at_risk` are still watched.

    Args:
        left: (ends + 1, steps) cases by the end they came to, the last row those still open; what
            leaves on the step of a censoring was at risk with it.
    """
    at_risk = left.sum(axis=0)[::-1].cumsum()[::-1]
    watched = at_risk >= least_at_risk
    ends, at_risk = left[:-1, watched], at_risk[watched]
    staying = np.cumprod(1 - ends.sum(axis=0) / at_risk)
    before = np.concatenate([[1.0], staying])[:-1]
    curves: Floats = np.cumsum(before * ends / at_risk, axis=1)
    return curves

"""Whether padding and over-promising feed each other.

Belongs here: the spiral index of a family × quarter panel and its interval. Which lines count and
what padding and override are is decided in dbt (`int_padding_quarters`).

Production pads what it quotes, sales promises earlier than quoted, and each may answer the other a
quarter later. The index is the product of the two lagged effects: of a day promised earlier on the
next quarter's padding, and of a day of padding on the next quarter's days promised earlier. Each
is a least-squares slope within families (family fixed effects), so that a family that always pads
much tells nothing. At 0.4, a day of padding comes back as 0.4 days half a year later.

It is measured on padding against two times: what the lines then took, and what comparable lines
had taken when the quote was given. The first holds whatever befell the plant in the quarter
(queues, holidays), which hides effects more than it makes them; the second is what production
could know.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.scoring.resampling import expanded_tail

Floats = NDArray[np.float64]

#: quarters that stay together when the bootstrap draws: about the cube root of their number
BLOCK_QUARTERS = 2
DRAWS = 4_000
CONFIDENCE = 0.95
#: less than two years of quarters, or one family, cannot tell an effect from chance
LEAST_QUARTERS = 8
LEAST_FAMILIES = 2
#: what padding is measured against → the column of `int_padding_quarters` that has its mean
BASES = {
    "realised lead": "padding_days_mean",
    "feasible P50 then": "known_padding_days_mean",
}


@dataclass(frozen=True)
class Spiral:
    """The two effects, their product and its interval; None where `status` says why.

    `quarter_count`: quarters that have one before them; `pair_count`: families in such quarters.
    """

    status: str
    family_count: int
    quarter_count: int
    pair_count: int
    padding_effect: float | None = None
    override_effect: float | None = None
    index: float | None = None
    lower: float | None = None
    upper: float | None = None


def spiral(padding: ArrayLike, earlier: ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> Spiral:
    """The spiral index of a panel.

    Args:
        padding: (families, quarters) mean days quoted beyond what was realised; NaN = not known.
            Quarters follow each other without gaps.
        earlier: (families, quarters) mean days promised earlier than quoted; NaN = not known.
        draws: of the bootstrap.
        seed: of the bootstrap.

    The interval resamples blocks of quarters, all families together, since a quarter moves them
    all (moving blocks: H. Künsch, Annals of Statistics 17, 1989), and is an expanded percentile
    interval, because so few quarters make the plain one too narrow (T. Hesterberg, The American
    Statistician 69, 2015).

    Raises:
        ValueError: the two panels differ in shape or are none.
    """
    padding, earlier = np.asarray(padding, dtype=float), np.asarray(earlier, dtype=float)
    if padding.ndim != 2 or padding.shape != earlier.shape:
        raise ValueError(f"two panels of one shape, not {padding.shape} and {earlier.shape}")
    before = (padding[:, :-1], earlier[:, :-1])
    after = (padding[:, 1:], earlier[:, 1:])
    is_pair = np.isfinite(before[0] + before[1] + after[0] + after[1])
    # a family seen in one pair of quarters is all fixed effect
    is_pair &= is_pair.sum(axis=1, keepdims=True) > 1
    is_used = is_pair.any(axis=0)
    families, quarters = int(is_pair.any(axis=1).sum()), int(is_used.sum())
    counts = (families, quarters, int(is_pair.sum()))
    if families < LEAST_FAMILIES or quarters < LEAST_QUARTERS:
        return Spiral("too few families or quarters", *counts)
    weights = is_pair[None].astype(float)
    slopes = [
        _slope(after[0], before[1], weights),
        _slope(after[1], before[0], weights),
    ]
    if not np.isfinite(slopes).all():
        return Spiral("padding or override never varies", *counts)
    times = _blocks(quarters, draws, np.random.default_rng(seed))
    drawn = np.zeros((draws, is_used.size))
    drawn[:, is_used] = times
    weights = is_pair[None] * drawn[:, None, :]
    products = _slope(after[0], before[1], weights) * _slope(after[1], before[0], weights)
    tail = expanded_tail(quarters, CONFIDENCE)
    lower, upper = np.nanquantile(products, [tail, 1 - tail])
    one, other = (round(float(slope[0]), 9) for slope in slopes)
    return Spiral(
        "measured",
        *counts,
        padding_effect=one,
        override_effect=other,
        index=round(float((slopes[0] * slopes[1])[0]), 9),
        lower=round(float(lower), 9),
        upper=round(float(upper), 9),
    )


def _slope(outcome: Floats, cause: Floats, weights: Floats) -> Floats:
    """(n,): the weighted slope within families, per draw; weights are (n, families, quarters)."""
    outcome, cause = np.nan_to_num(outcome), np.nan_to_num(cause)
    total = np.maximum(weights.sum(axis=2, keepdims=True), 1e-12)
    cause_left = cause - (weights * cause).sum(axis=2, keepdims=True) / total
    outcome_left = outcome - (weights * outcome).sum(axis=2, keepdims=True) / total
    spread = (weights * cause_left**2).sum(axis=(1, 2))
    shared = (weights * cause_left * outcome_left).sum(axis=(1, 2))
    return np.divide(shared, spread, out=np.full(len(spread), np.nan), where=spread > 1e-12)


def _blocks(quarters: int, draws: int, random: np.random.Generator) -> Floats:
    """(draws, quarters): how often each quarter is drawn; blocks run round the end."""
    count = -(-quarters // BLOCK_QUARTERS)
    starts = random.integers(0, quarters, (draws, count))
    picked = (starts[:, :, None] + np.arange(BLOCK_QUARTERS)) % quarters
    picked = picked.reshape(draws, -1)[:, :quarters]
    times = np.zeros((draws, quarters))
    np.add.at(times, (np.arange(draws)[:, None], picked), 1.0)
    return times


def spirals(panels: Any) -> Any:
    """A row per source system of `int_padding_quarters` (pandas) and each of BASES, in pandas."""
    import pandas as pd

    columns = {
        "source_system": "string",
        "padding_basis": "string",
        "status": "string",
        "first_quarter_start_date": "datetime64[s]",
        "last_quarter_start_date": "datetime64[s]",
        "family_count": "int64",
        "quarter_count": "int64",
        "pair_count": "int64",
        "padding_effect": "float64",
        "override_effect": "float64",
        "spiral_index": "float64",
        "spiral_index_lower": "float64",
        "spiral_index_upper": "float64",
    }
    rows = []
    panels = panels.assign(
        quarter=pd.to_datetime(panels["quarter_start_date"]).dt.to_period("Q"),
        earlier=-panels["override_days_mean"],
    )
    for system, panel in panels.groupby("source_system", sort=True):
        known = panel[panel["is_complete"]]
        first, last = known["quarter"].min(), known["quarter"].max()
        # a quarter that nobody has is a gap, not a neighbour of those beside it
        every = pd.period_range(first, last, freq="Q") if len(known) else [pd.Period("1970Q1")]
        for basis, padding in BASES.items():
            found = spiral(
                *(
                    known.pivot(index="product_family", columns="quarter", values=value)
                    .reindex(columns=every)
                    .sort_index()
                    .to_numpy(dtype=float)
                    for value in (padding, "earlier")
                )
            )
            rows.append(
                (
                    system,
                    basis,
                    found.status,
                    first.start_time if len(known) else pd.NaT,
                    last.start_time if len(known) else pd.NaT,
                    found.family_count,
                    found.quarter_count,
                    found.pair_count,
                    found.padding_effect,
                    found.override_effect,
                    found.index,
                    found.lower,
                    found.upper,
                )
            )
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)

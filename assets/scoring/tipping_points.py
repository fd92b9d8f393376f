"""Where a qualification score tips: the score below which deals are not won (lower), and the
score from which nearly all are (upper).

Belongs here: exact binomial bounds, the search over the cuts 1…100, how much evidence is still
missing, the bootstrap over accounts and the check on later deals. Which deals are evidence, and
their scores at a landmark, is decided in dbt (`fct_qualification_scores`).

Both sides are one question. On the side of the cut that is claimed to be clean, an *exception* (a
win below the lower point, a loss above the upper one) has to be rare; on the other side it must
not be. So the search counts exceptions and knows no sides beyond that.

Each bound that names a cut holds for a cut given beforehand. Of a hundred that are tried the
outermost is taken, and it owes some of its place to luck. So the bounds are told a second time,
*corrected* for the search: a simultaneous band over all cuts that could have been named. Given the
scores, these are known without an outcome; there are m ≤ 100 of them, and with bounds at the
confidence 1 − .05/m (Bonferroni; see O. J. Dunn, J. Am. Stat. Assoc. 56 (1961)) those of one kind
hold together for all m with at least 95 %, hence for the chosen cut, however it was chosen. Deals
need not share one win rate for that, only be independent (W. Hoeffding, Ann. Math. Stat. 27
(1956)). A cut qualifies where bounds of three kinds keep the limit at once; that the band lets any
cut qualify wrongly has a chance of at most 5 %, since whichever of the three claims is false was
tested at .05/m. The correction is for the cuts of one search, not for the number of pipelines,
landmarks and sides.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import betaincinv

SideName = Literal["lower", "upper"]
Status = Literal["found", "no tipping point yet", "no separation", "no evidence"]
CorrectedStatus = Literal["holds", "holds at another score", "not shown"]
CheckStatus = Literal[
    "confirmed",
    "not contradicted",
    "contradicted",
    "no later deals",
    "no cut on earlier deals",
    "no close dates",
]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95
CUTS = np.arange(1, 101)
WINDOW = 10
# the highest rate of exceptions that a clean side may have: wins below the lower point (10 %),
# losses above the upper one (a win rate of 80 %)
LIMITS: dict[SideName, float] = {"lower": 0.10, "upper": 0.20}
RESAMPLES = 200
SEED = 20_240_229
# deals closed up to this quantile of the close dates find the cut that the later ones check
EARLIER_SHARE = 0.7


def upper_bound(k: ArrayLike, n: ArrayLike, confidence: ArrayLike = CONFIDENCE) -> Floats:
    """One-sided upper bound of a rate of which k in n were seen; 1 where n = 0.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), in its beta form.
    """
    k, n = np.asarray(k), np.asarray(n)
    # the beta quantile wants a positive parameter; where k = n the bound is 1 by definition
    bound: Floats = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), confidence), 1.0)
    return bound.round(9)


def lower_bound(k: ArrayLike, n: ArrayLike, confidence: ArrayLike = CONFIDENCE) -> Floats:
    """One-sided lower bound of a rate of which k in n were seen; 0 where n = 0."""
    k, n = np.asarray(k), np.asarray(n)
    return (1 - upper_bound(n - k, n, confidence)).round(9)


@dataclass(frozen=True)
class CutCounts:
    """Deals and exceptions by cut, each (…, 100): `clean` is the side that is claimed to be free
    of exceptions, `window` its ten points next to the cut, `other` the far side."""

    clean: Counts
    clean_exceptions: Counts
    window: Counts
    window_exceptions: Counts
    other: Counts
    other_exceptions: Counts

    def bounds(self, confidence: ArrayLike = CONFIDENCE) -> tuple[Floats, Floats, Floats]:
        """Of the rates of exceptions: the upper bounds on the clean side and in the window, the
        lower one on the far side."""
        return (
            upper_bound(self.clean_exceptions, self.clean, confidence),
            upper_bound(self.window_exceptions, self.window, confidence),
            lower_bound(self.other_exceptions, self.other, confidence),
        )

    def qualifies(self, limit: float, confidence: ArrayLike = CONFIDENCE) -> NDArray[np.bool_]:
        clean, window, other = self.bounds(confidence)
        return (clean <= limit) & (window <= limit) & (other > limit)

    def is_searched(self, limit: float) -> NDArray[np.bool_]:
        """The cuts that would qualify had every deal come out for them; of cuts between which no
        deal lies the first. The scores alone decide, so the search knows its cuts beforehand."""
        none = np.zeros_like(self.clean)
        at_best = replace(
            self, clean_exceptions=none, window_exceptions=none, other_exceptions=self.other
        )
        parts = np.stack([self.clean, self.window], axis=-1)
        differs = np.diff(parts, axis=-2, prepend=-1).any(axis=-1)
        return at_best.qualifies(limit) & differs

    def corrected_confidence(self, limit: float) -> Floats:
        """(…, 1): at this confidence the bounds of all searched cuts hold together with 95 %."""
        searched = self.is_searched(limit).sum(axis=-1, keepdims=True)
        confidence: Floats = 1 - (1 - CONFIDENCE) / np.maximum(searched, 1)
        return confidence


def counts_by_score(scores: ArrayLike, won: ArrayLike) -> Counts:
    """(101, 2): deals and wins by whole score; the scores in [b, b + 1) are row b.

    Args:
        scores: (n,) 0–100. Every cut is a whole number, so the rows lose nothing.
        won: (n,) whether the deal was won, else it was lost.

    Raises:
        ValueError: a score outside 0–100.
    """
    scores, won = np.asarray(scores, dtype=float), np.asarray(won, dtype=bool)
    if not ((scores >= 0) & (scores <= 100)).all():
        raise ValueError("a score lies outside 0–100")
    row = np.floor(scores).astype(np.int64)
    return np.stack([np.bincount(row, minlength=101), np.bincount(row[won], minlength=101)], axis=1)


def cut_counts(counts: Counts, side: SideName) -> CutCounts:
    """Counts by score (…, 101, 2) → deals and exceptions of every cut 1…100."""
    below_row = np.concatenate(
        [np.zeros_like(counts[..., :1, :]), np.cumsum(counts, axis=-2)], axis=-2
    )
    total, below = below_row[..., -1:, :], below_row[..., CUTS, :]
    if side == "lower":
        clean, other = below, total - below
        window = below - below_row[..., np.maximum(CUTS - WINDOW, 0), :]
    else:
        clean, other = total - below, below
        window = below_row[..., np.minimum(CUTS + WINDOW, 101), :] - below

    def exceptions(part: Counts) -> Counts:
        deals, wins = part[..., 0], part[..., 1]
        return wins if side == "lower" else deals - wins

    return CutCounts(
        clean[..., 0],
        exceptions(clean),
        window[..., 0],
        exceptions(window),
        other[..., 0],
        exceptions(other),
    )


def find_cut(counts: Counts, side: SideName, *, corrected: bool = False) -> NDArray[np.int64]:
    """(…): the tipping point by counts (…, 101, 2), 0 where there is none.

    The lower one is the largest cut that qualifies, the upper one the smallest. With `corrected`
    the bounds hold for all cuts at once, so that having searched for the outermost costs nothing.
    """
    cuts, limit = cut_counts(counts, side), LIMITS[side]
    confidence = cuts.corrected_confidence(limit) if corrected else CONFIDENCE
    return _outermost(cuts.qualifies(limit, confidence), side)


def _outermost(qualifies: NDArray[np.bool_], side: SideName) -> NDArray[np.int64]:
    """(…): of the cuts (…, 100) that qualify the largest (lower) or smallest (upper), else 0."""
    if side == "lower":
        return np.where(qualifies, CUTS, 0).max(axis=-1)
    found = np.where(qualifies, CUTS, 101).min(axis=-1)
    return np.where(found <= 100, found, 0)


def least_clean_deals(exceptions: Counts, deals: Counts, limit: float) -> Counts:
    """How many more deals without an exception bring the upper bound down to the limit."""
    return _least(lambda more: upper_bound(exceptions, deals + more) <= limit, deals.shape)


def least_exceptions(exceptions: Counts, deals: Counts, limit: float) -> Counts:
    """How many more deals, all exceptions, lift the lower bound above the limit."""
    return _least(lambda more: lower_bound(exceptions + more, deals + more) > limit, deals.shape)


def _least(holds: Callable[[Counts], NDArray[np.bool_]], shape: tuple[int, ...]) -> Counts:
    """The least whole numbers for which a condition holds that stays true once it is."""
    low, high = np.full(shape, -1), np.zeros(shape, dtype=np.int64)
    while not (enough := holds(high)).all():
        low, high = np.where(enough, low, high), np.where(enough, high, 2 * high + 1)
    while ((high - low) > 1).any():
        middle = high - (high - low) // 2
        enough = holds(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def tipping_points(
    scores: ArrayLike, won: ArrayLike, accounts: ArrayLike, closed_dates: ArrayLike
) -> list[dict[str, object]]:
    """What the evidence says of the lower and the upper side: two rows of `SCHEMA`.

    Args:
        scores: (n,) 0–100, at the landmark.
        won: (n,) whether the deal was won, else it was lost.
        accounts: (n,) text or None; the bootstrap draws accounts, and a deal without one alone.
        closed_dates: (n,) dates or NaT; a deal without one stays out of the check on later deals.

    Raises:
        ValueError: a score outside 0–100, or arrays of unequal length.
    """
    scores, won = np.asarray(scores, dtype=float), np.asarray(won, dtype=bool)
    accounts = np.asarray(accounts, dtype=object)
    closed_dates = np.asarray(closed_dates, dtype="datetime64[D]")
    if len({scores.size, won.size, accounts.size, closed_dates.size}) > 1:
        raise ValueError("scores, won, accounts and closed_dates differ in length")
    counts = counts_by_score(scores, won)
    resampled = resampled_counts(scores, won, accounts)
    return [
        {
            "side": side,
            "win_rate_limit": limit if side == "lower" else 1 - limit,
            **_search(counts, side),
            **_interval(resampled, counts, side),
            **_later_check(scores, won, closed_dates, side),
        }
        for side, limit in LIMITS.items()
    ]


def _search(counts: Counts, side: SideName) -> dict[str, object]:
    """Status, cut, counts beside the cut, and the deals that are missing."""
    limit = LIMITS[side]
    cuts = cut_counts(counts, side)
    clean_bound, window_bound, _ = cuts.bounds()
    clean, qualifies = (clean_bound <= limit) & (window_bound <= limit), cuts.qualifies(limit)
    # a further deal inside the window is on the clean side too
    clean_needed = np.maximum(
        least_clean_deals(cuts.clean_exceptions, cuts.clean, limit),
        least_clean_deals(cuts.window_exceptions, cuts.window, limit),
    )
    exceptions_needed = least_exceptions(cuts.other_exceptions, cuts.other, limit)
    status: Status
    if qualifies.any():
        status, candidates = "found", qualifies
    elif counts.sum() == 0:
        status, candidates = "no evidence", np.ones(CUTS.size, dtype=bool)
    elif clean.any():
        status, candidates = "no separation", clean
    else:
        # of the cuts beside which deals do lie, those that lack the fewest
        status = "no tipping point yet"
        beside = cuts.window > 0 if (cuts.window > 0).any() else np.ones(CUTS.size, dtype=bool)
        needed = np.where(beside, clean_needed + exceptions_needed, np.iinfo(np.int64).max)
        candidates = needed == needed.min()
    cut = int(_outermost(candidates, side))
    missing = {
        "more_won_deals_needed": exceptions_needed if side == "lower" else clean_needed,
        "more_lost_deals_needed": clean_needed if side == "lower" else exceptions_needed,
    }
    return {
        "status": status,
        "tipping_point_score": cut if status == "found" else None,
        "cut_score": cut if status != "no evidence" else None,
        "resolved_count": int(counts[:, 0].sum()),
        "won_count": int(counts[:, 1].sum()),
        **_correction(cuts, side, cut if status == "found" else None),
        **_parts("", counts, cut),
        **_part("window_", counts[_window(cut, side)]),
        **{
            name: None if status == "no separation" else int(deals[cut - 1])
            for name, deals in missing.items()
        },
    }


def _correction(cuts: CutCounts, side: SideName, cut: int | None) -> dict[str, object]:
    """Whether a tipping point outlives the search for it, which cut does, and the bounds at the
    tipping point that hold although it was chosen; the latter NULL where there is none."""
    limit = LIMITS[side]
    confidence = cuts.corrected_confidence(limit)
    outliving = int(_outermost(cuts.qualifies(limit, confidence), side)) or None
    status: CorrectedStatus | None = None
    below = window = above = None
    if cut is not None:
        if outliving is None:
            status = "not shown"
        else:
            status = "holds" if outliving == cut else "holds at another score"
        clean, window, other = (float(bounds[cut - 1]) for bounds in cuts.bounds(confidence))
        below, above = clean, other
        if side == "upper":
            below, window, above = (round(1 - bound, 9) for bound in (other, window, clean))
    return {
        "corrected_status": status,
        "corrected_tipping_point_score": outliving,
        "searched_cut_count": int(cuts.is_searched(limit).sum()),
        "below_win_rate_corrected_upper_bound": below,
        "window_win_rate_corrected_bound": window,
        "above_win_rate_corrected_lower_bound": above,
    }


def _window(cut: int, side: SideName) -> slice:
    """The rows of counts by score that are the ten points beside the cut."""
    return slice(max(cut - WINDOW, 0), cut) if side == "lower" else slice(cut, cut + WINDOW)


def _parts(prefix: str, counts: Counts, cut: int) -> dict[str, object]:
    return {
        **_part(f"{prefix}below_", counts[:cut]),
        **_part(f"{prefix}above_", counts[cut:]),
    }


def _part(prefix: str, counts: Counts) -> dict[str, object]:
    """Deals, wins and bounds of the win rate in some rows of counts by score."""
    deals, wins = (int(number) for number in counts.sum(axis=0))
    return {
        f"{prefix}resolved_count": deals,
        f"{prefix}won_count": wins,
        f"{prefix}win_rate_lower_bound": float(lower_bound(wins, deals)) if deals else None,
        f"{prefix}win_rate_upper_bound": float(upper_bound(wins, deals)) if deals else None,
    }


def resampled_counts(
    scores: NDArray[np.float64], won: NDArray[np.bool_], accounts: NDArray[np.object_]
) -> tuple[Counts, int]:
    """(RESAMPLES, 101, 2) counts by score of bootstrap samples of accounts, and how many
    accounts there are to draw from. The same deals give the same samples.

    Deals without an account are clusters of one; alike in score row and outcome they are one kind
    of cluster, drawn with their number, so that their count costs nothing.
    """
    cell = 2 * np.floor(scores).astype(np.int64) + won
    has_account = np.array([account is not None for account in accounts], dtype=bool)
    names, account_of = np.unique(accounts[has_account].astype(str), return_inverse=True)
    kinds, kind_sizes = np.unique(cell[~has_account], return_counts=True)
    profiles = sparse.csr_array(
        (
            np.ones(account_of.size + kinds.size, dtype=np.int64),
            (
                np.concatenate([account_of, names.size + np.arange(kinds.size)]),
                np.concatenate([cell[has_account], kinds]),
            ),
        ),
        shape=(names.size + kinds.size, 202),
    )
    sizes = np.concatenate([np.ones(names.size), kind_sizes])
    clusters = int(sizes.sum())
    if clusters == 0:
        return np.zeros((RESAMPLES, 101, 2), dtype=np.int64), 0
    draws = np.random.default_rng(SEED).multinomial(clusters, sizes / clusters, size=RESAMPLES)
    by_cell = (draws @ profiles).reshape(RESAMPLES, 101, 2)
    return np.stack([by_cell.sum(axis=-1), by_cell[..., 1]], axis=-1), clusters


def _interval(resampled: tuple[Counts, int], counts: Counts, side: SideName) -> dict[str, object]:
    """The middle 95 % of the tipping points of the samples that have one, and how many do; no
    interval where the deals themselves have none."""
    samples, clusters = resampled
    found = find_cut(samples, side)
    found = found[found > 0]
    low, high = (
        np.quantile(found, [0.025, 0.975], method="inverted_cdf")
        if found.size and find_cut(counts, side)
        else (None, None)
    )
    return {
        "cluster_count": clusters,
        "resample_count": RESAMPLES if clusters else 0,
        "resample_found_count": int(found.size),
        "interval_low_score": low if low is None else int(low),
        "interval_high_score": high if high is None else int(high),
    }


def _later_check(
    scores: NDArray[np.float64],
    won: NDArray[np.bool_],
    closed_dates: NDArray[np.datetime64],
    side: SideName,
) -> dict[str, object]:
    """The cut that the earlier deals name, on the later ones: is the clean side still clean?"""
    dated = ~np.isnat(closed_dates)
    order = np.sort(closed_dates[dated])
    last = order[int(np.ceil(EARLIER_SHARE * order.size)) - 1] if order.size else None
    earlier = dated & (closed_dates <= last) if last is not None else dated
    later = counts_by_score(scores[dated & ~earlier], won[dated & ~earlier])
    cut = int(find_cut(counts_by_score(scores[earlier], won[earlier]), side))

    status: CheckStatus
    clean = cut_counts(later, side)
    deals, exceptions = clean.clean[cut - 1], clean.clean_exceptions[cut - 1]
    if last is None:
        status = "no close dates"
    elif cut == 0:
        status = "no cut on earlier deals"
    elif deals == 0:
        status = "no later deals"
    elif upper_bound(exceptions, deals) <= LIMITS[side]:
        status = "confirmed"
    elif lower_bound(exceptions, deals) > LIMITS[side]:
        status = "contradicted"
    else:
        status = "not contradicted"
    return {
        "check_status": status,
        "check_cut_score": cut or None,
        "check_found_through_date": None if last is None else last.item(),
        **_parts("later_", later if cut else np.zeros_like(later), cut),
    }


def _part_fields(*prefixes: str) -> list[tuple[str, pa.DataType]]:
    return [
        (f"{prefix}{name}", type_)
        for prefix in prefixes
        for name, type_ in (
            ("resolved_count", pa.int64()),
            ("won_count", pa.int64()),
            ("win_rate_lower_bound", pa.float64()),
            ("win_rate_upper_bound", pa.float64()),
        )
    ]


SCHEMA = pa.schema(
    [
        ("side", pa.string()),
        ("win_rate_limit", pa.float64()),
        ("status", pa.string()),
        ("tipping_point_score", pa.int64()),
        ("cut_score", pa.int64()),
        ("corrected_status", pa.string()),
        ("corrected_tipping_point_score", pa.int64()),
        ("searched_cut_count", pa.int64()),
        ("below_win_rate_corrected_upper_bound", pa.float64()),
        ("window_win_rate_corrected_bound", pa.float64()),
        ("above_win_rate_corrected_lower_bound", pa.float64()),
        ("resolved_count", pa.int64()),
        ("won_count", pa.int64()),
        *_part_fields("below_", "above_", "window_"),
        ("more_won_deals_needed", pa.int64()),
        ("more_lost_deals_needed", pa.int64()),
        ("cluster_count", pa.int64()),
        ("resample_count", pa.int64()),
        ("resample_found_count", pa.int64()),
        ("interval_low_score", pa.int64()),
        ("interval_high_score", pa.int64()),
        ("check_status", pa.string()),
        ("check_cut_score", pa.int64()),
        ("check_found_through_date", pa.date32()),
        *_part_fields("later_below_", "later_above_"),
    ]
)

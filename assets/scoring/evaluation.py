"""What says whether a probability can be believed: proper scores, calibration, intervals that know
which deals belong together, folds that never look ahead, and drift.

Belongs here: the statistics, on arrays. Which deals are evidence, and what was known of them when,
is decided in dbt; which model to promote is decided by the score that is judged.

A statistic that is not defined (one outcome only, no deals, nothing to divide by) is None, never 0
and never 1. Deals may carry weights: the bootstrap draws accounts by giving their deals a count.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.scoring.tipping_points import lower_bound, upper_bound

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

CONFIDENCE = 0.95
BINS = 10
RESAMPLES = 200
SEED = 20_240_229
#: an empty bin counts as this share, so that the logarithm of the index stays finite
LEAST_SHARE = 1e-4
#: the values of a category beyond so many frequent ones share a bin
MOST_LEVELS = 20
MISSING = "(missing)"


# --- proper scores -------------------------------------------------------------------------------


def brier(won: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float | None:
    """Mean squared distance of probability and outcome; 0 is perfect, None without deals.

    Args:
        won: (n,) whether the deal was won.
        probability: (n,) 0–1.
        weight: (n,) how often a deal counts, once unless told.

    Raises:
        ValueError: a probability outside 0–1 or missing, or arrays of unequal length. So do all
            functions here that take a probability.

    Source: G. W. Brier, Monthly Weather Review 78 (1950).
    """
    y, p, w = _judged(won, probability, weight)
    return _rounded(np.average((p - y) ** 2, weights=w)) if w.sum() > 0 else None


def brier_skill(
    won: ArrayLike,
    probability: ArrayLike,
    baseline: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> float | None:
    """1 − Brier ÷ Brier of the baseline: the share of its error that is gone; below 0 is worse.

    Args:
        baseline: one rate or (n,) probabilities; the deals' own win rate unless told, which is the
            hardest of all constant baselines.

    None without deals, and where the baseline is never wrong.
    """
    y, p, w = _judged(won, probability, weight)
    if w.sum() == 0:
        return None
    if baseline is None:
        baseline = np.average(y, weights=w)
    _, base, _ = _judged(won, np.broadcast_to(np.asarray(baseline, dtype=float), y.shape), weight)
    reference = np.average((base - y) ** 2, weights=w)
    return _rounded(1 - np.average((p - y) ** 2, weights=w) / reference) if reference > 0 else None


def auc(won: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float | None:
    """Chance that a won deal has the higher probability than a lost one, ties counted half.

    None where only one outcome occurs.

    Source: J. A. Hanley and B. J. McNeil, Radiology 143 (1982).
    """
    y, p, w = _judged(won, probability, weight)
    _, level = np.unique(p, return_inverse=True)
    wins = np.bincount(level, w * y)
    losses = np.bincount(level, w * (1 - y))
    pairs = wins.sum() * losses.sum()
    if pairs == 0:
        return None
    return _rounded((wins * (np.cumsum(losses) - losses / 2)).sum() / pairs)


# --- calibration ---------------------------------------------------------------------------------


def calibration_in_the_large(
    won: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None
) -> float | None:
    """Mean probability − win rate; above 0 the score hopes too much. None without deals."""
    y, p, w = _judged(won, probability, weight)
    return _rounded(np.average(p - y, weights=w)) if w.sum() > 0 else None


def expected_calibration_error(
    won: ArrayLike, probability: ArrayLike, bins: int = BINS, weight: ArrayLike | None = None
) -> float | None:
    """Mean distance of mean probability and win rate over equal-width bins, by their deals.

    The bins are [low, high), the last one closed. None without deals.

    Source: M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI (2015).
    """
    y, p, w = _judged(won, probability, weight)
    if w.sum() == 0:
        return None
    gaps = np.bincount(_bin_of(p, bins), w * (p - y), minlength=bins)
    return _rounded(np.abs(gaps).sum() / w.sum())


@dataclass(frozen=True)
class ReliabilityBin:
    """The deals with a probability in [low, high); of an empty bin there is nothing to tell."""

    low: float
    high: float
    resolved_count: int
    won_count: int
    mean_probability: float | None
    win_rate: float | None
    win_rate_lower_bound: float | None
    win_rate_upper_bound: float | None


def reliability_curve(
    won: ArrayLike, probability: ArrayLike, bins: int = BINS
) -> list[ReliabilityBin]:
    """What came of the deals by equal-width bins of probability, with exact 95 % intervals."""
    y, p, _ = _judged(won, probability, None)
    row = _bin_of(p, bins)
    deals, wins = np.bincount(row, minlength=bins), np.bincount(row, y, minlength=bins).astype(int)
    sums = np.bincount(row, p, minlength=bins)
    low, high = exact_interval(wins, deals)
    return [
        ReliabilityBin(
            low=b / bins,
            high=(b + 1) / bins,
            resolved_count=int(n),
            won_count=int(k),
            mean_probability=_rounded(sums[b] / n) if n else None,
            win_rate=_rounded(k / n) if n else None,
            win_rate_lower_bound=float(low[b]) if n else None,
            win_rate_upper_bound=float(high[b]) if n else None,
        )
        for b, (k, n) in enumerate(zip(wins, deals, strict=True))
    ]


def exact_interval(k: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Two-sided 95 % bounds of a rate of which k in n were seen; 0 and 1 where n = 0.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), in its beta form.
    """
    one_sided = (1 + CONFIDENCE) / 2
    return lower_bound(k, n, one_sided), upper_bound(k, n, one_sided)


# --- intervals -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """Which deals hang together: (n,) number of the group, 0 … count − 1, by name. The deals
    without an account follow, each a group of its own, in the order they came."""

    of_deal: Rows
    count: int


def groups_by_account(accounts: ArrayLike) -> Groups:
    """(n,) account names, text or None → groups of deals."""
    accounts = np.asarray(accounts, dtype=object)
    has_account = np.array([isinstance(account, str) for account in accounts], dtype=bool)
    names, account_of = np.unique(accounts[has_account].astype(str), return_inverse=True)
    of_deal = np.empty(accounts.size, dtype=np.int64)
    of_deal[has_account] = account_of
    of_deal[~has_account] = names.size + np.arange((~has_account).sum())
    return Groups(of_deal, int(names.size + (~has_account).sum()))


def bootstrap_interval(
    statistic: Callable[[Floats], float | None], groups: Groups, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Middle 95 % of a statistic over samples of groups drawn with replacement.

    Deals of one account are not independent, so whole accounts are drawn. The same deals give the
    same samples.

    Args:
        statistic: takes (n,) weights, how often each deal was drawn, e.g.
            `lambda weight: brier(won, probability, weight)`. Samples where it is None stay out.

    None where there are fewer than two groups, or no sample has the statistic.

    Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 8;
    percentile interval, chapter 13.
    """
    if groups.count < 2:
        return None
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(resamples):
        drawn = np.bincount(
            random.integers(groups.count, size=groups.count), minlength=groups.count
        )
        value = statistic(drawn[groups.of_deal].astype(float))
        if value is not None:
            found.append(value)
    if not found:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


# --- folds ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """One validation: `train` and `validate` are row numbers; `quarter` is the first day of the
    calendar quarter in which the validated deals closed, None where folds know no time."""

    quarter: np.datetime64 | None
    train: Rows
    validate: Rows


def account_parts(accounts: ArrayLike, parts: int) -> Rows:
    """(n,) which of some parts an account belongs to, by a hash of its name: the same account is in
    the same part whatever other deals there are. Deals without an account go by their place."""
    return np.array(
        [
            zlib.crc32((account if isinstance(account, str) else f"deal {place}").encode()) % parts
            for place, account in enumerate(np.asarray(accounts, dtype=object))
        ],
        dtype=np.int64,
    )


def forward_folds(
    closed_dates: ArrayLike,
    accounts: ArrayLike,
    *,
    quarters: int,
    purge_days: int,
    parts: int,
) -> Iterator[Fold]:
    """Forward-chaining folds by close quarter, grouped by account.

    For each of the last `quarters` calendar quarters with a deal, and each part of the accounts:
    validate the deals of the part that closed in the quarter; train on the deals of all *other*
    parts that closed earlier than `purge_days` before the quarter began.

    So no account is in a fold's training and validation at once, and yet every deal of a quarter
    is validated once. To drop from training whatever account the quarter knows would be the same
    rule, but where customers buy every quarter it leaves nothing to train on. Without the rule, a
    model is praised for remembering who its customers are.

    Args:
        closed_dates: (n,) dates; a deal without one is in no fold.
        accounts: (n,) text or None.

    Folds without a deal to train on are left out.

    Source: M. López de Prado, Advances in Financial Machine Learning (2018), chapter 7 (purging);
    C. Bergmeir and J. M. Benítez, Information Sciences 191 (2012).
    """
    closed = np.asarray(closed_dates, dtype="datetime64[D]")
    part_of = account_parts(accounts, parts)
    dated = ~np.isnat(closed)
    quarter_of = quarter_start(closed)
    for quarter in np.unique(quarter_of[dated])[-quarters:]:
        # a missing date is in no comparison
        earlier = closed < quarter - np.timedelta64(purge_days, "D")
        for part in range(parts):
            train = np.flatnonzero(earlier & (part_of != part))
            validate = np.flatnonzero((quarter_of == quarter) & (part_of == part))
            if train.size and validate.size:
                yield Fold(quarter, train, validate)


def grouped_folds(accounts: ArrayLike, parts: int) -> Iterator[Fold]:
    """Folds for deals without dates: each part of the accounts validated by all others."""
    part_of = account_parts(accounts, parts)
    for part in range(parts):
        train, validate = np.flatnonzero(part_of != part), np.flatnonzero(part_of == part)
        if train.size and validate.size:
            yield Fold(None, train, validate)


def quarter_start(dates: ArrayLike) -> NDArray[np.datetime64]:
    """(n,) first day of the calendar quarter of (n,) dates; NaT stays."""
    months = np.asarray(dates, dtype="datetime64[D]").astype("datetime64[M]")
    # months since 1970-01, whose quarters begin at multiples of three
    into_quarter = np.where(np.isnat(months), 0, months.astype(np.int64) % 3)
    return (months - into_quarter.astype("timedelta64[M]")).astype("datetime64[D]")


# --- drift ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """Where the values of a feature or score lay: shares by bin, the last one for missing values.

    Either `edges` between bins of numbers, [edge, next edge), or `levels` of a category, with one
    bin for all others.
    """

    shares: tuple[float, ...]
    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = None


def number_distribution(values: ArrayLike, bins: int = BINS) -> Distribution:
    """Distribution of (n,) numbers, NaN = missing, over bins of equally many of them."""
    values = np.asarray(values, dtype=float)
    known = values[~np.isnan(values)]
    cuts = (
        np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf") if known.size else []
    )
    edges = tuple(float(edge) for edge in np.unique(cuts))
    return Distribution(_shares(_number_bins(values, edges), len(edges) + 2), edges=edges)


def category_distribution(values: ArrayLike) -> Distribution:
    """Distribution of (n,) categories, text or None = missing."""
    named = _named(values)
    names, counts = np.unique(named[named != MISSING], return_counts=True)
    # the most frequent ones, ties by name
    levels = tuple(sorted(str(name) for name in names[np.lexsort((names, -counts))][:MOST_LEVELS]))
    return Distribution(_shares(_category_bins(named, levels), len(levels) + 2), levels=levels)


def population_stability(then: Distribution, now: ArrayLike) -> float | None:
    """Population stability index of (n,) values now against a distribution then.

    Σ (now − then) · ln(now ÷ then) over the shares of the bins. By custom below .1 nothing has
    moved, and from .25 on the population is another one. None without values now or then.

    Source: N. Siddiqi, Credit Risk Scorecards (2006), chapter 8.
    """
    if then.edges is not None:
        row = _number_bins(np.asarray(now, dtype=float), then.edges)
    else:
        row = _category_bins(_named(now), then.levels or ())
    if row.size == 0 or sum(then.shares) == 0:
        return None
    expected = np.maximum(np.array(then.shares), LEAST_SHARE)
    actual = np.maximum(np.array(_shares(row, expected.size)), LEAST_SHARE)
    return _rounded(((actual - expected) * np.log(actual / expected)).sum())


# --- shared --------------------------------------------------------------------------------------


def _judged(
    won: ArrayLike, probability: ArrayLike, weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Outcomes, probabilities and weights as (n,) numbers."""
    y, p = np.asarray(won, dtype=float), np.asarray(probability, dtype=float)
    w = np.ones(y.shape) if weight is None else np.asarray(weight, dtype=float)
    if not y.shape == p.shape == w.shape:
        raise ValueError(f"{y.size} outcomes, {p.size} probabilities and {w.size} weights")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a probability is missing or lies outside 0–1")
    return y, p, w


def _bin_of(probability: Floats, bins: int) -> Rows:
    """(n,) the equal-width bin of a probability."""
    # b ÷ bins is the nearest double to the edge, as the probability .6 is to three fifths;
    # probability × bins would not be
    return np.searchsorted(np.arange(1, bins) / bins, probability, side="right")


def _number_bins(values: Floats, edges: tuple[float, ...]) -> Rows:
    row = np.searchsorted(np.array(edges, dtype=float), values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, row)


def _named(values: ArrayLike) -> NDArray[np.str_]:
    """(n,) categories as text, those that are missing by one name."""
    named = [v if isinstance(v, str) else MISSING for v in np.asarray(values, dtype=object)]
    return np.array(named, dtype=str)


def _category_bins(named: NDArray[np.str_], levels: tuple[str, ...]) -> Rows:
    place = {level: number for number, level in enumerate(levels)}
    place[MISSING] = len(levels) + 1
    return np.array([place.get(name, len(levels)) for name in named.tolist()], dtype=np.int64)


def _shares(row: Rows, bins: int) -> tuple[float, ...]:
    counts = np.bincount(row, minlength=bins)
    return tuple(_rounded(count / max(row.size, 1)) for count in counts)


def _rounded(value: float) -> float:
    return round(float(value), 9)

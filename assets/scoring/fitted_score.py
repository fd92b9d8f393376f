"""What the outcomes of deals say of a scorecard: the weights they would give its attributes, and
what each attribute is worth in points of win rate.

Belongs here: the fit, the choice of its penalty, the bootstrap over accounts. Which deals are
evidence, and their answers at a landmark, is decided in dbt. What comes out is a proposal for
review: nobody's score changes until somebody edits the scorecard.

The model is a logistic regression of won on the answers whose coefficients may not be negative: a
better answer never lowers a score. An attribute that points the other way gets the weight 0. The
answers share the scale 0–1, so the coefficients are weights as they stand, but for their sum. They
are shrunken by an L2 penalty, the one with the least log loss in cross-validation that keeps the
deals of an account together. The worth is told without shrinkage, as far as a fit can do without:
it would move estimate and interval together away from the truth.

Weights always add to 100, also those that chance alone would give. So they are proposed only where
the model tells the deals of accounts that it has not seen better than the base rate does, by more
than the error of that comparison.

A missing answer is not a low one. It stands at the mean of those given, and beside each attribute
with gaps the model has a term of either sign for "not answered", so that deals in which the
question was left open move neither the attribute's weight nor its worth by having been won more
or less often than others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

Status = Literal[
    "fitted",
    "no evidence",
    "one class only",
    "too few deals",
    "too few accounts",
    "nothing to fit",
    "no effect shown",
]
AttributeStatus = Literal["fitted", "not fitted", "never answered", "constant", "too few answers"]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

CONFIDENCE = 0.95
# the least number of won deals, of lost ones, and of answers to a question
MIN_DEALS = 50
MIN_ACCOUNTS = 10
# deals beyond these make the intervals no narrower than anyone can use, only the fits longer
MOST_DEALS = 20_000
FOLDS = 5
# the strongest first: of two that do equally well it is taken
PENALTIES = 10.0 ** np.arange(-1, -5.5, -0.5)
RESAMPLES = 200
SEED = 20_240_229
# what the optimiser leaves open lies beyond these decimals
DECIMALS = 6


@dataclass(frozen=True)
class Evidence:
    """n deals and the k attributes to fit.

    values: (n, k) answers, NaN = not answered.
    won: (n,) 1 or 0.
    cluster: (n,) number of the account, ascending from 0.
    means: (k,) of the answers given.
    columns: (n, k + g) what the model sees: the answers about their means, 0 where missing; then
        for each of the g attributes with gaps whether the answer is missing.
    gap_column: (k,) where in `columns` that stands, −1 for an attribute without gaps.
    """

    values: Floats
    won: Floats
    cluster: Numbers
    means: Floats
    columns: Floats
    gap_column: Numbers

    @property
    def attribute_count(self) -> int:
        return self.means.size

    @property
    def cluster_count(self) -> int:
        return int(self.cluster[-1]) + 1 if self.cluster.size else 0


def laid_out(
    answers: Floats, won: NDArray[np.bool_], accounts: NDArray[np.object_], most: int
) -> tuple[Floats, NDArray[np.bool_], Numbers]:
    """Answers, outcomes and the number of the account, sorted so that the order in which deals come
    is nothing to the figures. Of more than `most` deals accounts are drawn until there are so many.

    A deal without account is an account of its own.
    """
    named = np.array([account is not None for account in accounts], dtype=bool)
    account = np.where(named, accounts, "").astype(str)
    order = np.lexsort((*answers.T, won, account, ~named))
    account, named = account[order], named[order]
    is_first = np.ones(won.size, dtype=bool)
    is_first[1:] = (account[1:] != account[:-1]) | ~named[1:]
    cluster = np.cumsum(is_first) - 1
    if won.size > most:
        drawn = np.random.default_rng(SEED).permutation(int(cluster[-1]) + 1)
        sizes = np.bincount(cluster)[drawn]
        kept = np.isin(cluster, drawn[np.cumsum(sizes) - sizes < most])
        order, cluster = order[kept], np.unique(cluster[kept], return_inverse=True)[1]
    return answers[order], won[order], cluster


def evidence(values: Floats, won: NDArray[np.bool_], cluster: Numbers) -> Evidence:
    """What the model sees of deals laid out; every attribute must have been answered."""
    missing = np.isnan(values)
    has_gap = missing.any(axis=0)
    means = np.nanmean(values, axis=0)
    return Evidence(
        values,
        won.astype(np.float64),
        cluster,
        means,
        np.hstack([np.where(missing, 0.0, values - means), missing[:, has_gap]]),
        np.where(has_gap, means.size + np.cumsum(has_gap) - 1, -1),
    )


def fit(deals: Evidence, deal_weights: Floats, penalty: float, start: Floats) -> Floats:
    """(1 + k + g,): intercept and coefficients, those of the k attributes not negative.

    Args:
        deals: the evidence.
        deal_weights: (n,) how often each deal counts.
        penalty: on half the sum of squared coefficients, beside the mean log loss of a deal.
        start: (1 + k + g,) where the search begins.

    Source of the method: R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, SIAM J. Sci. Comput. 16 (1995).
    """
    counts = deal_weights > 0
    columns, won = deals.columns[counts], deals.won[counts]
    share = deal_weights[counts] / deal_weights.sum()

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        slopes = coefficients[1:]
        log_odds = coefficients[0] + columns @ slopes
        residual = share * (expit(log_odds) - won)
        gradient = np.concatenate([[residual.sum()], residual @ columns + penalty * slopes])
        value = share @ _log_loss(log_odds, won) + penalty / 2 * (slopes @ slopes)
        return value, gradient

    lowest = np.full(start.size, -np.inf)
    lowest[1 : 1 + deals.attribute_count] = 0
    found: Floats = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, np.inf) for low in lowest],
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1000},
    ).x
    return found


def _log_loss(log_odds: ArrayLike, won: Floats) -> Floats:
    return np.logaddexp(0, log_odds) - won * np.asarray(log_odds)


def choose_penalty(deals: Evidence) -> tuple[float, bool]:
    """The penalty with the least log loss on accounts that were left out of the fit, and whether
    that loss lies below the one of the base rate, at 95 % by its variation over accounts."""
    fold = (np.random.default_rng(SEED).permutation(deals.cluster_count) % FOLDS)[deals.cluster]
    gains = np.zeros((PENALTIES.size, deals.won.size))
    for number in range(FOLDS):
        is_out = fold == number
        is_in = (~is_out).astype(np.float64)
        # half a win and half a loss more, lest a fold without either is certain of it
        base_rate = (is_in @ deals.won + 0.5) / (is_in.sum() + 1)
        coefficients = np.zeros(1 + deals.columns.shape[1])
        for row, penalty in enumerate(PENALTIES):
            coefficients = fit(deals, is_in, penalty, coefficients)
            log_odds = coefficients[0] + deals.columns[is_out] @ coefficients[1:]
            gains[row, is_out] = _log_loss(logit(base_rate), deals.won[is_out]) - _log_loss(
                log_odds, deals.won[is_out]
            )
    best = int(gains.sum(axis=1).round(9).argmax())
    by_account = np.bincount(deals.cluster, weights=gains[best])
    error = by_account.std(ddof=1) * np.sqrt(by_account.size)
    return float(PENALTIES[best]), bool(by_account.sum() > ndtri(CONFIDENCE) * error)


def moves(values: Floats) -> Floats:
    """(k, 2): the answers (n, k) between which the worth of each attribute is told.

    From the 25th to the 75th percentile of the answers given; where these are one answer, a step
    of the scale: up to the next better answer that was given, or else up from the next worse one.
    Every attribute must have been answered in two ways.
    """
    found = np.empty((values.shape[1], 2))
    for number, column in enumerate(values.T):
        given = column[~np.isnan(column)]
        low, high = np.quantile(given, [0.25, 0.75], method="inverted_cdf")
        if low == high:
            answers = np.unique(given)
            upper = min(int(np.searchsorted(answers, high)) + 1, answers.size - 1)
            low, high = answers[upper - 1], answers[upper]
        found[number] = low, high
    return found


def worth_in_points(
    deals: Evidence, coefficients: Floats, move: Floats, deal_weights: Floats
) -> Floats:
    """(k,): by how many percentage points the win rate rises, on average over the deals, if each is
    answered with the upper instead of the lower answer of a move (k, 2), all else as it is."""
    slopes = coefficients[1:]
    log_odds = coefficients[0] + deals.columns @ slopes
    worth = np.zeros(deals.attribute_count)
    for number in np.flatnonzero(slopes[: worth.size] > 0):
        own = slopes[number] * deals.columns[:, number]
        if (gap := deals.gap_column[number]) >= 0:
            own += slopes[gap] * deals.columns[:, gap]
        low, high = slopes[number] * (move[number] - deals.means[number])
        gain = expit(log_odds - own + high) - expit(log_odds - own + low)
        worth[number] = 100 * np.average(gain, weights=deal_weights)
    return worth


def resampled_worth(deals: Evidence, coefficients: Floats, move: Floats) -> Floats:
    """(≤ RESAMPLES, k): the worth in bootstrap samples of accounts that hold won and lost deals.

    Begins at the coefficients of the whole, and tells of the same moves. Source of the method:
    C. A. Field and A. H. Welsh, J. R. Stat. Soc. B 69 (2007), the cluster bootstrap.
    """
    random = np.random.default_rng(SEED)
    samples = []
    for _ in range(RESAMPLES):
        drawn = random.integers(0, deals.cluster_count, deals.cluster_count)
        weights = np.bincount(drawn, minlength=deals.cluster_count)[deals.cluster].astype(float)
        if 0 < weights @ deals.won < weights.sum():
            fitted = fit(deals, weights, PENALTIES[-1], coefficients)
            samples.append(worth_in_points(deals, fitted, move, weights))
    return np.reshape(samples, (len(samples), deals.attribute_count))


def worth_interval(samples: Floats, clusters: int) -> Floats:
    """(2, k): the ends of the 95 % intervals by bootstrap samples (m, k) of so many accounts.

    Percentiles a little farther out than 2.5 and 97.5, the more so the fewer accounts there are: a
    bootstrap varies less than what it imitates. Source: T. C. Hesterberg, Am. Stat. 69 (2015), the
    expanded percentile interval.
    """
    beyond = stdtrit(clusters - 1, (1 + CONFIDENCE) / 2) * np.sqrt(clusters / (clusters - 1))
    ends: Floats = np.quantile(samples, [ndtr(-beyond), ndtr(beyond)], axis=0)
    return ends


def fitted_score(
    answers: ArrayLike,
    names: Sequence[str],
    hand_weights: ArrayLike,
    won: ArrayLike,
    accounts: ArrayLike,
) -> list[dict[str, object]]:
    """Proposed weight and worth of each attribute: k rows of `SCHEMA`, in the order of `names`.

    Args:
        answers: (n, k) 0–1, the better the higher; NaN = not answered.
        names: k names of the attributes.
        hand_weights: (k,) what they weigh in the scorecard.
        won: (n,) whether the deal was won, else it was lost.
        accounts: (n,) text or None; folds and bootstrap keep the deals of an account together, and
            a deal without one is alone.

    Raises:
        ValueError: an answer outside 0–1, a negative weight, or arrays of unequal length.
    """
    won, accounts = np.asarray(won, dtype=bool), np.asarray(accounts, dtype=object)
    answers = np.asarray(answers, dtype=np.float64)
    hand_weights = np.asarray(hand_weights, dtype=np.float64)
    if answers.shape != (won.size, len(names)) or accounts.size != won.size:
        raise ValueError("answers, names, won and accounts differ in length")
    if ((answers < 0) | (answers > 1)).any():
        raise ValueError("an answer lies outside 0–1")
    if hand_weights.size != len(names) or not (hand_weights >= 0).all():
        raise ValueError("the weights are not one per attribute and none negative")
    total = hand_weights.sum()

    values, outcomes, cluster = laid_out(answers, won, accounts, MOST_DEALS)
    attribute_statuses = [_attribute_status(column[~np.isnan(column)]) for column in values.T]
    usable = [n for n, status in enumerate(attribute_statuses) if status == "fitted"]
    deals = evidence(values[:, usable], outcomes, cluster)
    status = _status(deals)
    fitted: list[dict[str, object]] = [{"attribute_status": "not fitted"} for _ in usable]
    if status == "fitted":
        status, fitted = _fit_attributes(deals)
    of_attribute = dict(zip(usable, fitted, strict=True))
    return [
        {
            "attribute_id": name,
            "status": status,
            "attribute_status": attribute_statuses[number],
            "hand_weight": round(100 * hand_weights[number] / total, DECIMALS) if total else None,
            **dict.fromkeys(FITTED_FIELDS),
            **of_attribute.get(number, {}),
            "resolved_count": won.size,
            "won_count": int(won.sum()),
            "answered_count": int((~np.isnan(answers[:, number])).sum()),
            "fitted_count": deals.won.size,
            "cluster_count": deals.cluster_count,
        }
        for number, name in enumerate(names)
    ]


def _attribute_status(given: Floats) -> AttributeStatus:
    if given.size == 0:
        return "never answered"
    if (given == given[0]).all():
        return "constant"
    return "fitted" if given.size >= MIN_DEALS else "too few answers"


def _status(deals: Evidence) -> Status:
    won, lost = deals.won.sum(), (1 - deals.won).sum()
    if won + lost == 0:
        return "no evidence"
    if won == 0 or lost == 0:
        return "one class only"
    if min(won, lost) < MIN_DEALS:
        return "too few deals"
    if deals.cluster_count < MIN_ACCOUNTS:
        return "too few accounts"
    return "fitted" if deals.attribute_count else "nothing to fit"


def _fit_attributes(deals: Evidence) -> tuple[Status, list[dict[str, object]]]:
    """The verdict, and what `FITTED_FIELDS` say of each attribute; weights only with an effect."""
    once, move = np.ones(deals.won.size), moves(deals.values)
    penalty, is_better = choose_penalty(deals)
    shrunken = fit(deals, once, penalty, np.zeros(1 + deals.columns.shape[1]))
    unshrunken = fit(deals, once, PENALTIES[-1], shrunken)
    worth = worth_in_points(deals, unshrunken, move, once)
    samples = resampled_worth(deals, unshrunken, move)
    low, high = worth_interval(samples, deals.cluster_count)
    slopes = shrunken[1 : 1 + deals.attribute_count]
    has_effect = is_better and bool(slopes.any())
    weights = 100 * slopes / slopes.sum() if has_effect else None
    return "fitted" if has_effect else "no effect shown", [
        {
            "proposed_weight": None if weights is None else round(weights[number], DECIMALS),
            "worth_from_value": float(move[number, 0]),
            "worth_to_value": float(move[number, 1]),
            "worth_points": round(worth[number], DECIMALS),
            "worth_low_points": round(low[number], DECIMALS),
            "worth_high_points": round(high[number], DECIMALS),
            "penalty": penalty,
            "resample_count": len(samples),
        }
        for number in range(deals.attribute_count)
    ]


FITTED_FIELDS = {
    "proposed_weight": pa.float64(),
    "worth_from_value": pa.float64(),
    "worth_to_value": pa.float64(),
    "worth_points": pa.float64(),
    "worth_low_points": pa.float64(),
    "worth_high_points": pa.float64(),
    "penalty": pa.float64(),
    "resample_count": pa.int64(),
}
SCHEMA = pa.schema(
    [
        ("attribute_id", pa.string()),
        ("status", pa.string()),
        ("attribute_status", pa.string()),
        ("hand_weight", pa.float64()),
        *FITTED_FIELDS.items(),
        ("resolved_count", pa.int64()),
        ("won_count", pa.int64()),
        ("answered_count", pa.int64()),
        ("fitted_count", pa.int64()),
        ("cluster_count", pa.int64()),
    ]
)

"""How probable it is that an open deal is won: fitting, judging, scoring, and saying why.

Belongs here: one additive model (a sum over facts in log-odds) as one scikit-learn Pipeline, chosen
and judged forward in time; its reasons; its record as JSON; the gate before it is believed. Which
deals are evidence, and what was known of each at its landmarks, is decided in dbt.

Why additive: what a fact is worth is then its own, whatever else is known of the deal, and a rep
can argue with it.

Numbers become broken lines over their quantiles, flags and categories a column per value, and a
category also the shrunken win rate of its value; all share one L2 penalty. A value never seen
before adds nothing; a missing number counts as the median, plus what its absence tells.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from assets.scoring.evaluation import (
    MISSING,
    RESAMPLES,
    Distribution,
    Floats,
    Fold,
    Groups,
    ReliabilityBin,
    Rows,
    auc,
    bootstrap_interval,
    brier,
    brier_skill,
    calibration_in_the_large,
    category_distribution,
    expected_calibration_error,
    forward_folds,
    grouped_folds,
    groups_by_account,
    number_distribution,
    population_stability,
    reliability_curve,
)

Kind = Literal["number", "flag", "category"]
Status = Literal["fitted", "too few deals", "one outcome only", "no usable feature"]
Validation = Literal["forward in time", "by accounts alone", "none"]
Table: TypeAlias = pd.DataFrame | pa.Table

#: fewer won or fewer lost deals than these teach nothing that a scorecard does not know
LEAST_OUTCOMES = 50
#: the same for the training side of one fold
LEAST_FOLD_OUTCOMES = 25
#: what one fold learns from at most, so that judging does not take longer than fitting
MOST_FOLD_DEALS = 10_000
VALIDATED_QUARTERS = 6
ACCOUNT_PARTS = 3
UNDATED_PARTS = 5
#: a deal that closed later than this before a quarter is not yet in every CRM when it begins
PURGE_DAYS = 30
HAND_SCORE_STRENGTH = 100.0
STRENGTHS = (0.01, 0.03, 0.1, 0.3)
#: where lines break, as quantiles of the number; outside the outer ones they are flat
CURVE_KNOTS = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
LINE_KNOTS = (0.02, 0.98)
#: the win rate of a value speaks more quietly than the values themselves
RATE_WEIGHT = 0.7
MOST_LEVELS = 100
#: of the fit; a finer one takes twice as long and moves a probability by less than .001
TOLERANCE = 1e-3
SEED = 20_240_229
#: the gate: quarters looked at, quarters to win, and how far the mean may be off
GATE_QUARTERS, GATE_WINS, GATE_CALIBRATION = 3, 2, 0.03
#: a column that alone tells won from lost like this has seen the outcome
SUSPICIOUS_AUC = 0.95
SUSPICIOUS_GAP_AUC = 0.90
SUSPICIOUS_CHANCE = 1e-6
#: a fact that moves a deal by less is not worth a reader's time
LEAST_POINTS = 0.1
#: no value is recommended that fewer deals had
LEAST_SEEN = 30
REASON_ROWS = 100_000
#: what a stored model may consist of beyond what skops itself trusts
TRUSTED_TYPES = (
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.model_selection._split.StratifiedKFold",
)
#: names of the baselines
MODEL, BASE_RATE, STAGE = "model", "base rate", "stage win rate"
HAND_SCORE, CRM_PROBABILITY = "hand score", "CRM probability"
#: the probability itself, beside the features, where something drifts
PROBABILITY = "probability"
#: the values of a flag
YES, NO = "yes", "no"
#: a value that no deal has
NOBODY = "\0"


@dataclass(frozen=True)
class Feature:
    """A fact about a deal, and the words for it.

    `kind`: a number may be missing (null); a flag is true, false or missing; a category is text or
    missing. `lifts` and `lowers` say what it means when the fact speaks for and against the deal.
    `is_changeable`: a rep can do something about it. `is_told`: whether it may stand as a reason;
    what says more of a person than of the deal may not. `rises`: more of a number never speaks
    against a deal, by what it means; the model is held to that, since facts that go together are
    else weighed against each other until one of them speaks against its own sense.
    """

    name: str
    kind: Kind
    lifts: str
    lowers: str
    is_changeable: bool = False
    is_told: bool = True
    rises: bool = False


@dataclass(frozen=True)
class Baselines:
    """What the model has to beat, (n,) each, as known at the landmark; None where not given.

    `stage`: its name or None. `hand_score`: 0–100, made a probability by a logistic line through
    the training deals. `crm_probability`: 0–1, as it stands. NaN where a deal has none.
    """

    stage: ArrayLike | None = None
    hand_score: ArrayLike | None = None
    crm_probability: ArrayLike | None = None


@dataclass(frozen=True)
class Measure:
    """A statistic with its 95 % interval over accounts; None where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Quarter:
    """What came of the rows whose deals closed in a quarter; `quarter` is its first day."""

    quarter: str
    resolved_count: int
    won_count: int
    brier: float
    calibration: float


@dataclass(frozen=True)
class Comparison:
    """The model beside a baseline, on the rows that have the baseline; `quarter` None = all."""

    baseline: str
    quarter: str | None
    resolved_count: int
    brier: float
    baseline_brier: float


@dataclass(frozen=True)
class Performance:
    """A figure of what was said of deals not seen, as `champions.PERFORMANCE` has it."""

    slice: str
    slice_value: str | None
    method: str
    measure: str
    value: float | None
    lower_bound: float | None
    upper_bound: float | None
    case_count: int


@dataclass(frozen=True)
class Report:
    """How the model did on deals it had not seen, each judged by the penalty that was best before
    it. Counts are of rows: a deal has one per landmark."""

    validation: Validation = "none"
    resolved_count: int = 0
    won_count: int = 0
    brier: Measure = Measure()
    brier_skill: Measure = Measure()
    auc: Measure = Measure()
    calibration_error: Measure = Measure()
    calibration: Measure = Measure()
    reliability: tuple[ReliabilityBin, ...] = ()
    quarters: tuple[Quarter, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    performance: tuple[Performance, ...] = ()


MEASURES = ("brier", "brier_skill", "auc", "calibration_error", "calibration")


@dataclass(frozen=True)
class Training:
    """What a model was made of: deals, and rows where a deal has several landmarks; the checksum
    ignores their order."""

    resolved_count: int
    won_count: int
    row_count: int
    closed_from: str | None
    closed_to: str | None
    data_sha256: str


@dataclass(frozen=True)
class Choice:
    """What validation chose: how freely the model may follow the deals (scikit-learn's C: smaller
    is a stronger penalty)."""

    strength: float


#: where validation has nothing to say
DEFAULT_CHOICE = Choice(strength=0.03)


@dataclass(frozen=True)
class BestValue:
    """The value of a changeable fact with which deals fared best, and its log-odds."""

    value: str
    log_odds: float


@dataclass(frozen=True)
class Fitted:
    """A model, or the reason why there is none.

    `pipeline` is None unless `status` is "fitted". `ignored` and `suspects` name features with the
    reason. `average` is the mean log-odds that a feature adds to the training deals.
    """

    status: Status
    features: tuple[Feature, ...]
    ignored: Mapping[str, str]
    suspects: Mapping[str, str]
    training: Training
    report: Report = Report()
    choice: Choice | None = None
    average: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, BestValue] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    pipeline: Any = field(default=None, compare=False, repr=False)


# --- fitting -------------------------------------------------------------------------------------


def fit(
    table: Table,
    features: Sequence[Feature],
    won: ArrayLike,
    closed_dates: ArrayLike,
    accounts: ArrayLike,
    baselines: Baselines = Baselines(),
    deals: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Fitted:
    """Fits and judges a model of whether a deal is won. The order of the rows is nothing to it.

    Args:
        table: n rows of resolved deals with a column per feature, each as known at its landmark.
        features: the facts to learn from.
        won: (n,) whether the deal was won, else it was lost.
        closed_dates: (n,) dates or NaT. With too few of them to look forward in time, accounts
            are held out instead; the report says so, and such a model is not promoted.
        accounts: (n,) text or None.
        deals: (n,) names, where a deal has a row for each of several landmarks: whether there is
            enough to learn from is a question of deals. Unless told, each row is a deal.
        resamples: of the bootstrap behind the intervals; 0 = none.

    Raises:
        ValueError: a column is missing or of the wrong type, an outcome is missing, lengths differ.
            Too few deals, one outcome, empty and constant columns are no errors: see `status` and
            `ignored`.
    """
    rows = _in_own_order(_frame(table, features), won, closed_dates, accounts, baselines, deals)
    ignored = _ignored(rows.frame)
    used = tuple(feature for feature in features if feature.name not in ignored)
    training = _training(rows)
    lost_count = training.resolved_count - training.won_count
    status: Status = "fitted"
    if training.resolved_count and not (training.won_count and lost_count):
        status = "one outcome only"
    elif min(training.won_count, lost_count) < LEAST_OUTCOMES:
        status = "too few deals"
    elif not used:
        status = "no usable feature"
    without_model = Fitted(status, used, ignored, _suspects(rows.frame, rows.won), training)
    if status != "fitted":
        return without_model

    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits

    # more threads would add the same numbers in another order
    with threadpool_limits(limits=1):
        frame = rows.frame[[feature.name for feature in used]]
        rising = frozenset(feature.name for feature in used if feature.rises)
        report, choice = _judge(rows, frame, rising, resamples)
        columns = _columns(frame)
        known = columns.fit_transform(frame, rows.won)
        model = _fitted_model(known, rows.won, choice.strength, _rising_lines(columns, rising))
        pipeline = Pipeline([("columns", columns), ("model", model)])
    added = {name: _log_odds(pipeline, values)[0] for name, values in frame.items()}
    return replace(
        without_model,
        report=report,
        choice=choice,
        average={name: round(float(log_odds.mean()), 9) for name, log_odds in added.items()},
        best={
            feature.name: best
            for feature in used
            if feature.is_changeable
            and feature.is_told
            and (best := _best_value(frame[feature.name], added[feature.name]))
        },
        distributions={
            **{name: _distribution(values) for name, values in frame.items()},
            PROBABILITY: number_distribution(_probability(pipeline, added.values(), len(frame))),
        },
        pipeline=pipeline,
    )


@dataclass(frozen=True)
class _Deals:
    """(n,) each, and the frame of n rows, sorted by a hash of the rows. `deal`: its number."""

    frame: pd.DataFrame
    deal: Rows
    won: NDArray[np.bool_]
    closed: NDArray[np.datetime64]
    accounts: NDArray[np.object_]
    baselines: Mapping[str, NDArray[Any]]
    hashes: NDArray[np.uint64]


def _in_own_order(
    frame: pd.DataFrame,
    won: ArrayLike,
    closed_dates: ArrayLike,
    accounts: ArrayLike,
    baselines: Baselines,
    deals: ArrayLike | None,
) -> _Deals:
    if pd.isna(np.asarray(won, dtype=object)).any():
        raise ValueError("a deal without an outcome is no evidence: leave open deals out")
    columns: dict[str, NDArray[Any]] = {
        "won": np.asarray(won, dtype=bool),
        "closed_dates": np.asarray(closed_dates, dtype="datetime64[D]"),
        "accounts": _text_or_none(accounts),
    }
    if deals is not None:
        columns["deals"] = _text_or_none(deals)
    if baselines.stage is not None:
        columns[STAGE] = _text_or_none(baselines.stage)
    for name, numbers in (
        (HAND_SCORE, baselines.hand_score),
        (CRM_PROBABILITY, baselines.crm_probability),
    ):
        if numbers is not None:
            columns[name] = np.asarray(numbers, dtype=float)
    for name, values in columns.items():
        if values.shape != (len(frame),):
            raise ValueError(f"{len(frame)} deals but {values.size} values of {name}")
    rows = pd.concat([frame, pd.DataFrame(columns)], axis=1)
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    order = np.argsort(hashes, kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    named = columns.pop("deals", None)
    return _Deals(
        frame.iloc[order].reset_index(drop=True),
        np.arange(len(frame)) if named is None else pd.factorize(named)[0].astype(np.int64),
        columns.pop("won"),
        columns.pop("closed_dates"),
        columns.pop("accounts"),
        columns,
        hashes[order],
    )


def _text_or_none(values: ArrayLike) -> NDArray[np.object_]:
    values = np.asarray(values, dtype=object)
    return np.array([v if isinstance(v, str) else None for v in values], dtype=object)


def _frame(table: Table, features: Sequence[Feature]) -> pd.DataFrame:
    """The columns of the features: numbers as floats, NaN where missing; the rest as text."""
    names = [feature.name for feature in features]
    if isinstance(table, pd.DataFrame):
        held = [name for name in names if name in table.columns]
        table = pa.Table.from_pandas(table[held], preserve_index=False)
    if absent := [name for name in names if name not in table.column_names]:
        raise ValueError(f"the table has no column {', '.join(absent)}")
    return pd.DataFrame({f.name: _column(table.column(f.name), f) for f in features})


def _column(column: pa.ChunkedArray, feature: Feature) -> pd.Series:
    type_ = column.type
    is_null = pa.types.is_null(type_)
    if feature.kind == "number":
        if not (is_null or pa.types.is_decimal(type_) or pa.types.is_primitive(type_)):
            raise ValueError(f"{feature.name} holds {type_}, not numbers")
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        return pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
    if feature.kind == "flag":
        if not (is_null or pa.types.is_boolean(type_)):
            raise ValueError(f"{feature.name} holds {type_}, not true and false")
        column = pc.if_else(column.cast(pa.bool_()), YES, NO)
    elif not (
        is_null
        or pa.types.is_dictionary(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string(type_)
    ):
        raise ValueError(f"{feature.name} holds {type_}, not text")
    text = column.cast(pa.string()).combine_chunks().fill_null(MISSING)
    return text.dictionary_encode().to_pandas()


def _is_number(values: pd.Series) -> bool:
    return values.dtype == np.float64


def _is_known(values: pd.Series) -> NDArray[np.bool_]:
    return (values.notna() if _is_number(values) else values != MISSING).to_numpy()


def _ignored(frame: pd.DataFrame) -> dict[str, str]:
    """The columns that can teach nothing, and why."""
    ignored = {}
    for name, values in frame.items():
        known = _is_known(values)
        if not known.any():
            ignored[name] = "no deal has a value"
        elif known.all() and values.nunique() == 1:
            ignored[name] = "all deals have the same value"
    return ignored


def _training(deals: _Deals) -> Training:
    closed = deals.closed[~np.isnat(deals.closed)]
    names = ",".join(deals.frame.columns).encode()
    won_count, lost_count = _outcome_counts(deals, np.arange(deals.won.size))
    return Training(
        resolved_count=won_count + lost_count,
        won_count=won_count,
        row_count=int(deals.won.size),
        closed_from=str(closed.min()) if closed.size else None,
        closed_to=str(closed.max()) if closed.size else None,
        data_sha256=hashlib.sha256(names + deals.hashes.tobytes()).hexdigest(),
    )


def _outcome_counts(deals: _Deals, rows: Rows | NDArray[np.bool_]) -> tuple[int, int]:
    """How many deals of these rows were won, and how many lost."""
    won, deal = deals.won[rows], deals.deal[rows]
    return int(np.unique(deal[won]).size), int(np.unique(deal[~won]).size)


def _model(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000, tol=TOLERANCE)


def _fitted_model(
    known: Any, won: NDArray[np.bool_], strength: float, rising: Sequence[NDArray[np.int64]]
) -> Any:
    """The logistic regression whose weights do not fall along any of the `rising` lines (their
    columns, from the lowest knot to the highest).

    scikit-learn's objective, by the same method (L-BFGS), with bounds, which it does not take: a
    weight along a line is the one before plus a step that is not negative.
    """
    if not rising:
        return _model(strength).fit(known, won)
    rows, size = known.shape
    penalty = 1 / (strength * rows)
    bounds: list[tuple[float | None, None]] = [(None, None)] * (size + 1)
    for line in rising:
        for column in line[1:]:
            bounds[column] = (0, None)

    def weights_of(steps: Floats) -> Floats:
        weights = steps[:size].copy()
        for line in rising:
            weights[line] = weights[line].cumsum()
        return weights

    def loss(steps: Floats) -> tuple[float, Floats]:
        weights = weights_of(steps)
        log_odds = known @ weights + steps[size]
        off = expit(log_odds) - won
        slope = known.T @ off / rows + penalty * weights
        for line in rising:
            slope[line] = slope[line][::-1].cumsum()[::-1]
        value = np.logaddexp(0, np.where(won, -log_odds, log_odds)).mean()
        value += penalty * (weights @ weights) / 2
        return float(value), np.append(slope, off.mean())

    options = {"maxiter": 1000, "gtol": TOLERANCE, "ftol": 64 * np.finfo(float).eps}
    found = minimize(
        loss, np.zeros(size + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    model = _model(strength)
    model.classes_ = np.array([False, True])
    model.coef_ = weights_of(found.x)[np.newaxis]
    model.intercept_ = found.x[size:]
    model.n_features_in_ = size
    model.n_iter_ = np.array([found.nit], dtype=np.int32)
    return model


def _rising_lines(columns: Any, rising: frozenset[str]) -> list[NDArray[np.int64]]:
    """For each line of a number that may not fall, its columns from the lowest knot up."""
    lines = []
    for name, transformer, names in columns.transformers_:
        if name in ("lines", "curves"):
            size = len(transformer["lines"].knots)
            start = columns.output_indices_[name].start
            lines += [
                np.arange(start + number * size, start + (number + 1) * size)
                for number, feature in enumerate(names)
                if feature in rising
            ]
    return lines


def _columns(frame: pd.DataFrame) -> Any:
    """What makes numbers of facts: a transformer for all features of a kind and way to look at it,
    since each costs the same however many features it has."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import (
        OneHotEncoder,
        SplineTransformer,
        StandardScaler,
        TargetEncoder,
    )

    def broken_lines(names: list[str], quantiles: tuple[float, ...]) -> Any:
        knots = np.column_stack([_knots(frame[name].to_numpy(), quantiles) for name in names])
        lines = SplineTransformer(degree=1, knots=knots, extrapolation="constant")
        filled = SimpleImputer(strategy="median", keep_empty_features=True)
        return Pipeline([("filled", filled), ("lines", lines)])

    transformers: list[tuple[str, Any, list[str]]] = []
    if numbers := [name for name, values in frame.items() if _is_number(values)]:
        transformers.append(("lines", broken_lines(numbers, LINE_KNOTS), numbers))
        transformers.append(("curves", broken_lines(numbers, CURVE_KNOTS), numbers))
    if gapped := [name for name in numbers if frame[name].isna().any()]:
        transformers.append(("gaps", MissingIndicator(features="all"), gapped))
    if text := [name for name in frame if name not in numbers]:
        levels = OneHotEncoder(handle_unknown="ignore", max_categories=MOST_LEVELS)
        transformers.append(("levels", levels, text))
        # cross-fitted, so that no deal tells its own outcome to the rate of its value
        folds = StratifiedKFold(shuffle=True, random_state=SEED)
        rates = TargetEncoder(target_type="binary", cv=folds)
        scaled = Pipeline([("rates", rates), ("scaled", StandardScaler())])
        transformers.append(("rates", scaled, text))
    return ColumnTransformer(
        transformers, transformer_weights={"rates": RATE_WEIGHT}, sparse_threshold=1.0
    )


def _knots(values: Floats, quantiles: tuple[float, ...]) -> Floats:
    """(k,) ascending places where the line of a number may break, one per quantile. Where quantiles
    fall together, further ones halve the widest gaps, where they do no harm."""
    known = values[~np.isnan(values)]
    knots = np.unique(np.quantile(known, quantiles)) if known.size else np.zeros(1)
    if knots.size == 1:
        knots = np.array([knots[0], knots[0] + 1])
    while knots.size < len(quantiles):
        widest = int(np.argmax(np.diff(knots)))
        knots = np.insert(knots, widest + 1, knots[widest : widest + 2].mean())
    return knots


def _distribution(values: pd.Series) -> Distribution:
    plain = _plain(values)
    return number_distribution(plain) if _is_number(values) else category_distribution(plain)


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trial:
    """What models said of deals they had not seen. `part` (n,): the number of the quarter, or of
    the accounts, that was held out; −1 where a deal was in no fold. The probabilities (n,) are NaN
    where there is none."""

    validation: Validation
    part: Rows
    quarters: Sequence[str]
    by_choice: Mapping[Choice, Floats]
    baselines: Mapping[str, Floats]


def _judge(
    deals: _Deals, frame: pd.DataFrame, rising: frozenset[str], resamples: int
) -> tuple[Report, Choice]:
    """How the way of choosing did on deals it had not seen, and what it chooses from all of them.

    A deal is judged by the choice that was best on earlier quarters (without dates: on other
    accounts), not by the one that is best on itself.
    """
    forward = forward_folds(
        deals.closed,
        deals.accounts,
        quarters=VALIDATED_QUARTERS,
        purge_days=PURGE_DAYS,
        parts=ACCOUNT_PARTS,
    )
    trial = _try(deals, frame, rising, forward, "forward in time")
    if not _is_evidence(deals, trial.part >= 0):
        by_account = grouped_folds(deals.accounts, UNDATED_PARTS)
        trial = _try(deals, frame, rising, by_account, "by accounts alone")
    validated = trial.part >= 0
    if not _is_evidence(deals, validated):
        return Report(), DEFAULT_CHOICE
    probability = np.full(deals.won.size, np.nan)
    for part in np.unique(trial.part[validated]):
        rows = trial.part == part
        is_forward = trial.validation == "forward in time"
        evidence = validated & ((trial.part < part) if is_forward else ~rows)
        probability[rows] = trial.by_choice[_choose(trial, deals, evidence)][rows]
    report = _report(deals, trial, probability, resamples)
    return report, _choose(trial, deals, validated)


def _is_evidence(deals: _Deals, rows: Rows | NDArray[np.bool_]) -> bool:
    """Whether the deals of these rows are enough to learn from or to judge by."""
    return min(_outcome_counts(deals, rows)) >= LEAST_FOLD_OUTCOMES


def _try(
    deals: _Deals,
    frame: pd.DataFrame,
    rising: frozenset[str],
    folds: Iterable[Fold],
    validation: Validation,
) -> _Trial:
    """Every choice and baseline on every fold that has enough to learn from."""
    shape = deals.won.shape
    part = np.full(shape, -1)
    quarters: list[str] = []
    choices = [Choice(strength) for strength in STRENGTHS]
    by_choice = {choice: np.full(shape, np.nan) for choice in choices}
    baselines = {name: np.full(shape, np.nan) for name in (BASE_RATE, *deals.baselines)}
    for number, fold in enumerate(folds):
        # sorted by a hash, the first deals are a sample of all
        train, held_out = fold.train[:MOST_FOLD_DEALS], fold.validate
        if not _is_evidence(deals, train):
            continue
        if fold.quarter is None:
            part[held_out] = number
        else:
            quarter = str(fold.quarter)
            if quarter not in quarters:
                quarters.append(quarter)
            part[held_out] = quarters.index(quarter)
        columns = _columns(frame.iloc[train])
        known = columns.fit_transform(frame.iloc[train], deals.won[train])
        asked = columns.transform(frame.iloc[held_out])
        lines = _rising_lines(columns, rising)
        for choice, probability in by_choice.items():
            model = _fitted_model(known, deals.won[train], choice.strength, lines)
            probability[held_out] = model.predict_proba(asked)[:, 1]
        for name, values in baselines.items():
            values[held_out] = _baseline(name, deals, fold)
    return _Trial(validation, part, quarters, by_choice, baselines)


def _baseline(name: str, deals: _Deals, fold: Fold) -> Floats:
    """(m,) what a baseline says of the deals held out, learned from the fold's others."""
    won = deals.won[fold.train]
    if name == BASE_RATE:
        return np.full(fold.validate.size, won.mean())
    known, asked = deals.baselines[name][fold.train], deals.baselines[name][fold.validate]
    if name == STAGE:
        return stage_win_rates(known, won, asked)
    if name == CRM_PROBABILITY:
        return asked
    return hand_score_probabilities(known, won, deals.deal[fold.train], asked)


def stage_win_rates(stages: ArrayLike, won: ArrayLike, asked: ArrayLike) -> Floats:
    """(m,) win rate of the stage of each deal asked about, among n resolved ones; that of all of
    them where none stood there. One deal more at the rate of all counts in every stage: two deals
    do not make it certain. NaN without resolved deals.

    Args:
        stages, won: (n,) stage and outcome of the resolved ones.
        asked: (m,) stages, text or None.
    """
    outcomes = np.asarray(won, dtype=float)
    if outcomes.size == 0:
        return np.full(np.shape(asked), np.nan)
    by_stage = pd.Series(outcomes).groupby(_text_or_none(stages)).agg(["sum", "count"])
    rates = (by_stage["sum"] + outcomes.mean()) / (by_stage["count"] + 1)
    found = pd.Series(_text_or_none(asked)).map(rates).fillna(outcomes.mean())
    return found.to_numpy(dtype=float).round(9)


def hand_score_probabilities(
    scores: ArrayLike, won: ArrayLike, deals: ArrayLike, asked: ArrayLike
) -> Floats:
    """(m,) what a hand score, 0–100, is worth as a probability, by a logistic line through n
    resolved ones. NaN without a score, and everywhere where fewer than LEAST_FOLD_OUTCOMES deals
    with one were won, or lost: a score is no probability then.

    Args:
        scores, won, deals: (n,) score or NaN, outcome, and name or number of the deal.
        asked: (m,) scores or NaN.
    """
    known, outcomes = np.asarray(scores, dtype=float), np.asarray(won, dtype=bool)
    names, to_tell = np.asarray(deals), np.asarray(asked, dtype=float)
    probability = np.full(to_tell.shape, np.nan)
    has_score, is_asked = ~np.isnan(known), ~np.isnan(to_tell)
    counts = [np.unique(names[has_score & side]).size for side in (outcomes, ~outcomes)]
    if min(counts) >= LEAST_FOLD_OUTCOMES and is_asked.any():
        line = _model(HAND_SCORE_STRENGTH)
        line.fit(known[has_score, np.newaxis] / 100, outcomes[has_score])
        log_odds = line.intercept_[0] + line.coef_[0, 0] * to_tell[is_asked] / 100
        probability[is_asked] = expit(log_odds).round(9)
    return probability


def _choose(trial: _Trial, deals: _Deals, evidence: NDArray[np.bool_]) -> Choice:
    """The usual penalty, unless another's Brier score is lower by more than two standard errors of
    the difference, over accounts; then the lowest of those.

    After the standard-error rule (Breiman et al. 1984, Classification and Regression Trees): few
    deals cannot tell penalties apart, and the luckiest of several is worse than the usual one.
    """
    if not _is_evidence(deals, evidence):
        return DEFAULT_CHOICE
    won = deals.won[evidence]
    accounts = groups_by_account(deals.accounts[evidence])
    usual = (trial.by_choice[DEFAULT_CHOICE][evidence] - won) ** 2
    best, least = DEFAULT_CHOICE, 0.0
    for choice, probability in trial.by_choice.items():
        worse = (probability[evidence] - won) ** 2 - usual
        mean = round(float(worse.mean()), 9)
        by_account = np.bincount(accounts.of_deal, worse - mean)
        error = round(float(np.sqrt((by_account**2).sum()) / won.size), 9)
        if mean < min(least, -2 * error):
            best, least = choice, mean
    return best


def _loss(won: NDArray[np.bool_], probability: Floats) -> float:
    """The Brier score of deals, of which there are some."""
    return round(float(np.mean((probability - won) ** 2)), 9)


STATISTICS: Mapping[str, Callable[..., float | None]] = {
    "brier": brier,
    "brier_skill": brier_skill,
    "auc": auc,
    "calibration_error": expected_calibration_error,
    "calibration": calibration_in_the_large,
}


def _report(deals: _Deals, trial: _Trial, probability: Floats, resamples: int) -> Report:
    validated = trial.part >= 0
    won, p = deals.won[validated], probability[validated]
    groups = groups_by_account(deals.accounts[validated])
    measures = {
        name: _measure(statistic, won, p, groups, resamples)
        for name, statistic in STATISTICS.items()
    }
    periods: list[tuple[str | None, NDArray[np.bool_]]] = [
        (quarter, trial.part == number) for number, quarter in enumerate(trial.quarters)
    ]
    quarters = [
        Quarter(
            quarter=str(quarter),
            resolved_count=int(rows.sum()),
            won_count=int(deals.won[rows].sum()),
            brier=_loss(deals.won[rows], probability[rows]),
            calibration=round(float((probability[rows] - deals.won[rows]).mean()), 9),
        )
        for quarter, rows in periods
    ]
    comparisons = [
        Comparison(
            baseline=name,
            quarter=quarter,
            resolved_count=int(both.sum()),
            brier=_loss(deals.won[both], probability[both]),
            baseline_brier=_loss(deals.won[both], baseline[both]),
        )
        for name, baseline in trial.baselines.items()
        for quarter, rows in [*periods, (None, validated)]
        if (both := rows & ~np.isnan(baseline)).any()
    ]
    curve = tuple(reliability_curve(won, p))
    model = [_row("all", None, MODEL, name, value, won.size) for name, value in measures.items()]
    return Report(
        validation=trial.validation,
        resolved_count=int(won.size),
        won_count=int(won.sum()),
        reliability=curve,
        quarters=tuple(quarters),
        comparisons=tuple(comparisons),
        performance=(
            *model,
            *_by_quarter(deals.won, MODEL, probability, periods),
            *_of_baselines(deals, trial, probability, periods, resamples),
            *_of_bins(curve),
        ),
        **measures,
    )


def _measure(
    statistic: Callable[..., float | None],
    won: NDArray[np.bool_],
    probability: Floats,
    groups: Groups,
    resamples: int,
) -> Measure:
    interval = bootstrap_interval(
        lambda weight: statistic(won, probability, weight=weight), groups, resamples
    )
    return Measure(statistic(won, probability), *(interval or (None, None)))


def _row(
    part: str, which: str | None, method: str, measure: str, value: Measure, cases: int
) -> Performance:
    name = "ece" if measure == "calibration_error" else measure
    return Performance(part, which, method, name, value.value, value.low, value.high, int(cases))


def _by_quarter(
    won: NDArray[np.bool_],
    method: str,
    probability: Floats,
    periods: Sequence[tuple[str | None, NDArray[np.bool_]]],
) -> list[Performance]:
    return [
        _row(
            *("quarter", quarter, method, name),
            Measure(statistic(won[cases], probability[cases])),
            cases.sum(),
        )
        for quarter, rows in periods
        if (cases := rows & ~np.isnan(probability)).any()
        for name, statistic in STATISTICS.items()
    ]


def _of_baselines(
    deals: _Deals,
    trial: _Trial,
    probability: Floats,
    periods: Sequence[tuple[str | None, NDArray[np.bool_]]],
    resamples: int,
) -> list[Performance]:
    """Each baseline on the rows of which it says something. `brier_gain`: by how much the model's
    Brier score is lower on the same rows, with an interval over accounts."""
    rows = []
    for method, values in trial.baselines.items():
        cases = (trial.part >= 0) & ~np.isnan(values)
        if not cases.any():
            continue
        won, said = deals.won[cases], values[cases]
        for name, statistic in STATISTICS.items():
            rows.append(_row("all", None, method, name, Measure(statistic(won, said)), cases.sum()))
        gain = partial(_brier_gain, probability[cases])
        groups = groups_by_account(deals.accounts[cases])
        measure = _measure(gain, won, said, groups, resamples)
        rows.append(_row("all", None, method, "brier_gain", measure, cases.sum()))
        rows += _by_quarter(deals.won, method, values, periods)
    return rows


def _of_bins(curve: Sequence[ReliabilityBin]) -> list[Performance]:
    rows = []
    for part in curve:
        place = f"{part.low:.1f}–{part.high:.1f}"
        rate = Measure(part.win_rate, part.win_rate_lower_bound, part.win_rate_upper_bound)
        for name, value in (
            ("mean_probability", Measure(part.mean_probability)),
            ("win_rate", rate),
        ):
            if part.resolved_count:
                rows.append(_row(PROBABILITY, place, MODEL, name, value, part.resolved_count))
    return rows


def _brier_gain(
    model: Floats, won: ArrayLike, baseline: ArrayLike, weight: ArrayLike | None = None
) -> float | None:
    theirs, own = brier(won, baseline, weight), brier(won, model, weight)
    return None if theirs is None or own is None else round(theirs - own, 9)


# --- what gives a model away ---------------------------------------------------------------------


def _suspects(frame: pd.DataFrame, won: NDArray[np.bool_]) -> dict[str, str]:
    """The features that know the outcome, and what gives them away; such a model is not promoted.

    A column does where it alone tells won from lost better than any honest fact could (AUC from
    .95), where being filled in does (from .90), or where it is filled in for one outcome alone and
    chance would do that less than once in a million.
    """

    def strength(outcome: NDArray[np.bool_], signal: ArrayLike) -> float:
        if min(outcome.sum(), (~outcome).sum()) < LEAST_OUTCOMES:
            return 0.5
        above = auc(outcome, signal) or 0.0
        return max(above, 1 - above)

    suspects = {}
    for name, values in frame.items():
        known = _is_known(values)
        filled = won[known]
        if not filled.size:
            continue
        for word, outcome in (("won", won), ("lost", ~won)):
            chance = outcome.mean() ** filled.size
            if not known.all() and outcome[known].all() and chance < SUSPICIOUS_CHANCE:
                suspects[name] = f"filled in for {word} deals alone"
        if strength(won, known) >= SUSPICIOUS_GAP_AUC:
            suspects[name] = "filled in or not by outcome"
        alone = strength(filled, _signal(values[known], filled))
        if alone >= SUSPICIOUS_AUC:
            suspects[name] = f"tells won from lost by itself (AUC {alone:.2f})"
    return suspects


def _signal(values: pd.Series, won: NDArray[np.bool_]) -> Floats:
    """(n,) 0–1, rising with what a column alone says: the rank of a number, or the win rate that a
    value has in the other half of the deals (not in its own, or every rare name would know all)."""
    if _is_number(values):
        return values.rank(pct=True).to_numpy()
    half = np.arange(won.size) % 2
    signal = np.empty(won.size)
    for side in (0, 1):
        mine, other = half == side, half != side
        by_value = pd.Series(won[other]).groupby(values[other].astype(str).to_numpy())
        counts = by_value.agg(["sum", "count"])
        rates = (counts["sum"] + won.mean()) / (counts["count"] + 1)
        signal[mine] = values[mine].astype(str).map(rates).fillna(won.mean()).to_numpy()
    return signal


@dataclass(frozen=True)
class Promotion:
    """Whether a model may take the place of the one before, and what speaks against it."""

    is_promoted: bool
    reasons: tuple[str, ...]


def is_promoted(new: Fitted) -> Promotion:
    """The gate before a model is believed: no column that knows the outcome, judged forward in
    time, a lower Brier score than the stage's win rate in two of the last three quarters, and over
    these quarters a mean probability within three points of the win rate."""
    if new.status != "fitted":
        return Promotion(False, (new.status,))
    against = [f"{name} knows the outcome: {why}" for name, why in new.suspects.items()]
    if new.report.validation != "forward in time":
        return Promotion(False, (*against, "not judged forward in time"))
    last = new.report.quarters[-GATE_QUARTERS:]
    by_quarter = {c.quarter: c for c in new.report.comparisons if c.baseline == STAGE}
    against_stage = [by_quarter[q.quarter] for q in last if q.quarter in by_quarter]
    wins = sum(quarter.brier < quarter.baseline_brier for quarter in against_stage)
    if wins < GATE_WINS:
        against.append(f"beats the stage win rate in {wins} of the last {len(last)} quarters")
    deals = sum(quarter.resolved_count for quarter in last)
    gap = sum(quarter.calibration * quarter.resolved_count for quarter in last) / deals
    if abs(gap) > GATE_CALIBRATION:
        against.append(f"{100 * gap:+.1f} points off on average in the last {len(last)} quarters")
    return Promotion(not against, tuple(against))


def drift(fitted: Fitted, table: Table) -> dict[str, float | None]:
    """Population stability index of every feature, and of the probability, between the deals of
    the training and those of a table; empty where there is no model."""
    frame = _frame(table, fitted.features)
    now: dict[str, ArrayLike] = {}
    if fitted.pipeline is not None:
        now = {name: _plain(values) for name, values in frame.items()}
        now[PROBABILITY] = probabilities(fitted, table)
    return {
        name: population_stability(fitted.distributions[name], values)
        for name, values in now.items()
    }


def _plain(values: pd.Series) -> NDArray[Any]:
    """Values as evaluation takes them: numbers with NaN, text with None."""
    if _is_number(values):
        return values.to_numpy()
    return values.astype(object).where(_is_known(values), None).to_numpy()


# --- scoring -------------------------------------------------------------------------------------


def probabilities(fitted: Fitted, table: Table) -> Floats:
    """(n,) probability that a deal is won, 0–1; NaN where there is no model.

    A deal has the same one alone and in any batch, to the last bit: what a value adds depends on
    the value alone, and the addends are summed per deal in the order of the features, not by a
    product of matrices, whose order of summation depends on their size.

    Raises:
        ValueError: a column is missing or of the wrong type.
    """
    frame = _frame(table, fitted.features)
    if fitted.pipeline is None:
        return np.full(len(frame), np.nan)
    added = (_log_odds(fitted.pipeline, values)[0] for _, values in frame.items())
    return _probability(fitted.pipeline, added, len(frame))


def _probability(pipeline: Any, added: Iterable[Floats], deals: int) -> Floats:
    total = np.full(deals, pipeline["model"].intercept_[0])
    for log_odds in added:
        total += log_odds
    return expit(total).round(9)


def _log_odds(pipeline: Any, values: pd.Series) -> tuple[Floats, NDArray[np.bool_]]:
    """(n,) what the values of a feature add, and whether the training knew them."""
    columns, weights = pipeline["columns"], pipeline["model"].coef_[0]
    # once per distinct value
    place, distinct = pd.factorize(values, use_na_sentinel=False)
    asked = pd.Series(np.asarray(distinct), name=values.name)
    added = np.zeros(asked.size)
    is_seen = asked.notna().to_numpy(copy=True)
    for name, transformer, names in columns.transformers_:
        if values.name not in names:
            continue
        number = names.index(values.name)
        own = weights[columns.output_indices_[name]] * columns.transformer_weights.get(name, 1)
        if name in ("lines", "curves"):
            # a spline of the first degree is a broken line through its weights at the knots
            filled = asked.fillna(transformer["filled"].statistics_[number]).to_numpy(dtype=float)
            knots = transformer["lines"].knots
            size = len(knots)
            added += np.interp(filled, knots[:, number], own[number * size : (number + 1) * size])
        elif name == "gaps":
            is_seen[:] = True
            added += own[number] * asked.isna().to_numpy()
        else:
            # of the other features a value that nobody has, which makes their columns 0
            made = transformer.transform(asked.to_frame().reindex(columns=names, fill_value=NOBODY))
            if name == "levels":
                is_seen = asked.isin(transformer.categories_[number]).to_numpy(copy=True)
                made = made.toarray()
            else:
                # here they are the mean, but each has a column of its own
                made, own = (part[..., [number]] for part in (made, own))
            for column, weight in zip(made.T, own, strict=True):
                added += column * weight
    return added[place], is_seen[place]


# --- reasons -------------------------------------------------------------------------------------

Direction = Literal["lifts", "lowers", "would lift"]

REASONS = pa.schema(
    [
        ("deal_row", pa.int64()),
        ("direction", pa.string()),
        ("rank", pa.int64()),
        ("feature", pa.string()),
        ("value", pa.string()),
        ("better_value", pa.string()),
        ("points", pa.float64()),
        ("words", pa.string()),
    ]
)


def reasons(fitted: Fitted, table: Table, most: int = 3) -> pa.Table:
    """Why a deal has its probability, as rows of `REASONS`, sorted by deal, direction and rank.

    "lifts", "lowers": up to `most` facts each that move the deal furthest from the average one:
    the points of probability (0–100) by which it would differ if the fact weighed as it does on
    average in the training deals. A value the training did not know is no reason.

    "would lift": the one changeable fact that would raise it most if it had the value with which
    deals fared best (`better_value`). What went with winning need not have caused it.

    Empty where there is no model.

    Args:
        table: n deals with a column per feature; `deal_row` counts them from 0.

    Raises:
        ValueError: a column is missing or of the wrong type.
    """
    frame = _frame(table, fitted.features)
    parts = [REASONS.empty_table()]
    if fitted.pipeline is not None:
        for start in range(0, len(frame), REASON_ROWS):
            part = frame.iloc[start : start + REASON_ROWS].reset_index(drop=True)
            parts.append(_reasons(fitted, part, start, most))
    return pa.concat_tables(parts)


def _reasons(fitted: Fitted, frame: pd.DataFrame, start: int, most: int) -> pa.Table:
    features = fitted.features
    log_odds, is_seen = (
        np.column_stack(columns)
        for columns in zip(*(_log_odds(fitted.pipeline, v) for _, v in frame.items()), strict=True)
    )
    total = fitted.pipeline["model"].intercept_[0] + log_odds.sum(axis=1, keepdims=True)
    average = np.array([fitted.average[feature.name] for feature in features])
    is_told = np.array([feature.is_told for feature in features])
    without = total - np.where(is_seen & is_told, log_odds - average, 0)
    points = 100 * (expit(total) - expit(without))
    best = np.array(
        [fitted.best[f.name].log_odds if f.name in fitted.best else -np.inf for f in features]
    )
    gain = 100 * (expit(total - log_odds + best) - expit(total))

    directions: list[tuple[Direction, Floats, int]] = [
        ("lifts", points, most),
        ("lowers", -points, most),
        ("would lift", gain, 1),
    ]
    found = []
    for place, (_, size, number) in enumerate(directions):
        top = np.argsort(-size, axis=1, kind="stable")[:, :number]
        rows, ranks = np.nonzero(np.take_along_axis(size, top, axis=1) >= LEAST_POINTS)
        found.append((rows, np.full(rows.size, place), ranks, top[rows, ranks]))
    row, order, rank, feature = (np.concatenate(columns) for columns in zip(*found, strict=True))
    in_order = np.lexsort((rank, order, row))
    row, order, rank, feature = (column[in_order] for column in (row, order, rank, feature))

    def of_feature(texts: Iterable[str | None]) -> NDArray[np.object_]:
        return np.array(list(texts), dtype=object)[feature]

    value = np.empty(row.size, dtype=object)
    for place, (_, values) in enumerate(frame.items()):
        value[feature == place] = _text(values)[row[feature == place]]
    would_lift = order == 2
    better = (fitted.best[f.name].value if f.name in fitted.best else None for f in features)
    return pa.table(
        {
            "deal_row": row + start,
            "direction": np.array([name for name, _, _ in directions], dtype=object)[order],
            "rank": rank + 1,
            "feature": of_feature(f.name for f in features),
            "value": value,
            "better_value": pc.if_else(
                pa.array(would_lift), pa.array(of_feature(better), pa.string()), None
            ),
            "points": np.where(would_lift, gain[row, feature], points[row, feature]).round(9),
            "words": np.where(
                order == 1,
                of_feature(f.lowers for f in features),
                of_feature(f.lifts for f in features),
            ),
        },
        schema=REASONS,
    )


def _text(values: pd.Series) -> NDArray[np.object_]:
    """(n,) values for a reader, None where missing."""
    if not _is_number(values):
        return _plain(values)
    place, distinct = pd.factorize(values, use_na_sentinel=False)
    words = [
        None if np.isnan(number) else np.format_float_positional(number, precision=3, trim="-")
        for number in distinct
    ]
    return np.array(words, dtype=object)[place]


def _best_value(values: pd.Series, log_odds: Floats) -> BestValue | None:
    """The value with the highest log-odds of those that are not rare: numbers from the 5th to the
    95th percentile, names with enough deals. None where all are rare."""
    if _is_number(values):
        low, high = values.quantile([0.05, 0.95])
        is_common = values.between(low, high).to_numpy()
    else:
        counts = values.value_counts()
        common = counts.index[(counts >= LEAST_SEEN) & (counts.index != MISSING)]
        is_common = values.isin(common).to_numpy()
    if not is_common.any():
        return None
    row = int(np.argmax(np.where(is_common, log_odds, -np.inf)))
    return BestValue(str(_text(values.iloc[[row]])[0]), round(float(log_odds[row]), 9))


# --- the record ----------------------------------------------------------------------------------


def record(fitted: Fitted) -> dict[str, Any]:
    """All that is known of a model beside its pipeline, as JSON."""
    told = asdict(replace(fitted, pipeline=None))
    del told["pipeline"]
    return told


def from_record(told: Mapping[str, Any], pipeline: Any) -> Fitted:
    """The model of a record that `record` made, and its pipeline (None where there was none)."""
    report = told["report"]
    measures = {name: Measure(**value) for name, value in report.items() if name in MEASURES}
    kinds = {
        "reliability": ReliabilityBin,
        "quarters": Quarter,
        "comparisons": Comparison,
        "performance": Performance,
    }
    rows = {name: tuple(kind(**row) for row in report[name]) for name, kind in kinds.items()}
    distributions = {
        name: Distribution(
            shares=tuple(shown["shares"]),
            edges=None if shown["edges"] is None else tuple(shown["edges"]),
            levels=None if shown["levels"] is None else tuple(shown["levels"]),
        )
        for name, shown in told["distributions"].items()
    }
    return Fitted(
        status=told["status"],
        features=tuple(Feature(**feature) for feature in told["features"]),
        ignored=told["ignored"],
        suspects=told["suspects"],
        training=Training(**told["training"]),
        report=Report(**report | measures | rows),
        choice=Choice(**told["choice"]) if told["choice"] else None,
        average=told["average"],
        best={name: BestValue(**best) for name, best in told["best"].items()},
        distributions=distributions,
        pipeline=pipeline,
    )

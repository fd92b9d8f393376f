"""How probable it is that an open deal is won: fitting, judging, scoring, and saying why.

Belongs here: one additive model (a sum over facts in log-odds) as one scikit-learn Pipeline, chosen
and judged forward in time; its reasons; its folder on disk; the gate before it is believed. Which
deals are evidence, and what was known of each at its landmark, is decided in dbt.

Why additive: what a fact is worth is then its own, whatever else is known of the deal, and a rep
can argue with it.

Numbers become broken lines over their quantiles, flags and categories a column per value, and a
category also the shrunken win rate of its value; all share one L2 penalty. A value never seen
before adds nothing; a missing number counts as the median, plus what its absence tells.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from assets.scoring.evaluation import (
    MISSING,
    Distribution,
    Floats,
    Fold,
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
Table = pd.DataFrame | pa.Table

#: fewer won or fewer lost deals than these teach nothing that a scorecard does not know
LEAST_OUTCOMES = 50
#: the same for the training side of one fold
LEAST_FOLD_OUTCOMES = 25
#: what one fold learns from at most, so that judging does not take longer than fitting
MOST_FOLD_DEALS = 20_000
VALIDATED_QUARTERS = 8
ACCOUNT_PARTS = 3
UNDATED_PARTS = 5
#: a deal that closed later than this before a quarter is not yet in every CRM when it begins
PURGE_DAYS = 30
HAND_SCORE_STRENGTH = 100.0
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
#: a form with more columns must lower the Brier score by more than this share of it
HAIR = 0.0025
#: where lines break, as quantiles of the number; outside the outer ones they are flat
CURVE_KNOTS = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
LINE_KNOTS = (0.02, 0.98)
#: the win rate of a value speaks more quietly than the values themselves
RATE_WEIGHT = 0.7
MOST_LEVELS = 100
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
TRUSTED_TYPES: tuple[str, ...] = ()
MODEL_FILE, METRICS_FILE = "model.skops", "metrics.json"
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
#: names of the baselines
BASE_RATE, STAGE = "base rate", "stage win rate"
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
    `is_changeable`: a rep can do something about it.
    """

    name: str
    kind: Kind
    lifts: str
    lowers: str
    is_changeable: bool = False


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
    """What came of the deals that closed in a quarter; `quarter` is its first day."""

    quarter: str
    resolved_count: int
    won_count: int
    brier: float
    calibration: float


@dataclass(frozen=True)
class Comparison:
    """The model beside a baseline, on the deals that have the baseline; `quarter` None = all."""

    baseline: str
    quarter: str | None
    resolved_count: int
    brier: float
    baseline_brier: float


@dataclass(frozen=True)
class Report:
    """How the model did on deals it had not seen, each judged by the form and penalty that were
    best before it."""

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


MEASURES = ("brier", "brier_skill", "auc", "calibration_error", "calibration")


@dataclass(frozen=True)
class Training:
    """The deals a model was made of, and with what; the checksum ignores their order."""

    resolved_count: int
    won_count: int
    closed_from: str | None
    closed_to: str | None
    data_sha256: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Choice:
    """What validation chose: whether numbers may bend and categories have rates, and how freely
    (scikit-learn's C: smaller is a stronger penalty)."""

    is_bent: bool
    strength: float


#: where validation has nothing to say
DEFAULT_CHOICE = Choice(is_bent=False, strength=0.1)


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
) -> Fitted:
    """Fits and judges a model of whether a deal is won. The order of the deals is nothing to it.

    Args:
        table: n resolved deals with a column per feature, each as known at its landmark.
        features: the facts to learn from.
        won: (n,) whether the deal was won, else it was lost.
        closed_dates: (n,) dates or NaT. With too few of them to look forward in time, accounts
            are held out instead; the report says so, and such a model is not promoted.
        accounts: (n,) text or None.

    Raises:
        ValueError: a column is missing or of the wrong type, an outcome is missing, lengths differ.
            Too few deals, one outcome, empty and constant columns are no errors: see `status` and
            `ignored`.
    """
    deals = _in_own_order(_frame(table, features), won, closed_dates, accounts, baselines)
    ignored = _ignored(deals.frame)
    used = tuple(feature for feature in features if feature.name not in ignored)
    training = _training(deals)
    lost_count = training.resolved_count - training.won_count
    status: Status = "fitted"
    if training.resolved_count and not (training.won_count and lost_count):
        status = "one outcome only"
    elif min(training.won_count, lost_count) < LEAST_OUTCOMES:
        status = "too few deals"
    elif not used:
        status = "no usable feature"
    without_model = Fitted(status, used, ignored, _suspects(deals.frame, deals.won), training)
    if status != "fitted":
        return without_model

    from threadpoolctl import threadpool_limits

    # more threads would add the same numbers in another order
    with threadpool_limits(limits=1):
        frame = deals.frame[[feature.name for feature in used]]
        report, choice = _judge(deals, frame)
        pipeline = _pipeline(frame, choice).fit(frame, deals.won)
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
    """(n,) each, and the frame of n rows, sorted by a hash of the rows."""

    frame: pd.DataFrame
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
) -> _Deals:
    if pd.isna(np.asarray(won, dtype=object)).any():
        raise ValueError("a deal without an outcome is no evidence: leave open deals out")
    columns: dict[str, NDArray[Any]] = {
        "won": np.asarray(won, dtype=bool),
        "closed_dates": np.asarray(closed_dates, dtype="datetime64[D]"),
        "accounts": _text_or_none(accounts),
    }
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
    return _Deals(
        frame.iloc[order].reset_index(drop=True),
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
    return Training(
        resolved_count=int(deals.won.size),
        won_count=int(deals.won.sum()),
        closed_from=str(closed.min()) if closed.size else None,
        closed_to=str(closed.max()) if closed.size else None,
        data_sha256=hashlib.sha256(names + deals.hashes.tobytes()).hexdigest(),
        versions={library: version(library) for library in LIBRARIES},
    )


def _pipeline(frame: pd.DataFrame, choice: Choice) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline(
        [("columns", _columns(frame, choice.is_bent)), ("model", _model(choice.strength))]
    )


def _model(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000)


def _columns(frame: pd.DataFrame, is_bent: bool) -> Any:
    """What makes numbers of facts: one transformer per feature and way to look at it."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import (
        OneHotEncoder,
        SplineTransformer,
        StandardScaler,
        TargetEncoder,
    )

    def broken_line(known: Floats, quantiles: tuple[float, ...]) -> Any:
        knots = np.unique(np.quantile(known, quantiles)) if known.size else np.zeros(1)
        if knots.size == 1:
            knots = np.array([knots[0], knots[0] + 1])
        return Pipeline(
            [
                ("filled", SimpleImputer(strategy="median", keep_empty_features=True)),
                (
                    "line",
                    SplineTransformer(
                        degree=1, knots=knots[:, np.newaxis], extrapolation="constant"
                    ),
                ),
            ]
        )

    transformers: list[tuple[str, Any, list[str]]] = []
    for place, (name, values) in enumerate(frame.items()):
        if _is_number(values):
            known = values[_is_known(values)].to_numpy()
            transformers.append((f"line_{place}", broken_line(known, LINE_KNOTS), [name]))
            if is_bent:
                transformers.append((f"curve_{place}", broken_line(known, CURVE_KNOTS), [name]))
            if known.size < len(values):
                gap = MissingIndicator(features="all")
                transformers.append((f"gap_{place}", gap, [name]))
    if text := [name for name, values in frame.items() if not _is_number(values)]:
        levels = OneHotEncoder(handle_unknown="ignore", max_categories=MOST_LEVELS)
        transformers.append(("levels", levels, text))
        if is_bent:
            # cross-fitted, so that no deal tells its own outcome to the rate of its value
            rates = TargetEncoder(target_type="binary", random_state=SEED)
            scaled = Pipeline([("rates", rates), ("scaled", StandardScaler())])
            transformers.append(("rates", scaled, text))
    return ColumnTransformer(
        transformers, transformer_weights={"rates": RATE_WEIGHT}, sparse_threshold=1.0
    )


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


def _judge(deals: _Deals, frame: pd.DataFrame) -> tuple[Report, Choice]:
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
    trial = _try(deals, frame, forward, "forward in time")
    if not _is_evidence(deals.won[trial.part >= 0]):
        by_account = grouped_folds(deals.accounts, UNDATED_PARTS)
        trial = _try(deals, frame, by_account, "by accounts alone")
    validated = trial.part >= 0
    if not _is_evidence(deals.won[validated]):
        return Report(), DEFAULT_CHOICE
    probability = np.full(deals.won.size, np.nan)
    for part in np.unique(trial.part[validated]):
        rows = trial.part == part
        is_forward = trial.validation == "forward in time"
        evidence = validated & ((trial.part < part) if is_forward else ~rows)
        probability[rows] = trial.by_choice[_choose(trial, deals.won, evidence)][rows]
    return _report(deals, trial, probability), _choose(trial, deals.won, validated)


def _is_evidence(won: NDArray[np.bool_]) -> bool:
    """Whether deals with these outcomes are enough to learn from or to judge by."""
    return bool(min(won.sum(), (~won).sum()) >= LEAST_FOLD_OUTCOMES)


def _try(
    deals: _Deals, frame: pd.DataFrame, folds: Iterable[Fold], validation: Validation
) -> _Trial:
    """Every choice and baseline on every fold that has enough to learn from."""
    shape = deals.won.shape
    part = np.full(shape, -1)
    quarters: list[str] = []
    choices = [Choice(is_bent, strength) for is_bent in (False, True) for strength in STRENGTHS]
    by_choice = {choice: np.full(shape, np.nan) for choice in choices}
    baselines = {name: np.full(shape, np.nan) for name in (BASE_RATE, *deals.baselines)}
    for number, fold in enumerate(folds):
        # sorted by a hash, the first deals are a sample of all
        train, held_out = fold.train[:MOST_FOLD_DEALS], fold.validate
        if not _is_evidence(deals.won[train]):
            continue
        if fold.quarter is None:
            part[held_out] = number
        else:
            quarter = str(fold.quarter)
            if quarter not in quarters:
                quarters.append(quarter)
            part[held_out] = quarters.index(quarter)
        for is_bent in (False, True):
            columns = _columns(frame.iloc[train], is_bent)
            known = columns.fit_transform(frame.iloc[train], deals.won[train])
            asked = columns.transform(frame.iloc[held_out])
            for choice in choices:
                if choice.is_bent == is_bent:
                    model = _model(choice.strength).fit(known, deals.won[train])
                    by_choice[choice][held_out] = model.predict_proba(asked)[:, 1]
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
        by_stage = pd.Series(won).groupby(known).agg(["sum", "count"])
        # one deal more at the base rate: two deals do not make a stage certain
        rates = (by_stage["sum"] + won.mean()) / (by_stage["count"] + 1)
        return pd.Series(asked).map(rates).fillna(won.mean()).to_numpy(dtype=float)
    if name == CRM_PROBABILITY:
        return asked
    has_score, is_asked = ~np.isnan(known), ~np.isnan(asked)
    probability = np.full(asked.shape, np.nan)
    if _is_evidence(won[has_score]) and is_asked.any():
        line = _model(HAND_SCORE_STRENGTH).fit(known[has_score, np.newaxis] / 100, won[has_score])
        probability[is_asked] = line.predict_proba(asked[is_asked, np.newaxis] / 100)[:, 1]
    return probability


def _choose(trial: _Trial, won: NDArray[np.bool_], evidence: NDArray[np.bool_]) -> Choice:
    """The choice with the lowest Brier score; the plainer form unless it costs more than a hair."""
    if not _is_evidence(won[evidence]):
        return DEFAULT_CHOICE
    losses = {
        choice: _loss(won[evidence], probability[evidence])
        for choice, probability in trial.by_choice.items()
    }
    plain, bent = (
        min((choice for choice in losses if choice.is_bent == is_bent), key=losses.__getitem__)
        for is_bent in (False, True)
    )
    return bent if losses[bent] < losses[plain] * (1 - HAIR) else plain


def _loss(won: NDArray[np.bool_], probability: Floats) -> float:
    """The Brier score of deals, of which there are some."""
    return round(float(np.mean((probability - won) ** 2)), 9)


def _report(deals: _Deals, trial: _Trial, probability: Floats) -> Report:
    validated = trial.part >= 0
    won, p = deals.won[validated], probability[validated]
    groups = groups_by_account(deals.accounts[validated])

    def measure(statistic: Callable[..., float | None]) -> Measure:
        interval = bootstrap_interval(lambda weight: statistic(won, p, weight=weight), groups)
        return Measure(statistic(won, p), *(interval or (None, None)))

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
    return Report(
        validation=trial.validation,
        resolved_count=int(won.size),
        won_count=int(won.sum()),
        brier=measure(brier),
        brier_skill=measure(brier_skill),
        auc=measure(auc),
        calibration_error=measure(expected_calibration_error),
        calibration=measure(calibration_in_the_large),
        reliability=tuple(reliability_curve(won, p)),
        quarters=tuple(quarters),
        comparisons=tuple(comparisons),
    )


# --- what gives a model away ---------------------------------------------------------------------


def suspicious(table: Table, features: Sequence[Feature], won: ArrayLike) -> dict[str, str]:
    """The features that know the outcome, and what gives them away; such a model is not promoted.

    A column does where it alone tells won from lost better than any honest fact could (AUC from
    .95), where being filled in does (from .90), or where it is filled in for one outcome alone and
    chance would do that less than once in a million.

    Args:
        table: n resolved deals with a column per feature.
        won: (n,) whether the deal was won, else it was lost.

    Raises:
        ValueError: a column is missing or of the wrong type.
    """
    return _suspects(_frame(table, features), np.asarray(won, dtype=bool))


def _suspects(frame: pd.DataFrame, won: NDArray[np.bool_]) -> dict[str, str]:
    def strength(outcome: NDArray[np.bool_], signal: ArrayLike) -> float:
        if min(outcome.sum(), (~outcome).sum()) < LEAST_OUTCOMES:
            return 0.5
        above = auc(outcome, signal) or 0.0
        return max(above, 1 - above)

    suspects = {}
    for name, values in frame.items():
        known = _is_known(values)
        filled = won[known]
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
    is_seen = asked.notna().to_numpy()
    for name, transformer, names in columns.transformers_:
        if values.name not in names:
            continue
        if name == "levels":
            seen = transformer.categories_[names.index(values.name)]
            is_seen = asked.isin(seen).to_numpy()
        if name.startswith("gap"):
            is_seen[:] = True
        # of the other features a value that nobody has, which makes their columns 0
        made = transformer.transform(asked.to_frame().reindex(columns=names, fill_value=NOBODY))
        made = made.toarray() if hasattr(made, "toarray") else made
        own = weights[columns.output_indices_[name]] * columns.transformer_weights.get(name, 1)
        if name == "rates":
            # here they are the mean, but each has a column of its own
            made, own = (part[..., [names.index(values.name)]] for part in (made, own))
        for column, weight in zip(made.T, own, strict=True):
            if column.any():
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
    without = total - np.where(is_seen, log_odds - average, 0)
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
    for order, (_, size, number) in enumerate(directions):
        top = np.argsort(-size, axis=1, kind="stable")[:, :number]
        rows, rank = np.nonzero(np.take_along_axis(size, top, axis=1) >= LEAST_POINTS)
        found.append((rows, np.full(rows.size, order), rank, top[rows, rank]))
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
            "better_value": np.where(would_lift, of_feature(better), None),
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


# --- storing -------------------------------------------------------------------------------------


def save(fitted: Fitted, folder: Path) -> None:
    """Writes the model (skops) and, last, what is known about it (metrics.json) into a folder.

    Where there is no model, only the metrics are written, with the status.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    record = asdict(replace(fitted, pipeline=None))
    del record["pipeline"]
    if fitted.pipeline is not None:
        skops.io.dump(fitted.pipeline, folder / MODEL_FILE)
        record["model_sha256"] = _sha256(folder / MODEL_FILE)
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / METRICS_FILE).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> Fitted:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: the folder holds no model.
        ValueError: the model is not the one that metrics.json speaks of, or consists of something
            else than the types trusted here. The list is kept in code: a file cannot ask for more.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    record = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    pipeline = None
    if checksum := record.pop("model_sha256", None):
        if _sha256(folder / MODEL_FILE) != checksum:
            raise ValueError(f"{folder / MODEL_FILE} is not the model of its {METRICS_FILE}")
        try:
            pipeline = skops.io.load(folder / MODEL_FILE, trusted=list(TRUSTED_TYPES))
        except UntrustedTypesFoundException as refusal:
            raise ValueError(f"{folder / MODEL_FILE} is not trusted: {refusal}") from refusal
    report = record["report"]
    measures = {name: Measure(**value) for name, value in report.items() if name in MEASURES}
    lists = {
        "reliability": ReliabilityBin,
        "quarters": Quarter,
        "comparisons": Comparison,
    }
    rows = {name: tuple(kind(**row) for row in report[name]) for name, kind in lists.items()}
    return Fitted(
        **record
        | {
            "features": tuple(Feature(**feature) for feature in record["features"]),
            "training": Training(**record["training"]),
            "report": Report(**report | measures | rows),
            "choice": Choice(**record["choice"]) if record["choice"] else None,
            "best": {name: BestValue(**best) for name, best in record["best"].items()},
            "distributions": {
                name: Distribution(
                    **{part: None if v is None else tuple(v) for part, v in distribution.items()}
                )
                for name, distribution in record["distributions"].items()
            },
            "pipeline": pipeline,
        }
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

"""How long a line takes, which dates can be promised, and which promises will not be kept.

Belongs here: quantiles of the time from start to finish, kept calibrated on recent lines; what
follows from them for open lines and for new promises; the probability that a line will be late,
from what is known when it is scheduled. Which lines there are, what is known of them and when, is
decided in dbt.

A line is anything with a start and a finish: an order line (order → delivery), a work order
(release → finish), or, with `is_slip`, a scheduled line (due date → delivery, days of either
sign). Lines still open are evidence too: that one took at least so long. Without them the quick
ones of the latest weeks, the only ones of those that are finished, would make every time look
short. So:

- The quantile models (Romano, Patterson and Candès, "Conformalized quantile regression", NeurIPS
  2019, with gradient boosting on the pinball loss) are fitted on *mature* lines alone: those that
  started so long ago that 98 of 100 lines are finished by that age, the few open ones included.
  Which lines count hangs on their start, never on how long they took (as the censoring times in
  Candès, Lei and Ren, "Conformalized survival analysis", JRSS B 85, 2023).
- They are conformalised on a rolling window: forward predictions are held against the latest
  lines, open ones as censored, and each level is moved to the Kaplan–Meier quantile of the
  differences (inverse probability of censoring weights in another form: Satten and Datta, The
  American Statistician 55, 2001). Which quantile follows what the corrected levels have kept so
  far (Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021).
- What is told are whole days, and those are what is corrected and measured.
- Everything reported was measured forward in time: at each of a row of past days with models and
  corrections from what was recorded by then.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtri, ndtri_exp

from assets.scoring import storage

Status = Literal[
    "fitted",
    "fitted on the group alone",
    "fitted without features",
    "fitted without features, not checked yet",
    "constant lead time",
    "too few finished lines",
    "too many lines stay open",
    "too few late lines",
    "too few lines on time",
]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]

LEVELS = (0.10, 0.50, 0.80, 0.95)
NAMES = ("p10", "p50", "p80", "p95")
#: a line is mature at the age by which this share of lines is finished
MATURE_SHARE = 0.98
#: mature lines without which nothing is fitted, and, besides, nothing is corrected
LEAST_TRAINING_LINES = 100
LEAST_CALIBRATION_LINES = 60
#: fewer lines say nothing of a 95th percentile, so nothing is said of such a group
LEAST_GROUP_LINES = 20
#: late ones and ones on time, as METRICS §13 asks of won and lost deals
LEAST_OUTCOMES = 50
#: the latest mature lines that train a model; older ones tell of another plant
TRAINING_LINES = 12_000
#: the rolling window reaches back to the 200th mature line: an error of 1.5 points at P95
WINDOW_LINES = 200
#: below this a month seen once would pass for a season
SEASON_DAYS = 730
#: trees in a row, and how much of its error each takes away
MANY_STEPS = {"max_iter": 25, "learning_rate": 0.25}
FEW_STEPS = {"max_iter": 12, "learning_rate": 0.4}
#: evidence of lateness loses half its weight in a year
HALF_LIFE_DAYS = 365
#: the most that one bin per category leaves room for
MOST_CATEGORIES = 250
#: what a model that cannot be explained must gain in Brier score
HAIR = 0.01
#: of what stays open longer than all but so many, nothing is known any more
LEAST_SURVIVAL = 0.01
#: a day stands for what takes from half a day less to half a day more
HALF_DAY = 0.5
#: rows scored at a time
PART = 100_000

#: what the stored models consist of beyond what skops knows; fixed here, never read from a file
TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)


@dataclass(frozen=True)
class Fitted:
    """Fitted estimators by name, and the facts about them (JSON: status, columns, training
    window, data checksum, corrections, validation). Without a usable model there are no
    estimators, and the status says why."""

    estimators: dict[str, Any]
    facts: dict[str, Any]

    @property
    def status(self) -> Status:
        return self.facts["status"]


def save(folder: Path, fitted: Fitted) -> None:
    """Writes a fitted model into a new folder; errors as `storage.save`."""
    storage.save(folder, fitted.estimators, fitted.facts)


def load(folder: Path) -> Fitted:
    """The model that `save` wrote; it gives the same values to the last bit. Errors as
    `storage.load`."""
    return Fitted(*storage.load(folder, TRUSTED))


def censored_quantiles(values: ArrayLike, is_observed: ArrayLike, levels: ArrayLike) -> Floats:
    """(k,): quantiles of values of which some are only known to be larger; NaN where the lines
    under observation end before the level is reached.

    Args:
        values: (n,) the value, or the least it can be.
        is_observed: (n,) whether it is the value.
        levels: (k,) 0–1.

    Source: E. L. Kaplan and P. Meier, JASA 53 (1958); the quantile is the smallest value at which
    the estimate reaches the level.
    """
    steps, reached = _kaplan_meier(values, is_observed)
    # rounded: a level must not be missed by the last bit of a product
    position = np.searchsorted(reached, np.asarray(levels, dtype=float).round(12))
    return np.append(steps, np.nan)[position]


def _kaplan_meier(values: ArrayLike, is_observed: ArrayLike) -> tuple[Floats, Floats]:
    """(k,) observed values in their order, and (k,) the share that lies at or below each."""
    values, is_observed = np.asarray(values, dtype=float), np.asarray(is_observed, dtype=bool)
    steps, ends = np.unique(values[is_observed], return_counts=True)
    at_risk = values.size - np.searchsorted(np.sort(values), steps, side="left")
    return steps, np.round(1 - np.cumprod(1 - ends / at_risk), 12).astype(np.float64)


def open_counts(
    days: ArrayLike,
    started_dates: ArrayLike,
    ended_dates: ArrayLike,
    line_counts: ArrayLike | None = None,
) -> Rows:
    """(m,): how many lines were open when each day began: the load a new line meets.

    Args:
        days: (m,) dates.
        started_dates: (n,) dates.
        ended_dates: (n,) dates, NaT = open still; a line that ends on the day was open.
        line_counts: (n,) how many lines began and ended so; one unless told.
    """
    days, started, ended = (
        np.asarray(dates, dtype="datetime64[D]") for dates in (days, started_dates, ended_dates)
    )
    counts = np.ones(started.size, dtype=np.int64)
    if line_counts is not None:
        counts = np.asarray(line_counts, dtype=np.int64)

    def before(dates: NDArray[np.datetime64], counts: Rows) -> Rows:
        order = np.argsort(dates)
        sums = np.concatenate([[0], counts[order].cumsum()])
        return sums[np.searchsorted(dates[order], days, side="left")]

    has_ended = ~np.isnat(ended)
    return before(started, counts) - before(ended[has_ended], counts[has_ended])


@dataclass(frozen=True)
class _Lines:
    """Lines in the order of their start, days as numbers since 1970; inf = never yet."""

    started: Floats
    finished: Floats
    recorded: Floats
    withdrawn: Floats
    groups: NDArray[np.object_]
    frame: pd.DataFrame
    set_aside_count: int

    def known_at(self, day: float) -> tuple[Floats, Bools]:
        """Days from start to finish as recorded by the end of a day, or for how many the line
        has been seen open; and which of them are finished."""
        is_finished = (self.recorded <= day) & (self.finished <= self.withdrawn)
        stop = np.where(is_finished, self.finished, np.minimum(self.withdrawn, day))
        return stop - self.started, is_finished

    def mature_days(self, day: float) -> float:
        """The age by which 98 of 100 lines are finished and recorded, as known at a day."""
        days, is_finished = self.known_at(day)
        days = np.where(is_finished, self.recorded - self.started, days)
        seen = self.started <= day
        (age,) = censored_quantiles(days[seen], is_finished[seen], [MATURE_SHARE])
        if np.isnan(age):
            # more than two in a hundred never finish: then the longest time seen
            age = days[seen].max(initial=0)
        return max(float(age), 0.0)

    def of_age(self, day: float) -> Bools:
        return self.started <= day - self.mature_days(day)

    def mature(self, day: float) -> Rows:
        """Rows old enough to count at a day, without those withdrawn before they finished."""
        _, is_finished = self.known_at(day)
        return np.flatnonzero(self.of_age(day) & (is_finished | (self.withdrawn > day)))


@dataclass(frozen=True)
class Columns:
    """Which columns of a table say what, for `fit` and `fit_late`; dates are datetime64 or dates.

    `started`: the start; of what may be late, the due date. `finished`: NaT = open still.
    `features`: what was known at the start; numbers are taken as such, all else as categories.
    `group`: the feature, such as product family or route, for which results are reported apart,
    and without 20 lines of which nothing is said. `recorded`: when the finish was recorded, if
    that can be later. `withdrawn`: when the line was given up; it was open until then.
    """

    started: str
    finished: str
    features: tuple[str, ...]
    group: str | None = None
    recorded: str | None = None
    withdrawn: str | None = None


def _read(table: pd.DataFrame, columns: Columns, now: float, is_slip: bool) -> _Lines:
    """The lines started by a day; others, and those that end before they start, are set aside.

    Raises:
        ValueError: a column that the table lacks.
    """
    names = [columns.started, columns.finished, *columns.features]
    names += [name for name in (columns.group, columns.recorded, columns.withdrawn) if name]
    if missing := [name for name in names if name not in table.columns]:
        raise ValueError(f"the table has no column {', '.join(missing)}")
    started, finished = _day_numbers(table[columns.started]), _day_numbers(table[columns.finished])
    recorded, withdrawn = finished, np.full(len(table), np.inf)
    if columns.recorded:
        stamped = _day_numbers(table[columns.recorded])
        # a finish whose recording has no date was known when it happened
        recorded = np.where(np.isinf(stamped), finished, np.maximum(finished, stamped))
    if columns.withdrawn:
        withdrawn = _day_numbers(table[columns.withdrawn])
    is_usable = started <= now
    if not is_slip:
        is_usable &= np.minimum(finished, withdrawn) >= started
    rows = np.flatnonzero(is_usable)
    rows = rows[np.argsort(started[rows], kind="stable")]
    table = table.iloc[rows]
    features = dict.fromkeys([*columns.features, *([columns.group] if columns.group else [])])
    numbers = [name for name in features if name != columns.group and _is_number(table[name])]
    return _Lines(
        started=started[rows],
        finished=finished[rows],
        recorded=recorded[rows],
        withdrawn=withdrawn[rows],
        groups=_groups(table, columns.group),
        frame=_frame(
            table, columns.started, numbers, [name for name in features if name not in numbers]
        ),
        set_aside_count=len(is_usable) - len(rows),
    )


def _day_number(day: date) -> float:
    return float(np.datetime64(day, "D").astype(np.int64))


def _day_numbers(dates: pd.Series) -> Floats:
    days = pd.to_datetime(dates).to_numpy("datetime64[D]")
    return np.where(np.isnat(days), np.inf, days.astype(np.int64))


def _iso_day(number: float) -> str:
    return str(np.datetime64(int(number), "D"))


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column)


def _frame(
    table: pd.DataFrame, started: str, numbers: Sequence[str], categories: Sequence[str]
) -> pd.DataFrame:
    """Features and calendar as the encoders want them: numbers as floats, else texts; NaN =
    missing."""
    days = pd.to_datetime(table[started]).dt
    columns: dict[str, Any] = {"start_weekday": days.day_of_week, "start_month": days.month}
    columns |= {name: table[name] for name in numbers}
    as_floats = {
        name: column.to_numpy(np.float64, na_value=np.nan) for name, column in columns.items()
    }
    return pd.DataFrame(as_floats | {name: _texts(table[name], np.nan) for name in categories})


def _texts(column: pd.Series, missing: object) -> NDArray[np.object_]:
    texts = column.astype(str).to_numpy(object, copy=True)
    texts[column.isna()] = missing
    return texts


def _groups(table: pd.DataFrame, group: str | None) -> NDArray[np.object_]:
    return _texts(table[group], "unknown") if group else np.full(len(table), "all", dtype=object)


def _unusable(frame: pd.DataFrame, started: Floats) -> dict[str, str]:
    """The columns that cannot tell these lines apart, and why."""
    reasons = {
        name: "all missing" if column.isna().all() else "one value"
        for name, column in frame.items()
        # a category that is missing here and there is told by that
        if column.nunique(dropna=_is_number(column)) < 2
    }
    if np.ptp(started) < SEASON_DAYS:
        reasons["start_month"] = "less than two years"
    return reasons


def _encoder(frame: pd.DataFrame, columns: Sequence[str]) -> Any:
    """Numbers first, then categories as codes; what the training did not see is missing."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MOST_CATEGORIES,
    )
    numbers, categories = _kinds(frame, columns)
    return ColumnTransformer(
        [("numbers", "passthrough", numbers), ("categories", codes, categories)]
    )


def _kinds(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    numbers = [name for name in columns if _is_number(frame[name])]
    return numbers, [name for name in columns if name not in numbers]


def _boosting(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    """Settings that regression and classification share: small trees with large leaves."""
    numbers, categories = _kinds(frame, columns)
    # one column is learned in a few steps
    steps = MANY_STEPS if len(columns) > 1 else FEW_STEPS
    return {
        **steps,
        "max_leaf_nodes": 8,
        "min_samples_leaf": int(np.clip(len(frame) // 20, 20, 40)),
        "categorical_features": [False] * len(numbers) + [True] * len(categories),
        "early_stopping": False,
        "random_state": 0,
    }


@dataclass(frozen=True)
class _Model:
    """What was fitted at a day: the columns it uses, the rows it saw, the lines of each group."""

    estimators: dict[str, Any]
    columns: list[str]
    rows: Rows
    target: NDArray
    group_counts: dict[str, int]

    def told(self) -> list[str]:
        """The groups of which the model may speak."""
        return [name for name, count in self.group_counts.items() if count >= LEAST_GROUP_LINES]

    def facts(self, lines: _Lines, columns: Columns) -> dict[str, Any]:
        frame = lines.frame.iloc[self.rows]
        unusable = _unusable(frame, lines.started[self.rows])
        numbers, categories = _kinds(frame, self.columns)
        content = pd.util.hash_pandas_object(frame, index=False).to_numpy()
        return {
            "numbers": [name for name in numbers if name in columns.features],
            "categories": categories,
            "unused_features": {
                name: unusable.get(name, "no gain")
                for name in columns.features
                if name not in self.columns
            },
            "groups": self.told(),
            "training": {
                "line_count": int(self.rows.size),
                "first_started_date": _iso_day(lines.started[self.rows[0]]),
                "last_started_date": _iso_day(lines.started[self.rows[-1]]),
                "sha256": hashlib.sha256(content.tobytes() + self.target.tobytes()).hexdigest(),
            },
        }


def _counts(groups: NDArray[np.object_]) -> dict[str, int]:
    names, counts = np.unique(groups.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _fit_levels(lines: _Lines, candidates: Sequence[str], day: float, is_slip: bool) -> _Model:
    """The encoder and one quantile model per level, from what was known at a day; without columns
    the marginal quantiles."""
    from sklearn.dummy import DummyRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = lines.mature(day)[-TRAINING_LINES:]
    days, _ = lines.known_at(day)
    target = _to_scale(days[rows], is_slip)
    frame = lines.frame.iloc[rows]
    unusable = _unusable(frame, lines.started[rows])
    columns = [name for name in candidates if name not in unusable]
    encoder = _encoder(frame, columns)
    matrix = encoder.fit_transform(frame)
    estimators = {"encoder": encoder} | {
        name: (
            HistGradientBoostingRegressor(
                loss="quantile", quantile=level, **_boosting(frame, columns)
            )
            if columns
            else DummyRegressor(strategy="quantile", quantile=level)
        ).fit(matrix, target)
        for name, level in zip(NAMES, LEVELS, strict=True)
    }
    return _Model(estimators, columns, rows, target, _counts(lines.groups[rows]))


def _predict_levels(estimators: dict[str, Any], frame: pd.DataFrame) -> Floats:
    """(n, 4) on the scale of the models, not crossing: the values of a row in their order."""
    if frame.empty:
        return np.empty((0, len(LEVELS)))
    matrix = estimators["encoder"].transform(frame)
    return np.sort(np.column_stack([estimators[name].predict(matrix) for name in NAMES]), axis=1)


def _to_scale(days: Floats, is_slip: bool) -> Floats:
    """Lead times on a logarithmic scale, where a correction is a factor; slips in days."""
    return days if is_slip else np.log1p(days)


def _to_days(values: Floats, is_slip: bool) -> Floats:
    return values if is_slip else np.expm1(values)


def _correction(
    lines: _Lines, raw: Floats, corrected: Floats, day: float, is_slip: bool
) -> tuple[Floats, Rows]:
    """(4,) what to add to each level from a day on, and the rows of the window that says so.

    Where the corrected quantiles until then were too low or too high, the levels aimed at are
    higher or lower by as much. The window reaches further back where its lines are too young to
    tell a level. NaN where that does not help; no rows where too few lines speak.
    """
    is_scored = np.isfinite(raw[:, 0]) & (lines.started <= day)
    mature = np.intersect1d(lines.mature(day), np.flatnonzero(is_scored))
    if mature.size < LEAST_CALIBRATION_LINES:
        return np.full(len(LEVELS), np.nan), np.empty(0, dtype=np.int64)
    days, is_finished = lines.known_at(day)
    aims = np.array(LEVELS)
    judged = np.flatnonzero(lines.of_age(day) & np.isfinite(corrected).all(axis=1))
    if judged.size >= LEAST_CALIBRATION_LINES:
        over = days[judged][:, None] - corrected[judged]
        short = aims - [_share_by_zero(over[:, k], is_finished[judged]) for k in range(aims.size)]
        aims = np.clip(aims + short, aims / 2, (1 + aims) / 2)
    reach = WINDOW_LINES
    while True:
        first = lines.started[mature[-min(reach, mature.size)]]
        window = np.flatnonzero(is_scored & (lines.started >= first))
        scores = _to_scale(days[window] - HALF_DAY, is_slip)[:, None] - raw[window]
        # the quantile that holds for one line more
        levels = np.minimum(aims * (1 + 1 / max(is_finished[window].sum(), 1)), 1)
        correction = np.array(
            [
                censored_quantiles(scores[:, k], is_finished[window], [level])[0]
                for k, level in enumerate(levels)
            ]
        )
        if not np.isnan(correction).any() or reach >= mature.size:
            return correction, window
        reach *= 2


def _share_by_zero(values: Floats, is_observed: Bools) -> float:
    steps, reached = _kaplan_meier(values, is_observed)
    return float(np.append(0, reached)[np.searchsorted(steps, 0, side="right")])


def _apply(raw: Floats, correction: Floats) -> Floats:
    """(n, 4) on the scale of the models, not crossing: moved as the correction says."""
    return np.maximum.accumulate(raw + correction, axis=1)


def _whole_days(values: Floats, is_slip: bool) -> Floats:
    """The days on which values on the scale of the models fall: each day begins half a day before
    its number and ends half a day after it. Rounded first, the last bits of a logarithm are no
    day."""
    days = np.floor(_to_days(values, is_slip).round(6) + HALF_DAY)
    return days if is_slip else np.maximum(days, 0)


@dataclass(frozen=True)
class _Forward:
    """What past models said of lines that started after they were fitted; NaN = nothing.

    `raw` (n, 4) on the scale of the models, `corrected` (n, 4) and `marginal` (n, 4, the quantiles
    of the training lines) in days.
    """

    raw: Floats
    corrected: Floats
    marginal: Floats


def _origins(lines: _Lines, now: float, refit_days: int, refits: int) -> list[float]:
    """The days of the past at which models are fitted, up to the last line that started; closer
    together in a short history."""
    last = lines.started[-1] if lines.started.size else now
    step = min(refit_days, int(last - lines.started.min(initial=last)) // (refits + 1))
    return [last - step * back for back in range(refits, 0, -1)] if step else []


def _ahead(lines: _Lines, origins: Sequence[float], now: float) -> list[Rows]:
    """Per origin the rows of the lines that started after it, up to the next one."""
    edges = np.searchsorted(lines.started, [*origins, now], side="right")
    return [np.arange(first, last) for first, last in pairwise(edges)]


def _look_forward(
    lines: _Lines,
    candidates: Sequence[str],
    now: float,
    origins: Sequence[float],
    recalibrate_days: int,
    is_slip: bool,
) -> _Forward:
    raw, corrected, marginal = (np.full((lines.started.size, len(LEVELS)), np.nan) for _ in "123")
    for origin, ahead in zip(origins, _ahead(lines, origins, now), strict=True):
        model = _fit_levels(lines, candidates, origin, is_slip)
        rows = ahead[np.isin(lines.groups[ahead], model.told())]
        raw[rows] = _predict_levels(model.estimators, lines.frame.iloc[rows])
        plain = np.quantile(model.target, LEVELS, method="inverted_cdf")
        marginal[rows] = _whole_days(plain, is_slip)
    days = list(np.arange(origins[0], now, recalibrate_days))
    for day, rows in zip(days, _ahead(lines, days, now), strict=True):
        correction, _ = _correction(lines, raw, corrected, day, is_slip)
        corrected[rows] = _whole_days(_apply(raw[rows], correction), is_slip)
    return _Forward(raw, corrected, marginal)


def _pinball(days: Floats, quantiles: Floats) -> Floats:
    """(n, 4): the loss whose expectation the true quantile makes smallest, in days."""
    over = days[:, None] - quantiles
    return np.maximum(np.array(LEVELS) * over, (np.array(LEVELS) - 1) * over)


def _slices(
    lines: _Lines, rows: Rows, origins: Sequence[float], now: float
) -> list[tuple[str, str | None, Rows]]:
    """All rows, those of each group, and those after each origin."""
    return [
        ("all", None, rows),
        *(
            ("group", name, rows[lines.groups[rows] == name])
            for name in np.unique(lines.groups[rows].astype(str)).tolist()
        ),
        *(
            ("fitted_on", _iso_day(origin), np.intersect1d(rows, ahead))
            for origin, ahead in zip(origins, _ahead(lines, origins, now), strict=True)
        ),
    ]


def fit(
    table: pd.DataFrame,
    columns: Columns,
    as_of: date,
    *,
    is_slip: bool = False,
    refit_days: int = 91,
    refits: int = 8,
    recalibrate_days: int = 30,
) -> Fitted:
    """Quantile models (P10, P50, P80, P95) of the days from start to finish, as known at the end
    of the as_of day, and how such models did forward in time.

    Three candidates are held against each other on past days: all features, the group alone, or
    nothing of the line. The best in pinball loss is kept, the group where there is no telling yet.
    The features include the weekday of the start, and its month where the training lines span two
    years. A history too short for past models gives the quantiles of all lines, not checked yet.

    Args:
        table: one row per line. Rows without a start, with one after the as_of, or (but for a
            slip) finished before it, are set aside and counted.
        is_slip: the days may be negative; corrections are then days, else factors.
        refit_days, refits: past models are fitted every so many days, so many times; closer
            together where the history is short.
        recalibrate_days: how often past corrections are renewed; as often as in use.

    `facts["validation"]` has a row for all lines, for each group, and for each past model. Per
    level: `covered_count` (finished by the quantile) of `known_count` (mature, and old enough to
    tell whatever they take) and the rate; `earlier_count`, finished before the day nearest to the
    quantile: where many lines take the very same days, the level lies between the two rates; the
    pinball loss beside that of the marginal quantiles, open lines with their age. Besides the mean
    width P10–P95 in days.

    Raises:
        ValueError: a column that the table lacks; `refits` or days below 1.
    """
    if min(refit_days, refits, recalibrate_days) < 1:
        raise ValueError("refit_days, refits and recalibrate_days are 1 or more")
    now = _day_number(as_of)
    lines = _read(table, columns, now, is_slip)
    facts: dict[str, Any] = {
        "kind": "days from start to finish",
        "as_of": as_of.isoformat(),
        "started": columns.started,
        "group": columns.group,
        "is_slip": is_slip,
        **_line_counts(lines, now),
    }
    origins = [
        day
        for day in _origins(lines, now, refit_days, refits)
        if lines.mature(day).size >= LEAST_TRAINING_LINES
    ]
    if not origins:
        return _fit_young(lines, columns, now, facts)
    # the first one wins a tie
    candidates = {
        **({"group alone": [columns.group]} if columns.group else {}),
        "no features": [],
        "all features": list(lines.frame.columns),
    }
    forward = {
        name: _look_forward(lines, chosen, now, origins, recalibrate_days, is_slip)
        for name, chosen in candidates.items()
    }
    judged = np.flatnonzero(
        np.all([np.isfinite(looked.corrected).all(axis=1) for looked in forward.values()], axis=0)
    )
    judged = np.intersect1d(judged, lines.mature(now))
    days, _ = lines.known_at(now)
    losses = {
        name: _relative_loss(days[judged], looked, judged) for name, looked in forward.items()
    }
    best = min(losses, key=lambda name: losses[name])
    correction, window = _correction(
        lines, forward[best].raw, forward[best].corrected, now, is_slip
    )
    if np.isnan(correction).any():
        status = "too many lines stay open" if window.size else "too few finished lines"
        return Fitted({}, {"status": status, **facts})
    model = _fit_levels(lines, candidates[best], now, is_slip)
    return Fitted(
        model.estimators,
        {
            "status": _status(model, columns.group),
            **facts,
            **model.facts(lines, columns),
            "correction": correction.tolist(),
            "calibration": {
                "line_count": int(window.size),
                "first_started_date": _iso_day(lines.started[window[0]]),
            },
            "relative_pinball_loss": losses,
            "is_better_than_marginal": losses[best] < 1,
            "validation": [
                {"slice": kind, "slice_value": value, **_measured(lines, forward[best], rows, now)}
                for kind, value, rows in _slices(lines, judged, origins, now)
            ],
        },
    )


def _fit_young(lines: _Lines, columns: Columns, now: float, facts: dict[str, Any]) -> Fitted:
    """Where no past model can be held against later lines yet: the Kaplan–Meier quantiles of all
    lines, which need no line to be mature."""
    from sklearn.dummy import DummyRegressor

    days, is_finished = lines.known_at(now)
    if is_finished.sum() < LEAST_TRAINING_LINES + LEAST_CALIBRATION_LINES:
        return Fitted({}, {"status": "too few finished lines", **facts})
    quantiles = censored_quantiles(days, is_finished, LEVELS)
    if np.isnan(quantiles).any():
        return Fitted({}, {"status": "too many lines stay open", **facts})
    encoder = _encoder(lines.frame, [])
    matrix = encoder.fit_transform(lines.frame)
    values = _to_scale(quantiles - HALF_DAY, facts["is_slip"])
    estimators = {"encoder": encoder} | {
        name: DummyRegressor(strategy="constant", constant=value).fit(matrix, days)
        for name, value in zip(NAMES, values, strict=True)
    }
    model = _Model(estimators, [], np.arange(days.size), days, _counts(lines.groups))
    return Fitted(
        estimators,
        {
            "status": "fitted without features, not checked yet",
            **facts,
            **model.facts(lines, columns),
            "correction": [0.0] * len(LEVELS),
            "validation": [],
        },
    )


def _line_counts(lines: _Lines, now: float) -> dict[str, Any]:
    return {
        "line_count": int(lines.started.size),
        "set_aside_count": lines.set_aside_count,
        "open_count": int((~lines.known_at(now)[1] & (lines.withdrawn > now)).sum()),
        "mature_line_count": int(lines.mature(now).size),
        "mature_days": lines.mature_days(now),
    }


def _status(model: _Model, group: str | None) -> Status:
    if np.ptp(model.target) == 0:
        return "constant lead time"
    if not model.columns:
        return "fitted without features"
    return "fitted on the group alone" if model.columns == [group] else "fitted"


def _relative_loss(days: Floats, forward: _Forward, rows: Rows) -> float:
    """Mean over the levels of the pinball loss as a part of that of the marginal quantiles."""
    loss = _pinball(days, forward.corrected[rows]).sum(axis=0)
    marginal = _pinball(days, forward.marginal[rows]).sum(axis=0)
    ratio = np.divide(loss, marginal, out=np.ones(len(LEVELS)), where=marginal > 0)
    return round(float(ratio.mean()), 9)


def _measured(lines: _Lines, forward: _Forward, rows: Rows, now: float) -> dict[str, Any]:
    """Coverage, loss and width on some rows."""
    all_days, all_finished = lines.known_at(now)
    days, is_finished = all_days[rows], all_finished[rows]
    quantiles, marginal = forward.corrected[rows], forward.marginal[rows]
    is_known = (now - lines.started[rows])[:, None] >= quantiles
    is_covered = is_finished[:, None] & (days[:, None] <= quantiles) & is_known
    is_earlier = is_finished[:, None] & (days[:, None] < quantiles) & is_known
    known, covered = is_known.sum(axis=0), is_covered.sum(axis=0)
    losses = {
        "pinball_days": _pinball(days, quantiles),
        "marginal_pinball_days": _pinball(days, marginal),
    }
    return {
        "line_count": int(rows.size),
        "width_days": _mean(quantiles[:, -1] - quantiles[:, 0]),
        "levels": {
            name: {
                "known_count": int(known[k]),
                "covered_count": int(covered[k]),
                "earlier_count": int(is_earlier[:, k].sum()),
                "coverage_rate": _mean(is_covered[is_known[:, k], k]),
                **{title: _mean(loss[:, k]) for title, loss in losses.items()},
            }
            for k, name in enumerate(NAMES)
        },
    }


def _mean(values: NDArray) -> float | None:
    return round(float(values.mean()), 9) if values.size else None


def score_status(fitted: Fitted, table: pd.DataFrame) -> NDArray[np.object_]:
    """(n,) "scored", or in words why a row gets no numbers."""
    if not fitted.estimators:
        return np.full(len(table), fitted.status, dtype=object)
    group = fitted.facts["group"]
    is_told = np.isin(_groups(table, group), fitted.facts["groups"])
    status = np.where(is_told, "scored", f"too few lines of its {group}").astype(object)
    status[table[fitted.facts["started"]].isna().to_numpy()] = "no start date"
    return status


def _in_parts(fitted: Fitted, table: pd.DataFrame) -> Iterator[tuple[Rows, pd.DataFrame]]:
    """The rows that can be scored and their features, so many at a time that memory stays small.

    Raises:
        ValueError: the table lacks a column that the model uses.
    """
    facts = fitted.facts
    rows = np.flatnonzero(score_status(fitted, table) == "scored")
    for first in range(0, rows.size, PART):
        part = rows[first : first + PART]
        numbers, categories = facts["numbers"], facts["categories"]
        if missing := [name for name in [*numbers, *categories] if name not in table.columns]:
            raise ValueError(f"the table has no column {', '.join(missing)}")
        yield part, _frame(table.iloc[part], facts["started"], numbers, categories)


def _values(fitted: Fitted, table: pd.DataFrame) -> Floats:
    """(n, 4) on the scale of the models; NaN where `score_status` says why."""
    result = np.full((len(table), len(LEVELS)), np.nan)
    for rows, frame in _in_parts(fitted, table):
        raw = _predict_levels(fitted.estimators, frame)
        result[rows] = _apply(raw, np.array(fitted.facts["correction"]))
    return result


def lead_time_quantiles(fitted: Fitted, table: pd.DataFrame) -> Floats:
    """(n, 4) whole days from start to finish, P10, P50, P80, P95, not crossing; NaN where
    `score_status` says why. A row has the same values alone and among others, to the last bit.

    Raises:
        ValueError: the table lacks a column that the model uses.
    """
    return _whole_days(_values(fitted, table), fitted.facts.get("is_slip", False))


def late_probability(
    fitted: Fitted, table: pd.DataFrame, promised_days: ArrayLike, elapsed_days: ArrayLike
) -> Floats:
    """(n,): P(finish after the promise), given that the line is open still. 1 where the promise
    has passed, which takes no model; else NaN without quantiles or promise, and where 99 of 100
    lines like it do not stay open so long.

    Args:
        promised_days: (n,) days from start to the promised date.
        elapsed_days: (n,) days from start to the as_of day, by the end of which it was open.

    Between the quantiles the distribution is normal on the scale of the models (for lead times
    the logarithm of 1 + days), piece by piece: the normal score is linear from one quantile to
    the next. Beyond P10 and P95 the nearest piece goes on.
    """
    promised, elapsed = (np.asarray(days, dtype=float) for days in (promised_days, elapsed_days))
    is_slip, values = fitted.facts.get("is_slip", False), _values(fitted, table)
    log_probability = _log_survival(values, promised, is_slip) - _log_open(values, elapsed, is_slip)
    return np.where(promised <= elapsed, 1.0, np.exp(np.minimum(log_probability, 0))).round(9)


def _log_open(values: Floats, elapsed: Floats, is_slip: bool) -> Floats:
    """(n,) log P(open so long); NaN where that hardly happens."""
    log_survival = _log_survival(values, elapsed, is_slip)
    return np.where(log_survival >= np.log(LEAST_SURVIVAL), log_survival, np.nan)


def finish_days(fitted: Fitted, table: pd.DataFrame, elapsed_days: ArrayLike) -> Floats:
    """(n, 4) whole days from start by which a line that is open still is finished 10, 50, 80 and
    95 times in 100; NaN as in `late_probability`, whose distribution this is.

    Args:
        elapsed_days: (n,) days from start to the as_of day, by the end of which it was open.
    """
    elapsed, is_slip = np.asarray(elapsed_days, dtype=float), fitted.facts.get("is_slip", False)
    values, scores = _values(fitted, table), ndtri(LEVELS)
    # of those that take longer than it is open, the share that takes longer still
    log_open = _log_open(values, elapsed, is_slip)[:, None]
    score = -ndtri_exp(log_open + np.log1p(-np.array(LEVELS)))
    piece = np.clip((score[:, :, None] >= scores).sum(axis=2) - 1, 0, len(LEVELS) - 2)
    low = np.take_along_axis(values, piece, axis=1)
    width = np.take_along_axis(values, piece + 1, axis=1) - low
    share = (score - scores[piece]) / (scores[piece + 1] - scores[piece])
    found = _whole_days(low + share * width, is_slip)
    # what is open at the end of a day is finished on the next one at the earliest
    return np.maximum(found, elapsed[:, None] + 1)


def _log_survival(values: Floats, days: Floats, is_slip: bool) -> Floats:
    """(n,) log P(takes more days) by quantiles (n, 4) on the scale of the models."""
    # before its start no line can finish
    is_too_early = (days < 0) & (not is_slip)
    # the last moment of the day: half past it, the next one begins
    value = _to_scale(np.where(is_too_early, 0, days) + HALF_DAY - 1e-6, is_slip)
    piece = np.clip((value[:, None] >= values).sum(axis=1) - 1, 0, len(LEVELS) - 2)
    rows = np.arange(len(value))
    low, high = values[rows, piece], values[rows, piece + 1]
    scores = ndtri(LEVELS)
    width, beyond = high - low, value - low
    # where two quantiles are one value there is a step: all before it, or nothing
    share = np.divide(beyond, width, out=np.where(beyond < 0, -np.inf, np.inf), where=width != 0)
    score = scores[piece] + share * (scores[piece + 1] - scores[piece])
    score = np.where(np.isnan(value) | np.isnan(low), np.nan, score)
    return np.where(is_too_early, 0.0, log_ndtr(-score))


def promise_quote(
    fitted: Fitted, table: pd.DataFrame, working_days: ArrayLike
) -> NDArray[np.datetime64]:
    """(n, 3): the working days by which a line that starts on its start date is finished 50, 80
    and 95 times in 100; NaT without quantiles, and beyond the calendar.

    Args:
        working_days: (m,) dates in their order.
    """
    calendar = np.asarray(working_days, dtype="datetime64[D]")
    started = _day_numbers(table[fitted.facts["started"]])[:, None]
    due = started + lead_time_quantiles(fitted, table)[:, 1:]
    # NaN sorts behind every day
    position = np.searchsorted(calendar.astype(np.int64), due)
    return np.append(calendar, np.datetime64("NaT"))[position]


def fit_late(
    table: pd.DataFrame,
    columns: Columns,
    as_of: date,
    *,
    refit_days: int = 91,
    refits: int = 8,
) -> Fitted:
    """The probability that a line is late, from what is known when it is scheduled, as known at
    the end of the as_of day, and how such models did forward in time.

    `columns.started` is the due date, and late is what finishes after it, is still open, or was
    withdrawn after it; lines withdrawn by then are no evidence. Lines that were due too lately for
    98 of 100 to be recorded do not count yet. Evidence loses half its weight in a year.

    Two candidates: an additive one (logistic regression on one-hot categories and eight bins per
    number) and gradient boosting. Past models are the candidate that was better until then by
    Brier score, which `facts["validation"]` reports for all lines, for each group and past model,
    beside the base rate and the rate per group, each of all lines until then and of the recent
    ones with the weights of the model. The last model is the candidate that was better altogether.

    Raises:
        ValueError: a column that the table lacks; `refits` or days below 1.
    """
    if min(refit_days, refits) < 1:
        raise ValueError("refit_days and refits are 1 or more")
    now = _day_number(as_of)
    lines = _read(table, columns, now, is_slip=True)
    facts: dict[str, Any] = {
        "kind": "late or not",
        "as_of": as_of.isoformat(),
        "started": columns.started,
        "group": columns.group,
        **_line_counts(lines, now),
    }
    origins = [
        day
        for day in _origins(lines, now, refit_days, refits)
        if min(_outcomes(lines, day)) >= LEAST_OUTCOMES
    ]
    if not origins:
        late_count, on_time_count = _outcomes(lines, now)
        few = "too few late lines" if late_count < on_time_count else "too few lines on time"
        return Fitted({}, {"status": few, **facts})
    said = _late_forward(lines, origins, now)
    is_late = _is_late(lines, now)
    rows = np.intersect1d(np.flatnonzero(np.isfinite(said["additive"])), _late_evidence(lines, now))
    squares = {name: (chance - is_late) ** 2 for name, chance in said.items()}
    model_said = np.full(is_late.size, np.nan)
    for origin, ahead in zip(origins, _ahead(lines, origins, now), strict=True):
        known = np.intersect1d(rows, _late_evidence(lines, origin))
        model_said[ahead] = said[_better(squares, known)][ahead]
    best = _better(squares, rows)
    model = _fit_late(lines, best, now)
    said = {"model": model_said} | said
    return Fitted(
        model.estimators,
        {
            "status": "fitted",
            **facts,
            **model.facts(lines, columns),
            "candidate": best,
            "validation": [
                {
                    "slice": kind,
                    "slice_value": value,
                    "line_count": int(part.size),
                    "late_count": int(is_late[part].sum()),
                    "mean_probability": _mean(model_said[part]),
                    "brier_scores": {
                        name: _mean((chance[part] - is_late[part]) ** 2)
                        for name, chance in said.items()
                    },
                }
                for kind, value, part in _slices(lines, rows, origins, now)
            ],
        },
    )


def _is_late(lines: _Lines, day: float) -> Bools:
    days, is_finished = lines.known_at(day)
    return ~(is_finished & (days <= 0))


def _late_evidence(lines: _Lines, day: float) -> Rows:
    """Rows of which it is settled, and recorded, at a day whether they are late."""
    return np.flatnonzero(lines.of_age(day) & (lines.withdrawn > lines.started))


def _outcomes(lines: _Lines, day: float) -> tuple[int, int]:
    """How many late, how many on time."""
    is_late = _is_late(lines, day)[_late_evidence(lines, day)]
    return int(is_late.sum()), int((~is_late).sum())


def _better(squares: dict[str, Floats], rows: Rows) -> str:
    """The candidate with the lower mean of squares; the additive one, which can be explained,
    unless the other is better by more than a hair."""
    sums = {name: squares[name][rows].sum() for name in ("additive", "boosted")}
    return "boosted" if sums["boosted"] < (1 - HAIR) * sums["additive"] else "additive"


def _fit_late(lines: _Lines, candidate: str, day: float) -> _Model:
    """A candidate, from what was known at a day."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    rows = _late_evidence(lines, day)[-TRAINING_LINES:]
    frame, target = lines.frame.iloc[rows], _is_late(lines, day)[rows]
    unusable = _unusable(frame, lines.started[rows])
    columns = [name for name in frame.columns if name not in unusable]
    if candidate == "additive":
        pipeline = _additive(frame, columns)
    else:
        boosting = HistGradientBoostingClassifier(**_boosting(frame, columns))
        pipeline = make_pipeline(_encoder(frame, columns), boosting)
    weights = {f"{pipeline.steps[-1][0]}__sample_weight": _recency(lines, rows, day)}
    with warnings.catch_warnings():
        # that bins of a number with few values fall together is meant
        warnings.filterwarnings("ignore", "Bins whose width are too small", UserWarning)
        pipeline.fit(frame, target, **weights)
    numbers, categories = _kinds(frame, columns)
    ordered = [*numbers, *categories]
    return _Model({"model": pipeline}, ordered, rows, target, _counts(lines.groups[rows]))


def _recency(lines: _Lines, rows: Rows, day: float) -> Floats:
    return 0.5 ** ((day - lines.started[rows]) / HALF_LIFE_DAYS)


def _additive(frame: pd.DataFrame, columns: Sequence[str]) -> Any:
    """Logistic regression on indicators alone, so that a row is a sum in the same order alone and
    among others."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

    numbers, categories = _kinds(frame, columns)
    bins = KBinsDiscretizer(
        8, strategy="quantile", quantile_method="averaged_inverted_cdf", random_state=0
    )
    indicators = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), bins), numbers),
            ("missing", MissingIndicator(features="all", sparse=True), numbers),
            (
                "categories",
                OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10),
                categories,
            ),
        ],
        sparse_threshold=1,
    )
    return make_pipeline(indicators, LogisticRegression(C=0.1, max_iter=500))


def _late_forward(lines: _Lines, origins: Sequence[float], now: float) -> dict[str, Floats]:
    """What each candidate and each baseline said of the lines due after each origin."""
    names = ("additive", "boosted", "base_rate", "group_rate", "recent_base_rate")
    said = {name: np.full(lines.started.size, np.nan) for name in (*names, "recent_group_rate")}
    for origin, ahead in zip(origins, _ahead(lines, origins, now), strict=True):
        for name in ("additive", "boosted"):
            model = _fit_late(lines, name, origin)
            rows = ahead[np.isin(lines.groups[ahead], model.told())]
            said[name][rows] = _chance(model.estimators, lines.frame.iloc[rows])
        evidence = _late_evidence(lines, origin)
        is_late, groups = _is_late(lines, origin)[evidence], lines.groups[evidence]
        recency = _recency(lines, evidence, origin)
        for prefix, weights in (("", np.ones(evidence.size)), ("recent_", recency)):
            said[f"{prefix}base_rate"][rows] = np.average(is_late, weights=weights)
            for name in model.told():
                mine = groups == name
                said[f"{prefix}group_rate"][rows[lines.groups[rows] == name]] = np.average(
                    is_late[mine], weights=weights[mine]
                )
    return said


def _chance(estimators: dict[str, Any], frame: pd.DataFrame) -> Floats:
    if frame.empty:
        return np.empty(0)
    return estimators["model"].predict_proba(frame)[:, 1].round(9)


def late_probability_when_scheduled(fitted: Fitted, table: pd.DataFrame) -> Floats:
    """(n,): P(late) by `fit_late`, before anything of the line is seen; NaN where `score_status`
    says why. A row has the same value alone and among others, to the last bit.

    Raises:
        ValueError: the table lacks a column that the model uses.
    """
    result = np.full(len(table), np.nan)
    for rows, frame in _in_parts(fitted, table):
        result[rows] = _chance(fitted.estimators, frame)
    return result

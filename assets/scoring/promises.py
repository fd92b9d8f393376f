"""The scores about dates: what each learns from, which model speaks, what it says of open lines.

Belongs here: what the dbt models of lead times and promises share, and what `make quote` says.
How times are learned is in `promise_dates`; which lines there are is decided in dbt.

Each source system has models of its own, since plants differ in all that lead times hang on:

- `order_lead_time_<system>`: from order to delivery, of lines whose request is known.
- `promise_quote_<system>`: the same without the request, for lines nobody has asked for yet, of
  lines delivered in one piece; where there are neither requests nor parts, the first one speaks.
- `work_order_lead_time_<system>`: from release to finish, where order lines tell too little.
- `late_delivery_<system>` and `delivery_slip_<system>`: whether a line is late, and by how many
  days it misses its due date, by what is known when it is scheduled; where promised lines have no
  order date, so that the source plans by the due date.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assets.landing.checking import literal
from assets.scoring import promise_dates, storage
from assets.scoring.champions import MODELS, Candidate, Champion, champion
from assets.scoring.evaluation import exact_interval
from assets.scoring.promise_dates import (
    LEAST_TRAINING_LINES,
    LEVELS,
    NAMES,
    TRUSTED,
    Columns,
    Fitted,
    fit,
    fit_late,
    open_counts,
)

ORDER, QUOTE, WORK_ORDER, LATE, SLIP = (
    "order_lead_time",
    "promise_quote",
    "work_order_lead_time",
    "late_delivery",
    "delivery_slip",
)
#: in the marts: which lines the times were learned from
BASES = {ORDER: "order lines", QUOTE: "order lines", WORK_ORDER: "work orders"}
SCHEDULED = "scheduled lines"

LOADS = ("open_order_line_count", "open_work_order_count")
KNOWN_OF_ORDER = ("product_id", "product_family", "quantity", "route", *LOADS)
DATED = {"recorded": "finish_recorded_date", "withdrawn": "withdrawn_date"}
COLUMNS = {
    ORDER: Columns(
        "ordered_date",
        "finished_date",
        (*KNOWN_OF_ORDER, "requested_days"),
        group="product_family",
        **DATED,
    ),
    QUOTE: Columns(
        "ordered_date", "finished_date", KNOWN_OF_ORDER, group="product_family", **DATED
    ),
    WORK_ORDER: Columns(
        "started_date",
        "finished_date",
        ("product_id", "product_family", "quantity", "open_work_order_count"),
        group="product_family",
        **DATED,
    ),
    LATE: Columns(
        "due_date",
        "finished_date",
        ("product_id", "product_family", "quantity", "route", "due_days"),
        group="route",
        **DATED,
    ),
}
COLUMNS[SLIP] = COLUMNS[LATE]
#: a date that should be kept 80 or 95 times in 100 may be so many points off on days gone by
MOST_OFF = 0.05
#: lines of a system to learn from at most, of whole orders: TRAINING_LINES of millions would be
#: those of a few days, which tell of no season and no load
MOST_LINES = 100_000
#: the levels that are promised
PROMISED = ("p80", "p95")


@dataclass(frozen=True)
class Evidence:
    """What is known of lines, and the day of the run.

    `orders` and `work_orders` are rows of `int_order_line_lead_times` and
    `int_work_order_lead_times`, of a system with more than MOST_LINES a sample; `open_orders` are
    all open order lines. `spans`: by the name of a load, how many lines of a system (`line_count`)
    began and ended on which days. `line_counts`: how many lines a system has, by the name of their
    load.
    """

    orders: pd.DataFrame
    work_orders: pd.DataFrame
    open_orders: pd.DataFrame
    spans: Mapping[str, pd.DataFrame]
    line_counts: Mapping[tuple[str, str], int]
    as_of: date


def evidence(run_settings: Any, orders: Any, work_orders: Any) -> Evidence:
    """What the dbt relations hold, in an order that hangs on nothing else."""
    ((as_of,),) = run_settings.project("as_of_date").fetchall()
    spans: dict[str, pd.DataFrame] = {}
    samples: list[pd.DataFrame] = []
    line_counts: dict[tuple[str, str], int] = {}
    for load, lines, began, unit, key in (
        (LOADS[0], orders, "ordered_date", "order_id", "order_id, line_number, schedule_number"),
        (LOADS[1], work_orders, "started_date", "work_order_id", "work_order_id"),
    ):
        spans[load] = _spans(lines, began)
        drawn, counts = _drawn(lines, unit)
        samples.append(_frame(drawn, key))
        line_counts |= {(load, system): count for system, count in counts.items()}
    open_orders = _frame(orders.filter("is_open"), "order_id, line_number, schedule_number")
    return Evidence(
        with_load(samples[0], "ordered_date", spans),
        with_load(samples[1], "started_date", spans),
        with_load(open_orders, "ordered_date", spans),
        spans,
        line_counts,
        as_of,
    )


def _drawn(lines: Any, unit: str) -> tuple[Any, dict[str, int]]:
    """The lines to learn from, and how many each system has, of which they may be a sample.

    A hash of the order says whether its lines are drawn, whatever machine draws them.
    """
    counts = dict(
        lines.aggregate("source_system, count(*) as line_count", "source_system").fetchall()
    )
    for system, count in counts.items():
        if count > MOST_LINES:
            lines = lines.filter(
                f"source_system <> {literal(system)}"
                f" or md5_number_lower({unit}) < pow(2, 64) * {MOST_LINES} / {count}"
            )
    return lines, counts


def _spans(lines: Any, began: str) -> pd.DataFrame:
    days = "source_system, started_date, ended_date"
    ended = "least(finished_date, withdrawn_date)"
    return (
        lines.filter(f"{began} is not null")
        .project(f"source_system, {began} as started_date, {ended} as ended_date")
        .aggregate(f"{days}, count(*) as line_count", days)
        .df()
    )


def _frame(relation: Any, key: str) -> pd.DataFrame:
    """A table of dbt as pandas has it: decimals as floats, ordered by its key."""
    return (
        relation.project("* replace (cast(quantity as double) as quantity)")
        .order(f"source_system, {key}")
        .df()
    )


def with_load(table: pd.DataFrame, started: str, spans: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The table with LOADS: how many lines and work orders of its system each row met open on the
    day in the column `started`; missing without such a day.

    They count by when they ended, not by when that was recorded: how late it is recorded changes
    with the way extracts are taken, and a load must mean the same last year and today.
    """
    loads = {name: np.full(len(table), np.nan) for name in LOADS}
    days = pd.to_datetime(table[started]).to_numpy("datetime64[D]")
    systems = table["source_system"].to_numpy(object)
    for system in np.unique(systems.astype(str)):
        rows = np.flatnonzero((systems == system) & ~np.isnat(days))
        for name, lines in spans.items():
            mine = lines[lines["source_system"] == system]
            loads[name][rows] = open_counts(
                days[rows], mine["started_date"], mine["ended_date"], mine["line_count"]
            )
    return table.assign(**loads)


# --- training ------------------------------------------------------------------------------------


def speaking(
    home: Path, known: Evidence, *, trains: bool = True
) -> dict[tuple[str, str], Champion]:
    """The champion of each score (by its kind) and system; `trains`: trained if that is due."""
    return {
        (kind, system): champion(
            home, f"{kind}_{system}", known.as_of, TRUSTED, train if trains else None
        )
        for kind, system, train in _scores(known)
    }


def models_of(champions: Mapping[tuple[str, str], Champion]) -> pa.Table:
    """The rows of MODELS of all scores."""
    return pa.concat_tables([MODELS.empty_table(), *(found.models for found in champions.values())])


def _scores(known: Evidence) -> Iterator[tuple[str, str, Callable[[], Candidate]]]:
    """Kind, system and training of every score that the systems ask for."""
    tables = (known.orders, known.work_orders)
    for system in sorted({name for table in tables for name in table["source_system"]}):
        orders, work_orders = (table[table["source_system"] == system] for table in tables)
        dated = orders[orders["ordered_date"].notna()]
        kinds = []
        if len(dated):
            kinds += [(ORDER, dated)]
            whole = dated[~dated["is_in_parts"]]
            if len(whole) < len(dated) or dated["requested_days"].notna().any():
                kinds += [(QUOTE, whole)]
        if len(work_orders) and dated["finished_date"].notna().sum() < LEAST_TRAINING_LINES:
            kinds += [(WORK_ORDER, work_orders)]
        if (orders["ordered_date"].isna() & orders["due_date"].notna()).any():
            kinds += [(LATE, orders), (SLIP, orders)]
        for kind, table in kinds:
            count = known.line_counts[LOADS[kind == WORK_ORDER], system]
            yield kind, system, partial(candidate, kind, table, known.as_of, count)


def candidate(
    kind: str, table: pd.DataFrame, as_of: date, known_count: int | None = None
) -> Candidate:
    """What training a score brings, judged by what such models did forward in time.

    Dates are refused where one of PROMISED is farther than MOST_OFF from its level for certain:
    farther than the 95 % interval of its coverage, so that few lines are no reason to refuse.
    Where nothing known of a line helps, quantiles of all lines are promoted: they hold as often as
    they say. So they are where the history is too short to check any; the marts say so. A
    probability is refused where it is no better in Brier score than the rate per group or the base
    rate, which are as easily had.
    """
    from threadpoolctl import threadpool_limits

    # the trees are small: threads would wait for each other, and add in another order
    with threadpool_limits(limits=1):
        if kind == LATE:
            fitted = fit_late(table, COLUMNS[kind], as_of)
        else:
            fitted = fit(table, COLUMNS[kind], as_of, is_slip=kind == SLIP)
    if not fitted.estimators:
        facts = {"case_count": fitted.facts["line_count"], "performance": []}
        return Candidate(fitted.status, {**fitted.facts, **facts}, known_count=known_count)
    measured = fitted.facts["validation"]
    against = _against_late if kind == LATE else _against_dates
    performance = _late_performance if kind == LATE else _date_performance
    facts = {
        **{name: fact for name, fact in fitted.facts.items() if name != "validation"},
        "case_count": fitted.facts["training"]["line_count"],
        "data_sha256": fitted.facts["training"]["sha256"],
        "performance": [row for slice_ in measured for row in performance(slice_)],
    }
    return Candidate(
        fitted.status,
        facts,
        fitted.estimators,
        against(measured[0]) if measured else [],
        known_count,
    )


def _against_dates(everything: Mapping[str, Any]) -> list[str]:
    words = []
    for name, level in zip(NAMES, LEVELS, strict=True):
        found = everything["levels"][name]
        # of whole days many are alike: the level may lie anywhere between these two
        least, _ = exact_interval(found["earlier_count"], found["known_count"])
        _, most = exact_interval(found["covered_count"], found["known_count"])
        if name in PROMISED and not least - MOST_OFF <= level <= most + MOST_OFF:
            words.append(
                f"dates to be kept {level:.0%} of the time were kept"
                f" {found['covered_count']:,} of {found['known_count']:,} times"
            )
    return words


def _against_late(everything: Mapping[str, Any]) -> list[str]:
    scores = everything["brier_scores"]
    best = min(("base_rate", "group_rate"), key=lambda name: scores[name])
    if scores["model"] < scores[best]:
        return []
    figures = f"Brier score {scores['model']:.4f} against {scores[best]:.4f}"
    return [f"no better than the {best.replace('_', ' ')}: {figures}"]


def _date_performance(measured: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of PERFORMANCE of one slice, from the validation of `fit`."""
    where = {name: measured[name] for name in ("slice", "slice_value")}
    for name, found in measured["levels"].items():
        low, high = exact_interval(found["covered_count"], found["known_count"])
        yield {
            **where,
            "method": name,
            "measure": "coverage",
            "value": found["coverage_rate"],
            "lower_bound": float(low) if found["known_count"] else None,
            "upper_bound": float(high) if found["known_count"] else None,
            "case_count": found["known_count"],
        }
        for measure in ("pinball_days", "marginal_pinball_days"):
            yield {
                **where,
                "method": name,
                "measure": measure,
                "value": found[measure],
                "case_count": measured["line_count"],
            }
    yield {
        **where,
        "method": "model",
        "measure": "width_days",
        "value": measured["width_days"],
        "case_count": measured["line_count"],
    }


def _late_performance(measured: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of PERFORMANCE of one slice, from the validation of `fit_late`."""
    where = {name: measured[name] for name in ("slice", "slice_value")}
    late_rate = measured["late_count"] / measured["line_count"] if measured["line_count"] else None
    figures = [
        *((name, "brier", value) for name, value in measured["brier_scores"].items()),
        ("model", "mean_probability", measured["mean_probability"]),
        ("model", "late_rate", late_rate and round(late_rate, 9)),
    ]
    for method, measure, value in figures:
        yield {
            **where,
            "method": method,
            "measure": measure,
            "value": value,
            "case_count": measured["line_count"],
        }


# --- what is said of open lines ------------------------------------------------------------------

SCORES = pa.schema(
    [
        ("order_id", pa.string()),
        ("line_number", pa.string()),
        ("schedule_number", pa.string()),
        # 'order lines', 'scheduled lines', or none
        ("lead_time_basis", pa.string()),
        ("score_status", pa.string()),
        ("late_probability", pa.float64()),
        *((f"{name}_finish_date", pa.date32()) for name in NAMES),
        ("model_version", pa.string()),
    ]
)
SCORED, NO_PROMISE = "scored", "no promised date"
UNCHECKED = "scored by the times of all lines, which no later lines have checked yet"
OPEN_TOO_LONG = "open longer than 99 of 100 lines like it"


def scores(known: Evidence, champions: Mapping[tuple[str, str], Champion]) -> pa.Table:
    """A row of SCORES per open order schedule line.

    Where the source plans by the due date, the model of scheduled lines speaks of those that have
    one; else the time since the order.
    """
    parts = [SCORES.empty_table()]
    for system, lines in known.open_orders.groupby("source_system"):
        ordered, late, slip = (
            _fitted(champions.get((kind, str(system)))) for kind in (ORDER, LATE, SLIP)
        )
        is_planned = lines["due_date"].notna() & ((LATE, str(system)) in champions)
        if is_planned.any():
            parts.append(_scored_when_scheduled(late, slip, lines[is_planned], known.as_of))
        if not is_planned.all():
            parts.append(_scored_by_time(ordered, lines[~is_planned], known.as_of))
    return pa.concat_tables(parts)


def _fitted(found: Champion | None) -> tuple[Fitted, str | None]:
    """The model that speaks and its version; without one, one that says why."""
    if found is None:
        return Fitted({}, {"status": "no model"}), None
    if found.version is None:
        return Fitted({}, {"status": found.status}), None
    return Fitted(dict(found.estimators), dict(found.facts)), found.version


def _scored_by_time(model: tuple[Fitted, str | None], lines: pd.DataFrame, as_of: date) -> pa.Table:
    fitted, version = model
    elapsed = _days_until(as_of, lines["ordered_date"])
    late = promise_dates.late_probability(fitted, lines, lines["due_days"], elapsed)
    days = promise_dates.finish_days(fitted, lines, elapsed)
    status = _status(fitted, lines)
    is_told = status == SCORED
    status[is_told & np.isnan(days).any(axis=1)] = OPEN_TOO_LONG
    status[(status == SCORED) & lines["due_days"].isna().to_numpy()] = NO_PROMISE
    status = _with_doubts(fitted, status)
    dates = _dates(lines["ordered_date"], days)
    return _score_rows(lines, BASES[ORDER], version, status, is_told, late, dates)


def _scored_when_scheduled(
    late: tuple[Fitted, str | None],
    slip: tuple[Fitted, str | None],
    lines: pd.DataFrame,
    as_of: date,
) -> pa.Table:
    """The status is that of the probability; the dates are there where the other model speaks."""
    (fitted, version), (slips, slip_version) = late, slip
    chance = promise_dates.late_probability_when_scheduled(fitted, lines)
    days = promise_dates.finish_days(slips, lines, _days_until(as_of, lines["due_date"]))
    status = _status(fitted, lines)
    dates = _dates(lines["due_date"], days)
    is_told = (status == SCORED) | ~np.isnat(dates).all(axis=1)
    return _score_rows(lines, SCHEDULED, version or slip_version, status, is_told, chance, dates)


def _days_until(as_of: date, started: pd.Series) -> NDArray[np.float64]:
    return (pd.Timestamp(as_of) - started).dt.days.to_numpy(np.float64, na_value=np.nan)


def _dates(started: pd.Series, days: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """(n, k) the days so many days after a start; NaT where either is missing."""
    known = np.where(np.isnan(days), 0, days).astype("timedelta64[D]")
    dates = started.to_numpy("datetime64[D]")[:, None] + known
    return np.where(np.isnan(days), np.datetime64("NaT", "D"), dates)


def _status(fitted: Fitted, lines: pd.DataFrame) -> NDArray[np.object_]:
    words = promise_dates.score_status(fitted, lines)
    return np.array([each.replace("_", " ") for each in words], dtype=object)


def _with_doubts(fitted: Fitted, status: NDArray[np.object_]) -> NDArray[np.object_]:
    is_checked = bool(fitted.facts.get("performance", True))
    return status if is_checked else np.where(status == SCORED, UNCHECKED, status)


def _score_rows(
    lines: pd.DataFrame,
    basis: str,
    version: str | None,
    status: NDArray[np.object_],
    is_told: NDArray[np.bool_],
    late: NDArray[np.float64],
    dates: NDArray[np.datetime64],
) -> pa.Table:
    columns = {
        **{name: lines[name] for name in ("order_id", "line_number", "schedule_number")},
        "lead_time_basis": _where(is_told, basis),
        "score_status": status,
        "late_probability": late,
        **{f"{name}_finish_date": dates[:, k] for k, name in enumerate(NAMES)},
        "model_version": _where(is_told, version),
    }
    return _arrow(columns, SCORES)


def _where(holds: NDArray[np.bool_], value: str | None) -> NDArray[np.object_]:
    found = np.full(holds.size, None, dtype=object)
    found[holds] = value
    return found


def _arrow(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """NaN and NaT become NULL."""
    arrays = [
        pa.array(np.asarray(columns[field.name]), field.type, from_pandas=True) for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


# --- quotes --------------------------------------------------------------------------------------

QUOTED = NAMES[1:]
QUOTES = pa.schema(
    [
        ("product_id", pa.string()),
        ("quantity", pa.float64()),
        *((name, pa.float64()) for name in LOADS),
        ("score_name", pa.string()),
        ("lead_time_basis", pa.string()),
        ("quote_status", pa.string()),
        *((f"{name}_days", pa.float64()) for name in QUOTED),
        *((f"{name}_date", pa.date32()) for name in QUOTED),
        ("model_version", pa.string()),
    ]
)
BEYOND = "beyond the plant calendar"


def quotes(
    known: Evidence,
    champions: Mapping[tuple[str, str], Champion],
    cases: pd.DataFrame,
    working_days: ArrayLike,
) -> pa.Table:
    """A row of QUOTES per row of `int_promise_quote_cases`, for a line of the as_of day.

    Args:
        working_days: (m,) the plant's, from the as_of day on, in their order.
    """
    parts = [QUOTES.empty_table()]
    for system, asked in cases.groupby("source_system"):
        kind = next(
            (kind for kind in (QUOTE, ORDER, WORK_ORDER) if _speaks(champions, kind, str(system))),
            ORDER if (ORDER, system) in champions else WORK_ORDER,
        )
        fitted, version = _fitted(champions.get((kind, str(system))))
        day = pd.Timestamp(known.as_of)
        lines = with_load(asked.assign(day=day), "day", known.spans).rename(
            columns={"day": COLUMNS[kind].started}
        )
        status, days, dates = _quoted(fitted, lines, working_days)
        columns = {
            **{name: lines[name] for name in ("product_id", "quantity", *LOADS)},
            "score_name": np.full(len(lines), f"{kind}_{system}", dtype=object),
            "lead_time_basis": np.full(len(lines), BASES[kind], dtype=object),
            "quote_status": _with_doubts(fitted, status),
            **{f"{name}_days": days[:, k] for k, name in enumerate(QUOTED)},
            **{f"{name}_date": dates[:, k] for k, name in enumerate(QUOTED)},
            "model_version": np.full(len(lines), version, dtype=object),
        }
        parts.append(_arrow(columns, QUOTES))
    return pa.concat_tables(parts)


def _speaks(champions: Mapping[tuple[str, str], Champion], kind: str, system: str) -> bool:
    return (kind, system) in champions and champions[kind, system].version is not None


def _quoted(
    fitted: Fitted, lines: pd.DataFrame, working_days: ArrayLike
) -> tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.datetime64]]:
    """(n,) status, (n, 3) days and (n, 3) dates of QUOTED."""
    status = _status(fitted, lines)
    days = promise_dates.lead_time_quantiles(fitted, lines)[:, 1:]
    if not fitted.estimators:
        return status, days, np.full(days.shape, np.datetime64("NaT", "D"))
    dates = promise_dates.promise_quote(fitted, lines, working_days)
    status[(status == SCORED) & np.isnat(dates).any(axis=1)] = BEYOND
    return status, days, dates


@dataclass(frozen=True)
class Quote:
    """What can be promised for a product, quantity and day.

    `dates`: kept 50, 80 and 95 times in 100; None where the plant's calendar ends before. `route`:
    the one that was taken for granted, the product's usual one.
    """

    product_id: str
    dates: tuple[date | None, ...]
    finished_line_count: int
    lead_time_basis: str
    route: str | None
    model_version: str


def quote(published: Path, models: Path, product: str, quantity: float, day: date) -> Quote:
    """A promise quote from what is published and the model that it names, at the load of its day.

    Args:
        published: the published database.
        models: the folder of the fitted models.
        product: its id, or its name in any case.

    Raises:
        LookupError: nothing can be promised; the message says why, and the way out.
    """
    import duckdb

    if quantity <= 0:
        raise LookupError(f"A quantity is more than 0, not {quantity:g}.")
    if not published.exists():
        raise LookupError("Nothing is published yet: make run")
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(published))} as published (read_only)")
        connection.execute("use published.marts")
        try:
            found = connection.execute(
                "select * from mart_promise_quotes"
                " where product_id = $1 or lower(product_name) = lower($1)"
                " order by product_id <> $1, abs(quantity - $2), quantity limit 1",
                [product, quantity],
            ).df()
        except duckdb.CatalogException:
            raise LookupError("What is published has no quotes yet: make run") from None
        if found.empty:
            raise LookupError(_unknown_product(connection, product))
        working_days = connection.execute(
            "select date_day from dim_dates where is_working_day order by 1"
        ).df()["date_day"]
    asked = found.assign(quantity=float(quantity)).iloc[0]
    name = asked["product_id"]
    if pd.isna(asked["model_version"]):
        raise LookupError(f"No date can be promised for {name}: {asked['quote_status']}.")
    folder = models / asked["score_name"] / asked["model_version"]
    try:
        fitted = Fitted(*storage.load(folder, TRUSTED))
    except (OSError, ValueError) as problem:
        raise LookupError(f"The model cannot be used ({problem}): make retrain") from problem
    line = found.assign(quantity=float(quantity), **{fitted.facts["started"]: pd.Timestamp(day)})
    (status,), _, (dates,) = _quoted(fitted, line, working_days)
    if status not in (SCORED, BEYOND):
        raise LookupError(f"No date can be promised for {name}: {status}.")
    return Quote(
        name,
        tuple(None if np.isnat(kept) else kept.astype(date) for kept in dates),
        int(asked["finished_line_count"]),
        asked["lead_time_basis"],
        None if pd.isna(asked["route"]) else asked["route"],
        asked["model_version"],
    )


def _unknown_product(connection: Any, product: str) -> str:
    known = connection.execute("select product_id, product_name from dim_products").fetchall()
    if any(product in names for names in known):
        return f"No line of {product} was ever ordered or made: nothing is known of its times."
    names = sorted({name for both in known for name in both if name})
    near = difflib.get_close_matches(product, names, n=3, cutoff=0.4)
    hint = f" Near it: {', '.join(near)}." if near else ""
    return f"No product is called {product!r}.{hint} All of them: dim_products."

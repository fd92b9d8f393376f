"""Bookings of the months and fiscal quarters to come, with what chance allows around them, beside
three simpler ways to say it.

Belongs here: the methods, on arrays and small tables, and the log of what was forecast
(`state/forecasts`). Which deals are open, what became of those before them, and what a period is,
is decided in dbt (`models/intermediate/forecasts`).

The method `score` adds three parts:

- what the period has booked already;
- open deals: chance to be won rather than lost × when such deals are won or lost, if they are not
  dropped (disqualified, merged, deleted) before × amount × what earlier deals were won for against
  what they were open for. When is told by deals that stood alike at earlier month ends (landmarks):
  the Aalen–Johansen curves of being won, lost and dropped from there on, with deals that are still
  open censored. Alike in pipeline, stage, days to the expected close and age, as far as there are
  wins enough, else in fewer of these;
- business not yet created: what the same month after earlier days brought from deals that were
  created after those days.

Its quantiles come from simulation with a fixed seed: the largest open deals are won or not, one by
one; the others, which are many and small, together by the normal distribution with their exact
means and covariances; all open deals share a factor as wide as earlier landmarks differed from each
other beyond chance; new business varies as its earlier months did.

Sources: O. O. Aalen and S. Johansen, Scandinavian Journal of Statistics 5 (1978); landmarks: H. C.
van Houwelingen, Scandinavian Journal of Statistics 34 (2007).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.landing.ledger import append_state, read_state
from assets.scoring.competing_risks import incidences

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

SEED = 20_260_630
SIMULATIONS = 4_000
#: so many deals, the largest, are won or lost one by one
LARGE_DEALS = 500
#: wins seen after month ends from which on they say when deals like these are won
LEAST_WINS = 50
#: a curve is read as far as so many deals are still watched
LEAST_AT_RISK = 10
#: months by which new business is measured: the latest so many, and at least so many
RECENT_MONTHS = 12
LEAST_MONTHS = 6
#: the share of open deals of which amount, chance or day must be known
LEAST_KNOWN = 0.5
#: what makes open deals alike, the first that is given up last
STRATUM = ("pipeline", "stage", "due_class", "age_class")
EXITS = ("won_count", "lost_count", "dropped_count", "censored_count")
QUANTILES = {"p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90}
MONTHS = {"month": 1, "fiscal_quarter": 3}
#: what a forecast says of itself where there is one
FORECAST = "forecast"
NO_DATES = "no deal has a date"
NO_NEW = f"fewer than {LEAST_MONTHS} earlier months tell of business not yet created"

AMOUNT = pa.decimal128(18, 2)
COUNTS = ("open_deal_count", "n_unpriced", "without_amount_count")
#: a row per day of a forecast, system, period and method: `int_bookings_forecasts` in dbt
SCHEMA = pa.schema(
    [
        ("forecast_date", pa.date32()),
        ("source_system", pa.string()),
        ("period_kind", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("horizon_months", pa.int64()),
        ("method", pa.string()),
        ("status", pa.string()),
        ("expected_amount", AMOUNT),
        ("booked_amount", AMOUNT),
        ("open_deals_amount", AMOUNT),
        ("new_business_amount", AMOUNT),
        *((f"{name}_amount", AMOUNT) for name in QUANTILES),
        *((name, pa.int64()) for name in COUNTS),
        ("without_probability_count", pa.int64()),
        ("without_date_count", pa.int64()),
        ("submission_count", pa.int64()),
        ("model_version", pa.string()),
        ("scored_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class OpenDeals:
    """Open deals in an order that is always the same; all arrays (n,).

    `stratum`: the row of `strata` (columns STRATUM) it falls into. NaN: `amount` in the base
    currency where there is none or no rate (`is_unpriced`), a probability where nothing can be
    said, `due_days` (as_of to expected close) where no close is expected.
    """

    strata: "pd.DataFrame"
    stratum: Rows
    amount: Floats
    is_unpriced: NDArray[np.bool_]
    win_probability: Floats
    stage_probability: Floats
    due_days: Floats


@dataclass(frozen=True)
class History:
    """What earlier deals did, as known at the as_of.

    exits: rows of STRATUM, day_number and EXITS: how many deals open at a month end left so many
        days later, and how.
    open_months: landmark_date, horizon_months, open_amount, open_squares, won_landmark_amount,
        won_amount: of the amount open at a month end, what was won in a month after it.
    new_months: landmark_date, horizon_months, new_business_amount.
    bookings: first day of a month → what was booked in it; months without bookings may be missing.
    first_date: when the first deal was created; None = no deal has a date.
    commits: (period_kind, period_start) → (amount, submissions, of them unpriced).
    """

    exits: "pd.DataFrame"
    open_months: "pd.DataFrame"
    new_months: "pd.DataFrame"
    bookings: Mapping[date, float]
    first_date: date | None
    commits: Mapping[tuple[str, date], tuple[float | None, int, int]]


def read_open_deals(relation: "duckdb.DuckDBPyRelation") -> OpenDeals:
    """The open deals of one system, rows of `int_forecast_open_deals`."""
    strata = (
        relation.project(f"stratum_number, {', '.join(STRATUM)}")
        .distinct()
        .order("stratum_number")
        .df()
    )
    found = (
        relation.order("opportunity_id")
        .project(
            "stratum_number, cast(amount_base as double) as amount, is_unpriced, win_probability,"
            " stage_win_rate_probability, cast(due_days as double) as due_days"
        )
        .fetchnumpy()
    )
    number: dict[str, Floats] = {
        name: np.ma.filled(np.ma.asarray(found[name], dtype=float), np.nan)
        for name in ("amount", "win_probability", "stage_win_rate_probability", "due_days")
    }
    return OpenDeals(
        strata=strata,
        stratum=np.asarray(found["stratum_number"], dtype=np.int64),
        amount=number["amount"],
        is_unpriced=np.asarray(found["is_unpriced"], dtype=bool),
        win_probability=number["win_probability"],
        stage_probability=number["stage_win_rate_probability"],
        due_days=number["due_days"],
    )


def frozen(
    home: Path, as_of: date, systems: Iterable[str], make: Callable[[str], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Every forecast up to a day, rows of SCHEMA, in the order in which they were made.

    Those of the day itself are made (`make` takes a system) the first time and kept in
    `state/forecasts`; from then on they stay as they are, whatever becomes known later.

    Raises:
        DamagedError: `state/` cannot be read.
    """
    state = home / "state" / "forecasts"
    rows = read_state(state)
    done = {row["source_system"] for row in rows if row["forecast_date"] == as_of}
    new = [row for system in systems if system not in done for row in make(system)]
    append_state(state, new, datetime.now(UTC))
    return [row for row in rows + new if row["forecast_date"] <= as_of]


# --- when open deals are won ---------------------------------------------------------------------


def win_shares(exits: "pd.DataFrame", days: Sequence[int]) -> Floats:
    """(len(days),) by which the chance to be won rather than lost becomes that to be won by so many
    days later: for a deal that is sure to win if it is not dropped, the share that is.

    Args:
        exits: day_number and EXITS of deals alike.

    From the curves of being won, lost and dropped. Those still open where they end (LEAST_AT_RISK)
    are taken to be won later, if at all. NaN where none was won before.
    """
    by_day = exits.groupby("day_number")[list(EXITS)].sum().sort_index()
    won, lost, _ = incidences(by_day.to_numpy(float).T, LEAST_AT_RISK)
    if not won.size or won[-1] <= 0:
        return np.full(len(days), np.nan)
    reached = np.searchsorted(by_day.index.to_numpy()[: won.size], days, side="right")
    return np.concatenate([[0.0], won])[reached] / won[-1] * (won[-1] + lost[-1])


def strata_shares(
    exits: "pd.DataFrame", strata: "pd.DataFrame", days: Sequence[int]
) -> Floats | None:
    """(strata, len(days)) `win_shares` of each stratum, or of the narrowest group around it that
    has LEAST_WINS; None where not even all deals together have."""
    if exits["won_count"].sum() < LEAST_WINS:
        return None
    shares = np.tile(win_shares(exits, days), (len(strata), 1))
    for depth in range(1, len(STRATUM) + 1):
        columns = list(STRATUM[:depth])
        wanted = strata.groupby(columns, sort=True).indices
        for key, group in exits.groupby(columns, sort=True):
            if key in wanted and group["won_count"].sum() >= LEAST_WINS:
                shares[wanted[key]] = win_shares(group, days)
    return shares


# --- the parts of the forecast -------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What a part of the forecast brings in each month: (m,) means, (SIMULATIONS, m) draws."""

    expected: Floats
    draws: Floats


def open_part(
    deals: OpenDeals, shares: Floats, open_months: "pd.DataFrame", random: np.random.Generator
) -> Part:
    """What open deals with amount and probability bring in each month.

    Args:
        shares: (strata, m + 1) by the beginning of the first month and by the end of each.
    """
    known = _known(deals.amount, deals.win_probability)
    amount, chance = deals.amount[known], deals.win_probability[known]
    stratum = deals.stratum[known]
    in_month = np.diff(shares, axis=1)
    realised, spread = _realised(open_months)
    amount = amount * realised

    large = np.argsort(-amount, kind="stable")[:LARGE_DEALS]
    others = np.ones(amount.size, bool)
    others[large] = False
    by_month = np.cumsum(chance[large, None] * in_month[stratum[large]], axis=1)
    luck = random.random((SIMULATIONS, large.size))
    so_far = np.stack(
        [(luck < by_month[:, month]) @ amount[large] for month in range(by_month.shape[1])], axis=1
    )
    draws = np.diff(so_far, axis=1, prepend=0.0)
    if others.any():
        sums = [
            np.bincount(stratum[others], (amount**i * chance**j)[others], len(in_month))
            for i, j in ((1, 1), (2, 1), (2, 2))
        ]
        covariance = np.diag(sums[1] @ in_month) - (in_month.T * sums[2]) @ in_month
        draws = draws + random.multivariate_normal(
            sums[0] @ in_month, covariance, SIMULATIONS, check_valid="ignore", method="eigh"
        )
    factor = np.exp(random.normal(-spread / 2, np.sqrt(spread), (SIMULATIONS, 1)))
    expected = np.bincount(stratum, amount * chance, len(in_month)) @ in_month
    return Part(expected, draws * factor)


def _realised(open_months: "pd.DataFrame") -> tuple[float, float]:
    """What deals were won for ÷ what they were open for; and how much more than by chance the share
    of the open amount that a month brings differs between landmarks (squared, relative)."""
    won, had = (open_months[name].sum() for name in ("won_amount", "won_landmark_amount"))
    realised = float(won / had) if had > 0 and won > 0 else 1.0
    excess, scale = 0.0, 0.0
    for _, months in open_months.groupby("horizon_months", sort=True):
        share = months["won_landmark_amount"].sum() / max(months["open_amount"].sum(), 1e-9)
        expected = share * months["open_amount"]
        by_chance = share * (1 - share) * months["open_squares"]
        excess += float(((months["won_landmark_amount"] - expected) ** 2 - by_chance).sum())
        scale += float((expected**2).sum())
    return realised, float(np.log1p(max(excess / scale, 0.0))) if scale > 0 else 0.0


def new_part(
    new_months: "pd.DataFrame", horizons: Sequence[int], random: np.random.Generator
) -> Part:
    """What deals bring that are not created yet, by months after the as_of.

    Means over the latest RECENT_MONTHS that are known of each; the draws are those of a
    multivariate t around them, as wide as the months that are known to the last horizon differ.
    NaN from the first horizon on of which fewer than LEAST_MONTHS are known.
    """
    table = new_months.pivot(
        index="landmark_date", columns="horizon_months", values="new_business_amount"
    ).reindex(columns=list(horizons))
    enough = int(np.cumprod(table.count().to_numpy() >= LEAST_MONTHS).sum())
    expected = np.full(len(horizons), np.nan)
    draws = np.full((SIMULATIONS, len(horizons)), np.nan)
    if enough:
        table = table.sort_index().iloc[:, :enough]
        latest = [table[name].dropna().tail(RECENT_MONTHS) for name in table]
        expected[:enough] = [column.mean() for column in latest]
        whole = table.dropna().tail(RECENT_MONTHS).to_numpy(float)
        months = len(whole)
        apart = whole - whole.mean(axis=0)
        noise = random.standard_normal((SIMULATIONS, months)) @ apart / np.sqrt(months)
        # all horizons rest on the bookings of the same months: their means are off together, and
        # the months differ less from their own mean than from the true one (the factor 2)
        together = np.sqrt(2 * (apart**2).sum(axis=0) / (months * (months - 1)))
        noise += random.standard_normal((SIMULATIONS, 1)) * together
        wider = np.sqrt((months - 1) / random.chisquare(months - 1, (SIMULATIONS, 1)))
        draws[:, :enough] = np.maximum(expected[:enough] + noise * wider, 0)
    return Part(expected, draws)


def _known(*values: Floats) -> NDArray[np.bool_]:
    return np.logical_and.reduce([np.isfinite(each) for each in values])


# --- the four methods ----------------------------------------------------------------------------


def forecasts(
    as_of: date,
    periods: Sequence[Mapping[str, Any]],
    deals: OpenDeals,
    history: History,
    model_version: str | None,
) -> list[dict[str, Any]]:
    """A row of SCHEMA per period and method, but for forecast_date, source_system and scored_at.

    Args:
        periods: period_kind, period_start, period_end and horizon_months of months and fiscal
            quarters; each quarter's months that are not over are among the months.
    """
    score, stage = _by_score(as_of, periods, deals, history), _by_stage(as_of, deals)
    rate, rate_status = _run_rate(as_of, history)
    undated = {"status": NO_DATES} if history.first_date is None else {}
    rows = []
    for period in periods:
        booked = sum(
            amount
            for month, amount in history.bookings.items()
            if period["period_start"] <= month <= period["period_end"]
        )
        key = (period["period_kind"], period["period_start"])
        commit, submitted, unpriced = history.commits.get(key, (None, 0, 0))
        commit_status = "no commit was submitted" if not submitted else "no commit has a rate"
        found: dict[str, dict[str, Any]] = {
            "score": undated or score(period, booked) | {"model_version": model_version},
            "stage_weighted": undated or stage(period, booked),
            "run_rate": {
                "expected_amount": None if rate is None else rate * MONTHS[period["period_kind"]],
                "status": rate_status,
            },
            "rep_commit": {
                "expected_amount": commit,
                "status": commit_status if commit is None else FORECAST,
                "submission_count": submitted,
                "n_unpriced": unpriced,
            },
        }
        for method, row in found.items():
            blank = dict.fromkeys(SCHEMA.names)
            rows.append({**blank, **period, "method": method, **_in_cents(row)})
    return rows


def _by_score(
    as_of: date, periods: Sequence[Mapping[str, Any]], deals: OpenDeals, history: History
) -> Callable[[Mapping[str, Any], float], dict[str, Any]]:
    random = np.random.default_rng(SEED)
    months = _months(periods)
    days = [0, *((month["period_end"] - as_of).days for month in months)]
    status, counts = _usable(deals, deals.win_probability)
    shares = strata_shares(history.exits, deals.strata, days)
    opened = None
    if not deals.amount.size:  # none is open: that is known
        opened = Part(np.zeros(len(months)), np.zeros((SIMULATIONS, len(months))))
    elif shares is None:
        status = status or f"fewer than {LEAST_WINS} wins were seen after a month end"
    elif not status:
        opened = open_part(deals, shares, history.open_months, random)
    new = new_part(history.new_months, [month["horizon_months"] for month in months], random)

    def row(period: Mapping[str, Any], booked: float) -> dict[str, Any]:
        inside = [
            period["period_start"] <= month["period_start"] <= period["period_end"]
            for month in months
        ]
        parts: dict[str, Any] = {"booked_amount": booked}
        if opened is not None:
            parts["open_deals_amount"] = opened.expected[inside].sum()
        if np.isfinite(new.expected[inside]).all():
            parts["new_business_amount"] = new.expected[inside].sum()
        if opened is None:
            return {**parts, **counts, "status": status}
        if "new_business_amount" not in parts:
            return {**parts, **counts, "status": NO_NEW}
        total = booked + (opened.draws + new.draws)[:, inside].sum(axis=1)
        quantiles = np.quantile(total, list(QUANTILES.values()))
        return {
            **parts,
            **counts,
            "expected_amount": sum(Decimal(f"{part:.2f}") for part in parts.values()),
            **{f"{name}_amount": q for name, q in zip(QUANTILES, quantiles, strict=True)},
            "status": FORECAST,
        }

    return row


def _by_stage(
    as_of: date, deals: OpenDeals
) -> Callable[[Mapping[str, Any], float], dict[str, Any]]:
    """Open amount × win rate of the stage, in the month of the expected close; what is overdue is
    expected in the first."""
    status, counts = _usable(deals, deals.stage_probability)
    has_date = np.isfinite(deals.due_days)
    counts["without_date_count"] = int((~has_date).sum())
    if not status and has_date.size and has_date.mean() < LEAST_KNOWN:
        status = "fewer than half of the open deals have an expected close date"
    known = _known(deals.amount, deals.stage_probability, deals.due_days)
    weighted = (deals.amount * deals.stage_probability)[known]
    due = np.maximum(deals.due_days[known], 1)

    def row(period: Mapping[str, Any], booked: float) -> dict[str, Any]:
        if status:
            return {"booked_amount": booked, **counts, "status": status}
        first = (period["period_start"] - as_of).days
        last = (period["period_end"] - as_of).days
        opened = weighted[(due >= first) & (due <= last)].sum()
        return {
            "booked_amount": booked,
            "open_deals_amount": opened,
            "expected_amount": Decimal(f"{booked:.2f}") + Decimal(f"{opened:.2f}"),
            **counts,
            "status": FORECAST,
        }

    return row


def _run_rate(as_of: date, history: History) -> tuple[float | None, str]:
    """Mean of the last 12 full months' bookings; None, and why, before there are 12."""
    tomorrow = as_of + timedelta(days=1)
    number = tomorrow.year * 12 + tomorrow.month - 1  # of the month that is not over
    last = [date(n // 12, n % 12 + 1, 1) for n in range(number - 12, number)]
    if history.first_date is None or history.first_date > last[0]:
        return None, "fewer than 12 full months of history"
    return sum(history.bookings.get(month, 0.0) for month in last) / 12, FORECAST


def _months(periods: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    months = [period for period in periods if period["period_kind"] == "month"]
    return sorted(months, key=lambda month: month["period_start"])


def _usable(deals: OpenDeals, probability: Floats) -> tuple[str, dict[str, Any]]:
    """Why open deals cannot be added up, "" where they can; and what is left out of the sum."""
    has_amount, has_chance = np.isfinite(deals.amount), np.isfinite(probability)
    counts = {
        "open_deal_count": int(has_amount.size),
        "n_unpriced": int(deals.is_unpriced.sum()),
        "without_amount_count": int((~has_amount & ~deals.is_unpriced).sum()),
        "without_probability_count": int((~has_chance).sum()),
    }
    for known, what in (
        (has_amount, "an amount in the base currency"),
        (has_chance, "a chance to be won"),
    ):
        if known.size and known.mean() < LEAST_KNOWN:
            return f"fewer than half of the open deals have {what}", counts
    return "", counts


def _in_cents(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(f"{value:.2f}") if name.endswith("_amount") and value is not None else value
        for name, value in row.items()
    }

"""The forecast of bookings: on worlds whose future is known, by hand, and at its edges."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assets.scoring import bookings_forecast as cast
from assets.scoring.bookings_forecast import (
    FORECAST,
    SCHEMA,
    STRATUM,
    History,
    OpenDeals,
    forecasts,
    frozen,
    win_shares,
)
from assets.settings import Settings
from tests.dbt_helpers import land_whole, part_of_project, rows_of, run_dbt
from tests.landing_helpers import csv_of

AS_OF = date(2026, 6, 30)
END = datetime.fromisoformat("2026-07-01")
FIRST = date(2023, 7, 1)
ENDS = [date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 31)]
ENDS += [date(2026, 11, 30), date(2026, 12, 31)]
PERIODS = [
    {
        "period_kind": "month",
        "period_start": end.replace(day=1),
        "period_end": end,
        "horizon_months": number,
    }
    for number, end in enumerate(ENDS, 1)
]
PERIODS += [
    {
        "period_kind": "fiscal_quarter",
        "period_start": ENDS[last - 2].replace(day=1),
        "period_end": ENDS[last],
        "horizon_months": last + 1,
    }
    for last in (2, 5)
]
NO_EXITS = pd.DataFrame({name: [] for name in (*STRATUM, "day_number", *cast.EXITS)})
NO_OPEN_MONTHS = pd.DataFrame(
    {
        name: []
        for name in (
            *("landmark_date", "horizon_months", "open_amount", "open_squares"),
            *("won_landmark_amount", "won_amount"),
        )
    }
)
NO_NEW_MONTHS = pd.DataFrame(
    {name: [] for name in ("landmark_date", "horizon_months", "new_business_amount")}
)
NOTHING = History(NO_EXITS, NO_OPEN_MONTHS, NO_NEW_MONTHS, {}, FIRST, {})


def open_deals(*deals: tuple[float, float, float, float]) -> OpenDeals:
    """Deals of one stratum by amount, chance, chance of the stage, days to the expected close."""
    columns = np.array(deals, dtype=float).reshape(-1, 4).T
    return OpenDeals(
        strata=pd.DataFrame({name: ["a"][: len(deals)] for name in STRATUM}),
        stratum=np.zeros(len(deals), dtype=np.int64),
        amount=columns[0],
        is_unpriced=np.zeros(len(deals), dtype=bool),
        win_probability=columns[1],
        stage_probability=columns[2],
        due_days=columns[3],
    )


def exits(*leaving: tuple[int, int, int, int], dropped: int = 0) -> pd.DataFrame:
    """Exits of one stratum: day, won, lost, censored; and `dropped` so many each day."""
    table = pd.DataFrame(
        leaving, columns=["day_number", "won_count", "lost_count", "censored_count"]
    )
    return table.assign(dropped_count=dropped, **dict.fromkeys(STRATUM, "a"))


def new_months(*amounts: float, horizons: int = 6) -> pd.DataFrame:
    """New business of each horizon by earlier month ends, the same in each horizon."""
    rows = [
        ((pd.Timestamp(AS_OF) - pd.offsets.MonthEnd(horizons + number)), horizon, amount)
        for number, amount in enumerate(amounts)
        for horizon in range(1, horizons + 1)
    ]
    return pd.DataFrame(rows, columns=list(NO_NEW_MONTHS.columns))


def told(deals: OpenDeals, history: History) -> dict[tuple[str, str, date], dict[str, Any]]:
    found = forecasts(AS_OF, PERIODS, deals, history, "v1")
    pa.Table.from_pylist(found, SCHEMA)
    assert len(found) == 4 * len(PERIODS)
    assert all((row["status"] == FORECAST) == (row["expected_amount"] is not None) for row in found)
    return {(row["method"], row["period_kind"], row["period_start"]): row for row in found}


JULY, THIRD = ("month", date(2026, 7, 1)), ("fiscal_quarter", date(2026, 7, 1))


# --- when deals are won --------------------------------------------------------------------------


def test_a_censored_deal_is_no_loss() -> None:
    seen = exits((10, 10, 0, 0), (20, 0, 0, 10), (30, 10, 0, 0), (40, 0, 10, 0))
    # 10 of 40, then 10 of the 20 of three quarters that are left: .25 and .375; as losses .25, .25
    assert win_shares(seen, [0, 9, 10, 29, 30, 400]).tolist() == [0, 0, 0.4, 0.4, 1, 1]


def test_who_is_still_open_where_the_curve_ends_is_won_later_or_not_at_all() -> None:
    seen = exits((10, 10, 0, 0), (20, 0, 0, 10), (30, 10, 0, 0), (40, 0, 0, 10))
    # .375 are open: of them as many win as of the .625 that ended, and none of these within 30 days
    assert win_shares(seen, [10, 30, 400]).tolist() == pytest.approx([0.25, 0.625, 0.625])
    assert np.isnan(win_shares(exits((10, 0, 20, 0)), [30])).all()


def test_a_deal_that_is_dropped_is_not_won() -> None:
    # of 80 half are won or lost in the end, all of these by day 20, a quarter of the wins by day 10
    seen = exits((10, 5, 15, 0), (20, 15, 5, 0), dropped=20)
    assert win_shares(seen, [10, 20]).tolist() == pytest.approx([0.125, 0.5])


def test_deals_alike_speak_for_a_deal_if_they_are_enough() -> None:
    late = exits((50, 60, 0, 20)).assign(stage="late")
    early = exits((100, 60, 0, 20)).assign(stage="early")
    rare = exits((5, 30, 0, 20)).assign(stage="early", due_class="rare")
    strata = pd.DataFrame(
        [("a", "late", "a", "a"), ("a", "early", "rare", "a"), ("b", "late", "a", "a")],
        columns=list(STRATUM),
    )
    shares = cast.strata_shares(pd.concat([late, early, rare]), strata, [5, 50, 100])
    assert shares is not None
    by_stage = win_shares(pd.concat([early, rare]), [5, 50, 100])
    of_all = win_shares(pd.concat([late, early, rare]), [5, 50, 100])
    assert shares[0].tolist() == win_shares(late, [5, 50, 100]).tolist()
    assert shares[1].tolist() == by_stage.tolist()
    assert shares[2].tolist() == of_all.tolist()
    assert cast.strata_shares(rare, strata, [5]) is None


# --- worlds whose future is known ----------------------------------------------------------------


@dataclass(frozen=True)
class World:
    created: np.ndarray  # days since FIRST
    closed: np.ndarray
    won: np.ndarray
    amount: np.ndarray
    chance: np.ndarray  # of a deal that is open at the as_of, given its age


def world(seed: int, per_month: float, tide: float = 0.0) -> World:
    """Three and a half years of deals, two kinds, that are won slower than lost; the truth about
    their chances is known. `tide`: how much a whole month's new deals differ in number."""
    from scipy.stats import gamma

    random = np.random.default_rng(seed)
    days = (AS_OF - FIRST).days + 185
    level = np.exp(random.normal(-(tide**2) / 2, tide, days // 30 + 1))[np.arange(days) // 30]
    created = np.repeat(np.arange(days), random.poisson(level * per_month / 30))
    chance = random.choice([0.15, 0.45], created.size)
    won = random.random(created.size) < chance
    lasting = np.where(won, random.gamma(2, 45, created.size), random.gamma(2, 30, created.size))
    age = np.maximum((AS_OF - FIRST).days - created, 0)
    win, lose = chance * gamma.sf(age, 2, scale=45), (1 - chance) * gamma.sf(age, 2, scale=30)
    return World(
        created,
        created + np.ceil(lasting).astype(int),
        won,
        np.round(random.lognormal(10, 0.9, created.size), 2),
        win / (win + lose),
    )


def month_ends_after(day: date, count: int) -> list[date]:
    """The ends of the months after a month end."""
    first = day + timedelta(days=1)
    starts = [first.year * 12 + first.month - 1 + n for n in range(1, count + 1)]
    return [date(n // 12, n % 12 + 1, 1) - timedelta(days=1) for n in starts]


#: the month ends of the two years before the as_of
LANDMARKS = month_ends_after(date(2024, 5, 31), 24)


def age_class(age: np.ndarray) -> np.ndarray:
    return np.digitize(age, [30.5, 90.5, 180.5])


def seen(of: World) -> tuple[OpenDeals, History]:
    """What the models of dbt would find at the as_of."""
    now = (AS_OF - FIRST).days
    left: list[np.ndarray] = []
    months: list[tuple[Any, ...]] = []
    value = np.where(of.won, of.amount, 0)
    for end in LANDMARKS:
        day = (end - FIRST).days
        is_open = (of.created <= day) & (of.closed > day)
        amount, closed, won = of.amount[is_open], of.closed[is_open], of.won[is_open]
        is_seen = closed <= now
        ages = age_class(day - of.created[is_open])
        left.append(
            np.c_[
                *(ages, np.minimum(closed, now) - day),
                *(won & is_seen, ~won & is_seen, 0 * won, ~is_seen),
            ]
        )
        for horizon, (first, last) in enumerate(pairwise([end, *month_ends_after(end, 6)]), 1):
            if last <= AS_OF:
                is_in = (of.closed > (first - FIRST).days) & (of.closed <= (last - FIRST).days)
                old, new = value[is_in & is_open].sum(), value[is_in & (of.created > day)].sum()
                months.append((end, horizon, amount.sum(), np.square(amount).sum(), old, old, new))
    exits_seen = pd.DataFrame(
        np.concatenate(left), columns=["age_class", "day_number", *cast.EXITS]
    )
    columns = [*NO_OPEN_MONTHS.columns, "new_business_amount"]
    table = pd.DataFrame(months, columns=columns)
    is_open = (of.created <= now) & (of.closed > now)
    deals = OpenDeals(
        strata=pd.DataFrame({name: ["a"] * 4 for name in STRATUM}).assign(age_class=range(4)),
        stratum=age_class(now - of.created[is_open]).astype(np.int64),
        amount=of.amount[is_open],
        is_unpriced=np.zeros(is_open.sum(), dtype=bool),
        win_probability=of.chance[is_open],
        stage_probability=of.chance[is_open],
        due_days=np.full(is_open.sum(), 1.0),
    )
    of_all = exits_seen.assign(pipeline="a", stage="a", due_class="a")
    return deals, History(of_all, table, table, {}, FIRST, {})


def booked_in(of: World, period: dict[str, Any]) -> float:
    first, last = ((period[name] - FIRST).days for name in ("period_start", "period_end"))
    return float(of.amount[of.won & (of.closed >= first) & (of.closed <= last)].sum())


def outcomes(worlds: int, per_month: float, tide: float = 0.0) -> pd.DataFrame:
    """What was forecast in each world and period, and what came."""
    rows = []
    for seed in range(worlds):
        of = world(seed, per_month, tide)
        for row in forecasts(AS_OF, PERIODS, *seen(of), None):
            if row["method"] == "score":
                amounts = {k: float(v) for k, v in row.items() if isinstance(v, Decimal)}
                came = booked_in(of, row)
                period = f"{row['period_kind']} {row['horizon_months']}"
                rows.append({**amounts, "came": came, "period": period})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("per_month", "tide"), [(15, 0.0), (150, 0.3)])
def test_intervals_hold_what_they_promise(
    monkeypatch: pytest.MonkeyPatch, per_month: float, tide: float
) -> None:
    """100 worlds: few deals; many of them, and months that differ by more than chance."""
    monkeypatch.setattr(cast, "SIMULATIONS", 1_000)
    found = outcomes(100, per_month, tide)
    within = found["came"].between(found["p10_amount"], found["p90_amount"])
    coverage = within.groupby(found["period"]).mean()
    assert len(coverage) == 8
    assert coverage.between(0.70, 0.90).all(), coverage
    half = found["came"].between(found["p25_amount"], found["p75_amount"]).mean()
    assert 0.43 <= half <= 0.57
    assert found["expected_amount"].sum() == pytest.approx(found["came"].sum(), rel=0.03)


def test_the_same_input_gives_the_same_forecast() -> None:
    inputs = seen(world(1, 30))
    assert forecasts(AS_OF, PERIODS, *inputs, None) == forecasts(AS_OF, PERIODS, *inputs, None)


def test_a_large_deal_is_won_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """One deal of a million that half the time is won at once is no half a million."""
    history = replace(NOTHING, exits=exits((5, 60, 60, 0)), new_months=new_months(*[0.0] * 12))
    deals = open_deals((1e6, 0.5, 0.5, 5))
    july = told(deals, history)["score", *JULY]
    assert (july["expected_amount"], july["p25_amount"], july["p75_amount"]) == (
        Decimal("500000.00"),
        Decimal("0.00"),
        Decimal("1000000.00"),
    )
    # among the many small ones it would be
    monkeypatch.setattr(cast, "LARGE_DEALS", 0)
    assert told(deals, history)["score", *JULY]["p25_amount"] > 0


def test_what_deals_are_won_for_is_not_what_they_were_open_for() -> None:
    months = NO_OPEN_MONTHS.assign(won_amount=[], won_landmark_amount=[])
    months = pd.DataFrame([dict.fromkeys(months.columns, 1.0)]).assign(
        open_amount=200.0, open_squares=1e4, won_landmark_amount=100.0, won_amount=90.0
    )
    history = replace(NOTHING, exits=exits((5, 60, 60, 0)), open_months=months)
    july = told(open_deals((1000, 0.5, 0.5, 5)), history)["score", *JULY]
    assert july["open_deals_amount"] == Decimal("450.00")


# --- by hand -------------------------------------------------------------------------------------


def test_stage_weighted_by_hand() -> None:
    deals = open_deals(
        (100, 0.9, 0.5, 31),  # the last of July: 50
        (200, 0.9, 0.25, -7),  # overdue, so July: 50
        (300, 0.9, 0.1, 32),  # the first of August: 30
        (400, 0.9, 0.5, np.nan),  # nobody knows when
        (500, 0.9, 0.5, 400),  # beyond the horizon
    )
    found = told(deals, NOTHING)
    assert found["stage_weighted", *JULY]["expected_amount"] == Decimal("100.00")
    assert found["stage_weighted", *THIRD]["expected_amount"] == Decimal("130.00")
    assert found["stage_weighted", *THIRD]["without_date_count"] == 1
    fourth = found["stage_weighted", "fiscal_quarter", date(2026, 10, 1)]
    assert fourth["expected_amount"] == 0


def test_a_period_in_progress_holds_what_is_booked() -> None:
    quarter = {
        "period_kind": "fiscal_quarter",
        "period_start": date(2026, 5, 1),
        "period_end": date(2026, 7, 31),
        "horizon_months": 1,
    }
    history = replace(
        NOTHING,
        exits=exits((5, 60, 0, 0)),
        new_months=new_months(*[10.0] * 12),
        bookings={date(2026, 4, 1): 1000.0, date(2026, 5, 1): 100.0, date(2026, 6, 1): 50.0},
    )
    deals = open_deals((80, 0.5, 0.25, 20))
    rows = forecasts(AS_OF, [*PERIODS, quarter], deals, history, None)
    found = {row["method"]: row for row in rows[-4:]}
    assert found["score"]["booked_amount"] == Decimal("150.00")
    assert found["score"]["open_deals_amount"] == Decimal("40.00")
    assert found["score"]["new_business_amount"] == Decimal("10.00")
    assert found["score"]["expected_amount"] == Decimal("200.00")
    assert found["stage_weighted"]["expected_amount"] == Decimal("170.00")


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [(date(2026, 6, 30), 6), (date(2026, 6, 29), 5), (date(2026, 7, 1), 6)],
)
def test_run_rate_by_hand(as_of: date, expected: int) -> None:
    """1 in July 2025, 2 in August, …, nothing in December, …, 12 in June 2026: 72; and 99 before
    June 2025, in which there was nothing. The day before its end June is no whole month."""
    months = [date(2025 + (n + 6) // 12, (n + 6) % 12 + 1, 1) for n in range(12)]
    bookings = {month: float(n) for n, month in enumerate(months, 1) if n != 6}
    bookings[date(2025, 5, 1)] = 99.0
    history = replace(NOTHING, bookings=bookings, first_date=date(2025, 1, 1))
    rows = forecasts(as_of, PERIODS, open_deals(), history, None)
    rates = {
        row["period_kind"]: row["expected_amount"] for row in rows if row["method"] == "run_rate"
    }
    assert rates == {"month": expected, "fiscal_quarter": 3 * expected}


def test_run_rate_wants_twelve_whole_months() -> None:
    for first, status in (
        (date(2025, 7, 1), FORECAST),
        (date(2025, 7, 2), "fewer than 12 full months of history"),
        (None, "fewer than 12 full months of history"),
    ):
        history = replace(NOTHING, bookings={date(2026, 1, 1): 12.0}, first_date=first)
        assert told(open_deals(), history)["run_rate", *JULY]["status"] == status


def test_commits_are_told_as_they_are() -> None:
    history = replace(NOTHING, commits={THIRD: (500.0, 3, 1), JULY: (None, 1, 1)})
    found = told(open_deals(), history)
    quarter = found["rep_commit", *THIRD]
    assert quarter["expected_amount"] == Decimal("500.00")
    assert (quarter["submission_count"], quarter["n_unpriced"]) == (3, 1)
    assert found["rep_commit", *JULY]["status"] == "no commit has a rate"
    fourth = found["rep_commit", "fiscal_quarter", date(2026, 10, 1)]
    assert fourth["status"] == "no commit was submitted"


# --- edges ---------------------------------------------------------------------------------------


def test_without_open_deals_there_is_new_business_and_without_history_nothing_is_said() -> None:
    new = told(open_deals(), replace(NOTHING, new_months=new_months(*[5.0] * 12)))
    assert new["score", *THIRD]["expected_amount"] == Decimal("15.00")
    assert new["score", *THIRD]["open_deals_amount"] == 0
    nothing = told(open_deals(), NOTHING)["score", *JULY]
    assert (nothing["status"], nothing["expected_amount"]) == (cast.NO_NEW, None)
    assert nothing["p10_amount"] is None


def test_without_dates_no_month_is_told_from_another() -> None:
    found = told(open_deals(), replace(NOTHING, first_date=None))
    for method in ("score", "stage_weighted"):
        july = found[method, *JULY]
        assert (july["status"], july["expected_amount"]) == (cast.NO_DATES, None)
        assert july["booked_amount"] is None


def test_one_deal_and_nothing_before_it() -> None:
    july = told(open_deals((100, 0.5, 0.5, 10)), NOTHING)["score", *JULY]
    assert july["status"] == "fewer than 50 wins were seen after a month end"
    assert (july["expected_amount"], july["open_deals_amount"]) == (None, None)
    assert july["open_deal_count"] == 1


@pytest.mark.parametrize(
    ("deals", "status"),
    [
        ([(np.nan, 0.5, 0.5, 9.0)] * 2 + [(10.0, 0.5, 0.5, 9.0)], "an amount in the base currency"),
        ([(10.0, np.nan, np.nan, 9.0)] * 3, "a chance to be won"),
    ],
)
def test_what_most_deals_lack_is_not_made_up(deals: list[Any], status: str) -> None:
    history = replace(NOTHING, exits=exits((5, 60, 0, 0)), new_months=new_months(*[5.0] * 12))
    found = told(open_deals(*deals), history)
    for method in ("score", "stage_weighted"):
        july = found[method, *JULY]
        assert july["status"] == f"fewer than half of the open deals have {status}"
        assert july["expected_amount"] is None


def test_what_few_deals_lack_is_left_out_and_counted() -> None:
    history = replace(NOTHING, exits=exits((5, 60, 0, 0)), new_months=new_months(*[0.0] * 12))
    deals = open_deals(
        *[(10.0, 0.5, 0.5, 9.0)] * 4, (np.nan, 0.5, 0.5, 9.0), (np.nan, 0.5, 0.5, 9.0)
    )
    deals = replace(deals, is_unpriced=np.arange(6) == 5)
    july = told(deals, history)["score", *JULY]
    assert july["expected_amount"] == Decimal("20.00")
    counts = ("open_deal_count", "n_unpriced", "without_amount_count", "without_probability_count")
    assert [july[name] for name in counts] == [6, 1, 1, 0]


def test_new_business_is_known_as_far_as_earlier_months_tell() -> None:
    months = new_months(*range(1, 13))
    known = months[months["horizon_months"] <= 2]
    found = told(open_deals(), replace(NOTHING, new_months=known))
    assert found["score", "month", date(2026, 8, 1)]["expected_amount"] == Decimal("6.50")
    assert found["score", "month", date(2026, 9, 1)]["status"] == cast.NO_NEW
    assert found["score", *THIRD]["status"] == cast.NO_NEW
    five = months[months["new_business_amount"] <= 5]
    assert told(open_deals(), replace(NOTHING, new_months=five))["score", *JULY]["status"] == (
        cast.NO_NEW
    )


# --- the log -------------------------------------------------------------------------------------


def test_a_forecast_is_frozen_the_first_time(tmp_path: Path) -> None:
    def made(amount: float) -> Any:
        return lambda system: [
            {"forecast_date": AS_OF, "source_system": system, "expected_amount": amount}
        ]

    first = frozen(tmp_path, AS_OF, ["crm"], made(1.0))
    assert frozen(tmp_path, AS_OF, ["crm"], made(2.0)) == first
    # a system that was not there the first time has nothing to be kept to
    both = frozen(tmp_path, AS_OF, ["crm", "erp"], made(3.0))
    assert [row["expected_amount"] for row in both] == [1.0, 3.0]
    later = AS_OF + timedelta(days=31)
    next_month = frozen(
        tmp_path, later, ["crm"], lambda system: [{**both[0], "forecast_date": later}]
    )
    assert len(next_month) == 3
    assert frozen(tmp_path, AS_OF, ["crm", "erp"], made(4.0)) == both


#: in the place of the mart of scores: the half of it that the forecast reads
SCORES = """
select
    source_system, opportunity_id, pipeline, stage, amount_base, expected_close_date,
    cast(date '2026-06-30' - created_date as bigint) as age_days, 0.5 as win_probability,
    0.25 as stage_win_rate_probability, 'v1' as model_version,
from {{ ref("fct_opportunities") }}
where outcome = 'open'
"""
SALES = ("fct_opportunities", "fct_opportunity_stage_events", "fct_pipeline_snapshots")
FORECASTS = ("mart_forecast_monthly", "mart_forecast_accuracy")


def deals_of_days() -> Iterator[dict[str, str]]:
    """Two deals a week over two years; every second is won after 20 to 130 days."""
    for number in range(208):
        created = date(2024, 7, 1) + timedelta(days=3.5 * number)
        closed = created + timedelta(days=20 + 37 * number % 111)
        is_open = closed > AS_OF
        stage = "Prospect" if is_open else ("Won", "Lost")[number % 2]
        yield {
            "opportunity_id": f"O{number:03}",
            "owner_id": "R1",
            "stage": stage,
            "created_at": f"{created}T09:00:00Z",
            "closed_at": "" if is_open else f"{closed}T09:00:00Z",
            "expected_close_date": str(closed),
            "amount": "1000",
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    folder = tmp_path_factory.mktemp("forecast")
    settings = Settings(home=folder / "home", as_of=AS_OF)
    commit = {"rep_id": "R1", "period_start": "2026-07-01", "period_end": "2026-09-30"}
    commits = [
        {**commit, "submitted_at": "2026-06-22T09:00:00Z", "commit_amount": "9000"},
        {**commit, "submitted_at": "2026-06-29T09:00:00Z", "commit_amount": "12000"},
        {**commit, "submitted_at": "2026-07-06T09:00:00Z", "commit_amount": "1"},
    ]
    land_whole(
        settings,
        {
            "opportunities__2026-06-29.csv": csv_of(list(deals_of_days())),
            "forecast_submissions__2026-06-29.csv": csv_of(commits),
        },
    )
    project = part_of_project(
        folder / "dbt_project",
        "models/intermediate/opportunities",
        "models/intermediate/pipeline",
        "models/intermediate/forecasts",
        *(f"models/marts/sales/{mart}.{end}" for mart in SALES for end in ("sql", "yml")),
        *(f"models/marts/scores/{mart}.{end}" for mart in FORECASTS for end in ("sql", "yml")),
    )
    (project / "models/intermediate/fct_opportunity_scores.sql").write_text(SCORES)
    return settings, project


def build(settings: Settings, project: Path, *command: str) -> list[dict[str, Any]]:
    run_dbt(settings, project, *command, "--select", "+mart_forecast_accuracy")
    with duckdb.connect(str(settings.warehouse), read_only=True) as marts:
        return rows_of(marts, "from marts.mart_forecast_monthly order by all")


def test_the_line_freezes_what_it_forecast(built: tuple[Settings, Path]) -> None:
    settings, project = built
    first = build(settings, project, "build", "--exclude-resource-type", "unit_test")
    assert len(first) == 4 * len(PERIODS)
    told = {(row["method"], row["period_kind"], row["period_start"]): row for row in first}
    # one deal in two is won, a week brings two: about 4.3 wins a month of 1,000
    july = told["score", *JULY]
    assert july["status"] == FORECAST
    assert 1_000 < july["p10_amount"] < july["expected_amount"] < july["p90_amount"] < 8_000
    assert (july["model_version"], july["scored_at"]) == ("v1", END)
    assert july["actual_amount"] is None
    assert told["rep_commit", *THIRD]["expected_amount"] == Decimal("12000.00")
    won = [deal for deal in deals_of_days() if deal["stage"] == "Won"]
    year = [deal for deal in won if deal["closed_at"] >= "2025-07"]
    assert told["run_rate", *JULY]["expected_amount"] == Decimal(f"{len(year) * 1000 / 12:.2f}")

    grown = [{**deal, "amount": "5000"} for deal in deals_of_days()]
    land_whole(settings, {"opportunities__2026-06-30.csv": csv_of(grown)})
    assert build(settings, project, "run") == first
    with duckdb.connect(str(settings.warehouse), read_only=True) as marts:
        [row] = rows_of(marts, "select min(amount_base) as amount from marts.fct_opportunities")
    assert row["amount"] == 5000

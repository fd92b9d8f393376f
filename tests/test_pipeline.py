"""Snapshots, movements, waterfall and flow, against readings that share nothing with the SQL.

One random company goes through the real dbt models. It is seeded with what breaks waterfalls: two
changes in one instant, changes at midnight of a zone with clock changes, rates that come and go,
deals deleted and restored, moved between pipelines, pushed out and back. Beside it lies the worked
example of eight deals, as a pipeline of its own.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from assets.landing.land import prepare
from assets.settings import Settings
from tests.dbt_helpers import PROJECT, rows_of, run_dbt

ZONE = "America/New_York"
AS_OF = date(2025, 11, 19)  # a Wednesday, within a month and a quarter
FISCAL_YEAR_START_MONTH = 2
BUILT = (
    "int_opportunity_versions_dated",
    "fct_pipeline_snapshots",
    "fct_pipeline_movements",
    "mart_pipeline_waterfall",
    "mart_sales_flow_weekly",
)
EXIT_KINDS = ("advance", "win", "loss", "disqualification", "backward", "other")
PARTS = (
    *("start", "created", "pulled_in", "reopened", "amount_change", "fx_change"),
    *("slipped", "won", "lost", "disqualified", "duplicate", "merged", "deleted", "end"),
)
#: stage → its order and type; the seed does not know `mystery`, and what it does not know is open
STAGES: dict[str, tuple[int | None, str]] = {
    "A": (1, "open"),
    "B": (2, "open"),
    "C": (3, "open"),
    "mystery": (None, "open"),
    "W": (None, "won"),
    "L": (None, "lost"),
    "X": (None, "disqualified"),
    "D": (None, "duplicate"),
}
#: currency → the days that have a rate, and the rate
RATES: dict[str, dict[date, Decimal]] = {
    "EUR": {
        date(2025, 1, 1) + timedelta(days): Decimal("1.05") + Decimal(days) / 3200
        for days in range(0, 320, 3)
    },
    # two holes that are longer than a rate lasts
    "GBP": {
        date(2025, 1, 1) + timedelta(days): Decimal("1.25") - Decimal(days) / 6400
        for days in (*range(0, 60, 5), *range(75, 200, 5), *range(230, 320, 5))
    },
}


@dataclass(frozen=True)
class Version:
    """What was known of a deal from an instant (UTC) on, until its next version."""

    valid_from: datetime | None
    stage: str
    amount: Decimal | None
    currency: str | None
    expected: date | None
    pipeline: str = "default"
    is_deleted: bool = False
    merged_into: str | None = None

    @property
    def status(self) -> str:
        if self.merged_into:
            return "merged"
        return "deleted" if self.is_deleted else STAGES[self.stage][1]


Deals = dict[str, list[Version]]


class Period(NamedTuple):
    kind: str
    start: date
    end: date


def instant(day: date, seconds: int = 0) -> datetime:
    """So many seconds after the day begins in the business zone."""
    midnight = datetime.combine(day, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC)
    return (midnight + timedelta(seconds=seconds)).replace(tzinfo=None)


def random_deals(count: int, seed: int) -> Deals:
    choose = random.Random(seed)
    first_day = date(2025, 1, 2)
    days = (AS_OF - first_day).days

    def expected_close(near: date) -> date | None:
        return choose.choice([None, *(near + timedelta(choose.randint(-10, 90)) for _ in "1234")])

    deals: Deals = {}
    for number in range(count):
        day = first_day + timedelta(choose.randint(0, days))
        at = instant(day, choose.choice([0, choose.randint(0, 86_399)]))
        version = Version(
            valid_from=at,
            stage=choose.choice("AAAAABW"),
            amount=choose.choice([None, *(Decimal(choose.randint(1, 99_999)) / 100,) * 5]),
            currency=choose.choice([None, "USD", "EUR", "EUR", "GBP", "GBP"]),
            expected=expected_close(day),
            pipeline=choose.choice(["default", "default", "partner"]),
        )
        versions = [version]
        for _ in range(choose.choice([0, 1, 2, 3, 5, 8])):
            if choose.random() > 0.15:  # else one more change in the same instant
                day += timedelta(choose.choice([0, 1, 4, 15, 40]))
                at = max(at, instant(day, choose.choice([0, choose.randint(0, 86_399)])))
            if at >= instant(AS_OF + timedelta(1)):
                break
            changes: dict[str, Any] = {"valid_from": at}
            for field in choose.sample(("stage", "amount", "expected", "other"), 2):
                if field == "stage":
                    changes["stage"] = choose.choice([*"ABCABCWLXD", "mystery"])
                elif field == "amount":
                    changes["amount"] = Decimal(choose.randint(1, 99_999)) / 100
                elif field == "expected":
                    changes["expected"] = expected_close(day)
                else:
                    changes |= choose.choice(
                        [
                            {"pipeline": "partner"},
                            {"pipeline": "default"},
                            {"currency": "EUR"},
                            {"is_deleted": not version.is_deleted},
                            {"merged_into": None if version.merged_into else "another"},
                        ]
                    )
            version = replace(version, **changes)
            versions.append(version)
        if choose.random() < 0.03:
            versions[0] = replace(versions[0], valid_from=None)
        deals[f"o{number}"] = versions
    return deals


def worked_example() -> Deals:
    """Eight deals of October: 330 at its start, 190 at its end."""

    def history(*steps: tuple[date, str, int, date]) -> list[Version]:
        return [
            Version(instant(day, 3600), stage, Decimal(amount), "USD", expected, "worked")
            for day, stage, amount, expected in steps
        ]

    before, then = date(2025, 9, 10), date(2025, 10, 14)
    due, later = date(2025, 10, 25), date(2026, 6, 25)
    return {
        "a": history((before, "A", 100, due), (then, "W", 120, due)),
        "b": history((before, "A", 50, due), (then, "L", 50, due)),
        "c": history((before, "A", 80, due), (then, "A", 80, later)),
        "d": history((before, "A", 40, due), (then, "A", 30, due)),
        "e": history((before, "A", 60, due), (then, "X", 60, due)),
        "f": history((then, "A", 70, due)),
        "g": history((before, "A", 90, later), (then, "A", 90, due)),
        "h": history((then, "A", 25, due), (due, "W", 25, due)),
    }


@pytest.fixture(scope="module")
def deals() -> Deals:
    return random_deals(800, seed=11) | worked_example()


@pytest.fixture(scope="module")
def marts(
    deals: Deals, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse with the models of the pipeline built on the deals."""
    folder = tmp_path_factory.mktemp("pipeline")
    settings = Settings(folder, AS_OF, ZONE, fiscal_year_start_month=FISCAL_YEAR_START_MONTH)
    prepare(settings)
    with duckdb.connect(str(settings.warehouse)) as connection:
        write_upstream(connection, deals)
    run_dbt(settings, PROJECT, "run", "--select", *BUILT)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


def write_upstream(connection: duckdb.DuckDBPyConnection, deals: Deals) -> None:
    """What the models read, as its own models would leave it."""
    version_rows = [
        {
            "opportunity_id": deal,
            "version_number": number,
            "valid_from": version.valid_from,
            "valid_to": following.valid_from if following else None,
            "stage": version.stage,
            "stage_order": STAGES[version.stage][0],
            "stage_type": None if version.stage == "mystery" else STAGES[version.stage][1],
            "pipeline": version.pipeline,
            "amount_original": version.amount,
            "currency": version.currency,
            "expected_close_date": version.expected,
            "is_deleted": version.is_deleted,
            "merged_into_opportunity_id": version.merged_into,
        }
        for deal, versions in deals.items()
        for number, (version, following) in enumerate(
            zip(versions, [*versions[1:], None], strict=True), start=1
        )
    ]
    # each stay in a stage as a visit, whatever the deal's fate
    visit_rows = [
        {
            "opportunity_id": visit.deal,
            "visit_number": number,
            "pipeline": visit.pipeline,
            "stage": visit.stage,
            "stage_order": STAGES[visit.stage][0],
            "stage_type": STAGES[visit.stage][1],
            "entered_date": visit.entered,
            "exited_date": visit.exited,
            "move_type": "forward" if STAGES[visit.stage][1] == "open" else "close",
        }
        for number, visit in enumerate(visits_of(deals))
    ]
    rate_rows: list[dict[str, Any]] = [
        {
            "currency": "USD",
            "fx_rate": Decimal(1),
            "valid_from": date.min,
            "valid_to": date.max,
            "rate_date": None,
        }
    ]
    for currency, dated in RATES.items():
        for day, following in zip(sorted(dated), [*sorted(dated)[1:], date.max], strict=True):
            rate_rows.append(
                {
                    "currency": currency,
                    "fx_rate": dated[day],
                    "valid_from": day,
                    "valid_to": min(following, day + timedelta(8)),
                    "rate_date": day,
                }
            )
    for schema in ("staging", "intermediate", "marts"):
        connection.execute(f"create schema {schema}")
    connection.register("version_rows", pa.Table.from_pylist(version_rows))
    connection.register("visit_rows", pa.Table.from_pylist(visit_rows))
    connection.register("rate_rows", pa.Table.from_pylist(rate_rows))
    connection.execute(
        """
        create view staging.stg_run_settings as select * from landing.run_settings;
        create table intermediate.int_opportunity_versions as
            select
                * replace (
                    cast(amount_original as decimal(18, 2)) as amount_original,
                    cast(stage_order as integer) as stage_order
                ),
                'standard' as source_system,
                'small' as segment,
                'r1' as owner_id,
                'a1' as account_id,
                false as is_qualified,
                false as is_history_reconstructed
            from version_rows;
        create table marts.fct_opportunity_stage_events as
            select
                * replace (cast(stage_order as integer) as stage_order),
                'standard' as source_system,
                cast(entered_date as timestamp) as entered_at,
                cast(exited_date as timestamp) as exited_at
            from visit_rows;
        create table marts.fct_opportunities as
            select
                opportunity_id,
                source_system,
                pipeline,
                expected_close_date,
                min(valid_from) over (partition by opportunity_id) as created_at
            from intermediate.int_opportunity_versions
            qualify bool_or(valid_from is null) over (partition by opportunity_id)
                and lead(opportunity_id) over (
                    partition by opportunity_id order by version_number
                ) is null;
        update marts.fct_opportunities set created_at = null;
        create table marts.dim_dates as
            select
                cast(day as date) as date_day,
                cast(date_trunc('week', day) as date) as week_start,
                cast(date_trunc('week', day) as date) + 6 as week_end,
                cast(date_trunc('month', day) as date) as month_start,
                last_day(day) as month_end,
                cast(year(day - interval 1 month) + 1 as integer) as fiscal_year,
                cast((month(day) + 10) % 12 // 3 + 1 as integer) as fiscal_quarter,
                cast((month(day) + 10) % 12 + 1 as integer) as fiscal_month_number,
                cast(
                    date_trunc('quarter', day - interval 1 month) + interval 1 month as date
                ) as fiscal_quarter_start
            from generate_series(
                date '2024-02-01', date '2026-12-24', interval 1 day
            ) as days(day);
        create table intermediate.int_fx_rates_dated as
            select * replace (cast(fx_rate as decimal(18, 8)) as fx_rate) from rate_rows;
        """
    )


# --- the waterfall, read from the instants ------------------------------------------------------


def periods() -> list[Period]:
    """Every fiscal month and quarter (from February on) of the deals that has begun."""
    firsts = [date(2024 + month // 12, month % 12 + 1, 1) for month in range(30)]
    found = []
    for number, first in enumerate(firsts[:-3]):
        found.append(Period("fiscal_month", first, firsts[number + 1] - timedelta(1)))
        if first.month % 3 == FISCAL_YEAR_START_MONTH % 3:
            found.append(Period("fiscal_quarter", first, firsts[number + 3] - timedelta(1)))
    return [period for period in found if period.start <= AS_OF]


def state_at_end_of(day: date, versions: list[Version]) -> Version | None:
    until = instant(day + timedelta(1))
    known = [each for each in versions if each.valid_from and each.valid_from < until]
    return known[-1] if known else None


def value(amount: Decimal | None, currency: str | None, day: date) -> Decimal | None:
    """In the base currency by the last rate of the week; None where there is none."""
    if amount is None:
        return Decimal(0)
    if currency in (None, "USD"):
        return amount
    for age in range(8):
        if rate := RATES[currency].get(day - timedelta(age)):
            return (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return None


class Step(NamedTuple):
    """A moment in a deal's period: how it came about, and whether the deal stood in it then."""

    cause: str
    is_in: bool
    version: Version


def steps_in(period: Period, versions: list[Version]) -> list[Step]:
    """The deal's moments in the period; within one event the date moves before the status."""

    def is_due(version: Version) -> bool:
        return version.expected is not None and period.start <= version.expected <= period.end

    previous = state_at_end_of(period.start - timedelta(1), versions)
    steps = []
    if previous:
        steps.append(Step("start", previous.status == "open" and is_due(previous), previous))
    begin, finish = instant(period.start), instant(min(period.end, AS_OF) + timedelta(1))
    for version in versions:
        if version.valid_from is None or not begin <= version.valid_from < finish:
            continue
        if previous is None:
            steps.append(Step("created", is_due(version), version))
        else:
            was_open = previous.status == "open"
            steps.append(Step("slipped", was_open and is_due(version), version))
        steps.append(Step(version.status, version.status == "open" and is_due(version), version))
        previous = version
    return steps


def day_of(version: Version) -> date:
    assert version.valid_from
    return version.valid_from.replace(tzinfo=UTC).astimezone(ZoneInfo(ZONE)).date()


def expected_waterfall(deals: Deals) -> dict[tuple[str, str, date], dict[str, Decimal | int]]:
    totals: dict[tuple[str, str, date], Counter[str]] = defaultdict(Counter)
    for versions in deals.values():
        if versions[0].valid_from is None:
            for period in periods():
                due = versions[-1].expected
                if due and period.start <= due <= period.end:
                    key = (versions[-1].pipeline, period.kind, period.start)
                    totals[key]["n_unknown_creation"] += 1
            continue
        for period in periods():
            steps = steps_in(period, versions)
            stood = [number for number, step in enumerate(steps) if step.is_in]
            if not stood:
                continue
            first = steps[stood[0]]
            is_there_at_end = stood[-1] == len(steps) - 1
            last = steps[stood[-1]] if is_there_at_end else steps[stood[-1] + 1]
            entry = {"slipped": "pulled_in", "open": "reopened"}.get(first.cause, first.cause)
            leaving = "end" if is_there_at_end else last.cause
            day_before = period.start - timedelta(1)
            entry_day = day_before if entry == "start" else day_of(first.version)
            exit_day = min(period.end, AS_OF) if is_there_at_end else day_of(last.version)
            entered = value(first.version.amount, first.version.currency, entry_day)
            changed = value(last.version.amount, last.version.currency, entry_day)
            left = value(last.version.amount, last.version.currency, exit_day)

            here = totals[first.version.pipeline, period.kind, period.start]
            there = totals[last.version.pipeline, period.kind, period.start]
            here[f"{entry}_count"] += 1
            there[f"{leaving}_count"] += 1
            if here is not there:
                here["pipeline_out_count"] += 1
                there["pipeline_in_count"] += 1
            if entered is None or changed is None or left is None:
                here["n_unpriced"] += 1
                there["n_unpriced"] += here is not there
                continue
            here[f"{entry}_amount"] += entered
            here["amount_change_amount"] += changed - entered
            here["fx_change_amount"] += left - changed
            here["pipeline_change_amount"] -= left
            there["pipeline_change_amount"] += left
            there[f"{leaving}_amount"] += left if is_there_at_end else -left
    return {key: dict(found) for key, found in totals.items()}


def test_every_part_of_every_waterfall_is_what_the_instants_say(
    deals: Deals, marts: duckdb.DuckDBPyConnection
) -> None:
    expected = expected_waterfall(deals)
    found = rows_of(marts, "select * from marts.mart_pipeline_waterfall")
    assert {(row["pipeline"], row["period_kind"], row["period_start"]) for row in found} == set(
        expected
    )
    amounts = [f"{part}_amount" for part in PARTS] + ["pipeline_change_amount"]
    counts = [
        *(f"{part}_count" for part in PARTS if not part.endswith("change")),
        *("pipeline_in_count", "pipeline_out_count", "n_unpriced", "n_unknown_creation"),
    ]
    for row in found:
        there = expected[row["pipeline"], row["period_kind"], row["period_start"]]
        for name in (*amounts, *counts):
            assert row[name] == there.get(name, 0), (name, row)
    # the world is rich enough to mean something
    for name in (*amounts, *counts):
        assert any(row[name] for row in found), name


def test_the_residual_is_exactly_0(marts: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(marts, "select * from marts.mart_pipeline_waterfall")
    assert len(found) > 30
    assert all(row["residual_amount"] == 0 and row["residual_count"] == 0 for row in found)
    assert any(row["is_in_progress"] for row in found)


def test_the_worked_waterfall(marts: duckdb.DuckDBPyConnection) -> None:
    (row,) = rows_of(
        marts,
        """
        select * from marts.mart_pipeline_waterfall
        where pipeline = 'worked' and period_kind = 'fiscal_month' and period_start = '2025-10-01'
        """,
    )
    told = {
        "start": 330,
        "created": 95,
        "pulled_in": 90,
        "amount_change": 10,
        "won": -145,
        "lost": -50,
        "disqualified": -60,
        "slipped": -80,
        "end": 190,
        "residual": 0,
    }
    assert {part: row[f"{part}_amount"] for part in told} == told


def test_start_and_end_are_the_month_end_snapshots(marts: duckdb.DuckDBPyConnection) -> None:
    differing = rows_of(
        marts,
        """
        select waterfall.period_start, count(snapshots.opportunity_id) as found
        from marts.mart_pipeline_waterfall as waterfall
        left join
            marts.fct_pipeline_snapshots as snapshots
            on snapshots.snapshot_kind = 'month_end'
            and waterfall.pipeline = snapshots.pipeline
            and waterfall.period_end = snapshots.snapshot_date
            and snapshots.expected_close_date
            between waterfall.period_start and waterfall.period_end
        where not waterfall.is_in_progress
        group by
            waterfall.pipeline, waterfall.period_kind, waterfall.period_start
        having
            count(snapshots.opportunity_id) <> any_value(waterfall.end_count)
            or (
                any_value(waterfall.n_unpriced) = 0
                and coalesce(sum(snapshots.amount_base), 0) <> any_value(waterfall.end_amount)
            )
        """,
    )
    assert differing == []


# --- snapshots ----------------------------------------------------------------------------------


def test_snapshots_hold_what_was_open_at_each_week_and_month_end(
    deals: Deals, marts: duckdb.DuckDBPyConnection
) -> None:
    expected = set()
    for number in range((AS_OF - date(2025, 1, 1)).days + 1):
        day = date(2025, 1, 1) + timedelta(number)
        kinds = ["week_end"] * (day.weekday() == 6) + ["month_end"] * (
            (day + timedelta(1)).day == 1
        )
        for deal, versions in deals.items() if kinds else ():
            state = state_at_end_of(day, versions)
            if versions[0].valid_from is None or state is None or state.status != "open":
                continue
            worth = value(state.amount, state.currency, day) if state.amount is not None else None
            age = (day - day_of(versions[0])).days
            for kind in kinds:
                expected.add((kind, day, deal, state.stage, state.pipeline, worth, age))
    found = marts.execute(
        """
        select
            snapshot_kind, snapshot_date, opportunity_id, stage, pipeline, amount_base, age_days
        from marts.fct_pipeline_snapshots
        """
    ).fetchall()
    assert len(found) == len(expected) > 1000
    assert set(found) == expected


# --- the flow through stages --------------------------------------------------------------------


class Visit(NamedTuple):
    deal: str
    pipeline: str
    stage: str
    entered: date
    exited: date | None


def visits_of(deals: Deals) -> list[Visit]:
    """A visit per stay in a stage, by business day; deletes and merges are not looked at."""
    visits = []
    for deal, versions in deals.items():
        if versions[0].valid_from is None:
            continue
        moves = [
            version
            for version, before in zip(versions, [None, *versions[:-1]], strict=True)
            if before is None or before.stage != version.stage
        ]
        for move, following in zip(moves, [*moves[1:], None], strict=True):
            exited = day_of(following) if following else None
            visits.append(Visit(deal, versions[0].pipeline, move.stage, day_of(move), exited))
    return visits


def kaplan_meier_quantile(durations: list[tuple[int, bool]], share: Fraction) -> int | None:
    """The first day by which at least `share` have ended; pairs of (days, has ended)."""
    staying = Fraction(1)
    for day in sorted({days for days, has_ended in durations if has_ended}):
        at_risk = sum(days >= day for days, _ in durations)
        staying *= 1 - Fraction(sum(each == (day, True) for each in durations), at_risk)
        if 1 - staying >= share:
            return day
    return None


def test_kaplan_meier_reading_of_five_barriers() -> None:
    barriers = [(2, True), (4, True), (6, True), (10, False), (10, False)]
    assert kaplan_meier_quantile(barriers, Fraction(1, 2)) == 6
    assert kaplan_meier_quantile(barriers, Fraction(9, 10)) is None


def test_flow_work_in_progress_and_time_in_stage(
    deals: Deals, marts: duckdb.DuckDBPyConnection
) -> None:
    by_stage: dict[tuple[str, str], list[Visit]] = defaultdict(list)
    for visit in visits_of(deals):
        by_stage[visit.pipeline, visit.stage].append(visit)
    found = rows_of(marts, "select * from marts.mart_sales_flow_weekly")
    assert len(found) > 200
    for row in found:
        visits, end = by_stage[row["pipeline"], row["stage"]], row["week_end"]
        week = {row["week_start"] + timedelta(day) for day in range(7)}
        begun = [visit for visit in visits if visit.entered <= end]
        assert row["entry_count"] == sum(visit.entered in week for visit in visits)
        assert row["exit_count"] == sum(visit.exited in week for visit in visits)
        assert row["exit_count"] == sum(row[f"{kind}_exit_count"] for kind in EXIT_KINDS)
        assert row["wip_count"] == sum(
            visit.exited is None or visit.exited > end for visit in begun
        )
        durations = [
            (((visit.exited if has_ended else end) - visit.entered).days, has_ended)
            for visit in begun
            if visit.entered > end - timedelta(weeks=26)
            for has_ended in [visit.exited is not None and visit.exited <= end]
        ]
        assert row["time_in_stage_visit_count"] == len(durations)
        assert row["time_in_stage_p50_days"] == kaplan_meier_quantile(durations, Fraction(1, 2))
        assert row["time_in_stage_p90_days"] == kaplan_meier_quantile(durations, Fraction(9, 10))
    assert any(row["time_in_stage_p90_days"] is None for row in found)
    assert any(row["littles_law_gap"] is not None for row in found)

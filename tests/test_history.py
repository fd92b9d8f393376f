"""History from extracts: a CRM and an ERP without logs, told by dated full extracts alone.

A company is a list of what each extract says. Some deals and lines are worked out by hand; random
ones beside them are held against a plain reading: at the instant of an extract the models must know
what it said, and what a later run says of a day must be what the run of that day said.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.landing.land import land, prepare
from assets.settings import Settings
from assets.systems import all_systems
from tests.dbt_helpers import part_of_project, rows_of, run_dbt
from tests.landing_helpers import csv_of, put
from tests.line import Line

DAYS = [date(2026, 2, 28), date(2026, 3, 15), date(2026, 3, 31)]
DAYS += [date(2026, 4, 15), date(2026, 4, 30), date(2026, 5, 15)]
#: the day on which some deals and lines are left out, and the day of the last figures
MIDDLE, LAST = date(2026, 4, 15), date(2026, 5, 31)

#: a row as an extract gives it, by column; None = the extract leaves it out
Row = dict[str, str]
Rows = list[Row | None]


def told(first: Row, *changes: Row | None) -> Rows:
    """What successive extracts say: the first row, then each time what changed."""
    rows: Rows = [first]
    latest = first
    for change in changes:
        latest = latest | (change or {})
        rows.append(None if change is None else latest)
    return rows


def stamp(day: date) -> datetime:
    """The instant for which the date of an extract stands: the last one of the day."""
    return datetime.combine(day, time.max)


DEALS = {
    "mover": told(
        {"created_at": "2026-02-10T09:00:00", "stage": "Prospect", "amount": "100"}
        | {"expected_close_date": "2026-03-20"},
        {"stage": "Qualified"},
        {"amount": "150", "expected_close_date": "2026-04-20"},
        {"stage": "Proposal", "expected_close_date": "2026-05-10"},
        None,
        {"expected_close_date": "2026-05-31"},
    ),
    "winner": told(
        {"created_at": "2026-02-12T09:00:00", "stage": "Prospect", "amount": "200"}
        | {"expected_close_date": "2026-04-10"},
        {"stage": "Proposal"},
        {},
        {"stage": "Won", "amount": "220", "closed_at": "2026-04-08T12:00:00"},
        None,
        {},
    ),
    "erased": told(
        {"created_at": "2026-02-12T09:00:00", "stage": "Prospect", "amount": "300"}
        | {"expected_close_date": "2026-04-25"},
        *({}, {}, None, {}, {}),
    ),
    "gone": told(
        {"created_at": "2026-02-12T09:00:00", "stage": "Prospect", "amount": "80"}
        | {"expected_close_date": "2026-04-28"},
        *({}, {}, None, None, None),
    ),
    "loser": [
        None,
        *told(
            {"created_at": "2026-03-10T09:00:00", "stage": "Prospect", "amount": "40"}
            | {"expected_close_date": "2026-03-25"},
            {"stage": "Lost", "closed_at": "2026-03-24T12:00:00"},
            *({}, {}, {}),
        ),
    ],
}
LINES = {
    # the second change is seen after the first had fallen due
    "moved": told(
        {"ordered_at": "2026-02-20T09:00:00", "current_promise_date": "2026-04-10"},
        *({}, {"current_promise_date": "2026-04-20"}, {}),
        *({"current_promise_date": "2026-05-20"}, {}),
    ),
    "stated": told(
        {"ordered_at": "2026-02-20T09:00:00", "current_promise_date": "2026-04-05"},
        {"first_promise_date": "2026-04-10", "current_promise_date": "2026-04-10"},
        {"first_promise_date": "2026-04-18", "current_promise_date": "2026-04-18"},
        *({}, {}, {}),
    ),
    "gone": told(
        {"ordered_at": "2026-02-20T09:00:00", "current_promise_date": "2026-04-10"},
        *({}, {}, {}, None, None),
    ),
    "archived": told(
        {"ordered_at": "2026-02-20T09:00:00", "current_promise_date": "2026-04-10"},
        *({}, {}, {}, None, None),
    ),
    "back": told(
        {"ordered_at": "2026-02-20T09:00:00", "current_promise_date": "2026-04-10"},
        *({}, {}, None, {}, {}),
    ),
    "parts": told({"ordered_at": "2026-02-20T09:00:00"}, *({}, {}, {}, {}, {})),
}
#: shipped whole on that day
SHIPPED = {"moved": "2026-04-18", "stated": "2026-04-11", "archived": "2026-04-09"}
SHIPPED |= {"back": "2026-04-10", "parts": "2026-04-12"}
SCHEDULE = {
    "1": told({"quantity": "5", "current_promise_date": "2026-04-12"}, *({}, {}, {}, {}, {})),
    "2": told({"quantity": "5", "current_promise_date": "2026-04-12"}, {}, {}, None, None, None),
    "3": told(
        {"quantity": "5", "current_promise_date": "2026-04-11"},
        {"current_promise_date": "2026-04-12"},
        *({}, {}, {}, {}),
    ),
}


def random_deal(choose: random.Random) -> Rows:
    """One that wanders, closes, at times on an earlier day than it was seen open, and reopens."""
    born = datetime.combine(DAYS[0], time(9)) + timedelta(days=choose.randint(-40, 60))
    row: Row = {"created_at": born.isoformat(), "stage": "Prospect", "owner_id": "r1"}
    rows: Rows = []
    for day in DAYS:
        if born.date() > day:
            rows.append(None)
            continue
        past = born + timedelta(seconds=choose.random() * (stamp(day) - born).total_seconds())
        row = row | {
            name: choose.choice(values)
            for name, values in {
                "stage": ["Prospect", "Qualified", "Proposal", "Negotiation", "Won", "Lost"],
                "amount": ["", "10", "10.0", "25.50"],
                "owner_id": ["r1", "r2"],
                "account_id": ["", "a1", "a2"],
                "expected_close_date": ["", "2027-01-31", "2027-02-28"],
                "probability": ["0.1", "0.25", "0.250"],
                "forecast_category": ["commit", "best case"],
                "currency": ["USD", "usd"],
                "is_deleted": ["", "", "", "", "", "", "", "true"],
                "merged_into_opportunity_id": ["", "", "", "", "", "", "", "gone"],
                "closed_at": [past.isoformat(), ""],
                "deleted_at": [past.isoformat(), ""],
                "merged_at": [past.isoformat(), ""],
            }.items()
            if choose.random() < 0.3
        }
        # known from its creation on, so the first extract after that has it
        rows.append(row if choose.random() < 0.9 or not any(rows) else None)
    return rows


def random_line(choose: random.Random) -> Rows:
    """One whose promises are overwritten, taken back, and at times stated as the first."""
    row: Row = {"ordered_at": "2026-02-20T09:00:00"}
    rows: Rows = []
    for _ in DAYS:
        row = row | {
            name: str(date(2026, 3, 20) + timedelta(days=choose.randint(0, 50)))
            for name, chance in {"first_promise_date": 0.1, "current_promise_date": 0.4}.items()
            if choose.random() < chance
        }
        if choose.random() < 0.1:
            row = row | {"current_promise_date": ""}
        rows.append(row if choose.random() < 0.95 else None)
    return rows


class Company:
    """What each extract says, by entity and key."""

    def __init__(self) -> None:
        choose = random.Random(7)
        self.deals = DEALS | {f"deal {number}": random_deal(choose) for number in range(150)}
        self.lines = LINES | {f"line {number}": random_line(choose) for number in range(150)}
        still = [f"still {number}" for number in range(8)]
        listed: Rows = [{}] * len(DAYS)
        left_out: Rows = [{}, {}, {}, None, None, None]
        #: entity → the parts of a key, with / between → what each extract says
        self.entities: dict[str, dict[str, Rows]] = {
            "opportunities": self.deals,
            "order_lines": {f"{key}/1": rows for key, rows in self.lines.items()},
            "order_schedule_lines": {
                **{f"parts/1/{number}": rows for number, rows in SCHEDULE.items()},
                **{f"{name}/1/1": [{"quantity": "5"}] * len(DAYS) for name in still},
            },
            "accounts": {**dict.fromkeys(("a1", *still), listed), "a2": left_out},
            "sales_reps": {**dict.fromkeys(("r1", *still), listed), "r2": left_out},
            "work_orders": {**dict.fromkeys(still, listed), "lost": left_out},
            "rep_objectives": {**{f"{key}/r1": listed for key in still}, "dropped/r1": left_out},
        }

    @cached_property
    def files(self) -> dict[str, str]:
        """{file: content} of all extracts, and one delta of shipments."""
        files = {
            "shipments__2026-04-15.csv": csv_of(
                [
                    {"shipment_id": line, "order_id": line, "line_number": "1", "quantity": "10"}
                    | {"shipped_on": day, "recorded_at": f"{day}T20:00:00"}
                    for line, day in SHIPPED.items()
                ]
            )
        }
        for entity, by_key in self.entities.items():
            table = all_systems()["standard"].tables[entity]
            keys = [column.name for column in table.columns if column.key]
            blank = {column.name: "" for column in table.columns} | DEFAULTS.get(entity, {})
            for place, day in enumerate(DAYS):
                rows = [
                    blank | dict(zip(keys, key.split("/"), strict=True)) | row
                    for key, versions in by_key.items()
                    if (row := versions[place]) is not None
                ]
                files[f"{entity}__{day}.csv"] = csv_of(rows)
        return files

    def until(self, day: date) -> dict[str, str]:
        """The files that were there at the end of a day."""
        return {
            file: content
            for file, content in self.files.items()
            if date.fromisoformat(file.partition("__")[2].removesuffix(".csv")) <= day
        }


DEFAULTS: dict[str, Row] = {
    "opportunities": {"owner_id": "r1"},
    "order_lines": {"quantity": "10"},
    "sales_reps": {"rep_name": "Somebody"},
    "work_orders": {"quantity": "1", "released_at": "2026-03-01T09:00:00"},
    "rep_objectives": {"weight": "0.5", "valid_from": "2026-01-01"},
}


# --- Landing and the models alone

PARTS = [
    *(f"models/intermediate/{part}" for part in ("opportunities", "pipeline", "delivery")),
    "models/intermediate/objectives",
    *(
        f"models/marts/{mart}.{end}"
        for mart in (
            "delivery/fct_order_line_deliveries",
            "delivery/fct_order_deliveries",
            "delivery/mart_on_time_delivery_monthly",
            "delivery/fct_operations",
            "delivery/fct_work_orders",
            "sales/fct_opportunities",
            "sales/fct_opportunity_stage_events",
            "sales/fct_pipeline_snapshots",
            "sales/fct_pipeline_movements",
            "sales/mart_pipeline_waterfall",
            "people/fct_rep_objective_days",
            "people/fct_rep_objective_periods",
        )
        for end in ("sql", "yml")
    ),
]
SELECTED = ["+mart_pipeline_waterfall", "+mart_on_time_delivery_monthly", "+fct_work_orders"]
SELECTED += ["+fct_rep_objective_days"]


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def told_by(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[date, date], Path]:
    """The warehouse that has all extracts until a day, with the models as of another."""
    folder = tmp_path_factory.mktemp("history")
    project = part_of_project(folder / "dbt_project", *PARTS)

    def build(landed_until: date, as_of: date) -> Path:
        settings = Settings(home=folder / f"{landed_until} {as_of}", as_of=as_of)
        for file, content in company.until(landed_until).items():
            put(settings, f"standard/{file}", content)
        prepare(settings)
        landed = land(all_systems()["standard"], settings)
        assert not any(each.refused or each.rows_quarantined for each in landed)
        untested = ("unit_test",) if as_of == LAST else ("unit_test", "test")
        run_dbt(
            settings,
            project,
            *("build", "--exclude-resource-type", *untested, "--select", *SELECTED),
        )
        return settings.warehouse

    return build


@pytest.fixture(scope="module")
def marts(told_by: Callable[[date, date], Path]) -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(told_by(LAST, LAST)), read_only=True) as connection:
        yield connection


def test_deals_by_hand(marts: duckdb.DuckDBPyConnection) -> None:
    visits = marts.execute(
        "select opportunity_id, stage, entered_date::text, exited_date::text, move_type"
        " from marts.fct_opportunity_stage_events"
        " where opportunity_id in ('mover', 'winner', 'gone') order by opportunity_id, visit_number"
    ).fetchall()
    assert visits == [
        ("gone", "Prospect", "2026-02-12", "2026-04-15", "entry"),
        ("mover", "Prospect", "2026-02-10", "2026-03-15", "entry"),
        ("mover", "Qualified", "2026-03-15", "2026-04-15", "forward"),
        ("mover", "Proposal", "2026-04-15", "2026-04-30", "forward"),
        ("mover", "Proposal", "2026-05-15", None, "reopen"),
        ("winner", "Prospect", "2026-02-12", "2026-03-15", "entry"),
        ("winner", "Proposal", "2026-03-15", "2026-04-08", "skip"),
        ("winner", "Won", "2026-04-08", "2026-04-30", "close"),
        ("winner", "Won", "2026-05-15", None, "return"),
    ]
    deals = marts.execute(
        "select opportunity_id, outcome, closed_date::text, removed_date::text,"
        " amount_original::double, close_date_push_count, first_expected_close_date::text,"
        " close_date_net_pushed_days from marts.fct_opportunities"
        " where opportunity_id not like 'deal %' order by opportunity_id"
    ).fetchall()
    assert deals == [
        ("erased", "open", None, None, 300, 0, "2026-04-25", 0),
        ("gone", "deleted", None, "2026-04-15", 80, 0, "2026-04-28", 0),
        ("loser", "lost", "2026-03-24", None, 40, 0, "2026-03-25", 0),
        ("mover", "open", None, None, 150, 3, "2026-03-20", 72),
        ("winner", "won", "2026-04-08", None, 220, 0, "2026-04-10", 0),
    ]


def test_the_waterfall_by_hand(marts: duckdb.DuckDBPyConnection) -> None:
    """The random deals are expected to close in 2027, so that none of them stands in it."""
    parts = ("start", "created", "reopened", "amount_change", "slipped", "won", "lost", "deleted")
    columns = ", ".join(f"{part}_amount::double" for part in (*parts, "end", "residual"))
    found = marts.execute(
        f"select period_start::text, {columns} from marts.mart_pipeline_waterfall"
        " where period_kind = 'fiscal_month' and period_start >= '2026-03-01'"
        " or period_kind = 'fiscal_quarter' and period_start = '2026-04-01'"
        " order by period_kind, period_start"
    ).fetchall()
    assert found == [
        ("2026-03-01", 100, 40, 0, 50, -150, 0, -40, 0, 0, 0),
        ("2026-04-01", 730, 0, 0, 20, -150, -220, 0, -80, 300, 0),
        ("2026-05-01", 0, 0, 150, 0, 0, 0, 0, 0, 150, 0),
        ("2026-04-01", 730, 0, 0, 20, 0, -220, 0, -80, 450, 0),
    ]


def test_promises_by_hand(marts: duckdb.DuckDBPyConnection) -> None:
    found = marts.execute(
        "select order_id, schedule_number, basis, basis_date::text, ineligible_reason, timing,"
        " deleted_at::date::text from marts.fct_order_line_deliveries"
        " where basis <> 'request' and order_id in"
        " ('moved', 'stated', 'gone', 'archived', 'back', 'parts') order by all"
    ).fetchall()
    assert found == [
        ("archived", "1", "first_promise", "2026-04-10", None, "on_time", "2026-04-30"),
        ("archived", "1", "last_promise", "2026-04-10", None, "on_time", "2026-04-30"),
        ("back", "1", "first_promise", "2026-04-10", None, "on_time", None),
        ("back", "1", "last_promise", "2026-04-10", None, "on_time", None),
        ("gone", "1", "first_promise", "2026-04-10", "deleted", None, "2026-04-30"),
        ("gone", "1", "last_promise", "2026-04-10", "deleted", None, "2026-04-30"),
        ("moved", "1", "first_promise", "2026-04-10", None, "late", None),
        ("moved", "1", "last_promise", "2026-04-20", None, "on_time", None),
        ("parts", "1", "first_promise", "2026-04-12", None, "on_time", None),
        ("parts", "1", "last_promise", "2026-04-12", None, "on_time", None),
        ("parts", "2", "first_promise", "2026-04-12", "deleted", None, "2026-04-15"),
        ("parts", "2", "last_promise", "2026-04-12", "deleted", None, "2026-04-15"),
        ("parts", "3", "first_promise", "2026-04-11", None, "late", None),
        ("parts", "3", "last_promise", "2026-04-12", None, "on_time", None),
        ("stated", "1", "first_promise", "2026-04-10", None, "late", None),
        ("stated", "1", "last_promise", "2026-04-18", None, "on_time", None),
    ]


def test_what_else_a_full_extract_leaves_out(marts: duckdb.DuckDBPyConnection) -> None:
    def one(sql: str) -> Any:
        [row] = marts.execute(sql).fetchall()
        return row

    assert one("select rep_name, is_listed from marts.dim_reps where rep_id = 'r2'") == (
        "Somebody",
        False,
    )
    assert one("select is_listed from marts.dim_accounts where account_id = 'a2'") == (False,)
    assert one("select count(*) from marts.dim_accounts where is_listed") == (9,)
    assert one("select work_order_id from marts.fct_work_orders where deleted_at is not null") == (
        "lost",
    )
    assert marts.execute(
        "select date_day::text, active_objective_count, withdrawn_objective_count"
        " from marts.fct_rep_objective_days where date_day between '2026-04-14' and '2026-04-15'"
        " order by all"
    ).fetchall() == [("2026-04-14", 9, 0), ("2026-04-15", 8, 1)]


def test_at_each_extract_the_versions_say_what_it_said(
    company: Company, marts: duckdb.DuckDBPyConnection
) -> None:
    """Its instant taken, one version is valid of every deal named so far."""
    compared = 0
    for place, day in enumerate(DAYS):
        found = {
            row["opportunity_id"]: row
            for row in rows_of(
                marts,
                "select * from intermediate.int_opportunity_versions where"
                f" valid_from <= '{stamp(day)}'"
                f" and coalesce(valid_to > '{stamp(day)}', true)",
            )
        }
        expected = {
            deal: rows[place] for deal, rows in company.deals.items() if any(rows[: place + 1])
        }
        assert found.keys() == expected.keys()
        for deal, said in expected.items():
            version = found[deal]
            if said is None:
                assert version["is_deleted"], (deal, day)
                continue
            assert version["is_deleted"] == (said.get("is_deleted") == "true"), (deal, day)
            for column, name in {
                "stage": "stage",
                "amount_original": "amount",
                "owner_id": "owner_id",
                "account_id": "account_id",
                "expected_close_date": "expected_close_date",
                "probability": "probability",
                "forecast_category": "forecast_category",
                "currency": "currency",
                "merged_into_opportunity_id": "merged_into_opportunity_id",
            }.items():
                text = said.get(name, "r1" if name == "owner_id" else "")
                assert as_text(version[column]) == as_text(text), (deal, day, column)
                compared += 1
    assert compared > 5000


def as_text(value: object) -> str:
    """One writing for what is the same: numbers without idle zeros, currencies in upper case."""
    text = "" if value is None else str(value)
    try:
        return str(float(text))
    except ValueError:
        return text.upper()


def test_promises_of_random_lines(company: Company, marts: duckdb.DuckDBPyConnection) -> None:
    expected: dict[tuple[str, str], date | None] = {}
    for line, rows in company.lines.items():
        if line.startswith("line"):
            expected |= {(line, basis): day for basis, day in promised(rows).items()}
    found = {
        (row["order_id"], row["basis"]): row["basis_date"]
        for row in rows_of(
            marts,
            "select * from marts.fct_order_line_deliveries"
            " where order_id like 'line %' and basis <> 'request'",
        )
    }
    assert found == expected
    moved = [
        line
        for line in company.lines
        if found.get((line, "first_promise")) != found.get((line, "last_promise"))
    ]
    assert len(moved) > 30


def promised(rows: Rows) -> dict[str, date | None]:
    """The first promise and the last before due, walking from extract to extract."""

    def dates(name: str) -> list[date | None]:
        return [date.fromisoformat(row[name]) if row and row.get(name) else None for row in rows]

    stated, current = dates("first_promise_date"), dates("current_promise_date")
    borne = [(place, day) for place, day in enumerate(stated if any(stated) else current) if day]
    if not borne:
        return {"first_promise": None, "last_promise": None}
    start, first = borne[0]
    last = latest = first
    is_broken = False
    for place in range(start, len(DAYS)):
        promise = current[place]
        if promise and promise != latest:
            latest = promise
            is_broken |= place > start and DAYS[place] > last
            last = last if is_broken else promise
    return {"first_promise": first, "last_promise": last}


def test_what_is_told_of_a_day_was_told_on_that_day(
    told_by: Callable[[date, date], Path], marts: duckdb.DuckDBPyConnection
) -> None:
    """As of the middle, with and without the extracts that came after it; and as known by then."""
    with duckdb.connect() as connection:
        for name, until in (("on_the_day", MIDDLE), ("later", LAST)):
            connection.execute(f"attach '{told_by(until, MIDDLE)}' as {name} (read_only)")
        tables = [
            table
            for (table,) in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() where"
                " database_name = 'on_the_day' and schema_name in ('intermediate', 'marts')"
            ).fetchall()
        ]
        assert len(tables) > 30
        for table in tables:
            different = connection.execute(
                f"(from on_the_day.{table} except all from later.{table})"
                f" union all (from later.{table} except all from on_the_day.{table}) limit 3"
            ).fetchall()
            assert not different, table
        snapshots = "from {}fct_pipeline_snapshots where snapshot_date <= $1 order by all"
        on_the_day = connection.execute(snapshots.format("on_the_day.marts."), [MIDDLE]).fetchall()
    assert on_the_day == marts.execute(snapshots.format("marts."), [MIDDLE]).fetchall()
    assert len(on_the_day) > 200


# --- The whole line


@pytest.mark.endurance  # eight whole runs
def test_when_it_ran_and_in_which_order_makes_no_difference(
    company: Company, tmp_path: Path
) -> None:
    """Run by run, all at once, shuffled over two runs, rebuilt: the same bytes of every mart.

    Only a rebuild has the same `state/`: elsewhere, marts of what was foretold are left out.
    """
    daily = Line(tmp_path / "daily")
    published = {}
    for day in (DAYS[2], MIDDLE, LAST):
        for file, content in company.until(day).items():
            if not (daily.home / "landing/standard" / file).exists():
                daily.put(f"standard/{file}", content)
        replace(daily, as_of=str(day)).publishes()
        published[day] = daily.checksums(of_extracts_alone=True)
    expected = daily.checksums()

    at_once = Line(tmp_path / "at once")
    for file, content in company.files.items():
        at_once.put(f"standard/{file}", content)
    for day in (MIDDLE, LAST):
        replace(at_once, as_of=str(day)).publishes()
        assert at_once.checksums(of_extracts_alone=True) == published[day], day

    shuffled = Line(tmp_path / "shuffled", as_of=str(LAST))
    files = sorted(company.files)
    random.Random(3).shuffle(files)
    for part in (files[: len(files) // 2], files[len(files) // 2 :]):
        for file in part:
            shuffled.put(f"standard/{file}", company.files[file])
        shuffled.run()
    assert shuffled.checksums(of_extracts_alone=True) == published[LAST]

    rebuilt = replace(daily, as_of=str(LAST)).run("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert daily.checksums() == expected

"""On-time delivery: random order books, judged by the models and by a plain reading of the rules.

The book goes the whole way: extracts, landing, dbt. The reading below shares nothing with the SQL:
it ships item by item, walks promises one by one and counts working days one by one.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest

from assets.settings import Settings
from tests.dbt_helpers import DELIVERY_MARTS, land_whole, part_of_project, rows_of, run_dbt
from tests.landing_helpers import csv_of

AS_OF = date(2026, 6, 20)
#: the days of the two extracts of lines
OLDER, NEWER = date(2026, 5, 1), date(2026, 6, 8)
BASES = ("request", "first_promise", "last_promise")


@dataclass(frozen=True)
class Policy:
    """A row of the seed; None = not evaluated."""

    scope: str
    scope_id: str
    days_early: int | None
    days_late: int | None
    under_rate: Fraction | None
    over_rate: Fraction | None
    delivery_event: str = "shipped"
    day_type: str = "calendar"


FIVE = Fraction(5, 100)
NONE = Fraction(0)
POLICIES = (
    Policy("default", "", None, 0, NONE, None),
    Policy("customer", "worked", 3, 0, FIVE, FIVE),
    Policy("customer", "working", 2, 1, Fraction(1, 10), Fraction(1, 10), day_type="working"),
    Policy("customer", "unmeasured", None, 1, None, None, "delivered"),
    Policy("customer", "exact", 0, 0, NONE, NONE, "delivered"),
    Policy("system", "other", 9, 9, None, None),
    Policy("order", "O3", 1, None, FIVE, None),
    Policy("line", "O3/2", None, 2, None, NONE),
)


@dataclass(frozen=True)
class Dates:
    """The dates a source keeps of a planned date; `seen`: its current date in the older extract."""

    quantity: int
    requested: date | None = None
    first: date | None = None
    current: date | None = None
    seen: date | None = None


@dataclass(frozen=True)
class Shipment:
    shipment_id: str
    quantity: int
    shipped: date
    delivered: date | None = None
    recorded: datetime | None = None


@dataclass(frozen=True)
class Promise:
    changed: datetime
    promised: date
    schedule_number: str = ""
    kind: str = "promise"
    by: str = ""
    recorded: datetime | None = None


@dataclass(frozen=True)
class Line:
    order_id: str
    line_number: str
    account_id: str
    dates: Dates
    schedule: Mapping[str, Dates] = field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    cancelled: date | None = None
    cancelled_by: str = ""


@dataclass
class Verdict:
    """What the fact says of a unit on a basis, by its column names."""

    basis_date: date | None
    window_start_date: date | None = None
    window_end_date: date | None = None
    ineligible_reason: str | None = None
    timing: str | None = None
    is_in_full: bool | None = None
    is_otif: bool | None = None
    is_on_time_recorded: bool | None = None
    is_overdue_open: bool = False
    quantity_shipped: int = 0
    quantity_in_window: int = 0
    completed_date: date | None = None
    days_late: int | None = None
    promise_change_count: int | None = None
    net_slip_days: int | None = None
    promised_by: str = "unknown"


# --- The rules, read plainly


def policy_of(line: Line) -> Policy:
    for scope, scope_id in (
        ("line", f"{line.order_id}/{line.line_number}"),
        ("order", line.order_id),
        ("customer", line.account_id),
        ("default", ""),
    ):
        for policy in POLICIES:
            if (policy.scope, policy.scope_id) == (scope, scope_id):
                return policy
    raise AssertionError("no default policy")


def shifted(day: date, days: int, day_type: str) -> date:
    """The day `days` days on (back if negative); working days are those from Monday to Friday."""
    step = timedelta(days=1 if days > 0 else -1)
    left = abs(days)
    while left:
        day += step
        left -= day_type == "calendar" or day.weekday() < 5
    return day


def promised(line: Line, number: str, dates: Dates) -> tuple[Verdict, dict[str, date | None]]:
    """What the promises say of a unit, and its three dates."""
    entries = sorted(
        (
            (promise.recorded or promise.changed, promise)
            for promise in line.promises
            if promise.kind != "quote"
            and (promise.schedule_number in ("", number) or not line.schedule)
            and promise.changed.date() <= AS_OF
            and (promise.recorded or promise.changed).date() <= AS_OF
        ),
        key=lambda entry: (entry[0], entry[1].changed),
    )
    verdict = Verdict(None)
    said = [(recorded.date(), promise.promised) for recorded, promise in entries]
    if entries:
        verdict.promised_by = entries[0][1].by or "unknown"
    else:
        shown = [(OLDER, dates.first), (OLDER, dates.seen), (NEWER, dates.current)]
        said = [(on, day) for on, day in shown if day]
    first = last = latest = said[0][1] if said else None
    changes = 0
    for recorded_on, day in said[1:]:
        if last and recorded_on <= last:
            last = day
        changes += day != latest
        latest = day
    if first and latest:
        verdict.promise_change_count = changes
        verdict.net_slip_days = (latest - first).days
    return verdict, {"request": dates.requested, "first_promise": first, "last_promise": last}


def judge(line: Line) -> dict[tuple[str, str], Verdict]:
    """{(schedule number, basis): verdict} of every planned date of a line."""
    policy = policy_of(line)
    units = line.schedule or {"1": line.dates}
    promises = {number: promised(line, number, dates) for number, dates in units.items()}
    events = sorted(
        (day, shipment.shipment_id, shipment)
        for shipment in line.shipments
        if (day := shipment.shipped if policy.delivery_event == "shipped" else shipment.delivered)
        and day <= AS_OF
    )
    verdicts = {}
    for basis in BASES:
        queue = sorted(
            units, key=lambda number: (promises[number][1][basis] or date.max, int(number))
        )
        slots = [number for number in queue for _ in range(units[number].quantity)]
        moved: dict[str, list[tuple[date, date, int]]] = defaultdict(list)
        position = 0
        for day, _, shipment in events:
            seen = shipment.recorded.date() if shipment.recorded else day
            for _ in range(abs(shipment.quantity)):
                item = position if shipment.quantity > 0 else position - 1
                position += 1 if shipment.quantity > 0 else -1
                if item >= 0:
                    number = slots[item] if item < len(slots) else queue[-1]
                    moved[number].append((day, seen, 1 if shipment.quantity > 0 else -1))
        for number in queue:
            verdict, dates = promises[number]
            verdicts[number, basis] = judge_unit(
                line, policy, units[number].quantity, moved[number], dates[basis], verdict
            )
    return verdicts


def judge_unit(
    line: Line,
    policy: Policy,
    ordered: int,
    moved: list[tuple[date, date, int]],
    due: date | None,
    promise: Verdict,
) -> Verdict:
    verdict = replace(promise, basis_date=due)
    if due and policy.days_early is not None:
        verdict.window_start_date = shifted(due, -policy.days_early, policy.day_type)
    if due and policy.days_late is not None:
        verdict.window_end_date = shifted(due, policy.days_late, policy.day_type)
    start, end = verdict.window_start_date or date.min, verdict.window_end_date or date.max
    required = None if policy.under_rate is None else ordered * (1 - policy.under_rate)

    def reached(counted: list[int]) -> bool:
        return sum(counted) > 0 if required is None else sum(counted) >= required

    verdict.quantity_shipped = sum(sign for _, _, sign in moved)
    in_window = [sign for day, _, sign in moved if start <= day <= end]
    verdict.quantity_in_window = sum(in_window)
    is_complete = reached([sign for _, _, sign in moved])
    so_far: list[int] = []
    for day, _, sign in moved:
        so_far.append(sign)
        if reached(so_far) and not verdict.completed_date:
            verdict.completed_date = day

    cancelled = line.cancelled and line.cancelled <= AS_OF
    if line.schedule and cancelled and verdict.completed_date:
        cancelled = line.cancelled < verdict.completed_date
    is_measured = policy.under_rate is not None or policy.over_rate is not None
    is_due = bool(due) and (verdict.window_end_date or due) < AS_OF
    if not due:
        verdict.ineligible_reason = "no_date"
    elif cancelled and line.cancelled_by == "customer" and line.cancelled <= due:
        verdict.ineligible_reason = "cancelled_by_customer"
    elif cancelled and line.cancelled_by not in ("customer", "late"):
        verdict.ineligible_reason = "cancelled_other"
    elif is_measured and ordered <= 0:
        verdict.ineligible_reason = "no_quantity"
    elif not (is_due or is_complete):
        verdict.ineligible_reason = "not_due"
    if verdict.ineligible_reason:
        return verdict

    fails = cancelled and line.cancelled_by == "late"
    is_on_time = reached(in_window) and not fails
    is_early = reached([sign for day, _, sign in moved if day <= end]) and not fails
    verdict.timing = "on_time" if is_on_time else "early" if is_early else "late"
    if is_measured:
        most = ordered * (1 + policy.over_rate) if policy.over_rate is not None else None
        verdict.is_in_full = is_complete and (most is None or verdict.quantity_shipped <= most)
    verdict.is_otif = is_on_time and verdict.is_in_full is not False
    verdict.is_on_time_recorded = (
        reached([sign for _, seen, sign in moved if start <= seen <= end]) and not fails
    )
    verdict.is_overdue_open = is_due and not is_complete and not cancelled
    until = verdict.completed_date or min(line.cancelled or AS_OF, AS_OF)
    verdict.days_late = (until - due).days
    if not verdict.completed_date and verdict.days_late <= 0:
        verdict.days_late = None
    return verdict


# --- Order books


def worked_example() -> list[Line]:
    """The ten lines of the definition: request, first and last promise, then shipments."""

    def june(day: int | None) -> date | None:
        return day and date(2026, 6, day)

    def line(
        order: str,
        number: int,
        days: tuple[int | None, ...],
        *shipped: tuple[int, int],
        **rest: Any,
    ) -> Line:
        requested, first, last = (june(day) for day in days)
        shipments = tuple(
            Shipment(f"L{number}-{place}", quantity, date(2026, 6, day))
            for place, (quantity, day) in enumerate(shipped)
        )
        dates = Dates(100, requested, first, last)
        return Line(order, str(number), "worked", dates, shipments=shipments, **rest)

    return [
        line("A", 1, (10, 12, 12), (100, 12)),
        line("A", 2, (10, 10, 15), (100, 15)),
        line("B", 3, (10, 10, 10), (60, 9), (40, 13)),
        line("B", 4, (20, 20, 20), (100, 14)),
        line("C", 5, (10, 10, 10), (98, 10)),
        line("D", 6, (10, 10, 10)),
        line("F", 7, (25, 25, 25)),
        line("G", 8, (10, 10, 10), cancelled=june(5), cancelled_by="customer"),
        line("E", 9, (10, 10, 10), cancelled=june(16), cancelled_by="late"),
        line("H", 10, (10, None, None), (100, 10)),
    ]


def random_book(seed: int, orders: int) -> list[Line]:
    """Lines with partial, early, late, too many, taken back, unbooked and unpromised deliveries."""
    chance = random.Random(seed)
    accounts = ("plain", "worked", "working", "unmeasured", "exact")

    def day(around: int = 12, spread: int = 9) -> date:
        return date(2026, 6, 1) + timedelta(days=round(chance.gauss(around - 1, spread)))

    def maybe(value: Any, probability: float = 0.8) -> Any:
        return value if chance.random() < probability else None

    def moment(of: date) -> datetime:
        return datetime(of.year, of.month, of.day, chance.randrange(24), chance.randrange(60))  # noqa: DTZ001

    def dates() -> Dates:
        due = day()
        moved = due + timedelta(days=chance.randrange(-3, 7))
        return Dates(
            quantity=chance.choice([0, 1, 7, 10, 10, 20]),
            requested=maybe(due - timedelta(days=chance.randrange(4))),
            first=maybe(due, 0.6),
            current=maybe(moved),
            seen=maybe(day(), 0.3),
        )

    def promises(due: date, numbers: list[str]) -> Iterator[Promise]:
        made, changed = due - timedelta(days=12), due
        for _ in range(chance.choice([0, 1, 2, 2, 3, 4])):
            made += timedelta(days=chance.randrange(1, 8))
            yield Promise(
                moment(made),
                changed,
                chance.choice(["", *(numbers or ["0001"])]),
                chance.choice(["promise", "promise", "promise", "", "quote"]),
                chance.choice(["sales", "production", ""]),
                maybe(moment(made + timedelta(days=chance.randrange(1, 4))), 0.2),
            )
            changed += timedelta(days=chance.randrange(-2, 7))

    def shipments(name: str, quantity: int, due: date) -> Iterator[Shipment]:
        for place in range(chance.choice([0, 1, 1, 2, 3])):
            shipped = due + timedelta(days=round(chance.gauss(0, 3)))
            delivered = shipped + timedelta(days=chance.randrange(3))
            whole = max(1, round(quantity * chance.choice([0.3, 0.5, 0.93, 1, 1, 1.08])))
            yield Shipment(
                f"{name}-{place}",
                chance.choice([whole, whole, whole, whole, -1]),
                shipped,
                maybe(delivered),
                maybe(moment(min(delivered + timedelta(days=chance.randrange(-1, 4)), AS_OF)), 0.6),
            )

    lines = []
    for order in range(orders):
        account = chance.choice(accounts)
        for number in range(1, chance.choice([1, 2, 3]) + 1):
            name = f"O{order}-{number}"
            whole = dates()
            parts = chance.choice([0, 0, 0, 2, 3, 11])
            schedule = {str(part): dates() for part in range(1, parts + 1)}
            due = whole.requested or whole.first or day()
            quantity = sum(part.quantity for part in schedule.values()) or whole.quantity
            lines.append(
                Line(
                    f"O{order}",
                    str(number),
                    account,
                    whole,
                    schedule,
                    tuple(promises(due, list(schedule))),
                    tuple(shipments(name, quantity, due)),
                    cancelled := maybe(day(), 0.2),
                    chance.choice(["customer", "late", "other", ""]) if cancelled else "",
                )
            )
    return lines


def text(value: date | datetime | Fraction | int | str | None) -> str:
    if isinstance(value, Fraction):
        return str(float(value))
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def texts(**columns: date | datetime | Fraction | int | str | None) -> dict[str, str]:
    return {name: text(value) for name, value in columns.items()}


def extracts(lines: list[Line]) -> dict[str, str]:
    """{file: content}. The older extract of the lines says what their current dates once were."""
    files: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in lines:
        key = texts(order_id=line.order_id, line_number=line.line_number)
        for stamp in (OLDER, NEWER):

            def planned(dates: Dates, is_older: bool = stamp == OLDER) -> dict[str, str]:
                return texts(
                    quantity=dates.quantity,
                    requested_date=dates.requested,
                    first_promise_date=dates.first,
                    current_promise_date=dates.seen if is_older else dates.current,
                )

            files[f"order_lines__{stamp}.csv"].append(
                key
                | texts(
                    account_id=line.account_id,
                    product_id=f"P-{line.account_id}",
                    ordered_at="2026-04-01T08:00:00",
                    cancelled_on=line.cancelled,
                    cancelled_by=line.cancelled_by,
                )
                | planned(line.dates)
            )
            for number, dates in line.schedule.items():
                files[f"order_schedule_lines__{stamp}.csv"].append(
                    key | {"schedule_number": number} | planned(dates)
                )
        files["shipments__2026-06-20.csv"] += [
            key
            | texts(
                shipment_id=shipment.shipment_id,
                quantity=shipment.quantity,
                shipped_on=shipment.shipped,
                delivered_on=shipment.delivered,
                recorded_at=shipment.recorded,
            )
            for shipment in line.shipments
        ]
        files["promise_changes__2026-06-20.csv"] += [
            key
            | texts(
                schedule_number=promise.schedule_number,
                changed_at=promise.changed,
                promise_date=promise.promised,
                changed_by_function=promise.by,
                kind=promise.kind,
                recorded_at=promise.recorded,
            )
            for promise in line.promises
        ]
    files["products__2026-06-20.csv"] = [
        {"product_id": f"P-{account}", "product_family": account}
        for account in sorted({line.account_id for line in lines})
    ]
    return {file: csv_of(rows) for file, rows in files.items()}


# --- The models against the rules


@pytest.fixture(scope="module")
def book() -> list[Line]:
    return worked_example() + random_book(seed=3, orders=250)


@pytest.fixture(scope="module")
def marts(
    book: list[Line], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of the book, by the policies above."""
    folder = tmp_path_factory.mktemp("delivery")
    settings = Settings(home=folder / "home", as_of=AS_OF)
    land_whole(settings, extracts(book))
    project = part_of_project(
        folder / "dbt_project",
        "models/intermediate/opportunities/int_stages_unioned.sql",
        "models/intermediate/delivery",
        *DELIVERY_MARTS,
    )
    policies = [
        texts(**{column.name: getattr(policy, column.name) for column in fields(policy)})
        for policy in POLICIES
    ]
    (project / "seeds" / "delivery_policies.csv").write_text(csv_of(policies))
    run_dbt(
        settings,
        project,
        *("build", "--exclude-resource-type", "test", "unit_test"),
        *("--select", "+fct_order_deliveries", "+mart_on_time_delivery_monthly"),
    )
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def expected(book: list[Line]) -> dict[tuple[str, str, str, str], Verdict]:
    return {
        (line.order_id, line.line_number, number, basis): verdict
        for line in book
        for (number, basis), verdict in judge(line).items()
    }


def test_every_planned_date_is_judged_by_the_rules(
    marts: duckdb.DuckDBPyConnection, expected: dict[tuple[str, str, str, str], Verdict]
) -> None:
    found = {
        (row["order_id"], row["line_number"], row["schedule_number"], row["basis"]): Verdict(
            **{column.name: row[column.name] for column in fields(Verdict)}
        )
        for row in rows_of(marts, "select * from marts.fct_order_line_deliveries")
    }
    assert found.keys() == expected.keys()
    wrong = {key: (found[key], expected[key]) for key in found if found[key] != expected[key]}
    assert not wrong
    # the book is no idle one: every reason and every verdict comes up
    seen = Counter(verdict.ineligible_reason or verdict.timing for verdict in expected.values())
    assert min(seen.values()) > 20
    assert len(seen) == 8


def test_orders_and_months_add_up_from_their_lines(
    marts: duckdb.DuckDBPyConnection, expected: dict[tuple[str, str, str, str], Verdict]
) -> None:
    orders: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    months: dict[tuple[date | None, str], Counter[str]] = defaultdict(Counter)
    for (order, _, _, basis), verdict in expected.items():
        orders[order, basis].append(verdict)
        month = verdict.basis_date and verdict.basis_date.replace(day=1)
        months[month, basis] += Counter(
            {
                "unit": 1,
                verdict.ineligible_reason or verdict.timing or "": 1,
                "eligible": verdict.timing is not None,
                "otif": verdict.is_otif is True,
                "in_full": verdict.is_in_full is True,
                "quantity_evaluated": verdict.is_in_full is not None,
                "on_time_recorded": verdict.is_on_time_recorded is True,
                "overdue_open": verdict.is_overdue_open,
            }
        )

    for row in rows_of(marts, "select * from marts.fct_order_deliveries"):
        verdicts = orders.pop((row["order_id"], row["basis"]))
        judged = [verdict for verdict in verdicts if verdict.timing]
        is_open = any(verdict.ineligible_reason == "not_due" for verdict in verdicts)
        assert row["is_eligible"] == (bool(judged) and not is_open)
        if row["is_eligible"]:
            assert row["is_otif"] == all(verdict.is_otif for verdict in judged)
            last = max(verdict.basis_date for verdict in judged if verdict.basis_date)
            assert row["order_month"] == last.replace(day=1)
    assert not orders

    names = sorted(set().union(*months.values()))
    sums = ", ".join(f"sum({name}_count) as {name}" for name in names)
    for row in rows_of(
        marts,
        f"select basis_month, basis, {sums} from marts.mart_on_time_delivery_monthly"
        " group by basis_month, basis",
    ):
        counted = months.pop((row["basis_month"], row["basis"]))
        assert {name: row[name] for name in names} == {name: counted[name] for name in names}
    assert not months


def test_rates_stand_beside_what_they_are_made_of(marts: duckdb.DuckDBPyConnection) -> None:
    rows = rows_of(marts, "select * from marts.mart_on_time_delivery_monthly")
    for row in rows:
        for rate in ("on_time_rate", "in_full_rate", "otif_rate", "on_time_recorded_rate"):
            cases = row[f"{rate}_denominator"]
            assert (row[rate] is None) == (row[f"{rate}_suppressed_reason"] is not None)
            if cases < 5:
                assert row[rate] is None
            else:
                assert row[rate] == pytest.approx(row[f"{rate}_numerator"] / cases, abs=1e-9)
    assert any(row["backdating_gap"] for row in rows)


def test_worked_example(marts: duckdb.DuckDBPyConnection) -> None:
    """Last promise 3 of 7, first promise 2 of 7, request 2 of 8; orders on first promise 1 of 5."""
    lines = marts.execute(
        """
        select basis, count(*) filter (is_otif), count(*) filter (is_eligible)
        from marts.fct_order_line_deliveries
        where account_id = 'worked' and order_id in ('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H')
        group by basis
        """
    ).fetchall()
    assert sorted(lines) == [("first_promise", 2, 7), ("last_promise", 3, 7), ("request", 2, 8)]
    orders = marts.execute(
        """
        select count(*) filter (is_otif), count(*) filter (is_eligible)
        from marts.fct_order_deliveries
        where basis = 'first_promise' and order_id in ('A', 'B', 'C', 'D', 'E')
        """
    ).fetchone()
    assert orders == (1, 5)
    # what is usually shown: delivered lines alone, by their first shipment
    promised = [line for line in worked_example() if line.dates.current and line.shipments]
    naive = [line.shipments[0].shipped <= line.dates.current for line in promised]
    assert (sum(naive), len(naive)) == (5, 5)

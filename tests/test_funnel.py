"""The funnel: random deals go the whole way, and a plain reading of the rules judges the marts.

The extracts are taken two months after the as_of, so that every row shows what came later and the
change log has to lead back. The reading below shares nothing with the SQL: it walks each deal
move by move, and follows each entry day by day.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import duckdb
import pytest

from assets.settings import Settings
from tests.dbt_helpers import land_whole, part_of_project, run_dbt
from tests.landing_helpers import csv_of

AS_OF = date(2026, 4, 30)
#: instants are UTC without saying so, as in the warehouse
END = datetime.fromisoformat("2026-05-01")
EXTRACTED = datetime.fromisoformat("2026-06-30")
STEPS = ("Prospect", "Qualified", "Proposal", "Negotiation")
RANKS = {stage: rank for rank, stage in enumerate((*STEPS, "Won"), 1)}
ENDS = {"Won": "won", "Lost": "lost", "Disqualified": "disqualified", "Duplicate": "duplicate"}
SEGMENTS = {"large": "Enterprise", "small": "Small", "": "unknown"}
HORIZONS = (30, 60, 90, 180)


@dataclass(frozen=True)
class Change:
    """One row of the log; `sequence` counts within the deal."""

    field: str
    at: datetime
    recorded_at: datetime
    sequence: int
    old: str
    new: str


@dataclass
class Deal:
    """What a source knows at the extract; its log may be missing altogether."""

    deal_id: str
    created_at: datetime
    first: dict[str, str]
    changes: list[Change] = field(default_factory=list)
    closed_at: datetime | None = None
    has_log: bool = True

    def now(self, name: str) -> str:
        return next((c.new for c in reversed(self.changes) if c.field == name), self.first[name])

    @cached_property
    def known(self) -> list[Change]:
        return [c for c in self.changes if c.at < END and c.recorded_at < END]

    def at_first(self, name: str) -> str:
        """What the field was in the beginning, by the first change that is known."""
        of_field = [c for c in self.changes if c.field == name]
        known = [c for c in of_field if c in self.known]
        return (known or of_field)[0].old if of_field else self.first[name]

    def at_as_of(self, name: str) -> str:
        known = [c.new for c in self.known if c.field == name]
        return known[-1] if known else self.at_first(name)


def random_deal(choose: random.Random, number: int) -> Deal:
    """A deal that wanders: mostly forward, at times back, out and in again, within a second."""
    at = datetime.fromisoformat("2025-07-01") + timedelta(seconds=choose.randint(0, 299 * 86_400))
    state = {
        "stage": choose.choice([*STEPS[:1] * 8, *STEPS[1:], "Parked"]),
        "amount": f"{choose.randint(100, 99_999)}.50",
        "owner_id": "r1",
        "account_id": choose.choice(["large", "small", "small"]),
        "expected_close_date": str(at.date() + timedelta(60)),
        "is_deleted": "false",
    }
    deal = Deal(f"deal-{number}", at, dict(state))
    for sequence in range(choose.choice([0, 2, 4, 6, 8, 12])):
        at += timedelta(
            seconds=choose.choice([0, *(choose.randint(1, 45 * 86_400) for _ in "1234")])
        )
        if at >= EXTRACTED:
            break
        name = choose.choice([*["stage"] * 6, "amount", "owner_id", "account_id"])
        name = choose.choice([*[name] * 12, *["expected_close_date"] * 4, "is_deleted"])
        new = {
            "stage": next_stage(choose, state["stage"]),
            "amount": f"{choose.randint(100, 99_999)}.25",
            "owner_id": choose.choice(["r1", "r2", "r3"]),
            "account_id": choose.choice(["large", "small"]),
            "expected_close_date": str(at.date() + timedelta(choose.randint(1, 90))),
            "is_deleted": "true",
        }[name]
        if new == state[name]:
            continue
        # what happens to a deal in the instant of its deletion is no visit
        at += timedelta(seconds=name == "is_deleted")
        late = choose.choice([timedelta()] * 9 + [timedelta(40)])
        deal.changes.append(Change(name, at, at + late, sequence, state[name], new))
        state[name] = new
    moves = [c for c in deal.changes if c.field == "stage"]
    if state["stage"] in ENDS and moves:
        deal.closed_at = moves[-1].at
        deal.has_log = choose.random() > 0.1
    return deal


def next_stage(choose: random.Random, stage: str) -> str:
    if stage in ENDS or stage == "Parked":
        return choose.choice([stage, *STEPS, "Lost"])
    onward = (*STEPS, "Won")[RANKS[stage]]
    return choose.choice([*[onward] * 12, *STEPS, *["Lost"] * 4, *ENDS, "Parked"])


def deal_of(number: int, path: str) -> Deal:
    """One of the eight worked deals: a move a day from April 1 on."""
    stages = [{"W": "Won", "L": "Lost"}.get(step) or STEPS[int(step) - 1] for step in path]
    first = {"stage": stages[0], "amount": "100", "owner_id": "r1", "account_id": ""}
    first |= {"expected_close_date": "2026-06-01", "is_deleted": "false"}
    deal = Deal(f"O{number}", datetime.fromisoformat("2024-04-01T09:00"), first)
    for day, (old, new) in enumerate(pairwise(stages), 1):
        at = deal.created_at + timedelta(day)
        deal.changes.append(Change("stage", at, at, day, old, new))
    return deal


@dataclass(frozen=True)
class Visit:
    stage: str
    entered: date
    #: the last day on which the deal was seen there
    seen_until: date


@dataclass
class Reading:
    """A deal as the rules read it at the as_of."""

    deal: Deal
    visits: list[Visit]
    outcome: str

    @property
    def cell(self) -> tuple[str, str]:
        first = (
            self.deal.at_first("account_id") if self.deal.has_log else self.deal.now("account_id")
        )
        return f"{self.deal.created_at:%Y-%m}", SEGMENTS[first]

    @property
    def observed(self) -> set[int]:
        return {RANKS[visit.stage] for visit in self.visits if visit.stage in RANKS}

    @property
    def effective(self) -> int | None:
        if self.outcome == "won":
            return len(RANKS)
        return next((RANKS[v.stage] for v in reversed(self.visits) if v.stage in STEPS), None)

    @property
    def is_counted(self) -> bool:
        return self.outcome not in ("duplicate", "deleted")

    @property
    def is_resolved(self) -> bool:
        return self.outcome in ("won", "lost", "disqualified")

    @property
    def skipped(self) -> int:
        return max(self.observed) - len(self.observed) if self.observed else 0

    @property
    def backward(self) -> int:
        count, held = 0, 0
        for before, visit in zip([None, *self.visits], self.visits, strict=False):
            if visit.stage in STEPS:
                came_from_an_end = before is not None and before.stage in ENDS
                count += held > RANKS[visit.stage] and not came_from_an_end
                held = RANKS[visit.stage]
        return count

    @property
    def reopened(self) -> int:
        return sum(a.stage in ENDS and b.stage in STEPS for a, b in pairwise(self.visits))

    def transitions(self) -> Iterable[tuple[int, str, int]]:
        """(step, what came of its first entry, after so many days)."""
        for rank in self.observed & set(range(1, 5)):
            start = next(i for i, v in enumerate(self.visits) if RANKS.get(v.stage) == rank)
            event, day = "censored", self.visits[-1].seen_until
            for visit in self.visits[start + 1 :]:
                if RANKS.get(visit.stage, 0) > rank:
                    event = "advance"
                elif visit.stage in ("Lost", "Disqualified"):
                    event = "loss"
                elif visit.stage != "Duplicate":
                    continue
                day = visit.entered
                break
            yield rank, event, (day - self.visits[start].entered).days


def read(deal: Deal) -> Reading:
    if not deal.has_log:
        # the row alone: open in a stage that nobody names, until it closed
        if deal.closed_at is None or deal.closed_at >= END:
            return Reading(deal, [], "open")
        stage = deal.now("stage")
        return Reading(deal, [Visit(stage, deal.closed_at.date(), AS_OF)], ENDS[stage])
    stays = [(deal.at_first("stage"), deal.created_at)]
    gone_at = None
    for change in deal.known:
        if change.field == "is_deleted":
            gone_at = gone_at or change.at
        if change.field == "stage" and change.new != stays[-1][0] and gone_at is None:
            stays.append((change.new, change.at))
    ends = [at.date() for _, at in stays[1:]] + [gone_at.date() if gone_at else AS_OF]
    visits = [Visit(stage, at.date(), end) for (stage, at), end in zip(stays, ends, strict=True)]
    last = deal.at_as_of("stage")
    return Reading(deal, visits, "deleted" if gone_at else ENDS.get(last, "open"))


def aalen_johansen(followed: list[tuple[str, int]], horizon: int) -> tuple[float, float] | None:
    """(advance, loss) within the horizon, day by day; None where nobody is left to tell."""
    staying, advance, loss = Fraction(1), Fraction(0), Fraction(0)
    for day in range(horizon + 1):
        at_risk = sum(days >= day for _, days in followed)
        if at_risk == 0:
            if staying > 0:
                return None
            break
        went = Fraction(followed.count(("advance", day)), at_risk)
        lost = Fraction(followed.count(("loss", day)), at_risk)
        advance, loss = advance + staying * went, loss + staying * lost
        staying *= 1 - went - lost
    return float(advance), float(loss)


EIGHT = ("1234W", "13W", "12123L", "12L", "1L", "123", "123W3L", "3W")


@pytest.fixture(scope="module")
def readings() -> dict[str, Reading]:
    choose = random.Random(11)
    deals = [random_deal(choose, number) for number in range(1_500)]
    deals += [deal_of(number, path) for number, path in enumerate(EIGHT, 1)]
    return {deal.deal_id: read(deal) for deal in deals}


def extracts(deals: list[Deal]) -> dict[str, str]:
    def text(at: datetime | None) -> str:
        return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""

    fields = ("stage", "amount", "owner_id", "account_id", "expected_close_date", "is_deleted")
    changes = [
        {"opportunity_id": deal.deal_id, "changed_at": text(change.at), "field": change.field}
        | {"recorded_at": text(change.recorded_at), "sequence": str(change.sequence)}
        | {"old_value": change.old, "new_value": change.new}
        for deal in deals
        if deal.has_log
        for change in deal.changes
    ]
    changes.append(changes[0] | {"opportunity_id": "orphan"})
    random.Random(1).shuffle(changes)
    return {
        "accounts__2026-06-30.csv": csv_of(
            [{"account_id": key, "segment": SEGMENTS[key]} for key in ("large", "small")]
        ),
        "opportunities__2026-06-30.csv": csv_of(
            [
                {"opportunity_id": deal.deal_id, "created_at": text(deal.created_at)}
                | {"closed_at": text(deal.closed_at)}
                | {name: deal.now(name) for name in fields}
                for deal in deals
            ]
        ),
        "opportunity_changes__2026-06-30.csv": csv_of(changes),
    }


@pytest.fixture(scope="module")
def marts(
    readings: dict[str, Reading], tmp_path_factory: pytest.TempPathFactory
) -> Iterable[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("funnel")
    settings = Settings(home=folder / "home", as_of=AS_OF)
    land_whole(settings, extracts([reading.deal for reading in readings.values()]))
    sales = ("fct_opportunities", "fct_opportunity_stage_events", "mart_funnel_monthly")
    project = part_of_project(
        folder / "dbt_project",
        "models/intermediate/opportunities",
        *(f"models/marts/sales/{mart}.{end}" for mart in sales for end in ("sql", "yml")),
    )
    run_dbt(
        settings,
        project,
        *("build", "--exclude-resource-type", "unit_test", "--select", "+mart_funnel_monthly"),
    )
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


def rows(marts: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return marts.execute(sql).fetchall()


def test_every_visit_is_told_once_and_in_order(
    marts: duckdb.DuckDBPyConnection, readings: dict[str, Reading]
) -> None:
    found = rows(
        marts,
        """
        select opportunity_id, stage, entered_date, coalesce(exited_date, date '2026-04-30')
        from marts.fct_opportunity_stage_events order by opportunity_id, visit_number
        """,
    )
    expected = [
        (deal_id, visit.stage, visit.entered, visit.seen_until)
        for deal_id, reading in sorted(readings.items())
        for visit in reading.visits
        if reading.deal.created_at < END
    ]
    assert found == expected


def test_every_deal_is_as_the_rules_read_it(
    marts: duckdb.DuckDBPyConnection, readings: dict[str, Reading]
) -> None:
    found = rows(
        marts,
        """
        select
            opportunity_id, outcome, effective_stage_rank, skipped_stage_count,
            backward_move_count, reopening_count, cast(amount_original as double),
            owner_current_id, cast(expected_close_date as varchar)
        from marts.fct_opportunities order by opportunity_id
        """,
    )

    def at_as_of(reading: Reading, name: str) -> str:
        deal = reading.deal
        return deal.at_as_of(name) if deal.has_log else deal.now(name)

    assert found == [
        (
            *(deal_id, r.outcome, r.effective, r.skipped, r.backward, r.reopened),
            *(float(at_as_of(r, "amount")), at_as_of(r, "owner_id")),
            at_as_of(r, "expected_close_date"),
        )
        for deal_id, r in sorted(readings.items())
        if r.deal.created_at < END
    ]


def test_reach_and_conversion_of_every_cell(
    marts: duckdb.DuckDBPyConnection, readings: dict[str, Reading]
) -> None:
    found = rows(
        marts,
        """
        select
            cohort, segment, stage_rank, observed_reach_count, effective_reach_count,
            conversion_rate_numerator, conversion_rate_denominator
        from marts.mart_funnel_monthly order by cohort, segment, stage_rank
        """,
    )
    cells = defaultdict(list)
    for reading in readings.values():
        if reading.deal.created_at < END:
            cells[reading.cell].append(reading)
    expected = []
    for cell, members in sorted(cells.items()):
        counted = [reading for reading in members if reading.is_counted]
        for rank in RANKS.values():
            reached = [reading for reading in counted if (reading.effective or 0) >= rank]
            further = [reading for reading in reached if (reading.effective or 0) > rank]
            told = [r for r in reached if r.is_resolved or r in further]
            conversion = (len(further), len(told)) if rank < len(RANKS) else (None, None)
            observed = sum(rank in reading.observed for reading in counted)
            expected.append((*cell, rank, observed, len(reached), *conversion))
    assert found == expected


def test_the_eight_deals(marts: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        marts,
        """
        select
            observed_reach_count, effective_reach_count, conversion_rate_numerator,
            conversion_rate_denominator, cohort_skipped_count, cohort_backward_count,
            cohort_reopened_count, win_rate_numerator, win_rate_denominator
        from marts.mart_funnel_monthly where cohort = '2024-04' order by stage_rank
        """,
    )
    cohort = (3, 1, 1, 3, 7)
    assert found == [
        (7, 8, 7, 8, *cohort),
        (5, 7, 6, 7, *cohort),
        (6, 6, 3, 5, *cohort),
        (1, 3, 3, 3, *cohort),
        (4, 3, None, None, *cohort),
    ]


def test_probabilities_are_those_of_aalen_and_johansen(
    marts: duckdb.DuckDBPyConnection, readings: dict[str, Reading]
) -> None:
    followed = defaultdict(list)
    for reading in readings.values():
        if reading.deal.created_at < END:
            for rank, event, days in reading.transitions():
                followed[(*reading.cell, rank)].append((event, days))
    columns = ", ".join(
        f"advance_probability_{horizon}d, loss_probability_{horizon}d" for horizon in HORIZONS
    )
    found = rows(
        marts,
        f"""
        select cohort, segment, stage_rank, timed_entry_count, {columns}
        from marts.mart_funnel_monthly where stage_type = 'open'
        """,
    )
    told = 0
    for cohort, segment, rank, count, *probabilities in found:
        of_cell = followed[(cohort, segment, rank)]
        assert count == len(of_cell)
        for number, horizon in enumerate(HORIZONS):
            curve = aalen_johansen(of_cell, horizon) if len(of_cell) >= 5 else None
            pair = tuple(probabilities[2 * number : 2 * number + 2])
            assert pair == ((None, None) if curve is None else pytest.approx(curve, abs=2e-9))
            told += curve is not None
    assert told > 200


def test_versions_are_half_open_and_one_is_in_force(marts: duckdb.DuckDBPyConnection) -> None:
    [(gaps, in_force, deals)] = rows(
        marts,
        """
        with versions as (
            select *, lead(valid_from) over (
                partition by opportunity_id order by version_number
            ) as next_from
            from intermediate.int_opportunity_versions
        )
        select
            count(*) filter (where valid_to is distinct from next_from or valid_to < valid_from),
            count(*) filter (where valid_to is null),
            count(distinct opportunity_id)
        from versions
        """,
    )
    assert (gaps, in_force) == (0, deals)


def test_nothing_of_an_undelivered_deal_is_told(marts: duckdb.DuckDBPyConnection) -> None:
    sql = "select count(*) from {} where opportunity_id = 'orphan'"
    assert rows(marts, sql.format("intermediate.int_opportunity_changes_unioned")) == [(1,)]
    assert rows(marts, sql.format("intermediate.int_opportunity_versions")) == [(0,)]

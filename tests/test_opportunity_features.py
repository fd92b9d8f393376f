"""No look-ahead: what is learned of a past day must be what a run of that day would have scored.

One company of random deals, whose every row is learned later than it happened, is run as of the end
of March and as of the end of June. The second run has three months more of everything, and much of
it speaks of the days before April. The facts of a deal at the end of March must not move.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest

from assets.settings import Settings
from tests.dbt_helpers import land_whole, part_of_project, run_dbt
from tests.landing_helpers import csv_of

THEN, NOW = date(2026, 3, 31), date(2026, 6, 30)
START = datetime.fromisoformat("2025-12-01T09:00:00")
STAGES = ("Prospect", "Qualified", "Proposal", "Negotiation")
ATTRIBUTES = ("need", "timing", "budget")
SALES = (
    "fct_opportunities",
    "fct_opportunity_stage_events",
    "fct_pipeline_snapshots",
    "fct_qualification_scores",
)
# the line's models are built twice
pytestmark = pytest.mark.slow
#: what says nothing of the deal, but of the run
OF_THE_RUN = "landmark_kind, is_won, resolved_date"

Rows = list[dict[str, str]]


class Company:
    """Random deals and what belongs to them, as rows of the standard extract."""

    def __init__(self) -> None:
        self.random = random.Random(11)
        self.rows: dict[str, Rows] = {name: [] for name in self.entities}
        for number in range(3):
            self.rows["accounts"].append({"account_id": f"a{number}", "segment": f"s{number % 2}"})
        for number in range(120):
            self.deal(f"o{number:03}")
        for number in range(60):
            self.order(f"r{number:02}")

    entities = (
        *("accounts", "opportunities", "opportunity_changes", "activities"),
        *("qualification_answers", "order_lines", "shipments"),
    )

    def learned(self, happened: datetime) -> dict[str, str]:
        """Half of all is learned at once, the rest up to 80 days late."""
        late = self.random.choice((0, 0, 0, self.random.uniform(0, 80)))
        return {"recorded_at": (happened + timedelta(days=late)).isoformat(timespec="seconds")}

    def after(self, moment: datetime, days: float) -> datetime:
        return (moment + timedelta(days=self.random.uniform(0, days))).replace(microsecond=0)

    def deal(self, name: str) -> None:
        now: dict[str, str] = {
            "stage": "Prospect",
            "amount": str(self.random.randrange(100, 900)),
            "expected_close_date": str(self.after(START, 200).date()),
            "owner_id": f"p{self.random.randrange(3)}",
            "probability": "0.1",
        }
        created = moment = self.after(START, 110)
        account = f"a{self.random.randrange(3)}"
        closed = ""
        # what a field was before its first change is told by that change alone: a log that is
        # learned out of order would tell another beginning on another day
        learned_last = dict.fromkeys(now, "")
        while not closed:
            moment = self.after(moment, 30)
            if moment.date() > NOW:
                break
            fields = self.random.sample(sorted(now), self.random.randrange(1, 4))
            for field in fields:
                new = {
                    "stage": self.random.choice((*STAGES, "Won", "Lost")),
                    "amount": str(self.random.randrange(100, 900)),
                    "expected_close_date": str(self.after(moment, 120).date()),
                    "owner_id": f"p{self.random.randrange(3)}",
                    "probability": f"0.{self.random.randrange(1, 9)}",
                }[field]
                learned_last[field] = max(learned_last[field], *self.learned(moment).values())
                self.rows["opportunity_changes"].append(
                    {"opportunity_id": name, "changed_at": moment.isoformat(), "field": field}
                    | {"old_value": now[field], "new_value": new}
                    | {"recorded_at": learned_last[field]}
                )
                now[field] = new
            if now["stage"] in ("Won", "Lost") and self.random.random() < 0.8:
                closed = moment.isoformat()
            self.touches(name, account, moment)
        self.rows["opportunities"].append(
            {"opportunity_id": name, "account_id": account, "created_at": created.isoformat()}
            | {"closed_at": closed, "currency": "USD", "recorded_at": created.isoformat()}
            | now
        )

    def touches(self, name: str, account: str, moment: datetime) -> None:
        for kind in self.random.sample(("call", "visit", "email"), self.random.randrange(3)):
            happened = self.after(moment, 10)
            self.rows["activities"].append(
                {"activity_id": f"t{len(self.rows['activities'])}", "opportunity_id": name}
                | {"occurred_at": happened.isoformat(), "rep_id": "p0", "activity_type": kind}
                | {"participant_function": self.random.choice(("operations", "purchasing"))}
                | {"duration_minutes": "30", "account_id": account}
                | self.learned(happened)
            )
        for attribute in self.random.sample(ATTRIBUTES, self.random.randrange(4)):
            happened = self.after(moment, 10)
            self.rows["qualification_answers"].append(
                {"opportunity_id": name, "attribute_id": attribute}
                | {"rating": str(self.random.randrange(6)), "assessed_at": happened.isoformat()}
                | {"assessed_by": f"p{self.random.randrange(3)}"}
                | self.learned(happened)
            )

    def order(self, name: str) -> None:
        ordered = self.after(START, 150)
        promise = self.after(ordered, 60).date()
        shipped = self.after(ordered + timedelta(days=1), 80)
        account = f"a{self.random.randrange(3)}"
        self.rows["order_lines"].append(
            {"order_id": name, "line_number": "1", "account_id": account, "product_id": "x"}
            | {"ordered_at": ordered.isoformat(), "quantity": "10"}
            | {"first_promise_date": str(promise), "current_promise_date": str(promise)}
            | {"recorded_at": ordered.isoformat()}
        )
        self.rows["shipments"].append(
            {"shipment_id": f"s{name}", "order_id": name, "line_number": "1", "quantity": "10"}
            | {"shipped_on": str(shipped.date())}
            | self.learned(shipped)
        )

    def extracts(self) -> dict[str, str]:
        return {f"{name}__{NOW}.csv": csv_of(rows) for name, rows in self.rows.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both warehouses, attached as then_run and now_run."""
    folder = tmp_path_factory.mktemp("features")
    extracts = Company().extracts()
    parts = ("opportunities", "pipeline", "qualification", "delivery", "scores")
    project = part_of_project(
        folder / "dbt_project",
        *(f"models/intermediate/{part}" for part in parts),
        *(f"models/marts/sales/{mart}.{end}" for mart in SALES for end in ("sql", "yml")),
        *(f"models/marts/delivery/fct_order_line_deliveries.{end}" for end in ("sql", "yml")),
    )
    # reads the scores of promises, too
    (project / "models/intermediate/scores/int_score_decisions.sql").unlink()
    with duckdb.connect() as connection:
        for name, as_of in (("then_run", THEN), ("now_run", NOW)):
            settings = Settings(home=folder / name, as_of=as_of)
            land_whole(settings, extracts)
            run_dbt(
                settings,
                project,
                *("build", "--exclude-resource-type", "unit_test", "test"),
                *("--select", "+int_opportunity_features"),
            )
            connection.execute(f"attach '{settings.warehouse}' as {name} (read_only)")
        yield connection


FEATURES = "intermediate.int_opportunity_features"


def compared(columns: str) -> str:
    """SQL for the deals open at the end of March and resolved by the end of June, in both runs."""
    pairs = f"""
        select opportunity_id from then_run.{FEATURES} where landmark_kind = 'as_of'
        intersect
        select opportunity_id from now_run.{FEATURES}
        where landmark_kind = 'month_end' and landmark_date = date '{THEN}'
    """
    return f"""
        select {columns} from {{run}}.{FEATURES}
        where landmark_date = date '{THEN}' and opportunity_id in ({pairs})
        order by opportunity_id
    """


def test_the_facts_of_a_past_day_are_those_of_a_run_of_that_day(
    runs: duckdb.DuckDBPyConnection,
) -> None:
    columns = f"* exclude ({OF_THE_RUN})"
    then = runs.sql(compared(columns).format(run="then_run")).df()
    now = runs.sql(compared(columns).format(run="now_run")).df()
    assert len(then) > 25
    differ = [name for name in then if not then[name].equals(now[name])]
    assert differ == []
    # and all that could have moved is there to move
    known = {name for name in then if then[name].notna().any() and then[name].nunique() > 1}
    assert {
        *("stage", "segment", "age_days", "days_in_stage", "amount_base", "amount_growth"),
        *("days_to_expected_close", "push_count", "net_pushed_days", "backward_move_count"),
        *("skipped_move_count", "owner_change_count", "activity_count", "days_since_activity"),
        *("has_operations_contact", "completeness_rate", "account_win_rate", "owner_win_rate"),
        *("account_on_time_rate", "crm_probability"),
    } <= known


def test_the_answers_of_a_past_day_too(runs: duckdb.DuckDBPyConnection) -> None:
    told = f"""
        select answers.* from {{run}}.intermediate.int_score_answers as answers
        semi join ({compared("opportunity_id")}) as deals
            on answers.opportunity_id = deals.opportunity_id
        where answers.landmark_date = date '{THEN}' order by all
    """
    then, now = (runs.sql(told.format(run=run)).fetchall() for run in ("then_run", "now_run"))
    assert then == now and len(then) > 20


def test_much_of_the_past_was_learned_later(runs: duckdb.DuckDBPyConnection) -> None:
    """Else the first test could not fail."""
    [(late,)] = runs.sql(
        f"""
        select count(*) from now_run.intermediate.int_activities_unioned
        where occurred_at < date '{THEN}' and recorded_at > date '{THEN}' + 1
        """
    ).fetchall()
    assert late >= 5


def test_deals_are_looked_at_while_open_and_counted_by_when_their_end_was_known(
    runs: duckdb.DuckDBPyConnection,
) -> None:
    [(odd,)] = runs.sql(
        f"select count(*) from now_run.{FEATURES}"
        " where landmark_kind = 'month_end' and coalesce(resolved_date <= landmark_date, true)"
    ).fetchall()
    assert odd == 0

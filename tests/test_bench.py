"""The benchmark: its company is consistent, its costs add up, its floor does the line's work."""

import hashlib
import os
import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from assets.scoring.evaluation import auc
from tests.bench import company, floor, measure, scores
from tests.line import PROJECT, Line, marts_of_state

SCALE = 0.002
BASE_DAY = date.fromisoformat(company.BASE_DAY)
#: entity → its columns that lead to the keys of another
REFERENCES = {
    "opportunities": {"accounts": "account_id", "products": "product_id"},
    "opportunity_changes": {"opportunities": "opportunity_id"},
    "opportunity_splits": {"opportunities": "opportunity_id", "sales_reps": "rep_id"},
    "qualification_answers": {"opportunities": "opportunity_id"},
    "order_lines": {"accounts": "account_id", "products": "product_id", "sales_reps": "rep_id"},
    "promise_changes": {"order_lines": "order_id, line_number"},
    "shipments": {"order_lines": "order_id, line_number"},
    "returns": {"order_lines": "order_id, line_number"},
    "work_orders": {"order_lines": "order_id, line_number", "products": "product_id"},
    "operations": {"work_orders": "work_order_id", "work_centers": "work_center_id"},
    "objective_results": {"rep_objectives": "objective_id, rep_id"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landing")


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, int]:
    return company.write_base(folder, SCALE)


@pytest.fixture(scope="module")
def next_rows(folder: Path) -> dict[str, int]:
    return company.write_increment(folder, SCALE)


@pytest.fixture(scope="module")
def extracts(
    folder: Path, rows: dict[str, int], next_rows: dict[str, int]
) -> duckdb.DuckDBPyConnection:
    """A table per entity: `x` the base, `next_x` the increment, `grown_x` what stands after it."""
    connection = duckdb.connect()
    for prefix, entities, end in (
        ("", rows, f"__{company.BASE_DAY}"),
        ("next_", next_rows, f".delta__{company.NEXT_DAY}"),
    ):
        for entity in entities:
            file = f"{folder}/standard/{entity}{end}.csv"
            connection.execute(
                f"create table {prefix}{entity} as from read_csv('{file}', all_varchar = true)"
            )
    connection.execute(
        "create view grown_opportunities as from opportunities anti join next_opportunities"
        " using (opportunity_id) union all by name from next_opportunities"
    )
    connection.execute(
        "create view grown_opportunity_changes as from opportunity_changes"
        " union all by name from next_opportunity_changes"
    )
    return connection


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    [(found,)] = connection.execute(f"select count(*) from ({sql})").fetchall()
    return int(found)


def test_the_numbers_of_rows_follow_the_scale(
    rows: dict[str, int], next_rows: dict[str, int]
) -> None:
    for entity, at_one in {
        "opportunities": 2_000_000,
        "opportunity_changes": 12_000_000,
        "order_lines": 5_000_000,
        "work_orders": 4_000_000,
        "operations": 20_000_000,
    }.items():
        assert rows[entity] == pytest.approx(at_one * SCALE, rel=0.02), entity
    for log in ("opportunity_changes", "operations", "shipments"):
        assert next_rows[log] == pytest.approx(0.01 * rows[log], rel=0.4), log
    assert all(rows.values())


def test_the_same_scale_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        company.write_base(tmp_path / name, SCALE / 10)
        company.write_increment(tmp_path / name, SCALE / 10)
        files = sorted((tmp_path / name / "standard").iterdir())
        made.append({file.name: hashlib.sha256(file.read_bytes()).digest() for file in files})
    assert made[0] == made[1]


def test_every_row_leads_to_one_that_was_delivered(extracts: duckdb.DuckDBPyConnection) -> None:
    for child, parents in REFERENCES.items():
        for parent, key in parents.items():
            lost = f"from {child} anti join {parent} using ({key})"
            assert count(extracts, lost) == 0, f"{child} → {parent}"


@pytest.mark.parametrize("when", ["", "grown_"])
@pytest.mark.parametrize("field", ["stage", "amount", "owner_id", "expected_close_date"])
def test_the_last_logged_value_is_the_current_one(
    extracts: duckdb.DuckDBPyConnection, field: str, when: str
) -> None:
    logged = f"""
        from {when}opportunity_changes where field = '{field}'
        qualify row_number() over (partition by opportunity_id order by changed_at desc) = 1
    """
    current = f"{when}opportunities as current join (select * {logged}) as last"
    assert count(extracts, f"select * {logged}") > 100
    assert not count(
        extracts,
        f"from {current} using (opportunity_id)"
        f" where last.new_value is distinct from current.{field}",
    )


def test_each_change_begins_where_the_one_before_it_ended(
    extracts: duckdb.DuckDBPyConnection,
) -> None:
    assert not count(
        extracts,
        """
        select *, lag(new_value) over changes as before, lag(changed_at) over changes as earlier
        from grown_opportunity_changes
        window changes as (partition by opportunity_id, field order by cast(sequence as int))
        qualify before <> old_value or earlier >= changed_at or old_value = new_value
        """,
    )


def test_the_increment_holds_new_keys_and_changes_of_old_ones_on_its_day(
    extracts: duckdb.DuckDBPyConnection, next_rows: dict[str, int]
) -> None:
    for entity, key in (
        ("opportunities", "opportunity_id"),
        ("order_lines", "order_id, line_number"),
        ("work_orders", "work_order_id"),
    ):
        new = count(extracts, f"from next_{entity} anti join {entity} using ({key})")
        assert 0 < new < next_rows[entity], entity
        assert not count(extracts, f"from next_{entity} intersect from {entity}"), entity
    for log in ("opportunity_changes", "promise_changes"):
        on_another_day = f"cast(changed_at as date) <> date '{company.NEXT_DAY}'"
        assert not count(extracts, f"from next_{log} where {on_another_day}"), log


def test_the_cost_of_a_process_is_that_of_its_children_too_and_can_be_divided() -> None:
    child = "x = bytearray(200_000_000); sum(range(20_000_000))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ended = measure.run([sys.executable, "-c", parent], os.environ, PROJECT)
    whole = ended.cost
    start, end = ended.looks[0][0], ended.looks[-1][0]
    halves = [
        ended.cost_between(start, (start + end) / 2),
        ended.cost_between((start + end) / 2, end),
    ]
    assert whole.peak_bytes > 200_000_000
    assert 0.2 < whole.cpu_seconds < 1.1 * whole.seconds
    assert sum(half.cpu_seconds for half in halves) == pytest.approx(whole.cpu_seconds)
    with pytest.raises(RuntimeError, match="said so"):
        measure.run([sys.executable, "-c", "raise SystemExit('said so')"], os.environ, PROJECT)


def test_the_deals_that_are_scored_teach_what_was_planted(tmp_path: Path) -> None:
    """Else a model might be quick for having nothing to say."""
    pq.write_table(scores.deals(3000, 1), tmp_path / "resolved.parquet")
    pq.write_table(scores.deals(2000, 2), tmp_path / "open.parquet")
    pq.write_table(scores.deals(2000, 2), tmp_path / "again.parquet")
    assert (tmp_path / "open.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()
    fitted = scores.train(tmp_path / "resolved.parquet")
    assert (fitted.status, fitted.report.validation) == ("fitted", "forward in time")
    assert not fitted.ignored and not fitted.suspects
    said, reasons = scores.apply(fitted, tmp_path / "open.parquet")
    assert (auc(scores.deals(2000, 2)["won"].to_numpy(), said) or 0) > 0.65
    assert reasons.num_rows > 5 * said.size


#: marts of extracts and seeds that the company of the benchmark does not have: quotes, the ledger,
#: barriers, the pulse, coaching, decisions, lines of deals, quotas
NOT_DELIVERED = {
    *("fct_barriers", "mart_barriers_monthly", "mart_incentive_conflicts", "mart_interventions"),
    *("mart_padding_quarterly", "mart_promise_spiral", "mart_profit_reconciliation"),
    *("mart_profit_whale_curve", "mart_pulse_functions", "mart_pulse_questions"),
    *("mart_pulse_reasons", "mart_pulse_waves", "mart_pulse_actions", "fct_coaching_sessions"),
    *("mart_rep_coaching_weekly", "mart_coaching_monthly", "mart_coaching_effects"),
    *(f"mart_lead_requirement{what}" for what in ("", "_monthly", "_sensitivities")),
}


@pytest.mark.slow
def test_the_floor_gives_the_marts_of_the_line(tmp_path: Path) -> None:
    """Byte for byte, so it does the same work; the line sets no row of the company aside."""
    line = Line(tmp_path / "line", company.BASE_DAY)
    for home in (line.home, tmp_path / "floor"):
        company.write_base(home / "landing", SCALE)
    line.publishes()
    floor.plan(tmp_path / "floor", BASE_DAY)
    floor.build(tmp_path / "floor", BASE_DAY)
    own = {
        file.stem: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (tmp_path / "floor" / "published" / "parquet").iterdir()
    }
    published = line.manifest()["marts"]
    records = {"data_quality_checks", "quarantined_rows", "publish_info"}
    assert own == {name: m["sha256"] for name, m in published.items() if name not in records}
    # on the first day no forecast is over, and a small company may teach no score
    empty = {mart for mart in own if not published[mart]["rows"]}
    assert empty <= marts_of_state() | NOT_DELIVERED
    assert published["quarantined_rows"]["rows"] == 0
    assert line.one("select count(*) from data_quality_checks where not is_passed") == (0,)

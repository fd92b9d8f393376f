"""The whole line on small extracts, with the real Dagster, dbt and DuckDB."""

import json
import multiprocessing
import os
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from assets.publish import public_marts, publish
from assets.settings import Settings
from expectations.checks import entry_gates, systems
from expectations.standing import standing
from expectations.suites.marts import mart_gates
from expectations.validation import Gate, keep, validate
from tests.line import Line

CONTRACT_MARTS = """
    dim_accounts dim_products dim_reps dim_dates dim_stages dim_work_centers dim_metrics
    fct_opportunities fct_opportunity_stage_events fct_pipeline_snapshots mart_funnel_monthly
    mart_sales_outcomes_monthly mart_sales_flow_weekly mart_pipeline_waterfall mart_forecast_monthly
    fct_qualification_scores mart_tipping_points mart_qualification_monthly mart_rater_agreement
    fct_order_line_deliveries fct_order_deliveries mart_on_time_delivery_monthly
    fct_work_orders fct_operations mart_score_models mart_score_performance
    fct_rep_objective_days fct_rep_objective_periods mart_rep_objectives_monthly
    mart_objective_issuers_monthly mart_objective_overlap_monthly
    data_quality_checks quarantined_rows publish_info
""".split()


@pytest.fixture
def copy(demo_line: Line, tmp_path: Path) -> Line:
    """The published demo company in a home that a test may spoil."""
    shutil.copytree(demo_line.home, tmp_path / "home")
    return Line(tmp_path / "home")


def truth(line: Line) -> dict:
    return json.loads((line.home / "demo" / "truth.json").read_text())


def test_every_mart_of_the_contract_is_published(demo_line: Line) -> None:
    manifest = demo_line.manifest()
    assert set(CONTRACT_MARTS) <= set(manifest["marts"])
    assert manifest["contract_version"]
    assert manifest["as_of"] == "2026-06-30"
    folder = demo_line.home / "published" / manifest["parquet"]
    for mart, facts in manifest["marts"].items():
        (rows,) = demo_line.one(f"select count(*) from {mart}")
        assert rows == facts["rows"], mart
        (in_parquet,) = duckdb.execute(
            f"select count(*) from '{folder / mart}.parquet'"
        ).fetchone() or (None,)
        assert in_parquet == rows, mart
    empty = [m for m in CONTRACT_MARTS if not manifest["marts"][m]["rows"]]
    assert empty == [], "the demo company fills every mart"


def test_marts_are_commented_and_in_the_order_of_their_grain(demo_line: Line) -> None:
    [(uncommented,)] = demo_line.query(
        "select count(*) from duckdb_columns() where database_name = 'p' and comment is null"
        " and table_name not in ('data_quality_checks', 'quarantined_rows', 'publish_info')"
    )
    assert uncommented == 0
    for mart in public_marts():
        keys = ", ".join(mart.grain)
        [(rows, distinct)] = demo_line.query(
            f"select count(*), count(distinct ({keys})) from {mart.name}"
        )
        assert rows == distinct, mart.name
        assert demo_line.query(f"select {keys} from {mart.name}") == demo_line.query(
            f"select {keys} from {mart.name} order by {keys}"
        ), mart.name


def test_rates_have_their_parts_beside_them(demo_line: Line) -> None:
    columns = demo_line.query(
        "select table_name, list(column_name) from duckdb_columns() where database_name = 'p'"
        " and (table_name like 'mart_%' or table_name like 'fct_%') group by 1"
    )
    alone = [
        f"{table}.{column}"
        for table, names in columns
        for column in names
        if column.endswith("_rate") and column != "fx_rate"
        for part in ("numerator", "denominator")
        if f"{column}_{part}" not in names
    ]
    assert alone == []


def test_rows_in_are_loaded_or_set_aside_and_nothing_else(demo_line: Line) -> None:
    planted = truth(demo_line)["extracts"]["quarantined"]
    expected = {
        (entity, reason): rows for entity, by in planted.items() for reason, rows in by.items()
    }
    found = demo_line.query(
        "select entity, reason, count(*) from quarantined_rows where is_set_aside group by 1, 2"
    )
    assert {(entity, reason): rows for entity, reason, rows in found} == expected
    [(checked, failed)] = demo_line.query(
        "select count(*), count(*) filter (not is_passed) from data_quality_checks"
        " where check_name = 'rows_in_equal_loaded_plus_quarantined'"
    )
    assert checked > 30
    assert failed == 0


def test_the_planted_truths_come_out(demo_line: Line) -> None:
    planted = truth(demo_line)
    for basis in ("request", "first_promise", "last_promise"):
        found = demo_line.one(
            "select sum(otif_rate_numerator), sum(otif_rate_denominator)"
            f" from mart_on_time_delivery_monthly where basis = '{basis}'"
        )
        assert found == (
            planted["on_time"][basis]["numerator"],
            planted["on_time"][basis]["denominator"],
        ), basis
    below = planted["tipping_point"]["by_first_complete_score"]["below"]
    assert demo_line.one(
        "select count(*) filter (is_won), count(*) from fct_qualification_scores"
        " where landmark = 'first_complete' and is_resolved_evidence and score < 60"
    ) == (below["numerator"], below["denominator"])
    months = {
        (row["rep_id"], row["month"]): row["present"]["rate"]
        for row in planted["objectives"]["by_rep_and_month"]
        if row["present"]["denominator"]
    }
    found = {
        (rep, month.isoformat()): mean
        for rep, month, mean in demo_line.query(
            "select rep_id, objective_month, mean_active_objectives"
            " from mart_rep_objectives_monthly where counted_days > 0"
        )
    }
    assert found == pytest.approx(months, abs=1e-6)


def test_text_from_extracts_is_inert_on_the_page(demo_line: Line) -> None:
    page = (demo_line.home / "reports" / "data_quality" / "index.html").read_text()
    assert "Nothing stops the line" in page
    assert "<img" not in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://x", "")


def test_a_blocked_check_leaves_the_last_publish(copy: Line) -> None:
    before = (copy.home / "published" / "manifest.json").read_bytes()
    inode = (copy.home / "published" / "marts.duckdb").stat().st_ino
    opportunity, rep = copy.one(
        "select min(opportunity_id), min(owner_current_id) from fct_opportunities"
    )
    bad = copy.put(
        "standard/opportunity_splits.delta__2026-06-30.csv",
        f"opportunity_id,rep_id,split_share\n{opportunity},{rep},0.7\n{opportunity},other,0.7\n",
    )
    words = copy.stops()
    assert f"1 opportunities have shares that do not add to 1 ({opportunity})" in words
    assert "What to do: correct the shares" in words
    assert (copy.home / "published" / "manifest.json").read_bytes() == before
    assert (copy.home / "published" / "marts.duckdb").stat().st_ino == inode
    page = (copy.home / "reports" / "data_quality" / "index.html").read_text()
    assert "stops the line" in page
    bad.unlink()


def test_a_refused_file_stops_the_line_until_allowed(copy: Line) -> None:
    copy.put("standard/accounts__2026-06-30T230000Z.csv", "account_id\nA00000\n")
    words = copy.stops()
    assert "accounts__2026-06-30T230000Z.csv" in words
    assert "make allow FILE=" in words
    allowed = copy.run(
        "allow", "--file", "standard/accounts__2026-06-30T230000Z.csv", "--reason", "sold"
    )
    assert allowed.returncode == 0, allowed.stderr
    said = copy.publishes()
    assert "standard:" in said
    assert "Published in" in said
    # the extract of the evening, stamped later the same day, brings the other accounts back
    assert copy.one("select count(*) > 10 from dim_accounts") == (True,)
    assert copy.one(
        "select is_passed from data_quality_checks"
        " where asset = 'raw_standard/accounts' and check_name = 'files_accepted'"
        " order by checked_at desc limit 1"
    ) == (True,)


def test_a_mart_that_lost_its_rows_stops_until_allowed(copy: Line) -> None:
    manifest = copy.home / "published" / "manifest.json"
    published = json.loads(manifest.read_text())
    published["marts"]["dim_products"]["rows"] *= 2
    manifest.write_text(json.dumps(published))
    settings = Settings(copy.home, date(2026, 6, 30))

    def drifted() -> list[str]:
        verdicts = validate(settings.warehouse, mart_gates(settings), settings.memory_limit)
        return [verdict.message for verdict in verdicts if verdict.blocks]

    [message] = drifted()
    assert "marts/dim_products" in message
    assert "lost 30% or more of its" in message
    assert copy.run("allow", "--drift", "no_mart", "--reason", "x").returncode != 0
    assert copy.run("allow", "--drift", "dim_products", "--reason", "sold").returncode == 0
    assert drifted() == []
    # the word given for one step is not a word for the next
    published["version"] = "later"
    manifest.write_text(json.dumps(published))
    assert len(drifted()) == 1


def test_a_quarter_may_end(copy: Line) -> None:
    """What is ahead at the as_of gets less by the calendar alone."""
    manifest = copy.home / "published" / "manifest.json"
    published = json.loads(manifest.read_text())
    published["marts"]["mart_lead_requirement"]["rows"] = 1_000
    manifest.write_text(json.dumps(published))
    settings = Settings(copy.home, date(2026, 6, 30))
    gates = [gate for gate in mart_gates(settings) if gate.asset == "marts/mart_lead_requirement"]
    assert len(gates) == 1
    verdicts = validate(settings.warehouse, gates, settings.memory_limit)
    assert [verdict.message for verdict in verdicts if verdict.blocks] == []


def test_what_has_not_changed_is_not_judged_again(copy: Line) -> None:
    settings = Settings(copy.home, date(2026, 6, 30))
    entry = entry_gates("standard", systems()["standard"])

    def stand(gates: list[Gate]) -> set[str]:
        return set(standing(settings.warehouse, gates)[0])

    def changed(sql: str) -> None:
        with duckdb.connect(str(settings.warehouse)) as connection:
            connection.execute(sql)

    marts = {gate.asset for gate in mart_gates(settings)}
    assert stand(mart_gates(settings)) == marts
    came = {gate.asset for gate in entry} & stand(entry)
    assert "raw_standard/opportunities" in came
    verdicts, _ = standing(settings.warehouse, entry)
    kept = copy.query(
        "select check_name, is_passed, message from data_quality_checks"
        " where asset = 'raw_standard/opportunities' order by position"
    )
    assert kept == [
        (verdict.check_name, verdict.is_passed, verdict.message or None)
        for verdict in verdicts["raw_standard/opportunities"]
    ]

    # one mart that lost rows against the last publish is looked at again, whenever that was
    manifest = copy.home / "published" / "manifest.json"
    published = json.loads(manifest.read_text())
    published["marts"]["dim_products"]["rows"] *= 2
    manifest.write_text(json.dumps(published))
    assert stand(mart_gates(settings)) == marts - {"marts/dim_products"}

    # one row of raw that was written anew: every extract of its system
    changed(
        "update raw_standard.accounts set _landing_number = 99"
        " where rowid = (select min(rowid) from raw_standard.accounts)"
    )
    assert stand(entry) == set()
    changed("delete from landing.builds")
    assert stand(mart_gates(settings)) == set()


def test_a_verdict_that_stops_the_line_never_stands(copy: Line) -> None:
    settings = Settings(copy.home, date(2026, 6, 30))
    gates = entry_gates("standard", systems()["standard"])
    found, known_by = standing(settings.warehouse, gates)
    accounts, products = found["raw_standard/accounts"], found["raw_standard/products"]
    accounts = [replace(accounts[0], is_passed=False, message="no good"), *accounts[1:]]
    keep(settings.warehouse, "entry", "another run", [*accounts, *products], known_by)
    again, _ = standing(settings.warehouse, gates)
    assert "raw_standard/accounts" not in again
    assert [verdict.check_name for verdict in again["raw_standard/products"]] == [
        verdict.check_name for verdict in products
    ]


def test_rollback_puts_the_publish_before_back(copy: Line) -> None:
    first = copy.manifest()
    publish(Settings(copy.home, date(2026, 6, 30)), "test")
    assert copy.manifest()["version"] > first["version"]
    said = copy.run("rollback")
    assert first["version"] in said.stdout
    assert copy.manifest() == first
    assert copy.one("select version from publish_info") == (first["version"],)
    assert copy.run("rollback").returncode == 1
    assert "Published: version" in copy.run("status").stdout


def test_wrong_settings_are_named(demo_line: Line) -> None:
    for name, value in {
        "FUNNELWORKS_AS_OF": "yesterday",
        "FUNNELWORKS_TIMEZONE": "Mars/Olympus",
        "FUNNELWORKS_BASE_CURRENCY": "dollars",
        "FUNNELWORKS_FISCAL_YEAR_START_MONTH": "13",
    }.items():
        ended = demo_line.run(**{name: value})
        assert ended.returncode != 0
        assert name in ended.stderr.splitlines()[-1], ended.stderr


def _read_while_published(place: str, reads, stop, out) -> None:
    """Opens the file anew at each turn, and counts versions and anything that is not whole."""
    versions, errors = set(), []
    while not stop.is_set():
        try:
            with duckdb.connect(place, read_only=True) as connection:
                connection.execute("use marts.marts")
                [(version,)] = connection.execute("select version from publish_info").fetchall()
                [(marts, rows)] = connection.execute(
                    "select (select count(*) from duckdb_tables() where database_name = 'marts'),"
                    " (select count(*) from fct_opportunities)"
                ).fetchall()
                versions.add((version, marts, rows))
            reads.set()
        except Exception as error:
            errors.append(repr(error))
        time.sleep(0.01)
    out.put((versions, errors))


def test_readers_see_whole_versions_during_five_publishes(copy: Line) -> None:
    settings = Settings(copy.home, date(2026, 6, 30))
    context = multiprocessing.get_context("spawn")
    reads, stop, out = context.Event(), context.Event(), context.Queue()
    place = str(copy.home / "published" / "marts.duckdb")
    reader = context.Process(target=_read_while_published, args=(place, reads, stop, out))
    reader.start()
    assert reads.wait(timeout=60)
    for _ in range(5):
        publish(settings, "test")
    time.sleep(0.5)
    stop.set()
    versions, errors = out.get(timeout=60)
    reader.join(timeout=60)
    assert errors == []
    assert len(versions) > 3, "the reader ran beside the publishes"
    assert len({(marts, rows) for _, marts, rows in versions}) == 1
    kept = list((copy.home / "published" / "versions").iterdir())
    assert len(kept) == 5


def test_a_publish_that_breaks_leaves_what_was(copy: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    before = copy.manifest()
    settings = Settings(copy.home, date(2026, 6, 30))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            publish(settings, "test")
    assert copy.manifest() == before
    assert copy.one("select version from publish_info") == (before["version"],)
    publish(settings, "test")
    assert not list((copy.home / "published").glob(".building-*"))


def test_a_crm_alone_runs_to_the_end(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.put(
        "standard/opportunities.csv",
        "opportunity_id,owner_id,stage,created_at,closed_at,amount\n"
        "O1,R1,Won,2026-01-05,2026-02-05,100\n"
        "O2,R1,Lost,2026-01-06,2026-02-06,50\n"
        "O3,R2,Proposal,2026-03-01,,70\n",
    )
    line.publishes()
    assert line.query("select outcome, count(*) from fct_opportunities group by 1 order by 1") == [
        ("lost", 1),
        ("open", 1),
        ("won", 1),
    ]
    assert line.one("select count(*) from fct_order_line_deliveries") == (0,)
    assert line.one(
        "select win_rate, win_rate_numerator, win_rate_denominator, win_rate_suppressed_reason"
        " from mart_sales_outcomes_monthly where win_rate_denominator > 0"
    ) == (None, 1, 2, "fewer than 5 cases")

"""The long proofs: real extracts, the same bytes whatever the circumstances, the daemon."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest

from assets.demo import simulate
from assets.demo.company import TRUTHS
from assets.reports.behaviour import charts
from assets.reports.content import Chart, told
from assets.reports.published import published
from assets.settings import Settings
from tests.line import PROJECT, REAL, REAL_FOLDERS, Line

pytestmark = pytest.mark.slow


def check_maven(line: Line) -> None:
    of_maven = "from fct_opportunities where source_system = 'maven'"
    assert line.one(
        "select count(*), count(*) filter (outcome = 'won'), count(*) filter (outcome = 'lost'),"
        f" count(*) filter (outcome = 'open') {of_maven}"
    ) == (8800, 4238, 2473, 2089)
    (rate,) = line.one(
        "select sum(win_rate_numerator) / sum(win_rate_denominator)"
        " from mart_sales_outcomes_monthly where source_system = 'maven'"
    )
    assert round(rate, 6) == 0.631501
    assert line.one(
        f"select sum(amount_base), median(cycle_days) {of_maven} and outcome = 'won'"
    ) == (10005534, 57)
    assert line.one(
        f"select count(*) filter (account_id is null), count(*) filter (created_at is null)"
        f" {of_maven}"
    ) == (1425, 500)
    assert line.query(
        "select distinct win_rate_by_value, win_rate_by_value_suppressed_reason"
        " from mart_sales_outcomes_monthly where source_system = 'maven' and lost_count > 0"
    ) == [(None, "lost deals carry no amount")]
    assert line.query(
        "select failing_count, severity from data_quality_checks"
        " where check_name = 'product_is_in_the_price_list'"
    ) == [(1480, "warn")]
    assert line.one(f"select count(*) {of_maven} and product_id = 'maven:GTX Pro'") == (1480,)
    check_maven_months(line)


def check_maven_months(line: Line) -> None:
    """Won deals and their value, month by month, against XmR by hand: from the month in which the
    first deal closed to that in which the last did, long before the as_of; nine judge December.
    Deals began in October 2016, and the months before the first closing are no months without."""
    of_extract = f"read_csv('{REAL / REAL_FOLDERS['maven'] / 'sales_pipeline.csv'}')"
    with duckdb.connect() as connection:
        months = connection.execute(
            "select date_trunc('month', close_date)::date, count(*), sum(close_value)"
            f" from {of_extract} where deal_stage = 'Won' group by 1 order by 1"
        ).fetchall()
    assert len(months) == 10
    for metric, place in (("won_deals", 1), ("won_value", 2)):
        figures = [float(month[place]) for month in months]
        baseline = figures[:-1]
        centre = sum(baseline) / len(baseline)
        ranges = [abs(one - other) for one, other in itertools.pairwise(baseline)]
        reach = 2.66 * sum(ranges) / len(ranges)
        found = line.query(
            "select period_start, value, centre, lower_limit, upper_limit, baseline_state,"
            " baseline_count, is_signal from mart_process_behaviour"
            f" where source_system = 'maven' and metric = '{metric}' and dimension = 'all'"
            " order by period_start"
        )
        assert [row[:2] for row in found] == [
            (month[0], figure) for month, figure in zip(months, figures, strict=True)
        ]
        for row in found:
            assert row[2:5] == pytest.approx((centre, centre - reach, centre + reach))
            assert row[5:7] == ("provisional", 9)
        assert all(abs(figure - centre) < reach for figure in figures)
        assert not any(row[7] for row in found)
    assert words_on_maven(line) == {
        "won_deals": "Nothing unusual: 511 in the period from 2017-12-01 lies within 0 to 833."
        " The limits are provisional.",
        "won_value": "Nothing unusual: 1.13 M USD in the period from 2017-12-01 lies within"
        " 15.3 k USD to 1.96 M USD. The limits are provisional.",
    }


def words_on_maven(line: Line) -> dict[str, str]:
    """What the report on process behaviour says under the charts of what is won."""
    with published(Settings(home=line.home, as_of=date.fromisoformat(line.as_of))) as marts:
        [bookings] = [
            found.section for found in charts.sections(marts) if found.section.key == "bookings"
        ]
        return {
            str(part.query.parameters[0]): told(part.note, marts.info.base_currency)
            for part in bookings.parts
            if isinstance(part, Chart)
            and part.query.parameters[:2] in (("won_deals", "maven"), ("won_value", "maven"))
        }


def check_usaid(line: Line) -> None:
    assert line.one(
        "select sum(on_time_rate_numerator), sum(on_time_rate_denominator),"
        " sum(on_time_recorded_rate_numerator), sum(recorded_before_delivery_count)"
        " from mart_on_time_delivery_monthly"
        " where source_system = 'usaid' and basis = 'first_promise'"
    ) == (9138, 10324, 8092, 3)
    routes = dict(
        line.query(
            "select promised_by,"
            " round(sum(on_time_rate_numerator) / sum(on_time_rate_denominator), 6)"
            " from mart_on_time_delivery_monthly"
            " where source_system = 'usaid' and basis = 'last_promise' group by 1"
        )
    )
    assert routes == {"From RDC": 0.828460, "Direct Drop": 0.947358}
    assert line.one(
        "select sum(reliability_rate_numerator), sum(reliability_rate_denominator),"
        " sum(padding_count), sum(override_count) from mart_promise_reliability_monthly"
        " where source_system = 'usaid'"
    ) == (9138, 10324, 0, 0)


def check_levy(line: Line) -> None:
    assert line.one(
        "select count(*), count(distinct work_order_id), count(distinct work_center_id),"
        " sum(quantity_scrapped), sum(quantity_good) + sum(quantity_scrapped),"
        " sum(quantity_for_mrb) from fct_operations where source_system = 'levy'"
    ) == (4521, 225, 31, 593, 93112, 105)
    median, mean = line.one(
        "select median(lead_time_days), avg(lead_time_days) from fct_work_orders"
        " where source_system = 'levy'"
    )
    assert (round(median, 2), round(mean, 2)) == (13.90, 20.62)
    assert line.query(
        "select check_name, failing_count, severity from data_quality_checks"
        " where check_name in ('reported_once', 'operations_do_not_overlap') order by all"
    ) == [("operations_do_not_overlap", 1713, "warn"), ("reported_once", 22, "warn")]
    # load of the busiest machines: their hours, overlaps once, of those in which the plant was open
    assert line.query(
        "select work_center_id, round(sum(load_rate_numerator), 1), sum(load_rate_denominator),"
        " min(available_hours_basis), min(load_basis), count(*) filter (is_constraint)"
        " from mart_capacity_load_weekly where source_system = 'levy' group by 1"
        " order by sum(load_rate_numerator) desc limit 3"
    ) == [
        (f"levy:Machine {number} - Turning & Milling", hours, 1851, "observed open hours", *rest)
        for number, hours, *rest in (
            (4, 1313.1, "measured", 5),
            (5, 1207.8, "measured", 5),
            (6, 1153.3, "measured", 1),
        )
    ]
    assert line.one(
        "select max(load_rate) <= 1, count(distinct work_center_id),"
        " count(distinct week_start_date)"
        " from mart_capacity_load_weekly where source_system = 'levy'"
    ) == (True, 31, 13)
    assert line.query(
        "select product_id, first_pass_yield_rate_numerator, first_pass_yield_rate_denominator,"
        " lead_time_count, round(lead_time_p50_days, 2), round(lead_time_p90_days, 2)"
        " from dim_product_capabilities where source_system = 'levy'"
        " order by lead_time_basis desc, lead_time_count desc limit 3"
    ) == [
        ("levy:Ballnut", 20470, 20665, 58, 10.75, 25.87),
        ("levy:Cable Head", 18482, 18910, 50, 24.09, 79.62),
        ("levy:Spur Gear", 8145, 8186, 26, 8.65, 21.68),
    ]


def check_bohanec(line: Line) -> None:
    assert line.one(
        "select count(*), count(*) filter (outcome = 'won') from fct_opportunities"
        " where source_system = 'bohanec'"
    ) == (448, 227)
    assert line.query(
        "select 448 - failing_count from data_quality_checks"
        " where check_name = 'deals_can_be_told_apart'"
    ) == [(365,)]


CHECKS = {
    "maven": check_maven,
    "usaid": check_usaid,
    "levy": check_levy,
    "bohanec": check_bohanec,
}


@pytest.mark.parametrize("system", REAL_FOLDERS)
def test_one_real_system_alone(system: str, tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.put_real(system)
    line.publishes()
    CHECKS[system](line)


def test_all_real_systems_together(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.put_real(*REAL_FOLDERS)
    said = line.publishes()
    assert "landing/maven/data_dictionary.csv: no system claims this file" in said
    for check in CHECKS.values():
        check(line)
    assert line.one("select count(*) from quarantined_rows where is_set_aside") == (0,)


def test_the_same_bytes_in_any_order_zone_and_run(tmp_path: Path) -> None:
    """In a zone with clock changes: all at once, and in two runs, the later files first."""
    zone = "America/New_York"
    at_once = Line(tmp_path / "at once", timezone=zone)
    simulate(at_once.home, scale=0.03, weeks=2)
    # instants without offset around midnight, and one that the zone skipped
    at_once.put(
        "standard/opportunities.delta__2026-06-30.csv",
        "opportunity_id,owner_id,stage,created_at\n"
        "N1,R0000,Prospect,2026-03-31T23:30:00\nN2,R0000,Prospect,2026-04-01T00:30:00\n"
        "N3,R0000,Prospect,2025-11-02T01:30:00\nN4,R0000,Prospect,2026-03-08T02:30:00\n",
    )
    in_parts = Line(tmp_path / "in parts", timezone=zone)
    files = sorted((at_once.home / "landing" / "standard").iterdir(), reverse=True)
    place = in_parts.home / "landing" / "standard"
    place.mkdir(parents=True)
    at_once.publishes(TZ="UTC")
    expected = at_once.checksums()
    assert (
        at_once.query(
            "select opportunity_id, created_date from fct_opportunities"
            " where opportunity_id like 'N_' order by 1"
        )[0][1].isoformat()
        == "2026-03-31"
    )
    assert at_once.query("select reason from quarantined_rows where raw_text like '%N4%'") == [
        ("nonexistent_local_time",)
    ]
    for part in (files[: len(files) // 2], files[len(files) // 2 :]):
        for file in part:
            shutil.copy(file, place)
        in_parts.run(TZ="Asia/Bangkok")
    assert in_parts.checksums(of_extracts_alone=True) == at_once.checksums(of_extracts_alone=True)
    at_once.publishes(TZ="Asia/Bangkok")
    assert at_once.checksums() == expected


def _interval(numerator: int, denominator: int) -> tuple[float, float]:
    """Exact 99 % interval (Clopper & Pearson 1934)."""
    from scipy.stats import beta

    low = beta.ppf(0.005, numerator, denominator - numerator + 1) if numerator else 0.0
    high = (
        beta.ppf(0.995, numerator + 1, denominator - numerator) if numerator < denominator else 1.0
    )
    return float(low), float(high)


@pytest.mark.parametrize("seed", [pytest.param(7, marks=pytest.mark.endurance), 11])
def test_planted_truths_lie_in_their_intervals(seed: int, tmp_path: Path) -> None:
    line = Line(tmp_path)
    planted = json.loads(simulate(line.home, seed=seed, scale=0.3, weeks=1).read_text())
    line.publishes()
    for side, half in (("<", "below"), (">=", "above")):
        won, resolved = line.one(
            "select count(*) filter (is_won), count(*) from fct_qualification_scores where"
            f" landmark = 'first_complete' and is_resolved_evidence and score {side} 60"
        )
        truth = planted["tipping_point"]["by_first_complete_score"][half]
        low, high = _interval(won, resolved)
        assert low <= truth["expected"] / truth["denominator"] <= high, half
    for basis in ("request", "first_promise", "last_promise"):
        kept, due = line.one(
            "select sum(otif_rate_numerator)::int, sum(otif_rate_denominator)::int"
            f" from mart_on_time_delivery_monthly where basis = '{basis}'"
        )
        low, high = _interval(kept, due)
        assert low <= planted["on_time"][basis]["rate"] <= high, basis
    found = dict(
        line.query(
            "select objective_month, sum(mean_active_objectives * counted_days)"
            " / sum(counted_days) from mart_rep_objectives_monthly group by 1"
        )
    )
    for month in planted["objectives"]["by_month"]:
        [mean] = [value for day, value in found.items() if day.isoformat() == month["month"]]
        assert mean == pytest.approx(month["present"]["rate"], abs=1e-6)
    points = line.query(
        "select tipping_point_score from mart_tipping_points"
        " where side = 'lower' and landmark = 'first_complete' and status = 'found'"
    )
    assert points
    assert all(58 <= point <= 62 for (point,) in points)


@pytest.mark.endurance  # its parts have null worlds of their own
def test_a_null_world_stays_silent(tmp_path: Path) -> None:
    line = Line(tmp_path)
    simulate(
        line.home,
        scale=0.3,
        weeks=1,
        without=frozenset(TRUTHS),
    )
    line.publishes()
    assert line.query("select * from mart_tipping_points where status = 'found'") == []
    for mart in ("mart_value_propositions", "mart_outcome_reasons"):
        causes = f"select distinct cause from {mart} where cause is not null"
        assert line.query(f"{causes} and period_kind = 'last_12_months'") == [("common",)]
    first, last = line.one(
        "select arg_min(mean, objective_month), arg_max(mean, objective_month) from ("
        "select objective_month, avg(mean_active_objectives) as mean"
        " from mart_rep_objectives_monthly group by 1)"
    )
    assert last == pytest.approx(first, rel=0.25), "objectives do not grow"
    assert line.query("select * from mart_objective_load_effects where is_shown") == []
    assert line.query("select * from mart_rater_severity where cause = 'special'") == []
    assert line.query("select * from mart_score_bunching where is_bunched") == []


@pytest.mark.endurance  # four whole runs
def test_the_other_ways_to_start_it(tmp_path: Path) -> None:
    line = Line(tmp_path / "home")
    line.put(
        "standard/opportunities__2026-06-01.csv",
        "opportunity_id,owner_id,stage,created_at\nO1,R1,Prospect,2026-01-05\n",
    )
    folder = Path(sys.executable).parent
    for command in (
        [folder / "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", "refresh"],
        [folder / "dg", "launch", "--job", "refresh"],
    ):
        home = tmp_path / f"dagster of {Path(command[0]).name}"
        home.mkdir()
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=PROJECT,
            env=line.environment(DAGSTER_HOME=str(home)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        assert "published" in ended.stdout + ended.stderr
    assert line.one("select count(*) from fct_opportunities") == (1,)


def test_the_daemon_runs_a_schedule_tick(tmp_path: Path) -> None:
    line = Line(tmp_path / "home")
    line.put(
        "standard/opportunities__2026-06-01.csv",
        "opportunity_id,owner_id,stage,created_at\nO1,R1,Prospect,2026-01-05\n",
    )
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    environment = line.environment(DAGSTER_HOME=str(home), FUNNELWORKS_REFRESH_CRON="* * * * *")
    log = (tmp_path / "daemon.log").open("w")
    daemon = subprocess.Popen(
        [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-w", "workspace.yaml"],
        cwd=PROJECT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 420
        while not (line.home / "published" / "manifest.json").exists():
            assert daemon.poll() is None, Path(log.name).read_text()[-3000:]
            assert time.monotonic() < until, Path(log.name).read_text()[-3000:]
            time.sleep(2)
    finally:
        os.killpg(daemon.pid, 15)
        daemon.wait(timeout=60)
        log.close()
    assert line.one("select count(*) from fct_opportunities") == (1,)

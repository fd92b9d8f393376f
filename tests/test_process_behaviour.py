"""Signals and noise: limits that hold on simulated processes, baselines that stay."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import betabinom, binom

from assets.reports import signals
from assets.reports.catalogue import REPORTS
from assets.reports.published import Published, published
from assets.reports.signals import Metric, judge, judged_series
from assets.scoring.funnel_plots import compared, prior_cases, shrink
from assets.scoring.process_baselines import KEY, locked
from assets.settings import Settings
from tests.bare_marts import bare_marts, fill
from tests.dbt_helpers import PROJECT, bare_project, run_dbt
from tests.line import Line

#: of them the last twelve are the fiscal year that is judged
MONTHS, BEFORE = 60, 48
STEADY, SHIFTED = 1000, 400


# --- Limits --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Simulated processes, judged by the project's own models: mean 100, sigma 10; the last ones
    rise by 1.5 sigma with the fiscal year."""
    settings = Settings(tmp_path_factory.mktemp("processes"), date(2026, 12, 31))
    settings.warehouse.parent.mkdir(parents=True)
    project = bare_project(
        settings.home / "project",
        "models/intermediate/behaviour/int_process_baselines_measured.sql",
        "models/intermediate/behaviour/int_process_baselines.py",
        "models/marts/process/mart_process_behaviour.sql",
        stubs={
            "int_metric_series_regimes": "select * from main.points",
            "stg_run_settings": (
                "select date '2026-12-31' as as_of_date, 1::bigint as fiscal_year_start_month"
            ),
        },
    )
    figures = np.random.default_rng(12).normal(100, 10, (STEADY + SHIFTED, MONTHS))
    figures[STEADY:, BEFORE:] += 15
    simulated = pa.table(
        {
            "series": np.repeat(np.arange(len(figures)), MONTHS),
            "place": np.tile(np.arange(MONTHS), len(figures)),
            "figure": figures.ravel(),
        }
    )
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.register("simulated", simulated)
        warehouse.execute(
            """
            create table points as
            select
                'won_deals' as metric, 'value' as measure_kind, 'm' as mart_name,
                'crm' as source_system, 'default' as subject, 'segment' as dimension,
                series::varchar as member, 'month' as period_kind,
                (date '2022-01-01' + to_months(place::integer))::date as period_start,
                null::double as numerator, null::double as denominator, figure as value,
                date '0001-01-01' as regime_start, null::varchar as process_change_id
            from simulated
            """
        )
    run_dbt(settings, project, "run", "--select", "+mart_process_behaviour")
    return settings


def asked(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        found: list[tuple[Any, ...]] = warehouse.execute(
            f"with m as (select *, member::integer as series from marts.mart_process_behaviour)"
            f" {sql}"
        ).fetchall()
    return found


@pytest.mark.slow
def test_a_steady_process_gives_few_signals(judged: Settings) -> None:
    """With known limits the three rules speak in 1.2 of 100 points; limits of 18 points are known
    less well, and speak a little more often."""
    assert asked(judged, "select distinct baseline_end, baseline_count from m") == [
        (date(2025, 12, 1), 18)
    ]
    sql = f"select count(*), count(*) filter (is_signal) from m where series < {STEADY}"
    [(points, signals)] = asked(judged, f"{sql} and period_start > baseline_end")
    assert points == STEADY * (MONTHS - BEFORE)
    assert 0.012 < signals / points < 0.045


@pytest.mark.slow
def test_a_shift_is_found_within_twelve_points(judged: Settings) -> None:
    [(found,)] = asked(
        judged,
        f"select count(distinct series) from m where series >= {STEADY} and is_signal"
        " and is_above_centre and period_start > baseline_end",
    )
    assert found / SHIFTED >= 0.9


@pytest.mark.slow
def test_the_limits_are_those_of_wheeler(judged: Settings) -> None:
    """Centre ± 2.66 × mean moving range, by numpy, of the months before the fiscal year."""
    figures = np.array(
        asked(judged, "select value from m where series = 7 order by period_start")
    ).ravel()
    baseline = figures[BEFORE - 18 : BEFORE]
    reach = 2.66 * np.abs(np.diff(baseline)).mean()
    found = asked(judged, "select distinct centre, lower_limit, upper_limit from m where series=7")
    expected = (baseline.mean(), baseline.mean() - reach, baseline.mean() + reach)
    assert found == [pytest.approx(expected, abs=1e-6)]


# --- Baselines -----------------------------------------------------------------------------------


def baseline(count: int = 15, centre: float = 21.0, regime: date = date(1, 1, 1)) -> dict[str, Any]:
    key = dict.fromkeys(KEY[:-1], "x")
    return {
        **key,
        "regime_start": regime,
        "baseline_count": count,
        "baseline_start": date(2025, 1, 1),
        "baseline_end": date(2026, 3, 1),
        "centre": centre,
        "mean_moving_range": 3.0,
        "is_enough": count >= 15,
    }


def told(rows: list[dict[str, Any]]) -> list[tuple[float, date | None]]:
    return [(row["centre"], row["locked_on"]) for row in rows]


def test_a_locked_baseline_stays(tmp_path: Path) -> None:
    april, june = date(2026, 4, 30), date(2026, 6, 30)
    assert told(locked(tmp_path, april, [baseline()])) == [(21.0, april)]
    # what became known since makes another one, and does not count
    assert told(locked(tmp_path, june, [baseline(16, 25.0)])) == [(21.0, april)]
    # unless the process was changed
    changed = baseline(15, 30.0, date(2026, 1, 1))
    assert told(locked(tmp_path, june, [baseline(16, 25.0), changed])) == [
        (21.0, april),
        (30.0, june),
    ]
    # as of an earlier day it was not locked yet
    before = date(2026, 3, 31)
    assert told(locked(tmp_path, before, [baseline(15, 20.0)])) == [(20.0, before)]
    assert told(locked(tmp_path, june, [baseline(16, 25.0)])) == [(20.0, before)]


def test_few_points_lock_nothing(tmp_path: Path) -> None:
    assert told(locked(tmp_path, date(2026, 4, 30), [baseline(14, 21.0)])) == [(21.0, None)]
    assert told(locked(tmp_path, date(2026, 5, 31), [baseline(14, 22.0)])) == [(22.0, None)]
    assert not (tmp_path / "state").exists()


# --- Funnel plots --------------------------------------------------------------------------------


@pytest.mark.parametrize(("total", "low", "high"), [(20, 1, 11), (80, 15, 33)])
def test_exact_limits(total: int, low: int, high: int) -> None:
    """At a common rate of .3, the signals of METRICS §12; the others keep the rate where it is."""
    others = [(3 * total, 10 * total)] * 2_000
    for cases, is_outside in ((low, True), (low + 1, False), (high - 1, False), (high, True)):
        members = [(cases, total), *others]
        [found, *_] = compared(*zip(*members, strict=True))
        assert found["centre"] == pytest.approx(0.3, abs=1e-4)
        assert found["is_outside_95"] is is_outside


@pytest.mark.parametrize("rate", [0.03, 0.3, 0.85])
def test_limits_are_those_of_the_exact_binomial(rate: float) -> None:
    totals = [*range(1, 40), 250, 999]
    cases = [round(total * rate) for total in totals]
    centre = sum(cases) / sum(totals)
    for found, total in zip(compared(cases, totals), totals, strict=True):
        for name, tail in (("95", 0.025), ("998", 0.001)):
            counts = np.arange(total + 1)
            inside = counts[
                (binom.cdf(counts, total, centre) > tail)
                & (binom.sf(counts - 1, total, centre) > tail)
            ]
            limits = (found[f"lower_limit_{name}"], found[f"upper_limit_{name}"])
            assert limits == pytest.approx((inside[0] / total, inside[-1] / total), abs=1e-8)


def test_shrunkens() -> None:
    cases, totals = np.array([0, 3, 2, 24]), np.array([3, 3, 20, 80])
    assert np.round(shrink(cases, totals, 6, 14), 3).tolist() == [0.261, 0.391, 0.2, 0.3]


def test_the_prior_is_as_heavy_as_members_are_alike() -> None:
    random = np.random.default_rng(5)
    totals = random.integers(30, 200, 400)
    varied = betabinom.rvs(totals, 6, 14, random_state=random)
    assert 13 < prior_cases(varied, totals, 0.3) < 30
    alike = random.binomial(totals, 0.3)
    assert prior_cases(alike, totals, 0.3) > 500
    dispersion = compared(varied.tolist(), totals.tolist())[0]["dispersion_ratio"]
    assert dispersion > 3
    assert 0.8 < compared(alike.tolist(), totals.tolist())[0]["dispersion_ratio"] < 1.25


def test_nothing_stands_out_of_one_member_or_of_a_rate_of_one() -> None:
    for cases, totals in (([3], [9]), ([9, 4], [9, 4]), ([0, 0], [9, 4])):
        for found in compared(cases, totals):
            assert found["is_outside_998"] is None
            assert found["centre"] == pytest.approx(sum(cases) / sum(totals))


# --- The registry --------------------------------------------------------------------------------


def test_every_metric_of_a_period_is_judged_or_known_not_to_be() -> None:
    """A new metric of a monthly or weekly mart must say whether a month of it stands still."""
    macro = (PROJECT / "macros/process_behaviour.sql").read_text()
    told_metrics = set(re.findall(r'"(\w+)": (?:"\w+"[,}]|\()', macro))
    with duckdb.connect() as connection:
        registered = connection.execute(
            "select metric from read_csv(?) where mart_name similar to"
            " '.*(_monthly|_weekly|_waterfall)'",
            [str(PROJECT / "seeds/metrics.csv")],
        ).fetchall()
    assert {metric for (metric,) in registered} - told_metrics == NOT_JUDGED


#: by month of entry, or of the basis, figures change while deals ripen and lines may yet be
#: shipped; medians of reps, curves and forecasts do not add up; the rest follows from others
NOT_JUDGED = {
    *("observed_reach", "effective_reach", "stage_conversion_rate", "skipped_stage_entries"),
    *("backward_moves", "reopened_deals", "in_full_rate", "overdue_backlog"),
    *("entry_conversion_rate", "entry_win_rate"),
    *(f"advance_probability_{days}d" for days in (30, 60, 90, 180)),
    *("rework_rate", "won_cycle_p90", "sales_velocity", "close_date_net_pushed"),
    *("time_in_stage_median", "time_in_stage_p90", "littles_law_gap"),
    *(f"waterfall_{part}" for part in ("reopened", "fx_change", "pipeline_change")),
    *(f"waterfall_{part}" for part in ("merged", "deleted", "residual")),
    *("edited_after_outcome_rate", "backdating_gap", "days_late_median", "days_late_p90"),
    *("promise_changes_per_line", "promise_net_slip", "objective_half_life", "bookings_forecast"),
    "bookings_at_risk",
    *(f"active_objectives_{part}" for part in ("median", "p90", "max", "mean")),
    *("effective_objectives", "barrier_removal_time", "barrier_recurrence_rate"),
    # what is active for many weeks, waits for the ledger, is planned, or mirrors a figure told
    *("product_change_load", "plant_change_load", "best_mix_quantity", "one_more_hour"),
    *("net_profit", "pocket_margin", "cost_to_serve", "complexity_cost", "cost_accuracy"),
    *("freight_to_value", "throughput_per_constraint_hour", "constraint_productivity"),
    *("late_against_promise_rate", "late_against_quote_rate", "infeasible_quote_rate"),
    *("promise_implied_quantile_rate", "quote_implied_quantile_rate", "padding_days"),
    *("override_days", "promise_weighted_days_moved", "padding_ratio", "queue_adjusted_lead_days"),
}


# --- Reports -------------------------------------------------------------------------------------

#: months of 2025 and 2026, and a baseline that was locked on other figures than it would be today
STEADY_MONTHS = [20, 22, 19, 24, 21, 18, 23, 20, 22, 21, 20, 23, 21, 22, 20, 24]
LOCKED = {"centre": 30.0, "lower_limit": 25.0, "upper_limit": 35.0, "baseline_count": 15}
WON_DEALS = Metric("won_deals")
SERIES = "select month_start as period, value from main.told"


@contextmanager
def held(*systems: str) -> Iterator[Published]:
    """`won_deals` as its mart has judged it, the first month left out; the last is a signal."""
    months = [date(2025 + place // 12, place % 12 + 1, 1) for place in range(len(STEADY_MONTHS))]
    with bare_marts("mart_process_behaviour") as marts:
        marts.connection.execute("create table main.told (month_start date, value bigint)")
        for month, value in zip(months, STEADY_MONTHS, strict=True):
            marts.connection.execute("insert into main.told values (?, ?)", [month, value])
            if month == months[0]:
                continue
            for system in systems:
                judged = {"metric": "won_deals", "source_system": system, "subject": "default"}
                told_by = {"dimension": "all", "member": "all", "period_kind": "month"}
                is_last = month == months[-1]
                fill(
                    marts,
                    "mart_process_behaviour",
                    judged
                    | told_by
                    | LOCKED
                    | {"period_start": month, "value": value, "is_latest": is_last}
                    | {"is_signal": True, "signal_rule": "outside the limits"},
                )
        yield marts


def last_limits(marts: Published, metric: Metric | None = WON_DEALS) -> tuple[Any, ...]:
    judged = judge(marts, SERIES, "value", "month", "count", metric)
    assert judged is not None
    return judged.verdict, judged.centre.value, judged.lower_limit.value, judged.upper_limit.value


def test_a_report_tells_the_limits_that_were_locked() -> None:
    with held("crm") as marts:
        assert last_limits(marts) == ("signal", 30, 25, 35)
        assert last_limits(marts, None)[0] == "noise"


def test_another_series_is_judged_by_itself() -> None:
    """A series that is a sum over two systems, or holds other figures, is not the mart's."""
    with held("crm", "erp") as marts:
        assert last_limits(marts)[0] == "noise"
    with held("crm") as marts:
        marts.connection.execute("update main.told set value = 25 where month_start = '2025-07-01'")
        assert last_limits(marts)[0] == "noise"
    with held() as marts:
        assert last_limits(marts)[0] == "noise"


def test_every_metric_that_a_report_names_is_read_from_the_mart(
    demo_line: Line, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[Metric, bool] = {}

    def listened(
        marts: Published, series: str, kind: Any, period: Any, metric: Metric | None
    ) -> str:
        sql = judged_series(marts, series, kind, period, metric)
        if metric:
            found[metric] = signals.BEHAVIOUR in sql
        return sql

    monkeypatch.setattr(signals, "judged_series", listened)
    with published(replace(settings, home=demo_line.home)) as marts:
        for listed in REPORTS.values():
            listed.report(marts)
    assert len(found) >= 12
    assert all(found.values()), [metric for metric, is_read in found.items() if not is_read]

"""What the weekly review and the qualification report say: true to the marts, whatever is there."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from assets.reports import qualification_year_to_date, sales_process_review
from assets.reports.content import (
    Chart,
    Column,
    Number,
    PublishInfo,
    Report,
    Section,
    Table,
    Words,
    figures,
    shown,
)
from assets.reports.freshness import stale
from assets.reports.published import Published, published
from assets.reports.review import forecast, waterfall
from assets.reports.signals import Judged, bounds, chart, judge, limits
from assets.settings import Settings
from tests.line import Line
from tests.sample_report import names_of_ours

REPORTS = {
    "review": sales_process_review.report,
    "year to date": qualification_year_to_date.report,
}
#: what an MES and an order book fill, and what a CRM does
DELIVERY = (
    *("fct_work_orders", "fct_operations", "fct_order_deliveries", "fct_order_line_deliveries"),
    *("mart_on_time_delivery_monthly", "fct_promise_scores", "mart_promise_quotes"),
    *("dim_work_centers",),
)
ALWAYS = ("publish_info", "dim_dates", "dim_metrics", "dim_stages", "data_quality_checks")
Remake = Callable[..., Settings]


def said(text: Words, currency: str = "USD") -> str:
    return "".join(
        part if isinstance(part, str) else shown(part.value, part.unit, currency) for part in text
    )


def section(report: Report, key: str) -> Section:
    [found] = [section for section in report.sections if section.key == key]
    return found


def ask_again(marts: Published, report: Report) -> None:
    """Every figure is what its query gives."""
    for figure in figures(report):
        expected = ((figure.value,),) if isinstance(figure, Number) else figure.rows
        assert marts.ask(figure.query) == expected, figure.query.sql


def check(report: Report) -> None:
    """Every value fits its unit, every chart has rows, every sentence says something."""
    for figure in figures(report):
        if isinstance(figure, Number):
            shown(figure.value, figure.unit)
        else:
            columns = figure.columns
            units = columns.values() if isinstance(columns, dict) else columns
            for row in figure.rows:
                for value, column in zip(row, units, strict=True):
                    shown(value, column.unit)
        if isinstance(figure, Chart):
            assert "config" not in figure.spec
            assert figure.rows, f"a chart of nothing: {figure.title}"
            if figure.native:
                assert {figure.native.x, *figure.native.series} <= set(figure.columns)
    sections = {section.key for section in report.sections}
    for headline in report.headlines:
        assert headline.section in sections
        assert said(headline.why)
    assert not names_of_ours(report)
    for part in report.sections:
        assert part.missing or part.finding or part.parts, part.key
        for words in [part.finding, *(p for p in part.parts if isinstance(p, tuple))]:
            assert "None" not in said(words)


@pytest.fixture
def remake(demo_line: Line, tmp_path: Path) -> Remake:
    """Publishes the demo's marts anew in a home of its own, some emptied, some changed by SQL."""

    def publish(
        *changes: str, without: tuple[str, ...] = (), only: tuple[str, ...] | None = None
    ) -> Settings:
        settings = Settings(home=tmp_path / "remade", as_of=date(2026, 6, 30))
        manifest = demo_line.manifest()
        file = settings.published / "versions" / f"{manifest['version']}.duckdb"
        file.parent.mkdir(parents=True)
        (settings.published / "manifest.json").write_text(json.dumps(manifest))
        with duckdb.connect(str(file)) as connection:
            connection.execute(
                f"attach '{demo_line.home}/published/marts.duckdb' as demo (read_only)"
            )
            connection.execute("create schema marts")
            tables = connection.execute(
                "select table_name from duckdb_tables() where database_name = 'demo'"
            ).fetchall()
            for (table,) in tables:
                is_left = table in ALWAYS or (
                    table not in without if only is None else table in only
                )
                connection.execute(
                    f"create table marts.{table} as from demo.marts.{table}"
                    + ("" if is_left else " limit 0")
                )
            for change in changes:
                connection.execute(change)
        return settings

    return publish


# --- the reports on the demo company -------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_every_figure_is_what_the_marts_say(demo_line: Line, settings: Settings, name: str) -> None:
    with published(replace(settings, home=demo_line.home)) as marts:
        report = REPORTS[name](marts)
        ask_again(marts, report)
    check(report)
    assert len(figures(report)) > 60
    assert 5 <= len(report.headlines) <= 7
    assert not [words for words in report.stale if "reach to" in said(words)]
    assert [section.key for section in report.sections if section.missing] == []


def test_the_waterfall_adds_up_and_its_bars_meet(demo_line: Line, settings: Settings) -> None:
    with published(replace(settings, home=demo_line.home)) as marts:
        found = waterfall.section(marts).section
    table = next(part for part in found.parts if isinstance(part, Table))
    for place in (1, 3):
        amounts = [row[place] for row in table.rows]
        assert all(isinstance(amount, float) for amount in amounts)
        assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=0.005)  # type: ignore[arg-type]
    bars = next(part for part in found.parts if isinstance(part, Chart)).rows
    for before, after in itertools.pairwise(bars[:-1]):
        assert before[5] == pytest.approx(after[4], abs=0.005)  # each begins where one ended
    assert bars[-2][5] == pytest.approx(bars[-1][5], abs=0.005)


def test_open_deals_are_told_apart_and_steps_account_for_all(
    demo_line: Line, settings: Settings
) -> None:
    with published(replace(settings, home=demo_line.home)) as marts:
        report = sales_process_review.report(marts)
    funnel = section(report, "funnel")
    assert "still open and count as neither" in said(funnel.finding)
    steps = next(part for part in funnel.parts if isinstance(part, Table))
    for (
        _,
        _,
        _,
        here,
        on,
        still_open,
        lost,
        disqualified,
        went_on,
        decided,
        rate,
        why,
    ) in steps.rows:
        assert here == on + still_open + lost + disqualified  # type: ignore[operator]
        assert decided == here - still_open  # type: ignore[operator]
        assert (rate is None) == (why is not None)
        if rate is not None:
            assert rate == pytest.approx(went_on / decided)  # type: ignore[operator]


def test_the_unfinished_month_and_week_are_not_judged(remake: Remake) -> None:
    """As of the 17th of June, May is the last month that is told, and the week before the last."""
    settings = remake(
        "update marts.publish_info set as_of_date = date '2026-06-17',"
        " as_of_at = timestamp '2026-06-18 00:00:00'"
    )
    with published(settings) as marts:
        report = sales_process_review.report(marts)
    check(report)
    titles = {headline.title: headline for headline in report.headlines}
    assert "May 2026" in said(titles["Win rate"].context)
    assert "May 2026" in said(titles["Proposals below the tipping point"].context)
    created = next(
        part
        for part in section(report, "funnel").parts
        if isinstance(part, Chart) and part.title == "Deals created by week"
    )
    assert created.rows[-1][0] == date(2026, 6, 8)


def test_the_year_holds_every_deal_of_it_once(demo_line: Line, settings: Settings) -> None:
    with published(replace(settings, home=demo_line.home)) as marts:
        report = qualification_year_to_date.report(marts)
    [table] = [part for part in section(report, "deals").parts if isinstance(part, Table)]
    assert table.is_whole_list
    expected = demo_line.query(
        "select opportunity_id from fct_opportunities where outcome = 'open'"
        " or closed_date >= date '2026-01-01' or removed_date >= date '2026-01-01'"
    )
    assert sorted(row[0] for row in table.rows) == sorted(id_ for (id_,) in expected)  # type: ignore[type-var]
    outcomes = {row[6] for row in table.rows}
    assert {"open", "won", "lost", "disqualified"} <= outcomes
    for row in table.rows:
        assert row[6] == "open" or row[9] is None  # only open deals have a score of today


def test_nobody_is_named_or_ranked(demo_line: Line, settings: Settings) -> None:
    people = {
        str(value)
        for row in demo_line.query("select rep_id, rep_name, manager_id from dim_reps")
        for value in row
        if value is not None
    }
    with published(replace(settings, home=demo_line.home)) as marts:
        told = [REPORTS[name](marts) for name in REPORTS]
    for report in told:
        for figure in figures(report):
            rows = ((figure.value,),) if isinstance(figure, Number) else figure.rows
            assert not {str(value) for row in rows for value in row} & people


def test_hostile_names_are_data(remake: Remake) -> None:
    name = "'); drop table marts.fct_opportunities; -- {} <img src=x>"
    quoted = name.replace("'", "''")
    settings = remake(
        *(
            f"update marts.{mart} set {column} = '{quoted}' || {column}"
            for mart, column in (
                ("dim_accounts", "account_name"),
                ("fct_opportunities", "segment"),
                ("mart_sales_outcomes_monthly", "segment"),
                ("mart_qualification_attributes", "question"),
                ("quarantined_rows", "entity"),
            )
        ),
        *(
            f"update marts.{mart} set {column} = '{quoted}'"
            for mart in (
                *("mart_funnel_monthly", "mart_sales_flow_weekly", "fct_opportunity_stage_events"),
                *("fct_opportunity_scores",),
            )
            for column in ("pipeline", "source_system")
        ),
        f"update marts.mart_forecast_monthly set source_system = '{quoted}'",
    )
    with published(settings) as marts:
        for report in (REPORTS[key](marts) for key in REPORTS):
            check(report)
            told = [
                str(value)
                for figure in figures(report)
                for row in ([[figure.value]] if isinstance(figure, Number) else figure.rows)
                for value in row
            ]
            assert any(value.startswith(name) for value in told)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("p90_amount + 1", "fewer than one case in ten would reach it"),
        ("expected_amount + 1", "1 USD more than expected, and lies within those bounds"),
        ("expected_amount - 1", "1 USD less than expected, and lies within those bounds"),
        ("p10_amount - 1", "nine cases in ten would reach it"),
        ("null", "the extract quotas brings one"),
    ],
)
def test_the_forecast_is_held_against_the_target(remake: Remake, target: str, told: str) -> None:
    settings = remake(f"update marts.mart_forecast_monthly set target_amount = {target}")
    with published(settings) as marts:
        found = forecast.section(marts)
    assert told in said(found.section.finding)
    assert found.headline
    assert ("; the target is" in said(found.headline.context)) == (target != "null")


# --- what is not there ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_empty_marts_say_what_brings_them(remake: Remake, name: str) -> None:
    with published(remake("delete from marts.data_quality_checks", only=())) as marts:
        report = REPORTS[name](marts)
    check(report)
    assert report.headlines == ()
    assert report.look_first == ()
    assert report.stale == ()
    for part in report.sections:
        if part.key != "method":
            assert part.missing, part.key
            assert "deliver" in part.missing.lower() or "make run" in part.missing
            assert not [p for p in part.parts if isinstance(p, Chart)]


def test_an_mes_alone(remake: Remake) -> None:
    with published(remake(only=(*DELIVERY, "dim_products", "dim_accounts"))) as marts:
        review, year = (REPORTS[name](marts) for name in REPORTS)
    check(review)
    check(year)
    assert [headline.section for headline in review.headlines] == ["delivery"]
    missing = {part.key for part in review.sections if part.missing}
    assert missing == {
        *("funnel", "waterfall", "time_in_stage", "forecast", "qualification", "objectives"),
    }
    assert year.headlines == ()


def test_a_crm_alone(remake: Remake) -> None:
    people = (
        *("mart_rep_objectives_monthly", "fct_rep_objective_days", "fct_rep_objective_periods"),
    )
    answers = (
        *("fct_qualification_scores", "mart_tipping_points", "mart_qualification_monthly"),
        *("mart_qualification_attributes", "mart_rater_agreement", "mart_rater_severity"),
        *("mart_score_bunching", "mart_answer_revisions"),
    )
    settings = remake(
        "update marts.fct_opportunity_scores set hand_score = null, score_basis = 'base rate',"
        " score_status = 'too few deals: 12 won', win_probability = 0.2",
        without=(*DELIVERY, *people, *answers),
    )
    with published(settings) as marts:
        review, year = (REPORTS[name](marts) for name in REPORTS)
    check(review)
    check(year)
    told = {part.key: part.missing for part in review.sections if part.missing}
    assert told.keys() == {"qualification", "delivery", "objectives"}
    assert "order_lines and shipments" in str(told["delivery"])
    assert section(year, "deals").missing is None
    assert "too few deals: 12 won" in said(review.stale[0])
    assert "docs/scores.md" in said(review.stale[0])


def test_one_week_of_data(remake: Remake) -> None:
    """What began in the last week: nothing is judged, nothing breaks."""
    week = "date '2026-06-22'"
    settings = remake(
        f"delete from marts.fct_opportunities where created_date < {week} or created_date is null",
        "delete from marts.fct_opportunity_stage_events where opportunity_id not in"
        " (select opportunity_id from marts.fct_opportunities)",
        "delete from marts.fct_opportunity_scores where opportunity_id not in"
        " (select opportunity_id from marts.fct_opportunities)",
        "delete from marts.fct_qualification_scores where opportunity_id not in"
        " (select opportunity_id from marts.fct_opportunities)",
        "delete from marts.mart_funnel_monthly where entry_month < date '2026-06-01'",
        "delete from marts.mart_sales_outcomes_monthly where close_month < date '2026-06-01'",
        f"delete from marts.mart_sales_flow_weekly where week_start < {week}",
        "update marts.mart_sales_flow_weekly set time_in_stage_p50_days = null,"
        " time_in_stage_p90_days = null",
        "delete from marts.mart_pipeline_waterfall where period_start < date '2026-06-01'",
        "delete from marts.mart_qualification_monthly where event_month < date '2026-06-01'",
        "delete from marts.mart_rep_objectives_monthly where objective_month < date '2026-06-01'",
        "delete from marts.mart_on_time_delivery_monthly where basis_month < date '2026-06-01'",
    )
    with published(settings) as marts:
        for name in REPORTS:
            report = REPORTS[name](marts)
            check(report)
            judged = {"tipping_points", "attributes", "win_curve", "forecast"}
            judged |= {"raters", "thresholds", "revisions"}
            assert {
                headline.verdict for headline in report.headlines if headline.section not in judged
            } <= {"too little"}


def test_two_pipelines_are_pooled_and_told_apart(remake: Remake) -> None:
    marts_with_both = (
        *("fct_opportunities", "mart_funnel_monthly", "mart_sales_outcomes_monthly"),
        *("mart_pipeline_waterfall", "mart_sales_flow_weekly", "fct_opportunity_stage_events"),
        *("mart_tipping_points", "mart_qualification_monthly"),
    )
    settings = remake(
        *(
            f"insert into marts.{mart} select * replace ('other' as pipeline) from marts.{mart}"
            for mart in marts_with_both
        )
    )
    with published(settings) as marts:
        report = sales_process_review.report(marts)
    check(report)
    win_rate = report.headlines[0]
    assert "2 pipelines together" in said(win_rate.context)
    tables = {
        part.title: part
        for found in report.sections
        for part in found.parts
        if isinstance(part, Table)
    }
    assert {row[1] for row in tables["The quarter by pipeline"].rows} == {"default", "other"}
    assert {row[1] for row in tables["Stage by stage, against its own past"].rows} == {
        *("default", "other"),
    }


def test_rates_of_few_cases_are_not_shown(remake: Remake) -> None:
    settings = remake(
        "update marts.mart_funnel_monthly set conversion_rate_denominator = 0,"
        " conversion_rate_numerator = 0",
        "update marts.mart_on_time_delivery_monthly set otif_rate_denominator = 0,"
        " otif_rate_numerator = 0 where basis = 'request'",
    )
    with published(settings) as marts:
        report = sales_process_review.report(marts)
    check(report)
    steps = next(part for part in section(report, "funnel").parts if isinstance(part, Table))
    assert {row[-2:] for row in steps.rows} == {(None, "fewer than 5 cases")}
    bases = next(part for part in section(report, "delivery").parts if isinstance(part, Table))
    assert bases.rows[0][3] is None
    assert bases.rows[0][-1] == "fewer than 5 cases"
    assert "On the basis request no date is known" in said(section(report, "delivery").finding)


# --- staleness -----------------------------------------------------------------------------------


def test_what_is_old_is_said_with_the_way_out(remake: Remake) -> None:
    settings = remake(
        "update marts.publish_info set as_of_date = date '2026-07-20',"
        " as_of_at = timestamp '2026-07-21 00:00:00'",
        "update marts.mart_score_models set is_champion = true, is_stale = true, age_days = 90"
        " where score_name like 'win_probability%'",
        "update marts.mart_score_models set is_champion = false, status = 'too few late lines'"
        " where score_name like 'order_lead_time%'",
    )
    with published(settings) as marts:
        told = [said(words) for words in stale(marts)]
        review = sales_process_review.report(marts)
    assert review.stale
    text = "\n".join(told)
    assert "deals of standard reach to 2026-06-30 only, 20 days before" in text
    assert (
        "put newer extracts of opportunities and opportunity_changes into landing/standard" in text
    )
    assert "The model of win probability standard was trained on data that end 90 days" in text
    assert "No model speaks for order lead time standard. Reason: too few late lines" in text
    assert "win probabilities of standard are still those of 2026-06-30" in text
    assert all("Way out" in words for words in told)


# --- signal or noise -----------------------------------------------------------------------------


@pytest.fixture
def judged() -> Callable[..., Judged | None]:
    """Judges a made series: values, or (numerator, denominator), by month from January 2024."""
    info = PublishInfo("v", date(2026, 6, 30), "UTC", "USD", 1, datetime(2026, 7, 1, tzinfo=UTC))

    def judge_series(series: list[Any]) -> Judged | None:
        rows = ", ".join(
            f"(date '{2024 + place // 12}-{place % 12 + 1:02d}-01',"
            + (f" {row[0]}, {row[1]})" if isinstance(row, tuple) else f" {row})")
            for place, row in enumerate(series)
        )
        is_rate = bool(series) and isinstance(series[0], tuple)
        names = "period, numerator, denominator" if is_rate else "period, value"
        sql = (
            f"select * from (values {rows}) as made({names})"
            if rows
            else ("select date '2024-01-01' as period, 1 as value where false")
        )
        with duckdb.connect() as connection:
            return judge(
                Published(connection, info),
                sql,
                "rate" if is_rate else "value",
                "month",
                "rate" if is_rate else "number",
            )

    return judge_series


#: the worked numbers of METRICS.md §12
WORKED = [20, 22, 19, 24, 21, 18, 23, 20, 22, 21]


def test_the_worked_numbers(judged: Callable[..., Judged | None]) -> None:
    found = judged([*WORKED, 35])
    assert found is not None
    assert found.verdict == "signal"
    assert (found.centre.value, found.is_above) == (21.0, True)
    assert found.lower_limit.value == pytest.approx(13.02)
    assert found.upper_limit.value == pytest.approx(28.98)
    assert found.is_provisional
    assert "provisional" in said(found.why)
    calm = judged([*WORKED, 22])
    assert calm is not None
    assert calm.verdict == "noise"


def test_a_run_and_three_of_four_are_signals(judged: Callable[..., Judged | None]) -> None:
    steady = [22, 20] * 8  # the first 15 are the baseline: 21.1 ± 5.3
    for tail, verdict in (
        ([21.5] * 8, "signal"),
        ([21.5] * 7, "noise"),
        ([24, 24, 20, 24], "signal"),
        ([24, 24, 24, 20], "noise"),  # the last itself is not one of them
        ([24, 18, 20, 24], "noise"),
        ([24, 18, 18, 24], "noise"),  # nearer both limits
    ):
        found = judged([*steady, *tail])
        assert found is not None
        assert found.verdict == verdict, tail


def test_limits_stand_still_within_the_year(judged: Callable[..., Judged | None]) -> None:
    two_years = [20, 22, 19, 24, 21, 18, 23, 20, 22, 21, 20, 23] * 2
    first = judged([*two_years, 21])
    later = judged([*two_years, 21, 30, 30, 30, 30])
    assert first is not None
    assert later is not None
    assert first.baseline_count.value == 18
    assert first.upper_limit.value == later.upper_limit.value
    assert first.baseline_end.value == date(2025, 12, 1)


def test_a_rate_knows_its_cases(judged: Callable[..., Judged | None]) -> None:
    """A third and more against a fifth: a signal in 400 cases, noise in 30, too little in 10."""
    generator = random.Random(4)
    steady = [(sum(generator.random() < 0.2 for _ in range(200)), 200) for _ in range(24)]
    for last, verdict in (((140, 400), "signal"), ((10, 30), "noise"), ((4, 10), "too little")):
        found = judged([*steady, last])
        assert found is not None
        assert found.verdict == verdict, last
    told = judged([*steady, (140, 400)])
    assert told is not None
    counted = steady[6:]  # the last 18 months before 2026
    assert told.centre.value == pytest.approx(
        sum(k for k, _ in counted) / sum(n for _, n in counted)
    )


def test_more_variation_than_chance_widens_the_limits(
    judged: Callable[..., Judged | None],
) -> None:
    wild = [(400 if place % 2 else 600, 1000) for place in range(24)]
    found = judged([*wild, (620, 1000)])
    assert found is not None
    assert found.verdict == "noise"  # by the binomial alone, 7 standard errors


def test_too_little_is_said(judged: Callable[..., Judged | None]) -> None:
    assert judged([]) is None
    for series in ([20], [20, 21, 22, 20, 21, 50], [5] * 20 + [9]):
        found = judged(series)
        assert found is not None
        assert found.verdict == "too little"
        assert found.lower_limit.value is None or series == [5] * 20 + [9]


def test_steady_series_are_left_alone() -> None:
    """Of 600 series of pure chance some 3 in 100 give a signal, as the method says."""
    generator = random.Random(11)
    weeks = pd.date_range("2024-01-01", periods=130, freq="7D")
    made = pd.DataFrame(
        {
            "series": [key for key in range(600) for _ in weeks],
            "period": [*weeks] * 600,
            "value": [generator.gauss(100, 10) for _ in range(600) for _ in weeks],
        }
    )
    with duckdb.connect() as connection:
        connection.register("made", made)
        sql = limits("select * from made", "value", "week", 1, key="series")
        signals = connection.execute(
            f"select count(*) from ({sql}) where is_last"
            " and reason in ('outside', 'three of four', 'run of eight')"
        ).fetchone()
    assert signals is not None
    assert 5 <= signals[0] <= 36


def test_bounds_are_wilsons() -> None:
    low, high = bounds("k", "n")
    with duckdb.connect() as connection:
        row = connection.execute(f"select {low}, {high} from (select 13 as k, 13 as n)").fetchone()
        none = connection.execute(f"select {low}, {high} from (select 0 as k, 0 as n)").fetchone()
    assert row == (pytest.approx(13 / (13 + 1.644854**2)), pytest.approx(1.0))
    assert none == (None, None)


def test_a_chart_of_limits_is_a_specification() -> None:
    info = PublishInfo("v", date(2026, 6, 30), "UTC", "USD", 1, datetime(2026, 7, 1, tzinfo=UTC))
    with duckdb.connect() as connection:
        drawn = chart(
            Published(connection, info),
            "t",
            ("l",),
            "select date '2024-01-01' + to_months(i::int) as period, i % 3 as value"
            " from range(20) as r(i)",
            "value",
            "month",
            Column("Value", "number"),
        )
    assert drawn.spec["layer"]
    assert "config" not in drawn.spec
    assert len(drawn.rows) == 20

"""The reports on promises and objectives say what the published marts say, and name no rep."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from assets.reports import objectives, promises
from assets.reports.content import (
    Chart,
    Headline,
    Number,
    Report,
    Section,
    Table,
    figures,
    shown,
)
from assets.reports.objective.load import limit
from assets.reports.promise.overdue import BACKLOG, OVERDUE
from assets.reports.published import Published, published
from assets.settings import Settings
from tests.bare_marts import empty_marts
from tests.line import Line
from tests.sample_report import names_of_ours

REPORTS = {"promises": promises.report, "objectives": objectives.report}
MONTH = date(2026, 6, 1)


@pytest.fixture(scope="module")
def home(demo_line: Line, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The published demo company."""
    away = Settings(home=tmp_path_factory.mktemp("home"), as_of=date(2026, 6, 30))
    return replace(away, home=demo_line.home)


@pytest.fixture(scope="module")
def reports(home: Settings) -> dict[str, Report]:
    with published(home) as marts:
        return {name: report(marts) for name, report in REPORTS.items()}


@pytest.fixture
def empty(home: Settings) -> Iterator[Published]:
    """The published tables without their rows, to be filled as a test needs."""
    with empty_marts(home) as marts:
        yield marts


def section(report: Report, key: str) -> Section:
    return next(each for each in report.sections if each.key == key)


def headline(report: Report, key: str) -> Headline:
    return next(each for each in report.headlines if each.section == key)


def table(report: Report, key: str, title: str) -> Table:
    return next(
        part
        for part in section(report, key).parts
        if isinstance(part, Table) and part.title == title
    )


def texts(content: Any) -> str:
    """Everything that is read of a report, figures as shown, and what tooltips hold."""
    match content:
        case Number():
            return shown(content.value, content.unit)
        case Table() | Chart():
            parts: list[Any] = [content.title, content.note]
            if isinstance(content, Chart):
                parts += [content.label, str(content.spec)]
            parts += [str(value) for row in content.rows for value in row]
        case Headline():
            parts = [content.title, content.number, content.context, content.why]
        case Section():
            parts = [content.title, content.question, content.finding, content.missing or ""]
            parts += content.parts
        case Report():
            parts = [content.title, content.subtitle, *content.look_first, *content.stale]
            parts += [*content.headlines, *content.sections]
        case tuple():
            return "".join(texts(part) for part in content)
        case _:
            return str(content)
    return "\n".join(texts(part) for part in parts)


@pytest.mark.parametrize("name", REPORTS)
def test_every_figure_is_what_its_query_gives(
    name: str, reports: dict[str, Report], home: Settings
) -> None:
    told = figures(reports[name])
    assert len(told) > 60
    assert not names_of_ours(reports[name])
    with published(home) as marts:
        for figure in told:
            rows = marts.ask(figure.query)
            if isinstance(figure, Number):
                assert rows == ((figure.value,),), figure.query.sql
            else:
                assert rows == figure.rows, figure.title


@pytest.mark.parametrize("name", REPORTS)
def test_digits_stand_in_no_sentence_but_as_figures(name: str, reports: dict[str, Report]) -> None:
    """What the words bear themselves are levels, limits and the names of the method."""
    said = reports[name]
    own = {"50", "80", "95", "100", "90", "15", "0", "1"}
    for sentence in (
        *(each.context for each in said.headlines),
        *said.look_first,
        *(each.finding for each in said.sections),
    ):
        for text in sentence:
            if isinstance(text, str):
                assert {word.strip("():,.;") for word in text.split()}.isdisjoint(
                    {str(n) for n in range(3000)} - own
                ), text


def test_the_three_bases_are_those_of_the_mart(reports: dict[str, Report], demo_line: Line) -> None:
    rows = {
        row[0]: row[1:] for row in table(reports["promises"], "on_time", "The month by basis").rows
    }
    assert list(rows) == ["customer's date", "first promise", "last promise"]
    for basis, label in zip(("request", "first_promise", "last_promise"), rows, strict=True):
        [(due, kept, recorded, waiting)] = demo_line.query(
            "select sum(on_time_rate_denominator), sum(on_time_rate_numerator),"
            " sum(on_time_recorded_rate_numerator), sum(not_due_count)"
            " from mart_on_time_delivery_monthly"
            f" where basis = '{basis}' and basis_month = '{MONTH}'"
        )
        assert due > 5
        assert rows[label] == (due, kept, kept / due, recorded, recorded / due, waiting, None)
    first = headline(reports["promises"], "on_time")
    assert first.number.value == rows["first promise"][2]
    assert first.case_count is not None
    assert first.case_count.value == rows["first promise"][0]


def test_months_and_families_add_up(reports: dict[str, Report]) -> None:
    months = table(reports["promises"], "on_time", "Month by month").rows
    families = table(reports["promises"], "families", "Product families, month by month").rows
    for month, label, due, kept, *_ in months:
        of_family = [row for row in families if row[0] == month and row[2] == label]
        assert sum(row[3] for row in of_family) == due  # type: ignore[misc]
        assert sum(row[4] for row in of_family) == kept  # type: ignore[misc]
    assert {row[0] for row in months} == {row[0] for row in families}
    assert max(row[0] for row in months) == MONTH  # type: ignore[type-var]


def test_booked_late_is_the_gap_between_the_two_days(
    reports: dict[str, Report], demo_line: Line
) -> None:
    late = headline(reports["promises"], "recorded")
    [(gap, due)] = demo_line.query(
        "select sum(on_time_rate_numerator - on_time_recorded_rate_numerator),"
        " sum(on_time_rate_denominator) from mart_on_time_delivery_monthly"
        f" where basis = 'first_promise' and basis_month = '{MONTH}'"
    )
    # no delivery of the demo is booked before the day it names
    assert late.number.value == pytest.approx(float(gap) / float(due))
    assert gap > 0


def test_moved_promises_are_those_of_the_lines(reports: dict[str, Report], demo_line: Line) -> None:
    [row] = [
        row
        for row in table(reports["promises"], "changes", "Moved dates, month by month").rows
        if row[0] == MONTH
    ]
    lines = demo_line.query(
        "select first.promise_change_count, first.net_slip_days, first.is_eligible,"
        " last.is_eligible, first.is_on_time, last.is_on_time,"
        " last.basis_date - first.basis_date"
        " from fct_order_line_deliveries as first"
        " join fct_order_line_deliveries as last using (order_id, line_number, schedule_number)"
        " where first.basis = 'first_promise' and last.basis = 'last_promise'"
        f" and first.basis_month = '{MONTH}'"
    )
    moved = [line for line in lines if line[0] > 0]
    assert row[1:5] == (
        len(lines),
        len(moved),
        len(moved) / len(lines),
        sum(line[0] for line in lines),
    )
    assert row[5:9] == (
        sum(line[1] > 0 for line in moved),
        sum(line[1] < 0 for line in moved),
        sum(line[1] == 0 for line in moved),
        sum(line[1] != line[6] for line in lines),
    )
    saved = headline(reports["promises"], "changes")
    judged = [line for line in lines if line[2] and line[3]]
    assert saved.number.value == sum(not line[4] and line[5] for line in judged) / len(judged)


def test_overdue_lines_are_all_there(reports: dict[str, Report], demo_line: Line) -> None:
    overdue = demo_line.query(
        "select order_id, line_number, schedule_number from fct_order_line_deliveries"
        " where basis = 'last_promise' and is_overdue_open"
    )
    listed = table(reports["promises"], "overdue", "Overdue lines, the newest first")
    assert listed.is_whole_list
    assert {row[:3] for row in listed.rows} == set(overdue)
    assert headline(reports["promises"], "overdue").number.value == len(overdue) > 0


def test_the_backlog_at_the_end_of_the_as_of_month_is_what_is_overdue(home: Settings) -> None:
    """The history is made from the same lines, so its last month has to give today's number."""
    with published(home) as marts:
        [[last]] = marts.connection.execute(
            f"select value from ({BACKLOG}) where period = ?", [MONTH]
        ).fetchall()
        [[now]] = marts.connection.execute(f"select count(*) from ({OVERDUE})").fetchall()
    assert last == now > 0


def test_lines_at_risk_are_due_this_month_the_likely_first(
    reports: dict[str, Report], demo_line: Line
) -> None:
    listed = table(
        reports["promises"], "at_risk", "Lines due by the end of the month, the whole list"
    )
    due = demo_line.query(
        "select order_id, line_number, schedule_number from fct_promise_scores"
        " where not is_overdue and due_date <= '2026-07-31'"
    )
    assert {row[2:5] for row in listed.rows} == set(due)
    assert len(listed.rows) == len(due) > 0
    order = [(-2 if row[0] is None else -row[0], row[1]) for row in listed.rows]  # type: ignore[operator]
    scored = [each for each in order if each[0] != -2]
    assert scored == sorted(scored)


def test_the_dates_that_held_are_told_with_the_spread_of_the_fits(
    reports: dict[str, Report], demo_line: Line
) -> None:
    fits = demo_line.query(
        "select value, case_count from mart_score_performance where is_champion"
        " and not is_after_training and slice = 'fitted_on' and measure = 'coverage'"
        " and method = 'p80' and score_name like 'promise_quote%'"
    )
    if len(fits) < 2:
        pytest.skip("the demo company is too small for past fits")
    told = headline(reports["promises"], "held")
    whole = sum(count for _, count in fits)
    held = sum(value * count for value, count in fits) / whole
    error = math.sqrt(
        sum(((value - held) * count) ** 2 for value, count in fits) * len(fits) / (len(fits) - 1)
    )
    assert told.number.value == pytest.approx(held)
    if len(fits) < 6:
        assert told.verdict == "too little"
    else:
        bounds: list[Any] = [part.value for part in told.why if isinstance(part, Number)]
        reach = 2.57 * error / whole
        assert bounds == pytest.approx([max(held - reach, 0), min(held + reach, 1)])
        assert told.verdict == ("noise" if bounds[0] <= 0.8 <= bounds[1] else "signal")


@pytest.mark.parametrize("name", REPORTS)
def test_no_rep_is_named(name: str, reports: dict[str, Report], demo_line: Line) -> None:
    said = texts(reports[name])
    reps = demo_line.query("select rep_id, rep_name, manager_id from dim_reps")
    assert len(reps) > 5
    words = set(said.replace("'", " ").replace(",", " ").split())
    for rep_id, rep_name, manager_id in reps:
        assert not words & {rep_id, manager_id}
        assert rep_name is None or rep_name not in said


def test_load_and_attention_are_those_of_the_mart(
    reports: dict[str, Report], demo_line: Line
) -> None:
    [(median, effective, reps)] = demo_line.query(
        "select median(median_active_objectives), median(median_effective_objectives), count(*)"
        f" from mart_rep_objectives_monthly where objective_month = '{MONTH}' and counted_days > 0"
    )
    load = headline(reports["objectives"], "load")
    assert load.number.value == median
    assert load.case_count is not None
    assert load.case_count.value == reps
    [row] = [
        row
        for row in table(reports["objectives"], "load", "Objectives per rep, month by month").rows
        if row[0] == MONTH
    ]
    assert row[6] == effective
    bars = next(
        part for part in section(reports["objectives"], "load").parts if isinstance(part, Chart)
    )
    assert sum(each[1] for each in bars.rows) == reps  # type: ignore[misc]
    assert sum(each[2] for each in bars.rows) == reps  # type: ignore[misc]
    [(ignored, whole)] = demo_line.query(
        "select sum(ignored_rate_numerator), sum(ignored_rate_denominator)"
        f" from mart_rep_objectives_monthly where objective_month = '{MONTH}'"
    )
    assert headline(reports["objectives"], "attention").number.value == ignored / whole


def test_limits_are_read_off_the_days(empty: Published) -> None:
    def days(*counts: int) -> None:
        empty.connection.execute("delete from fct_rep_objective_days")
        for count in counts:
            empty.connection.execute(
                "insert into fct_rep_objective_days (active_objective_count,"
                " is_over_core_limit, is_over_hard_limit) values (?, ? > 3, ? > 7)",
                [count] * 3,
            )

    def limits() -> tuple[Any, Any]:
        core, hard = (empty.number(sql, "count").value for sql in (limit("core"), limit("hard")))
        return core, hard

    days(3, 4, 7, 8)
    assert limits() == (3, 7)
    days(6, 7, 8)
    assert limits() == (None, 7)
    days(1, 2)
    assert limits() == (None, None)
    days()
    assert limits() == (None, None)


def test_an_issuer_far_off_is_special_cause(empty: Published) -> None:
    """Limits and shrunken shares are those of the mart, in the order of the issuers' names."""
    issuers = (("d", 0.49, 0.47, "common", True), ("a", 0.05, 0.12, "special", True))
    for issuer, rate, shrunken, cause, is_outside in (
        *issuers,
        ("few", None, 0.4, "common", False),
        ("alone", 0.5, None, None, None),
    ):
        empty.connection.execute(
            "insert into mart_rate_comparisons (metric, source_system, dimension, member,"
            " window_start_date, rate_numerator, rate_denominator, rate, rate_suppressed_reason,"
            " shrunken, cause, is_outside_95) values ('issuer_ignored_rate', 'standard', 'issuer',"
            " ?, ?, 5, 100, ?, if(?::double is null, 'fewer than 5 cases', null), ?, ?, ?)",
            [issuer, MONTH, rate, rate, shrunken, cause, is_outside],
        )
    # the same month of another rate has nothing to do with it
    empty.connection.execute(
        "insert into mart_rate_comparisons (metric, source_system, dimension, member, cause)"
        " values ('win_rate', 'standard', 'team', 'z', 'special')"
    )
    empty.connection.execute(
        "insert into mart_objective_issuers_monthly (issued_by, objective_month,"
        " active_objective_count) values ('a', ?, 3), ('d', ?, 4)",
        [MONTH, MONTH],
    )
    said = section(objectives.report(empty), "issuers")
    rows = next(part for part in said.parts if isinstance(part, Table)).rows
    assert [(row[0], row[4], row[-2], row[-1]) for row in rows] == [
        ("a", 0.05, 0.12, "special cause"),
        ("alone", 0.5, None, "nothing to compare with"),
        ("d", 0.49, 0.47, "common cause, near a limit"),
        ("few", None, 0.4, "fewer than 5 cases"),
    ]
    assert "4 issuers had 7 objectives in force" in texts(said.finding)
    assert "The ignored share of 1 of them" in texts(said.finding)
    assert "look at those objectives, not at the issuer" in texts(said.finding)


@pytest.mark.parametrize("name", REPORTS)
def test_empty_marts_say_what_would_bring_them(name: str, empty: Published) -> None:
    said = REPORTS[name](empty)
    assert said.headlines == ()
    assert said.look_first == ()
    for each in said.sections:
        if each.key != "method":
            assert each.missing, each.key
            assert each.parts == ()
    everything = " ".join(each.missing or "" for each in said.sections)
    assert ("order_lines" if name == "promises" else "rep_objectives") in everything


def test_one_week_has_lines_and_no_verdict_yet(home: Settings) -> None:
    """Lines ordered in the last days, none due in a month that is over; the lists are there."""
    with empty_marts(home) as marts:
        for mart, rows in (
            ("fct_order_line_deliveries", "basis_month >= '2026-07-01' and not is_eligible"),
            (
                "mart_on_time_delivery_monthly",
                "basis_month >= '2026-07-01' and eligible_count = 0",
            ),
            ("fct_promise_scores", "not is_overdue and due_date >= '2026-07-01'"),
            ("dim_dates", "true"),
        ):
            marts.connection.execute(f"insert into {mart} from published.marts.{mart} where {rows}")
        said = promises.report(marts)
        for key in ("on_time", "families", "recorded"):
            assert "month" in (section(said, key).missing or "")
        assert headline(said, "overdue").number.value == 0
        listed = table(said, "at_risk", "Lines due by the end of the month, the whole list")
        assert len(listed.rows) > 0
        assert all(figure.rows for figure in figures(said) if isinstance(figure, Chart))


def test_production_alone_has_dates_and_says_what_is_not_in_them(home: Settings) -> None:
    with empty_marts(home) as marts:
        marts.connection.execute(
            "insert into mart_promise_quotes"
            " select * replace ('work orders' as lead_time_basis, 'plant' as source_system)"
            " from published.marts.mart_promise_quotes"
        )
        said = promises.report(marts)
        assert "shipping is not in them" in texts(section(said, "quotes").parts)
        assert "order_lines" in (section(said, "on_time").missing or "")


def test_few_lines_have_no_share_and_a_reason(home: Settings) -> None:
    """Four lines due: numerator and denominator are told, a share is not, and never 0 %."""
    with empty_marts(home) as marts:
        marts.connection.execute(
            """
insert into fct_order_line_deliveries
from published.marts.fct_order_line_deliveries
where (order_id, line_number, schedule_number) in (
    select (order_id, line_number, schedule_number)
    from published.marts.fct_order_line_deliveries
    where basis_month = '2026-06-01' and basis = 'first_promise' and is_on_time
        and promise_change_count = 0
    order by all limit 4
)
"""
        )
        marts.connection.execute(
            """
insert into mart_on_time_delivery_monthly (basis_month, basis, product_family, promised_by,
    source_system, not_due_count, no_date_count, eligible_count, recorded_day_count,
    recorded_before_delivery_count, on_time_rate_numerator, on_time_rate_denominator,
    on_time_rate_suppressed_reason, on_time_recorded_rate_numerator,
    on_time_recorded_rate_denominator)
select '2026-06-01', unnest(['request', 'first_promise', 'last_promise']), 'Pumps', 'sales',
    's', 0, 0, 4, 4, 0, 4, 4, 'fewer than 5 cases', 3, 4
"""
        )
        said = promises.report(marts)
        for key in ("on_time", "recorded", "changes"):
            assert headline(said, key).number.value is None, key
            assert headline(said, key).verdict == "too little", key
        row = table(said, "on_time", "The month by basis").rows[0]
        assert (row[1], row[2], row[3], row[-1]) == (4, 4, None, "fewer than 5 cases")
        told = texts(section(said, "on_time").finding)
        assert "4 of 4 (too few for a share) kept the first promise" in told
        family = table(said, "families", "The month by product family").rows[0]
        assert family[3:] == (None, None, None, None, "fewer than 5 cases")
        [drawn] = [
            part
            for part in section(said, "families").parts
            if isinstance(part, Chart) and part.title == "On time by product family"
        ]
        assert not drawn.rows
        assert "0.0 %" not in told


def test_several_systems_stand_side_by_side_and_add_up(home: Settings) -> None:
    with empty_marts(home) as marts:
        marts.connection.execute(
            "insert into fct_order_line_deliveries from published.marts.fct_order_line_deliveries"
        )
        for system in ("standard", "other"):
            marts.connection.execute(
                "insert into mart_on_time_delivery_monthly"
                " select * replace (? as source_system)"
                " from published.marts.mart_on_time_delivery_monthly",
                [system],
            )
        said = promises.report(marts)
        [due] = [
            row[1]
            for row in table(said, "on_time", "The month by basis").rows
            if row[0] == "first promise"
        ]
        by_system = [
            row
            for row in table(said, "on_time", "The month by source system").rows
            if row[1] == "first promise"
        ]
        assert [row[0] for row in by_system] == ["other", "standard"]
        assert sum(row[2] for row in by_system) == due  # type: ignore[misc]


@pytest.mark.parametrize("name", REPORTS)
def test_charts_bear_no_looks_and_every_field_is_a_column(
    name: str, reports: dict[str, Report]
) -> None:
    charts = [figure for figure in figures(reports[name]) if isinstance(figure, Chart)]
    assert len(charts) >= 5
    for chart in charts:
        assert "config" not in chart.spec
        assert "'rows'" in str(chart.spec)
        assert not {"datasets", "width", "height"} & set(chart.spec)
        if chart.native:
            assert {chart.native.x, *chart.native.series} <= set(chart.columns)
        assert len(chart.rows[0]) == len(chart.columns)


def test_the_same_publish_gives_the_same_report(reports: dict[str, Report], home: Settings) -> None:
    with published(home) as marts:
        assert promises.report(marts) == reports["promises"]
        assert objectives.report(marts) == reports["objectives"]

"""Bookings beside output: what was known is what counted, and what the sections say of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import duckdb
import jinja2
import numpy as np
import pytest

from assets.landing.checking import literal
from assets.reports.content import Chart, Query, Table, figures, told
from assets.reports.plan import at_risk, big_deals, early_warning, scoreboard
from assets.reports.published import Published, published
from assets.settings import Settings
from tests.bare_marts import bare_marts, empty_marts, fill
from tests.dbt_helpers import PROJECT
from tests.line import Line

SECTIONS = {
    "scoreboard": scoreboard,
    "early_warning": early_warning,
    "big_deals": big_deals,
    "at_risk": at_risk,
}
#: a month end of the demo company, and the month after it
SNAPSHOT, MONTH = date(2026, 2, 28), date(2026, 3, 1)


@pytest.fixture(scope="module")
def home(demo_line: Line, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    away = Settings(home=tmp_path_factory.mktemp("home"), as_of=date(2026, 6, 30))
    return replace(away, home=demo_line.home)


def extract(home: Settings, entity: str) -> str:
    """SQL: the first full extract of the demo company, as it was written."""
    [path] = sorted((home.landing / "standard").glob(f"{entity}.full*.csv"))[:1]
    return f"read_csv({literal(str(path))}, all_varchar = true)"


def test_bounds_from_earlier_errors_hold_what_they_promise() -> None:
    """Of a thirteenth error the bounds of twelve earlier ones hold eight in ten, five in ten."""
    source = (PROJECT / "macros/forecasts.sql").read_text()
    macros = jinja2.Template(source).module
    errors = np.random.default_rng(20_261_128).gumbel(size=(4_000, 13))
    held = "avg((error between {} and {})::int)"
    bounds = [macros.quantile_of_list("earlier", share) for share in (0.1, 0.25, 0.75, 0.9)]
    [(eight, five, beyond)] = duckdb.execute(
        f"""
        select {held.format(bounds[0], bounds[3])}, {held.format(bounds[1], bounds[2])},
            count({macros.quantile_of_list("earlier[:8]", 0.1)})
        from (select list_sort(unnest($1)) as earlier, unnest($2) as error)
        """,
        [errors[:, :12].tolist(), errors[:, 12].tolist()],
    ).fetchall()
    assert eight == pytest.approx(0.8, abs=0.025)
    assert five == pytest.approx(0.5, abs=0.025)
    assert beyond == 0  # eight errors have no tenth


def test_a_plan_holds_what_was_released_by_then(home: Settings) -> None:
    """Read off the extract itself: open at the month end, planned for March or overdue."""
    with published(home) as marts:
        [[planned]] = duckdb.execute(
            f"""
            select sum(quantity::int) from {extract(home, "work_orders")}
            where released_at::timestamptz::date <= $1 and planned_end_at::timestamptz::date < $2
                and coalesce(finished_at::timestamptz::date > $1, true)
            """,
            [SNAPSHOT, date(2026, 4, 1)],
        ).fetchall()
        told_then = marts.number(
            "select expected from marts.mart_predictability_forecasts"
            " where subject = 'production output' and measure = 'quantity' and method = 'plan'"
            " and horizon_months = 1 and period_start = ? and is_reconstructed",
            "number",
            MONTH,
        )
    # the extract is that of a week before the as_of; what it corrects since was known by then
    assert told_then.value == pytest.approx(planned, rel=0.02)
    assert planned > 0


def test_a_commit_is_the_last_one_given_by_then(home: Settings) -> None:
    """The commits of the quarter, each rep's latest up to the end of February, in dollars."""
    with published(home) as marts:
        [[committed]] = duckdb.execute(
            f"""
            select sum(amount) from (
                select arg_max(commit_amount::double, submitted_at) as amount
                from {extract(home, "forecast_submissions")}
                where period_start = '2026-01-01' and submitted_at::date <= $1
                group by rep_id
            )
            """,
            [SNAPSHOT],
        ).fetchall()
        told_then = marts.number(
            "select expected from marts.mart_predictability_forecasts"
            " where method = 'rep_commit' and period_kind = 'fiscal_quarter'"
            " and horizon_months = 1 and period_start = ?",
            "number",
            date(2026, 1, 1),
        )
    assert told_then.value == pytest.approx(committed, abs=0.01)


def test_a_chance_is_that_of_the_log_thirty_days_before(home: Settings) -> None:
    """Every large deal of which the CRM said it, against the log itself."""
    with published(home) as marts:
        watched = marts.ask(
            Query(
                "select opportunity_id, watch_date, probability_before from marts.mart_big_deals"
                " where probability_basis = 'CRM' and period_kind = 'month' order by all"
            )
        )
    logged = {
        (opportunity, day): chance
        for opportunity, day, chance in duckdb.execute(
            f"""
            select watched.id, watched.day, arg_max(log.new_value::double, log.changed_at)
            from (select unnest($1) as id, unnest($2) as day) as watched
            inner join {extract(home, "opportunity_changes")} as log
                on log.opportunity_id = watched.id and log.field = 'probability'
                and log.changed_at::timestamptz::date <= watched.day
            group by all
            """,
            [[row[0] for row in watched], [row[1] for row in watched]],
        ).fetchall()
    }
    # of a deal that had not moved by then the log says nothing
    same = [logged[deal, day] == chance for deal, day, chance in watched if (deal, day) in logged]
    assert len(same) > 50
    # what was logged late was not known then
    assert sum(same) > 0.97 * len(same)


def test_production_is_more_predictable_than_sales(home: Settings) -> None:
    """As the demo company is made: orders repeat, deals do not."""
    with published(home) as marts:
        [[output, bookings, biases]] = marts.ask(
            Query(
                "select max(wape) filter (subject = 'production output'),"
                " max(wape) filter (subject = 'bookings'), max(abs(bias))"
                f" from ({scoreboard.NEAREST})"
            )
        )
    assert isinstance(output, float)
    assert isinstance(bookings, float)
    assert isinstance(biases, float)
    assert 0 < output < bookings < 1
    assert biases < 0.15


@pytest.mark.parametrize("key", SECTIONS)
def test_every_figure_is_what_its_query_gives(key: str, home: Settings) -> None:
    with published(home) as marts:
        found = SECTIONS[key].section(marts)
        assert found.section.key == key
        assert found.section.missing is None
        told_figures = figures((found.section, found.headline))
        assert len(told_figures) > 5
        for figure in told_figures:
            rows = marts.ask(figure.query)
            if isinstance(figure, Table | Chart):
                assert rows == figure.rows
            else:
                assert rows == ((figure.value,),)


@pytest.fixture
def empty(home: Settings) -> Iterator[Published]:
    with empty_marts(home) as marts:
        yield marts


@pytest.mark.parametrize(
    ("key", "extract_name"),
    [
        ("scoreboard", "work_orders"),
        ("early_warning", "quotas"),
        ("big_deals", "opportunities"),
        ("at_risk", "opportunities"),
    ],
)
def test_an_empty_mart_says_what_would_fill_it(
    key: str, extract_name: str, empty: Published
) -> None:
    found = SECTIONS[key].section(empty)
    assert extract_name in (found.section.missing or "")
    assert not found.section.parts
    assert found.headline is None


def test_bookings_and_production_in_one_sentence() -> None:
    with bare_marts(*scoreboard.USED) as marts:
        for subject, measure, method, wape in (
            ("production output", "quantity", "plan", 0.01),  # pieces, where there is a value
            ("production output", "value", "adjusted_plan", 0.04),
            ("production output", "value", "run_rate", 0.09),
            ("bookings", "value", "score", 0.22),
        ):
            fill(
                marts,
                "mart_predictability",
                {
                    "subject": subject,
                    "measure": measure,
                    "method": method,
                    "wape": wape,
                    "source_system": "crm",
                    "period_kind": "month",
                    "horizon_months": 1,
                    "forecast_count": 24,
                    "bias": 0.1,
                    "wape_denominator": 1000,
                },
            )
        found = scoreboard.section(marts)
    said = told(found.section.finding)
    assert "bookings were foreseen within 22.0 % (mean of 24 months, Score)" in said
    assert "production output was foreseen within 4.0 % (mean of 24 months, Adjusted plan)" in said
    assert found.headline is not None
    assert "production output within 4.0 %" in told(found.headline.context)


def test_misses_and_false_alarms_in_words() -> None:
    with bare_marts(*early_warning.USED) as marts:
        fill(
            marts,
            "mart_early_warning_accuracy",
            {
                "subject": "bookings",
                "measure": "value",
                "source_system": "crm",
                "period_kind": "month",
                "method": "score",
                "period_count": 24,
                "recall_rate_numerator": 6,
                "recall_rate_denominator": 8,
                "recall_rate": 0.75,
                "false_alarm_rate_numerator": 2,
                "false_alarm_rate_denominator": 8,
                "lead_time_p50_days": 61,
            },
        )
        found = early_warning.section(marts)
    said = told(found.section.finding)
    assert "Of 24 months of bookings (Score), 8 missed the target, of which 6 were warned" in said
    assert "half of them 61 days or more before the end; 2 of 8 warnings were false" in said
    assert found.headline is not None
    assert found.headline.number.value == 0.75


def test_what_failed_though_likely_in_words() -> None:
    with bare_marts(*big_deals.USED) as marts:
        fill(
            marts,
            "mart_big_deals",
            {
                "source_system": "crm",
                "period_kind": "month",
                "period_start": MONTH,
                "opportunity_id": "o",
                "fate": "lost",
                "is_surprise": True,
            },
        )
        fill(
            marts,
            "mart_big_deal_surprises",
            {
                "source_system": "crm",
                "period_kind": "fiscal_quarter",
                "period_start": date(2026, 1, 1),
                "big_deal_count": 9,
                "open_count": 0,
                "surprise_count": 2,
                "surprise_rate_denominator": 5,
                "surprise_to_bookings_numerator": 300_000,
                "surprise_to_bookings_denominator": 1_000_000,
            },
        )
        found = big_deals.section(marts)
    assert (
        "In the quarters that are over (1), 9 large deals met their end; 5 were likely 30 days"
        " before, and 2 of these were lost or slipped: a surprise value of 300 k, beside 1 M"
        " booked."
    ) in told(found.section.finding)


def test_the_middle_and_the_lower_bound_in_words() -> None:
    with bare_marts(*at_risk.USED) as marts:
        fill(
            marts,
            "mart_forecast_monthly",
            {
                "forecast_date": date(2026, 6, 30),
                "source_system": "crm",
                "method": "score",
                "period_kind": "fiscal_quarter",
                "period_start": date(2026, 7, 1),
                "p50_amount": 400,
                "p10_amount": 300,
                "at_risk_amount": 100,
            },
        )
        found = at_risk.section(marts)
    assert (
        "most likely brings bookings of 400; in one case of ten no more than 300 comes, so that"
        " 100 (25.0 %) are at risk"
    ) in told(found.section.finding)

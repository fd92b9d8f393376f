"""The sections on promises say what the marts say, and say what is missing where they are empty."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from assets.reports.content import Chart, Table, figures, told
from assets.reports.production import promise_reliability, promise_spiral
from assets.reports.published import Published, published
from assets.settings import Settings
from tests.bare_marts import empty_marts
from tests.line import Line

SECTIONS = {
    "promise_reliability": promise_reliability.section,
    "promise_spiral": promise_spiral.section,
}


@pytest.fixture(scope="module")
def home(demo_line: Line, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    away = Settings(home=tmp_path_factory.mktemp("home"), as_of=date(2026, 6, 30))
    return replace(away, home=demo_line.home)


@pytest.fixture
def empty(home: Settings) -> Iterator[Published]:
    with empty_marts(home) as marts:
        yield marts


@pytest.mark.parametrize("key", SECTIONS)
def test_every_figure_is_what_its_query_gives(key: str, home: Settings) -> None:
    with published(home) as marts:
        found = SECTIONS[key](marts)
        assert found.section.key == key
        told_figures = figures(found.section)
        assert len(told_figures) > 8
        for figure in told_figures:
            rows = marts.ask(figure.query)
            if isinstance(figure, Table | Chart):
                assert rows == figure.rows
            else:
                assert rows == ((figure.value,),)


@pytest.mark.parametrize(
    ("key", "extract"), [("promise_reliability", "order_lines"), ("promise_spiral", "kind quote")]
)
def test_an_empty_mart_says_what_would_fill_it(key: str, extract: str, empty: Published) -> None:
    found = SECTIONS[key](empty)
    assert found.section.missing is not None
    assert extract in found.section.missing
    assert not found.section.parts


def test_the_five_lines_in_words(empty: Published) -> None:
    """The worked example: 4 of 5 kept, padding 4.6 days and 1.44, override −4, all earlier."""
    empty.connection.execute(
        """
        insert into mart_promise_reliability_monthly by name
        select 'standard' as source_system, date '2026-05-01' as due_month, 'f' as product_family,
            'a' as account_id, 'sales' as promised_by, 5 as unit_count, 5 as promised_count,
            5 as quoted_count, 4 as reliability_rate_numerator, 5 as reliability_rate_denominator,
            1 as late_against_promise_rate_numerator, 5 as late_against_promise_rate_denominator,
            0 as late_against_quote_rate_numerator, 5 as late_against_quote_rate_denominator,
            0 as change_count, 0 as weighted_days_moved, 5 as padding_count,
            75 as quoted_lead_days, 52 as realised_lead_days, 23 as padding_days,
            5 as override_count, -20 as override_days, 5 as override_rate_numerator,
            5 as override_rate_denominator, 0 as queue_adjusted_count,
            1 as infeasible_promise_rate_numerator, 5 as infeasible_promise_rate_denominator,
            0 as infeasible_quote_rate_numerator, 5 as infeasible_quote_rate_denominator,
            40 as promise_implied_quantile_rate_numerator,
            100 as promise_implied_quantile_rate_denominator,
            90 as quote_implied_quantile_rate_numerator,
            100 as quote_implied_quantile_rate_denominator
        """
    )
    found = promise_reliability.section(empty)
    said = told(found.section.finding)
    for figure in ("80.0 % (4 of 5)", "4.6 days more", "1.44 times", "100.0 % of the lines"):
        assert figure in said
    assert "promised less quoted is -4 days" in said
    assert "longer than 90.0 % of them and the promises longer than 40.0 %" in said
    assert "were 20.0 % of the promises" in said
    assert "without the wait" not in said
    assert found.headline is not None
    assert found.headline.number.value == 0.8


def test_lines_without_quotes_tell_no_padding(empty: Published) -> None:
    empty.connection.execute(
        """
        insert into mart_promise_reliability_monthly by name
        select 'usaid' as source_system, date '2026-05-01' as due_month, 'f' as product_family,
            'a' as account_id, 'unknown' as promised_by, 9 as unit_count, 9 as promised_count,
            0 as quoted_count, 9 as reliability_rate_numerator, 9 as reliability_rate_denominator,
            0 as late_against_promise_rate_numerator, 9 as late_against_promise_rate_denominator,
            0 as late_against_quote_rate_numerator, 0 as late_against_quote_rate_denominator,
            0 as change_count, 0 as weighted_days_moved, 0 as padding_count, 0 as override_count,
            0 as override_rate_numerator, 0 as override_rate_denominator,
            0 as queue_adjusted_count, 0 as infeasible_promise_rate_numerator,
            0 as infeasible_promise_rate_denominator, 0 as infeasible_quote_rate_numerator,
            0 as infeasible_quote_rate_denominator, 0 as promise_implied_quantile_rate_numerator,
            0 as promise_implied_quantile_rate_denominator,
            0 as quote_implied_quantile_rate_numerator, 0 as quote_implied_quantile_rate_denominator
        """
    )
    said = told(promise_reliability.section(empty).section.finding)
    assert "promise_changes brings them, with kind quote" in said
    assert "infeasible" not in said


@pytest.mark.parametrize("verdict", ["spiral", "no spiral seen", None])
def test_a_spiral_is_asked_to_be_looked_at(verdict: str | None, empty: Published) -> None:
    figures_ = "null" if verdict is None else "0.4"
    empty.connection.execute(
        f"""
        insert into mart_promise_spiral by name
        select 'standard' as source_system, 'realised lead' as padding_basis,
            6 as family_count, 9 as quarter_count,
            54 as pair_count, {figures_} as padding_effect, {figures_} as override_effect,
            {figures_} as spiral_index, {figures_} as spiral_index_lower,
            {figures_} as spiral_index_upper, ? as verdict,
            case when ? is null then 'too few families or quarters' end
                as spiral_index_suppressed_reason
        """,
        [verdict, verdict],
    )
    found = promise_spiral.section(empty)
    assert bool(found.look) == (verdict == "spiral")
    said = told(found.section.finding)
    assert (verdict or "It cannot be told: too few families or quarters") in said

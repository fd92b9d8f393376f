"""What reports ask is the published version, and stays it while another takes its place."""

from dataclasses import replace
from datetime import date

import pytest

from assets.reports.content import Column, Number
from assets.reports.published import published
from assets.settings import Settings
from tests.line import Line


def test_figures_are_of_the_published_marts(demo_line: Line, settings: Settings) -> None:
    [(deals,)] = demo_line.query("select count(*) from fct_opportunities")
    with published(replace(settings, home=demo_line.home)) as marts:
        assert marts.info.as_of_date == date(2026, 6, 30)
        number = marts.number("select count(*) from marts.fct_opportunities", "count")
        assert number.value == deals > 0
        assert marts.ask(number.query) == ((deals,),)
        both = marts.numbers(
            "select count(*) as deals, count(*) filter (outcome = ?) as won"
            " from marts.fct_opportunities",
            {"deals": "count", "won": "count"},
            "won",
        )
        assert both["deals"] == Number(deals, "count", both["deals"].query)
        assert marts.ask(both["won"].query) == ((both["won"].value,),)
        with pytest.raises(ValueError, match="not one figure"):
            marts.number("select outcome from marts.fct_opportunities", "text")
        with pytest.raises(ValueError, match="2 columns, 1 labels"):
            marts.table("t", "select 1, 2", (Column("a"),))


def test_nothing_published_is_said(settings: Settings) -> None:
    with pytest.raises(LookupError, match="make run"), published(settings):
        pass

"""The parts of a change in constraint productivity, and what the sections on the mix say."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from assets.landing.land import prepare
from assets.reports.content import Table, figures, told
from assets.reports.production import best_mix, mix, opportunity_fit
from assets.reports.published import Published
from assets.settings import Settings
from tests.bare_marts import bare_marts, fill
from tests.dbt_helpers import part_of_project, run_dbt

MARTS = (
    "mart_mix_weekly",
    "mart_throughput_products_monthly",
    "mart_constraint_productivity_monthly",
    "mart_best_mix_monthly",
    "mart_best_mix_constraints_monthly",
    "mart_opportunity_fit",
)
SECTIONS = (mix, best_mix, opportunity_fit)


@pytest.fixture
def marts() -> Iterator[Published]:
    """The marts that the sections read, empty, as their contracts have them."""
    with bare_marts(*MARTS) as marts:
        yield marts


def put(marts: Published, mart: str, **row: Any) -> None:
    fill(marts, mart, row)


@pytest.mark.parametrize("module", SECTIONS)
def test_a_section_without_marts_says_what_would_bring_them(module: Any, marts: Published) -> None:
    section = module.section(marts).section
    assert section.missing and not section.parts
    assert "order_lines" in section.missing


def test_the_mix_tells_whether_customers_want_the_hardest(marts: Published) -> None:
    for week, sold in ((date(2026, 6, 15), 0.4), (date(2026, 6, 8), 0.8), (date(2026, 6, 29), 1)):
        put(
            marts,
            "mart_mix_weekly",
            source_system="s",
            week_start_date=week,
            is_over=week < date(2026, 6, 29),
            booked_line_count=9,
            booked_quantity=10,
            booked_difficulty=sold,
            capability_quantity=30,
            capability_difficulty=0.5,
            difficulty_gap=sold - 0.5,
            mix_fit=0.7,
            balance_rate_numerator=1,
            balance_rate_denominator=4,
            sold_before_capable_rate_numerator=100,
            sold_before_capable_rate_denominator=1000,
        )
    section = mix.section(marts).section
    said = told(section.finding, "USD")
    assert "in the last 2 weeks have a difficulty of 0.60" in said
    assert "made before 0.50; customers wanted harder ones in 1 of these weeks" in said
    assert "Of 8 orders with a hard product 2 bring the easy share along" in said
    assert "Of 2 k USD that was promised 200 USD lay in weeks" in said


def center(marts: Published, month: date, **row: Any) -> None:
    put(
        marts,
        "mart_best_mix_constraints_monthly",
        **{
            "source_system": "s",
            "period_month": month,
            "work_center_id": "W7",
            "work_center_name": "work centre 7",
            "short_hours": 0.0,
            "one_more_hour_amount": 0,
            "in_words": "one more hour at work centre 7 is worth nothing",
            **row,
        },
    )


def test_the_best_mix_says_what_an_hour_is_worth(marts: Published) -> None:
    center(marts, date(2026, 5, 1))
    worth = "one more hour at work centre 7 is worth 412"
    center(marts, date(2026, 6, 1), one_more_hour_amount=412, in_words=worth)
    found = best_mix.section(marts)
    said = told(found.section.finding, "USD")
    assert f"hours would be scarce in 1 of 2 months, most in Jun 2026: {worth}." in said
    assert not found.look
    [hours, _] = [part for part in found.section.parts if isinstance(part, Table)]
    assert [row[1] for row in hours.rows] == ["work centre 7"]


def test_what_has_to_be_made_and_does_not_fit_is_looked_at_first(marts: Published) -> None:
    put(
        marts,
        "mart_best_mix_monthly",
        source_system="s",
        period_month=date(2026, 7, 1),
        product_id="X",
        is_over=False,
    )
    words = "what has to be made needs 10.0 hours more than there are at work centre 7"
    center(marts, date(2026, 7, 1), short_hours=10.0, in_words=words)
    # of a month that is over nothing can be done any more
    center(marts, date(2026, 5, 1), short_hours=90.0, in_words="too late")
    [(_, said)] = best_mix.section(marts).look
    assert told(said) == (
        "For months to come, what is sold or agreed is short of hours in 1 cases; the worst:"
        f" {words}."
    )


def test_the_fit_of_deals_turns_none_away(marts: Published) -> None:
    for number, fit in enumerate(
        ("fits", "needs more hours", "needs more hours and a later date", "unknown")
    ):
        put(marts, "mart_opportunity_fit", opportunity_id=f"O{number}", source_system="s", fit=fit)
    section = opportunity_fit.section(marts).section
    said = told(section.finding)
    assert said.startswith("Of 4 open deals 1 fit as they are. 2 would need more hours")
    assert "1 a later date" in said and "of 1 too little is known" in said
    [table] = [part for part in figures(section) if isinstance(part, Table)]
    assert [row[0] for row in table.rows] == ["O0", "O1", "O2", "O3"]
    assert "reject" not in said


def test_the_parts_of_every_change_are_the_change(settings: Settings, tmp_path: Path) -> None:
    """200 random plants: products come and go, earn and lose, take much and hardly anything."""
    draw = np.random.default_rng(7)
    lines = [
        (f"s{plant}", f"p{product}", f"2026-{month:02}-15", earns, takes)
        for plant in range(200)
        for month in (3, 4, 5)
        for product in range(int(draw.integers(1, 9)))
        if draw.random() < 0.7 or product == 0
        for earns, takes in [
            (round(float(draw.normal(500, 900)), 2), float(draw.lognormal(1, 2))),
        ]
    ]
    prepare(settings)
    source = tmp_path / "lines.parquet"
    with duckdb.connect() as connection:
        connection.execute("create table lines (s varchar, p varchar, d date, t double, h double)")
        connection.executemany("insert into lines values (?, ?, ?, ?, ?)", lines)
        connection.execute(f"copy lines to '{source}'")
    model = "models/marts/delivery/mart_constraint_productivity_monthly"
    stages = "models/intermediate/opportunities/int_stages_unioned.sql"
    project = part_of_project(tmp_path / "project", stages, f"{model}.sql", f"{model}.yml")
    (project / "models/intermediate/fct_throughput_lines.sql").write_text(
        "select s as source_system, p as product_id, d as need_date, 'order' as demand_kind,"
        f" t::decimal(18, 2) as throughput_amount, h as constraint_hours from '{source}'"
    )
    chosen = "stg_run_settings fct_throughput_lines mart_constraint_productivity_monthly"
    run_dbt(settings, project, "run", "--select", *chosen.split())
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        [(changes, worst)] = warehouse.execute(
            "select count(productivity_change), max(abs(productivity_change - mix_effect"
            " - efficiency_effect - interaction_effect)"
            " / greatest(abs(constraint_productivity), 1))"
            " from marts.mart_constraint_productivity_monthly"
        ).fetchall()
    assert changes == 400
    assert worst < 1e-6

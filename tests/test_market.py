"""Why customers buy, why deals are lost, what that rests on: chance is not taken for a cause."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from assets.reports import market_picture
from assets.reports.content import Section, told
from assets.reports.market import rests_on, why_lost, why_won
from assets.reports.published import published
from assets.scoring.funnel_plots import compared_within
from assets.settings import Settings
from tests.bare_marts import bare_marts, fill, table
from tests.dbt_helpers import Models
from tests.line import Line

WORLDS, DEALS, ACCOUNTS = 15, 1_500, 60
SEGMENTS = ("Large", "Small", "Tiny")
PROPOSITIONS = ("Cost", "Service", "Speed", "Uptime")
REASONS = ("Price", "Delivery date", "Competitor", "Budget")
GROUP = ("metric", "source_system", "period_kind", "period_start_date", "held_together")


def company(draw: np.random.Generator, world: str) -> pa.Table:
    """Won and lost deals of a year.

    `even`: nothing depends on anything. `planted`: Speed wins in Small, Large loses on price, and
    of an account's lost deals most are lost for the account's own reason, whoever owns them.
    """
    account = draw.integers(0, ACCOUNTS, DEALS)
    segment = account % len(SEGMENTS)
    proposition = draw.integers(0, len(PROPOSITIONS), DEALS)
    chance = np.full(DEALS, 0.25)
    reason = draw.integers(0, len(REASONS), DEALS)
    if world.startswith("planted"):
        speeds = (segment == 1) & (proposition == 2)
        chance[speeds] = 0.6
        own = draw.random(DEALS) < 0.7
        reason[own] = (account[own] // len(SEGMENTS)) % len(REASONS)
        reason[(segment == 0) & (draw.random(DEALS) < 0.4)] = 0
    won = draw.random(DEALS) < chance
    return pa.table(
        {
            "opportunity_id": [f"{world} {n}" for n in range(DEALS)],
            "source_system": [world] * DEALS,
            "account_id": [f"{world} A{n}" for n in account],
            "owner_at_close_id": [f"R{n}" for n in draw.integers(0, 8, DEALS)],
            "segment": [SEGMENTS[n] for n in segment],
            "outcome": np.where(won, "won", "lost").tolist(),
            "closed_day": draw.integers(0, 365, DEALS),
            "value_proposition": [PROPOSITIONS[n] for n in proposition],
            "reason": [None if w else REASONS[n] for w, n in zip(won, reason, strict=True)],
        }
    )


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """The project's own models over `WORLDS` even companies and as many planted ones."""
    draw = np.random.default_rng(7)
    simulated = pa.concat_tables(
        company(draw, f"{kind} {n}") for kind in ("even", "planted") for n in range(WORLDS)
    )
    given = ("fct_opportunities", "dim_accounts", "dim_dates", "stg_run_settings")
    with duckdb.connect() as connection:
        connection.register("simulated", simulated)
        connection.execute(
            """
            create table fct_opportunities as
            select
                * exclude (closed_day, reason), reason as outcome_reason, 'i' as industry,
                'r' as region, 100::decimal(18, 2) as amount_base,
                date '2025-01-01' as created_date,
                date '2025-07-01' + closed_day::integer as closed_date
            from simulated;
            create table dim_accounts as
            select distinct
                account_id, source_system, segment, 'i' as industry, 'r' as region,
                true as is_listed, false as is_merged
            from simulated;
            create table dim_dates as
            select
                day::date as date_day, date_trunc('year', day)::date as fiscal_year_start
            from generate_series(date '2025-01-01', date '2026-12-31', interval 1 day) as d(day);
            create table stg_run_settings as select date '2026-06-30' as as_of_date;
            """
        )
        models = Models(connection, *given, "int_market_limits", "outcome_reasons")
        connection.execute(
            "create table outcome_reasons as select s as source_system, r as reason,"
            " lower(replace(r, ' ', '_')) as class from (select unnest($reasons) as r),"
            " (select distinct source_system as s from fct_opportunities)",
            {"reasons": list(REASONS)},
        )
        models.build("int_market_cases")
        cases = connection.sql("from int_market_cases order by all").to_arrow_table()
        connection.register("limits", compared_within(cases, GROUP))
        connection.execute("create table int_market_limits as from limits")
        models.build("mart_value_propositions", "mart_outcome_reasons", "mart_market_mosaic")
        yield connection


LAST = "period_kind = 'last_12_months' and segment != 'all'"


def one(marts: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    [row] = marts.execute(sql).fetchall()
    return row


def test_where_no_proposition_differs_all_is_common_cause(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    """The limits leave 2 of 1,000 outside by chance."""
    for mart in ("mart_value_propositions", "mart_outcome_reasons"):
        compared, special = one(
            marts,
            "select count(cause), count(*) filter (cause = 'special')"
            f" from {mart} where {LAST} and source_system like 'even%'",
        )
        assert compared == WORLDS * 12
        assert special <= 3


def test_the_planted_proposition_is_found(marts: duckdb.DuckDBPyConnection) -> None:
    found, others, shrunken = one(
        marts,
        "select count(*) filter (is_planted and cause = 'special' and win_rate > centre),"
        " count(*) filter (not is_planted and segment != 'Small' and cause = 'special'),"
        " count(*) filter (is_planted and shrunken between centre and win_rate)"
        " from (select *, segment = 'Small' and value_proposition = 'Speed' as is_planted"
        f" from mart_value_propositions where {LAST} and source_system like 'planted%')",
    )
    assert found >= 0.9 * WORLDS
    assert others <= 3
    assert shrunken == WORLDS


def test_the_segment_that_loses_on_price_is_found(marts: duckdb.DuckDBPyConnection) -> None:
    (found,) = one(
        marts,
        "select count(*) from mart_outcome_reasons"
        f" where {LAST} and source_system like 'planted%' and cause = 'special'"
        " and segment = 'Large' and reason_class = 'price' and loss_reason_rate > centre",
    )
    assert found >= 0.9 * WORLDS


def test_reasons_that_tell_of_accounts_differ_less_than_by_lot(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    gaps = dict(
        marts.execute(
            "select split_part(source_system, ' ', 1), avg(disagreement_by_lot"
            " - reason_disagreement_rate) from mart_market_mosaic"
            " where period_kind = 'last_12_months' and dimension = 'all' group by 1"
        ).fetchall()
    )
    assert abs(gaps["even"]) < 0.01
    assert gaps["planted"] > 0.15


def test_the_effective_numbers_count_what_is_alike(marts: duckdb.DuckDBPyConnection) -> None:
    accounts, reps, known, thin = one(
        marts,
        "select avg(effective_accounts), avg(effective_reps), min(known_account_count),"
        " count(*) filter (is_thin) from mart_market_mosaic"
        " where period_kind = 'last_12_months' and dimension = 'all'",
    )
    assert known == ACCOUNTS
    assert 0.9 * ACCOUNTS < accounts < ACCOUNTS
    assert 7.8 < reps <= 8
    assert thin == 0


# --- The demo company ----------------------------------------------------------------------------


def test_what_the_demo_plants_is_found_and_nothing_else(demo_line: Line) -> None:
    assert demo_line.query(
        "select segment, value_proposition, win_rate > centre from mart_value_propositions"
        f" where {LAST} and cause = 'special'"
    ) == [("Small", "Fast delivery", True)]
    assert demo_line.query(
        f"select distinct cause from mart_outcome_reasons where {LAST} and cause is not null"
    ) == [("common",)]
    disagree, lot = demo_line.one(
        "select reason_disagreement_rate, disagreement_by_lot from mart_market_mosaic"
        " where dimension = 'all' and period_kind = 'last_12_months'"
    )
    assert disagree == pytest.approx(lot, abs=0.07), "the demo's reasons know of no account"


def test_the_report_names_the_planted_proposition(demo_line: Line, settings: Settings) -> None:
    with published(replace(settings, home=demo_line.home)) as marts:
        report = market_picture.report(marts)
    assert [section.key for section in report.sections] == [
        *("why_won", "why_lost", "rests_on", "method")
    ]
    assert "In Small, Fast delivery wins more often than chance explains" in told(
        report.look_first[0]
    )


# --- Words ---------------------------------------------------------------------------------------

SPAN = {
    "source_system": "crm",
    "period_kind": "last_12_months",
    "period_start_date": date(2025, 7, 1),
    "period_end_date": date(2026, 6, 30),
}
USED = (
    *("mart_value_propositions", "mart_outcome_reasons", "mart_market_mosaic"),
    *("mart_reason_contradictions", "dim_accounts"),
)


def test_nothing_stated_is_told_with_the_extract_that_would_bring_it() -> None:
    with bare_marts(*USED) as marts:
        for module in (why_won, why_lost, rests_on):
            section: Section = module.section(marts).section
            assert section.missing and "extract opportunities" in section.missing


def test_three_accounts_and_one_rep_are_told() -> None:
    place = SPAN | {
        "known_account_count": 10,
        "active_account_count": 8,
        "told_count": 9,
        "effective_accounts": 2.5,
        "effective_reps": 1.0,
        "is_thin": True,
        "told_account_count": 3,
        "told_rep_count": 1,
    }
    with bare_marts(*USED) as marts:
        fill(
            marts,
            "mart_market_mosaic",
            place | {"dimension": "all", "member": "all"},
            place | {"dimension": "segment", "member": "Medical"},
        )
        found = rests_on.section(marts)
    sentence = "The picture of Medical rests on 3 accounts and 1 rep: weighed by their deals, 2.50"
    assert sentence in told(found.section.finding)
    assert [told(said)[: len(sentence)] for _, said in found.look] == [sentence]


@pytest.mark.parametrize(("cause", "verdict"), [("common", "noise"), ("special", "signal")])
def test_a_proposition_within_its_limits_is_no_more_than_chance(cause: str, verdict: str) -> None:
    row = SPAN | {
        "segment": "Small",
        "win_rate_numerator": 8,
        "win_rate_denominator": 20,
        "win_rate": 0.4,
        "centre": 0.3,
        "shrunken": 0.32,
        "cause": cause,
        "lower_limit_998": 0.05,
        "upper_limit_998": 0.65,
    }
    with bare_marts(*USED) as marts:
        fill(
            marts,
            "mart_value_propositions",
            row | {"value_proposition": "Uptime"},
            row | {"value_proposition": "Cost", "cause": "common", "win_rate": 0.2},
        )
        found = why_won.section(marts)
    assert found.headline is not None and found.headline.verdict == verdict
    said = told(found.section.finding)
    assert ("In Small, Uptime wins more often than chance explains: 40.0 %" in said) == (
        verdict == "signal"
    )
    assert ("no proposition wins more or less often" in said) == (verdict == "noise")


def test_two_systems_are_told_apart() -> None:
    row = SPAN | {
        "segment": "Small",
        "value_proposition": "Uptime",
        "win_rate_numerator": 8,
        "win_rate_denominator": 20,
        "win_rate": 0.4,
        "centre": 0.3,
        "cause": "special",
    }
    with bare_marts(*USED) as marts:
        fill(marts, "mart_value_propositions", row, row | {"source_system": "erp"})
        found = why_won.section(marts)
    for name in ("Small (crm)", "Small (erp)"):
        assert f"In {name}, Uptime wins more often" in told(found.section.finding)
    [segments, *_] = zip(*table(found, "Propositions by segment").rows, strict=True)
    assert list(segments) == ["Small (crm)", "Small (erp)"]

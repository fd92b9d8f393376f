"""What product changes do, beside placebo dates; the sections on changes and incentives."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.reports.content import Words, told
from assets.reports.production import change_load, incentives
from assets.reports.published import Published
from assets.scoring.change_effects import clustered_mean, pooled
from tests.bare_marts import bare_marts, fill, said, table

TABLES = (
    *("fct_product_changes", "mart_product_change_effects", "mart_product_change_sign_offs"),
    *("mart_plant_change_load_weekly", "mart_rep_change_load_weekly", "mart_incentive_conflicts"),
    *("dim_products", "dim_work_centers"),
)


def test_one_change_per_product_gives_the_ordinary_interval() -> None:
    found = clustered_mean([1, 2, 3, 4, 5], list("abcde"))
    # s² = 2.5, s ÷ √5 = .7071, t(4; .975) = 2.776445
    assert found.mean == 3
    assert found.standard_error == pytest.approx(0.5**0.5)
    assert found.interval() == pytest.approx((3 - 1.963243, 3 + 1.963243), abs=1e-6)


def test_changes_of_one_product_count_as_one() -> None:
    found = clustered_mean([1, 2, 3, 4, 5] * 2, list("abcde") * 2)
    assert (found.case_count, found.cluster_count) == (10, 5)
    assert found.standard_error == pytest.approx(0.5**0.5)


def test_one_product_or_none_has_no_interval() -> None:
    assert clustered_mean([1, 3], ["a", "a"]).interval() == (None, None)
    assert clustered_mean([1, 3], ["a", "a"]).mean == 2
    assert clustered_mean([], []).mean is None


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values but 1 clusters"):
        clustered_mean([1, 2], ["a"])
    with pytest.raises(ValueError, match="not a finite number"):
        clustered_mean([1, np.nan], ["a", "b"])


def world(draw: np.random.Generator, more_hours: float = 0, changes: int = 24) -> pd.DataFrame:
    """Changes of 12 products with hours of their own size, and swings of their own about it;
    setup_hours gain `more_hours` after a change, nothing at a placebo date."""
    products = draw.integers(0, 12, changes)
    kinds, sizes = draw.choice(list("abc"), changes), draw.choice(list("SML"), changes)
    rows = []
    for measure in ("setup_hours", "run_hours", "scrap_hours", "expedite_hours"):
        usual = draw.lognormal(3, 0.5, 12)[products]
        hours = usual * draw.gamma(8, 1 / 8, (4, changes))
        hours[1] += more_hours * (measure == "setup_hours")
        rows.append(
            pd.DataFrame(
                {
                    "source_system": "s",
                    "measure": measure,
                    "product_id": [f"P{each}" for each in products],
                    "change_type": kinds,
                    "size_class": sizes,
                    "other_change_count": 0,
                    "before_value": hours[0],
                    "after_value": hours[1],
                    "difference": hours[1] - hours[0],
                    "placebo_difference": hours[3] - hours[2],
                    "net_difference": hours[1] - hours[0] - hours[3] + hours[2],
                }
            )
        )
    return pd.concat(rows)


def overall(effects: pd.DataFrame, measure: str = "setup_hours") -> dict[str, Any]:
    [row] = [
        row
        for row in pooled(effects).to_pylist()
        if (row["grouped_by"], row["measure"]) == ("all", measure)
    ]
    return row


def net_of(seed: int, more_hours: float) -> tuple[float, float]:
    effects = world(np.random.default_rng(seed), more_hours)
    setups = effects[effects["measure"] == "setup_hours"]
    low, high = clustered_mean(setups["net_difference"], setups["product_id"]).interval()
    assert low is not None
    assert high is not None
    return low, high


@pytest.mark.parametrize("more_hours", [0, 25])
def test_the_interval_holds_what_is_true_19_times_in_20(more_hours: float) -> None:
    intervals = [net_of(seed, more_hours) for seed in range(200)]
    # of 200 intervals 190 should, give or take 3
    held = sum(low <= more_hours <= high for low, high in intervals)
    assert 180 <= held <= 199


def test_a_world_in_which_changes_do_nothing_stays_silent() -> None:
    loud = 0
    for seed in range(20):
        rows = pooled(world(np.random.default_rng(seed))).to_pylist()
        loud += any(
            each["corrected_low"] > 0 or each["corrected_high"] < 0
            for each in rows
            if each["net_product_count"] >= 5
        )
    # at most 1 in 20; more than 4 has a chance of 3 in 1,000
    assert loud <= 4


def test_hours_that_changes_bring_are_found() -> None:
    found = 0
    for seed in range(10):
        effects = world(np.random.default_rng(seed), more_hours=25)
        setups, runs = overall(effects), overall(effects, "run_hours")
        found += setups["corrected_low"] > 0
        assert runs["corrected_low"] < 0 < runs["corrected_high"]
        assert abs(setups["mean_placebo_difference"]) < 12.5
    assert found >= 8


def test_the_order_of_the_rows_does_not_matter() -> None:
    effects = world(np.random.default_rng(5))
    assert pooled(effects).equals(pooled(effects.sample(frac=1, random_state=1)))


def test_changes_that_meet_another_or_are_not_whole_are_no_evidence() -> None:
    effects = world(np.random.default_rng(1)).reset_index(drop=True)
    whole = overall(effects)
    effects.loc[0, "other_change_count"] = 1
    effects.loc[1, ["difference", "net_difference"]] = np.nan
    effects.loc[2, ["placebo_difference", "net_difference"]] = np.nan
    left = overall(effects)
    counts = ("change_count", "placebo_change_count", "net_change_count")
    assert [whole[name] for name in counts] == [24, 24, 24]
    assert [left[name] for name in counts] == [22, 22, 21]


def test_without_changes_there_is_nothing() -> None:
    assert pooled(world(np.random.default_rng(1)).head(0)).num_rows == 0


@pytest.fixture
def marts() -> Iterator[Published]:
    """The tables of the contracts, empty."""
    with bare_marts(*TABLES) as marts:
        yield marts


def test_without_extracts_the_sections_say_what_brings_them(marts: Published) -> None:
    assert "product_changes" in (change_load.section(marts).section.missing or "")
    assert "commission_plans" in (incentives.section(marts).section.missing or "")


def test_the_load_of_changes_is_told_without_naming_a_rep(marts: Published) -> None:
    fill(
        marts,
        "fct_product_changes",
        {"product_change_id": "C1", "product_id": "P1", "effective_date": date(2026, 6, 1),
         "is_in_effect": True},
        {"product_change_id": "C2", "product_id": "P2", "effective_date": date(2026, 8, 1),
         "is_in_effect": False, "operations_signed_off_date": date(2026, 6, 2)},
    )  # fmt: skip
    weeks = [date(2026, 6, day) for day in (1, 8, 15, 22)]
    for place, week in enumerate(weeks):
        common = {
            "week_start": week,
            "week_end": week + (weeks[1] - weeks[0]),
            "source_system": "s",
        }
        for scope, key in (("plant", "s"), ("product_family", "Valves")):
            fill(
                marts,
                "mart_plant_change_load_weekly",
                {**common, "load_scope": scope, "scope_id": key, "active_change_count": place + 1,
                 "has_collision": place > 0, "collision_count": place,
                 "unsigned_taking_effect_count": 0},
            )  # fmt: skip
        for rep, count in (("R-ann", 1), ("R-bob", 2), ("R-cem", 3)):
            fill(
                marts,
                "mart_rep_change_load_weekly",
                {**common, "rep_id": rep, "active_change_count": count},
            )
    signs: dict[str, Any] = {"source_system": "s", "grouped_by": "all", "group_value": "all"}
    for function, signed in (("operations", 4), ("sales", 9), ("both", 3)):
        signs |= {
            f"{function}_sign_off_rate_numerator": signed,
            f"{function}_sign_off_rate_denominator": 10,
        }
    signs |= {
        "objectives_per_product_change_numerator": 25,
        "objectives_per_product_change_denominator": 10,
    }
    fill(marts, "mart_product_change_sign_offs", signs)
    effect: dict[str, Any] = {"source_system": "s", "grouped_by": "all", "group_value": "all"}
    fill(
        marts,
        "mart_product_change_effects",
        {**effect, "measure": "run_hours", "effect_status": "not shown"},
        {**effect, "measure": "setup_hours", "effect_status": "more"},
    )
    found = change_load.section(marts)
    assert "4 product changes were active" in said(found)
    assert "half of 3 reps were reached by 2 of them or more" in said(found)
    assert "3 of 4 (too few for a share) of the last weeks two met" in said(found)
    assert "operations had signed off 40.0 % (4 of 10) before, sales 90.0 % (9 of 10)" in said(
        found
    )
    assert "25 objectives were issued for them, 2.50 per change" in said(found)
    assert "After a change there is more of setup hours than without one." in said(found)
    [(_, looked)] = found.look
    assert "operations or sales: 1; the first takes effect on 2026-08-01" in told(looked)
    assert table(found, "Where changes met in the last year").rows[0][:4] == (
        "Product family",
        "Valves",
        3,
        4,
    )
    everything = repr(found)
    assert not any(rep in everything for rep in ("R-ann", "R-bob", "R-cem"))
    assert [row[0] for row in table(found, "All product changes").rows] == ["C2", "C1"]


@pytest.mark.parametrize(
    ("statuses", "says"),
    [
        (("not shown", "too few"), "Of 1 measures of the plant none moved more after a change"),
        (("too few", "too few"), "too few changes to tell"),
        (("less", "not shown"), "there is less of hours scrapped"),
    ],
)
def test_an_effect_is_told_only_where_it_is_shown(
    statuses: tuple[str, str], says: str, marts: Published
) -> None:
    fill(marts, "fct_product_changes", {"product_change_id": "C1", "is_in_effect": True})
    for measure, status in zip(("scrap_hours", "setup_hours"), statuses, strict=True):
        fill(
            marts,
            "mart_product_change_effects",
            {"grouped_by": "all", "group_value": "all", "measure": measure,
             "effect_status": status},
        )  # fmt: skip
    assert says in said(change_load.section(marts))


def deal(number: int, at_stake: float, **other: Any) -> dict[str, Any]:
    return {
        "opportunity_id": f"O{number}",
        "outcome": "won",
        "choice_month": date(2026, 6, 1),
        "choice_basis": "offered",
        "plan_ids": "example",
        "commission_best_product_family": "Pumps",
        "contribution_best_product_family": "Valves",
        "contribution_best_contribution_amount": 500,
        "has_conflict": at_stake > 0,
        "contribution_at_stake_amount": at_stake,
    } | other


def test_money_at_stake_is_told_by_what_pays_best(marts: Published) -> None:
    fill(
        marts,
        "mart_incentive_conflicts",
        *(deal(number, 0) for number in range(6)),
        deal(6, 80),
        deal(7, 20, outcome="open"),
        deal(8, 7, choice_basis="same family", commission_best_product_family="Seals"),
        {"opportunity_id": "O9", "outcome": "won", "not_judged_reason": "not priced"},
    )
    found = incentives.section(marts)
    assert "By the plan example" in said(found)
    assert "25.0 % (2 of 8) pay the most for another product" in said(found)
    assert "100 USD of contribution are at stake there, of 4 k USD" in said(found)
    assert "20 USD of it in deals that are open" in said(found)
    assert "conflict in 1 of 1 (too few for a share)" in said(found)
    assert [
        row[1:] for row in table(found, "What pays best against what leaves the most").rows
    ] == [
        ("Pumps", "Valves", 2, 100.0),
        ("Seals", "Valves", 1, 7.0),
    ]
    assert [row[0] for row in table(found, "Open deals in conflict").rows] == ["O7"]
    assert table(found, "Deals that are not judged").rows == (("not priced", 1),)


def test_deals_that_cannot_be_judged_say_why(marts: Published) -> None:
    unjudged = {"outcome": "won", "not_judged_reason": "variable cost not known"}
    fill(marts, "mart_incentive_conflicts", {"opportunity_id": "O1", **unjudged})
    found = incentives.section(marts)
    assert "1 deals are open or won, and none of them can be judged" in said(found)
    assert table(found, "Deals that are not judged").rows == (("variable cost not known", 1),)


def test_the_figures_of_the_sections_can_be_asked_again(marts: Published) -> None:
    fill(marts, "mart_incentive_conflicts", deal(1, 5), deal(2, 0, outcome="open"))
    finding: Words = incentives.section(marts).section.finding
    numbers = [part for part in finding if not isinstance(part, str)]
    assert len(numbers) >= 6
    for number in numbers:
        assert marts.ask(number.query) == ((number.value,),)

"""Attainment against the number of objectives carried: slopes, their limits, worlds without."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.scoring.objective_load import SCHEMA, effects, left_out, slope
from tests.line import Line

MONTHS = pd.date_range("2024-01-01", periods=30, freq="MS")


def world(
    seed: int,
    *,
    reps: int = 20,
    effect: float = 0.0,
    rising: bool = True,
    own: bool = False,
    market: float = 0.0,
) -> pd.DataFrame:
    """Months of reps of whom each attains as well as the rep is, whatever the number does.

    `rising`: all carry more from month to month; `own`: each has a number of the own that wanders;
    `market`: how far a month moves all reps.
    """
    draw = np.random.default_rng(seed)
    size = (reps, len(MONTHS))
    number = np.full(size, 9.0)
    if rising:
        number += np.round(np.linspace(-3, 9, len(MONTHS)))
    if own:
        number = np.maximum(number + np.round(np.cumsum(draw.normal(0, 1, size), axis=1)), 1)
    share = 0.3 + draw.normal(0, 0.1, (reps, 1)) + draw.normal(0, market, len(MONTHS))
    share = share + draw.normal(0, 0.06, size) + effect * number
    return pd.DataFrame(
        {
            "source_system": "s",
            "rep_id": np.repeat([f"r{rep:02}" for rep in range(reps)], len(MONTHS)),
            "objective_month": np.tile(MONTHS, reps),
            "mean_active_objectives": number.ravel(),
            "objective_period_count": number.ravel().astype(int),
            "attainment_sum": (share * number).ravel(),
            "mean_attainment": share.ravel(),
        }
    )


def told(cases: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    rows = effects(cases)
    assert all(row.keys() == {name for name, _ in SCHEMA} for row in rows)
    return {(row["outcome"], row["comparison"]): row for row in rows}


EACH = "attainment per objective"
OVER_TIME, ACROSS = "same rep over time", "same month across reps"


def test_the_slope_is_within_reps_and_within_months() -> None:
    """The better rep carries more; within both, one more goes with a tenth less."""
    rep, month = np.repeat([0, 1, 2], 3), np.tile([0, 1, 2], 3)
    number = np.array([1.0, 2, 3, 11, 12, 14, 21, 25, 23])
    attained = -0.1 * number + np.array([0.0, 3, 7])[rep]
    assert slope(number, attained, rep) == pytest.approx(-0.1)
    # what moves all alike in a month is taken out with the months alone
    season = attained + np.array([0.0, 2, 5])[month]
    assert slope(number, season, rep) > 0
    assert slope(number, season, rep, month) == pytest.approx(-0.1)
    # exact lines move by nothing, whoever is left out
    assert left_out(number, attained, (rep,), month) == pytest.approx(0, abs=1e-18)


def test_the_jackknife_of_single_cases_is_that_of_a_slope() -> None:
    """x 0, 1, 2, 4 and y 1, 3, 2, 6: slope 41/35; without each 9/7, 17/14, 93/78 and 1/2."""
    x, y = np.array([0.0, 1, 2, 4]), np.array([1.0, 3, 2, 6])
    alike = np.zeros(4, dtype=np.int64)
    assert slope(x, y, alike) == pytest.approx(np.polyfit(x, y, 1)[0])
    without = [np.polyfit(np.delete(x, i), np.delete(y, i), 1)[0] for i in range(4)]
    variance = 3 / 4 * sum((each - slope(x, y, alike)) ** 2 for each in without)
    assert left_out(x, y, (alike,), np.arange(4)) == pytest.approx(variance)


def test_a_planted_effect_is_found_in_both_comparisons() -> None:
    found = told(world(1, effect=-0.02, own=True, market=0.03))
    for comparison in (OVER_TIME, ACROSS):
        row = found[EACH, comparison]
        assert row["status"] == "measured" and row["is_shown"]
        assert row["effect_lower"] < -0.02 < row["effect_upper"] < 0
        assert row["compared_count"] == 4
    assert found[EACH, ACROSS]["rep_count"] == 20
    assert found[EACH, ACROSS]["quarter_count"] == 10


@pytest.mark.parametrize("kind", [{}, {"own": True}, {"own": True, "rising": False}])
def test_worlds_without_an_effect_are_silent(kind: dict[str, bool]) -> None:
    """Of 2 × 20 intervals of 95 % few leave out 0, and no effect is shown in any but one world."""
    missed = shown = 0
    for seed in range(20):
        found = told(world(seed, market=0.03, **kind))
        rows = [found[EACH, comparison] for comparison in (OVER_TIME, ACROSS)]
        rows = [row for row in rows if row["status"] == "measured"]
        assert rows
        missed += sum(not row["effect_lower"] <= 0 <= row["effect_upper"] for row in rows)
        shown += any(row["is_shown"] for row in rows)
    assert missed <= 3
    assert shown <= 1


def test_what_everybody_carries_alike_is_not_compared_across_reps() -> None:
    found = told(world(3, effect=-0.02))
    assert found[EACH, OVER_TIME]["is_shown"]
    assert found[EACH, ACROSS]["status"] == "the number does not vary"
    assert found[EACH, ACROSS]["effect"] is None and found[EACH, ACROSS]["is_shown"] is None
    assert found[EACH, OVER_TIME]["compared_count"] == 2


def test_few_reps_or_quarters_tell_nothing() -> None:
    whole = world(4, effect=-0.02, own=True)
    for part in (
        whole[whole["rep_id"] < "r04"],
        whole[whole["objective_month"] < "2025-04-01"],
        whole.groupby("rep_id").head(1),
    ):
        assert {row["status"] for row in effects(part)} == {"too few reps or quarters"}
    assert effects(whole.iloc[:0]) == []


def test_a_change_within_one_quarter_alone_is_not_measured() -> None:
    cases = world(5, rising=False)
    cases.loc[cases["objective_month"] == MONTHS[0], "mean_active_objectives"] = 3.0
    status = told(cases)[EACH, OVER_TIME]["status"]
    assert status == "the number varies in one quarter or group of reps alone"


def test_the_demo_company_attains_less_of_each_the_more_there_are(demo_line: Line) -> None:
    """Three are attended to, however many there are: of one more only what ignored ones bring."""
    planted = json.loads((demo_line.home / "demo" / "truth.json").read_text())["objectives"][
        "attainment"
    ]
    rows = demo_line.query(
        "select comparison, outcome, effect, effect_lower, effect_upper, is_shown"
        " from mart_objective_load_effects order by comparison desc, outcome desc"
    )
    (_, _, each, _, upper, is_shown), (_, _, in_all, least, most, _) = rows[:2]
    assert planted == {"attended": 0.69375, "ignored": 0.035}
    assert each < upper < 0 and is_shown
    assert least < planted["ignored"] < most
    assert in_all < 0.1
    # the mean month of the mart lies where the planted shares put it
    carried, attained = demo_line.one(
        "select sum(mean_active_objectives * attainment_rate_denominator)"
        " / sum(attainment_rate_denominator),"
        " sum(attainment_rate_numerator) / sum(attainment_rate_denominator)"
        " from mart_rep_objectives_monthly"
    )
    expected = planted["ignored"] + 3 * (planted["attended"] - planted["ignored"]) / carried
    assert attained == pytest.approx(expected, abs=0.03)

"""How strictly raters score: against the case mix, shrunken, with limits; and what is planted."""

import json

import numpy as np
import pytest

from assets.scoring.rater_severity import SCHEMA, against_case_mix, severities
from tests.line import Line


def test_few_scores_are_drawn_to_zero_and_have_wide_limits() -> None:
    """Within-rater variance 4 by four raters of 2, 8, 50 and 50: limits are 1.96 × 2 ÷ √n."""
    spread = np.array([-2.0, 2.0])
    differences = np.concatenate(
        [5 + spread, 5 + np.tile(spread, 4), np.tile(spread, 25), np.tile(spread, 25)]
    )
    raters = np.repeat(["few", "more", "x", "y"], [2, 8, 50, 50])
    found = dict(severities(differences, raters))
    assert list(found) == ["few", "more", "x", "y"]
    within = 4 * 110 / 106
    for name, count in (("few", 2), ("more", 8)):
        row = found[name]
        assert row.keys() == {column for column, _ in SCHEMA}
        assert row["difference"] == pytest.approx(5)
        assert row["upper_limit_95"] == pytest.approx(1.959964 * np.sqrt(within / count), abs=1e-6)
        assert row["lower_limit_998"] == pytest.approx(
            -3.090232 * np.sqrt(within / count), abs=1e-6
        )
        between = row["spread_between"] ** 2
        assert row["shrunken"] == pytest.approx(5 * between / (between + within / count), abs=1e-5)
        assert row["shrunken_lower"] < row["shrunken"] < row["shrunken_upper"]
    assert 0 < found["few"]["shrunken"] < found["more"]["shrunken"] < 5
    assert found["more"]["is_outside_998"] and not found["x"]["is_outside_95"]


def test_the_case_mix_is_taken_out_within_raters() -> None:
    """Strict Ann has the good segment: lenient against all, she is strict against the mix."""
    draw = np.random.default_rng(5)
    ann, good = np.repeat([True, False], 400), np.zeros(800, bool)
    good[:300], good[400:500] = True, True
    scores = 50 + 20 * good - 6 * ann + draw.normal(0, 8, 800)
    left = against_case_mix(scores, np.where(ann, "ann", "bob"), [np.where(good, "good", "poor")])
    assert scores[ann].mean() > scores[~ann].mean()
    assert left.sum() == pytest.approx(0, abs=1e-6)
    assert left[ann].mean() - left[~ann].mean() == pytest.approx(-6, abs=1.5)
    rows = dict(severities(left, np.where(ann, "ann", "bob")))
    assert rows["ann"]["shrunken"] < 0 < rows["bob"]["shrunken"]


def test_rare_categories_are_one_and_nothing_is_divided_by_nothing() -> None:
    scores = np.arange(30.0)
    # every deal a category of its own would explain everything
    left = against_case_mix(scores, np.arange(30) % 3, [np.arange(30)])
    assert left == pytest.approx(scores - scores.mean())
    assert against_case_mix([], [], []).size == 0
    assert severities([], []) == []
    [(_, alone)] = severities([1.0, 2.0], ["ann", "ann"])
    assert alone["difference"] == 1.5 and alone["shrunken"] is None
    alike = severities([0.0, 0.0, 0.0, 0.0], ["a", "a", "b", "b"])
    assert all(row["is_outside_998"] is None for _, row in alike)


def test_where_all_raters_are_alike_hardly_anybody_stands_out() -> None:
    """Of 40 × 50 raters two in a thousand are outside of the 99.8 % limits by chance."""
    outside, moved = 0, []
    for seed in range(50):
        draw = np.random.default_rng(seed)
        rows = severities(draw.normal(0, 18, 2000), draw.integers(0, 40, 2000))
        outside += sum(row["is_outside_998"] for _, row in rows)
        moved += [abs(row["shrunken"]) for _, row in rows]
    assert outside <= 12
    assert np.mean(moved) < 0.6


def test_planted_raters_stand_out_and_nobody_else(demo_line: Line) -> None:
    planted = json.loads((demo_line.home / "demo" / "truth.json").read_text())["severity"]["points"]
    assert planted
    for basis in ("case mix", "same deals"):
        found = demo_line.query(
            "select rater_id, shrunken_points, shrunken_lower_points, shrunken_upper_points, cause"
            f" from mart_rater_severity where basis = '{basis}'"
        )
        assert {rater for rater, *_, cause in found if cause == "special"} == set(planted), basis
        for rater, shrunken, lower, upper, _ in found:
            if rater in planted:
                assert shrunken * planted[rater] > 0
                # answers end at the ends of the scale, which takes a part of the planted points
                assert lower < planted[rater] * 0.95 < upper or basis == "case mix"


def test_planted_hindsight_is_seen_after_the_outcome_and_shortly_before(demo_line: Line) -> None:
    planted = json.loads((demo_line.home / "demo" / "truth.json").read_text())
    assert planted["hindsight"] == {"points": 15}
    for time in ("after the outcome", "in the week before it"):
        towards, moved = demo_line.one(
            "select sum(towards_outcome_rate_numerator), sum(towards_outcome_rate_denominator)"
            f" from mart_answer_revisions where revision_time = '{time}'"
        )
        assert moved > 20
        assert towards / moved > 0.9

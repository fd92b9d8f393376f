"""What the sections on raters, limits, revisions and one more objective say of few marts."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from assets.reports.content import told
from assets.reports.objective import attainment
from assets.reports.published import Published
from assets.reports.qualification import raters, revisions, thresholds
from tests.bare_marts import bare_marts, fill, said, table

TABLES = (
    *("mart_rater_agreement", "mart_rater_severity", "mart_qualification_attributes"),
    *("mart_score_bunching", "fct_qualification_scores", "mart_answer_revisions"),
    *("mart_rep_objectives_monthly", "mart_objective_load_effects"),
)
SECTIONS = {each.__name__: each.section for each in (raters, thresholds, revisions, attainment)}


@pytest.fixture
def marts() -> Iterator[Published]:
    with bare_marts(*TABLES) as empty:
        yield empty


@pytest.mark.parametrize("section", SECTIONS)
def test_without_rows_a_section_says_what_would_bring_them(section: str, marts: Published) -> None:
    found = SECTIONS[section](marts)
    assert found.section.missing and ("qualification_answers" in found.section.missing
        or "rep_objectives" in found.section.missing)  # fmt: skip
    assert found.headline is None and found.look == () and found.section.parts == ()


def rater(name: str, basis: str, shrunken: float, cause: str | None, **more: Any) -> dict[str, Any]:
    return {
        "source_system": "crm",
        "basis": basis,
        "rater_id": name,
        "score_count": 40,
        "difference_points": shrunken * 1.1,
        "shrunken_points": shrunken,
        "cause": cause,
        "is_outside_95": cause == "special",
        **more,
    }


def test_raters_are_counted_and_not_named(marts: Published) -> None:
    fill(
        marts,
        "mart_rater_severity",
        rater("R-ann", "same deals", -7.5, "special"),
        rater("R-bob", "same deals", 0.4, "common"),
        rater("R-cem", "same deals", 1.2, "common", score_count=3, difference_points=None),
        rater("R-ann", "case mix", -4.0, "common"),
        rater("R-bob", "case mix", 1.0, "common"),
        # alone in a system: nothing to be held against
        rater("R-dan", "case mix", 0.0, None, source_system="other"),
    )
    for attribute, verdict, alpha in (
        ("need", "good", 0.9),
        ("budget", "too low", 0.4),
        ("timing", None, None),
    ):
        fill(
            marts,
            "mart_rater_agreement",
            {
                "source_system": "crm",
                "attribute_id": attribute,
                "is_overall": False,
                "alpha": alpha,
                "verdict": verdict,
                "opportunity_count": 30,
                "unit_count": 30,
            },
        )
    fill(
        marts,
        "mart_qualification_attributes",
        {
            "source_system": "crm",
            "attribute_id": "need",
            "scorecard_version": "1",
            "question": "How pressing?",
        },
    )
    found = raters.section(marts)
    assert "Of 2 questions" in said(found)
    assert "1 are answered alike well, 0 well enough, 1 too differently" in said(found)
    assert (
        "On the same deals, of 3 people with 83 scores 1 score stricter or more leniently than"
        " chance explains; what is to be believed reaches from -7.5 points to +1.2 points."
    ) in said(found)
    assert "Against the case mix, of 2 people with 80 scores 0 score" in said(found)
    assert found.headline is not None and found.headline.number.value == 1
    assert found.headline.verdict == "signal"
    [(_, look)] = found.look
    assert "1 of 3 people, on the same deals" in told(look)
    rows = table(found, "How far people agree, question by question").rows
    assert [row[1] for row in rows] == ["budget", "How pressing?", "timing"]
    everything = repr(found)
    assert not any(name in everything for name in ("R-ann", "R-bob", "R-cem", "R-dan"))


def limit(score: int, kind: str, ratio: float | None, is_bunched: bool | None) -> dict[str, Any]:
    return {
        "source_system": "crm",
        "pipeline": "main",
        "landmark": "stage_2_entry",
        "threshold_score": score,
        "threshold_kind": kind,
        "score_count": 900,
        "status": "too few scores" if ratio is None else "measured",
        "below_count": 12,
        "above_count": 48,
        "step_ratio": ratio,
        "step_ratio_lower": 2.1,
        "step_ratio_upper": 5.6,
        "is_bunched": is_bunched,
    }


def test_a_bunched_limit_is_named_and_asked_about(marts: Published) -> None:
    fill(
        marts,
        "mart_score_bunching",
        limit(60, "lower tipping point", 3.4, True),
        limit(70, "round score", 1.1, False),
        limit(80, "round score", None, None),
    )
    found = thresholds.section(marts)
    assert "Of 2 limits with enough scores around them, 1 are bunched." in said(found)
    assert (
        "At 60 (lower tipping point, pipeline main, entry to stage 2) 48 scores lie just above and"
        " 12 just below: 3.40 times as many as a smooth curve has, between 2.10 and 5.60."
    ) in said(found)
    [(_, look)] = found.look
    assert "just above 60 (lower tipping point)" in told(look)
    assert [row[-1] for row in table(found, "Limit by limit").rows] == [
        *(None, None, "too few scores"),
    ]


def test_no_bunching_is_said_only_where_it_could_be_seen(marts: Published) -> None:
    fill(marts, "mart_score_bunching", limit(80, "round score", None, None))
    found = thresholds.section(marts)
    assert "More scored deals will tell." in said(found)
    fill(marts, "mart_score_bunching", limit(70, "round score", 1.1, False))
    assert "Nobody seems to lift answers" in said(thresholds.section(marts))


@pytest.mark.parametrize(("towards", "is_hindsight"), [(18, True), (11, False)])
def test_hindsight_is_told_where_more_than_half_is_sure(
    towards: int, is_hindsight: bool, marts: Published
) -> None:
    """Of 20 deals: 18 are at least 74 %, 11 at least 38 %, each with 95 % confidence."""
    common: dict[str, Any] = {"source_system": "crm", "revision_time": "after the outcome"}
    for outcome, share, whole in (("won", towards - 4, 15), ("lost", 4, 5)):
        fill(
            marts,
            "mart_answer_revisions",
            {
                **common,
                "outcome": outcome,
                "revised_deal_count": whole + 1,
                "revised_answer_count": 2 * whole,
                "towards_outcome_rate_numerator": share,
                "towards_outcome_rate_denominator": whole,
            },
        )
    # three deals are too few for a share
    fill(
        marts,
        "mart_answer_revisions",
        {
            **common,
            "revision_time": "in the week before it",
            "outcome": "won",
            "revised_deal_count": 3,
            "towards_outcome_rate_numerator": 3,
            "towards_outcome_rate_denominator": 3,
        },
    )
    found = revisions.section(marts)
    assert "40 answers of 22 deals" in said(found)
    assert f"{towards} of 20 deals that moved" in said(found)
    assert ("hindsight" in said(found)) is is_hindsight
    assert bool(found.look) is is_hindsight
    assert "week before" not in said(found)
    rows = table(found, "When answers are changed, and which way").rows
    assert [(row[0], row[-1]) for row in rows] == [
        ("after the outcome", None),
        ("after the outcome", None),
        ("in the week before it", "fewer than 5 cases"),
    ]


def load_effect(outcome: str, comparison: str, effect: float | None, **more: Any) -> dict[str, Any]:
    told_effect = {
        "source_system": "crm",
        "outcome": outcome,
        "comparison": comparison,
        "status": "measured",
        "effect": effect,
        "is_shown": True,
        "rep_count": 9,
        "rep_month_count": 180,
    }
    if effect is not None:
        told_effect |= {"effect_lower": effect - 0.01, "effect_upper": effect + 0.01}
    return {**told_effect, **more}


OVER_TIME, ACROSS = "same rep over time", "same month across reps"


@pytest.mark.parametrize(
    ("across", "says"),
    [
        ({"effect": -0.03}, "It holds within a month as well"),
        ({"effect": -0.03, "is_shown": False}, "tell nothing either way"),
        ({"effect": None, "status": "the number does not vary", "is_shown": None}, "tell nothing"),
    ],
)
def test_one_more_objective_is_told_as_what_goes_with_it(
    across: dict[str, Any], says: str, marts: Published
) -> None:
    for rep, reached in (("R-ann", 1.5), ("R-bob", 2.5)):
        fill(
            marts,
            "mart_rep_objectives_monthly",
            {
                "rep_id": rep,
                "objective_month": date(2026, 5, 1),
                "mean_active_objectives": 8.4,
                "attainment_rate_numerator": reached,
                "attainment_rate_denominator": 8,
            },
        )
    each, whole = "attainment per objective", "attainment in all"
    fill(
        marts,
        "mart_objective_load_effects",
        load_effect(each, OVER_TIME, -0.02),
        load_effect(each, ACROSS, **across),
        load_effect(whole, OVER_TIME, 0.03),
    )
    found = attainment.section(marts)
    assert "In May 2026 reps reached 25.0 % of the target of an objective, in the mean of 16." in (
        said(found)
    )
    assert "differed by -2.0 points, between -3.0 points and -1.0 points" in said(found)
    assert "differed by +3.0 points of one objective" in said(found)
    assert says in said(found)
    assert any("agree which ones stay" in told(look) for _, look in found.look)
    assert table(found, "What is reached, by how many objectives a rep carries").rows == (
        (8, 2, 16, 0.25, None, "fewer than 5 cases"),
    )
    assert not any(rep in repr(found) for rep in ("R-ann", "R-bob"))


def test_an_effect_that_is_not_measured_says_why(marts: Published) -> None:
    fill(
        marts,
        "mart_rep_objectives_monthly",
        {
            "rep_id": "R-ann",
            "objective_month": date(2026, 5, 1),
            "mean_active_objectives": 6.0,
            "attainment_rate_numerator": 3.0,
            "attainment_rate_denominator": 6,
        },
    )
    for outcome in ("attainment per objective", "attainment in all"):
        for comparison in (OVER_TIME, ACROSS):
            fill(
                marts,
                "mart_objective_load_effects",
                load_effect(
                    outcome, comparison, None, status="the number does not vary", is_shown=None
                ),
            )
    found = attainment.section(marts)
    assert "cannot be told: the number does not vary (9 reps, 180 months of theirs)" in said(found)
    assert found.look == ()

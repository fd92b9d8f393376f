"""The sections on coaching, first contacts, open barriers and actions say what the marts say."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from assets.reports.alignment import barriers, coaching, pulse
from assets.reports.content import figures, told
from assets.reports.production import operations_contact
from assets.reports.published import Published
from tests.bare_marts import bare_marts, fill, said, table

TABLES = (
    *("fct_barriers", "mart_barriers_monthly", "fct_coaching_sessions", "mart_coaching_monthly"),
    *("mart_coaching_effects", "mart_pulse_waves", "mart_pulse_functions", "mart_pulse_questions"),
    *("mart_pulse_reasons", "mart_pulse_actions", "fct_account_contacts"),
    "mart_operations_contact_effects",
)


@pytest.fixture
def marts() -> Iterator[Published]:
    with bare_marts(*TABLES) as marts:
        yield marts


def coached(marts: Published) -> None:
    """Nine months in which three of four weeks are kept, and two sessions."""
    for number in range(9):
        fill(
            marts,
            "mart_coaching_monthly",
            {"source_system": "s", "coaching_month": date(2025, 10 + number, 1)
             if number < 3 else date(2026, number - 2, 1), "rep_count": 12, "coached_rep_count": 9,
             "session_count": 20, "coaching_hours_per_rep_week_numerator": 12.0,
             "coaching_hours_per_rep_week_denominator": 48,
             "cadence_kept_rate_numerator": 36 + number % 3,
             "cadence_kept_rate_denominator": 48},
        )  # fmt: skip
    for session, step in (("a", "Proposal"), ("b", None)):
        fill(
            marts,
            "fct_coaching_sessions",
            {"session_id": session, "rep_id": "R-ann", "manager_id": "M-bob", "process_step": step,
             "is_funnel_step": step is not None, "held_date": date(2026, 5, 4),
             "duration_minutes": 45.0},
        )  # fmt: skip


def effect(step: str, status: str) -> dict[str, object]:
    return {
        "source_system": "s", "process_step": step, "coached_rep_count": 9, "other_rep_count": 12,
        "comparison_count": 30, "coached_after_rate": 0.8, "expected_after": 0.65, "effect": 0.15,
        "effect_lower": 0.05, "effect_upper": 0.25, "plain_effect": 0.2, "effect_status": status,
    }  # fmt: skip


def test_without_extracts_the_sections_say_what_brings_them(marts: Published) -> None:
    assert "coaching_sessions" in (coaching.section(marts).section.missing or "")
    assert "participant_function" in (operations_contact.section(marts).section.missing or "")


def test_coaching_is_told_without_naming_anybody(marts: Published) -> None:
    coached(marts)
    fill(marts, "mart_coaching_effects", effect("Proposal", "more"), effect("all", "not shown"))
    found = coaching.section(marts)
    assert "9 of 12 reps were coached in 20 sessions, 0.25 hours per rep and week" in said(found)
    assert "the cadence agreed was kept in 79.2 % (38 of 48 weeks of reps)" in said(found)
    assert "the 9 reps coached on it pass 80.0 % of their deals afterwards" in said(found)
    assert [row[1] for row in table(found, "Before and after coaching, by step").rows] == [
        "pass more",
        "no difference shown",
    ]
    assert "by +5.0 points to +25.0 points more" in said(found)
    assert [row[0] for row in table(found, "What was coached in the last year").rows] == [
        "Proposal",
        "no step named",
    ]
    assert any("pass more deals afterwards" in told(look) for _, look in found.look)
    assert "R-ann" not in repr(found)
    assert "M-bob" not in repr(found)
    for figure in figures(found.section):
        assert marts.ask(figure.query) is not None


@pytest.mark.parametrize(
    ("status", "says"),
    [("not shown", "On none of 1 steps"), ("too few", "Too few reps are coached on steps")],
)
def test_an_effect_is_told_only_where_it_is_shown(status: str, says: str, marts: Published) -> None:
    coached(marts)
    fill(marts, "mart_coaching_effects", effect("Proposal", status), effect("all", status))
    assert says in said(coaching.section(marts))


def test_first_contacts_and_what_came_of_them(marts: Published) -> None:
    for number in range(10):
        days = 20 * number if number < 9 else None
        fill(
            marts,
            "fct_account_contacts",
            {"account_id": f"A{number}", "first_sales_date": date(2025, 1, 1),
             "first_operations_date": None if days is None
             else date(2025, 1, 1) + timedelta(days), "days_to_operations_contact": days,
             "is_early": days is not None and days < 90},
        )  # fmt: skip
    row = {"source_system": "s", "pair_count": 40, "early_value": 0.2, "late_value": 0.05,
           "difference": 0.15, "difference_lower": 0.04, "difference_upper": 0.26}  # fmt: skip
    fill(
        marts,
        "mart_operations_contact_effects",
        {**row, "measure": "order_growth", "effect_status": "more"},
        {**row, "measure": "on_time_rate", "effect_status": "not shown"},
    )
    found = operations_contact.section(marts)
    assert "50.0 % (5 of 10) early, and 1 it has not met yet" in said(found)
    assert "Growth of what is ordered: higher where met early, by +15.0 points" in said(found)
    assert [row[0] for row in table(found, "Met early, against like accounts met late").rows] == [
        "Growth of what is ordered",
        "First promises kept",
    ]
    [(_, look)] = found.look
    assert "Growth of what is ordered is higher where met early" in told(look)


def test_open_barriers_by_step_and_age(marts: Published) -> None:
    for month in range(1, 7):
        fill(
            marts,
            "mart_barriers_monthly",
            {"source_system": "s", "barrier_month": date(2026, month, 1), "process_step": "all",
             "raised_count": month, "response_p50_hours": 4.5},
        )  # fmt: skip
    for age in (3, 7, 8, 91):
        fill(
            marts,
            "fct_barriers",
            {
                "barrier_id": f"B{age}",
                "process_step": "Quotation",
                "is_open": True,
                "age_days": age,
            },
        )
    found = barriers.section(marts)
    assert table(found, "Open by step and age").rows == (("Quotation", 4, 2, 1, 0, 1),)
    assert "half are answered within 4.50 hours" in said(found)


def test_what_followed_actions(marts: Published) -> None:
    fill(marts, "mart_pulse_waves", {"source_system": "s", "wave": "w1", "told_function_count": 2,
                                     "hidden_function_count": 0, "mean_score": 6.0})  # fmt: skip
    for number in range(7):
        fill(
            marts,
            "mart_pulse_actions",
            {"action_id": f"a{number}", "function_name": "production", "score_before": 4.0,
             "score_change": 1.0, "others_count": 2, "others_score_change": 0.25,
             "is_done_by_next_wave": number < 5},
        )  # fmt: skip
    assert table(
        pulse.section(marts), "Actions, and how their functions saw it in the next wave"
    ).rows == (
        ("Done by then", 5, 1, 4.0, 1.0, 0.25),
        ("Not done by then", 2, 1, None, None, None),
    )

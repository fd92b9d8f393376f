"""Coaching: an effect by hand, worlds in which the worst are coached and nothing helps, planted."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.demo import coaching, funnel
from assets.demo import company as companies
from assets.scoring.coaching_effects import AFTER_WEEKS as AFTER
from assets.scoring.coaching_effects import BEFORE_WEEKS as BEFORE
from assets.scoring.coaching_effects import Comparisons, Effect, comparisons, effect, effects
from tests.line import Line

REPS, WEEKS = 24, 130


def world(
    seed: int, helps: float = 0.0, picked: str = "worst", spread: float = 0.06
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deals passed, ended, and sessions, reps × weeks.

    Every four weeks somebody is coached: who passed fewest in the last 13 weeks (`worst`), who is
    weakest whatever the last weeks say (`weak`), or anybody. Rates move with the seasons for all.
    """
    random = np.random.default_rng(seed)
    level = np.clip(0.6 + random.normal(0, spread, REPS), 0.05, 0.95)
    ended = random.poisson(2.0, (REPS, WEEKS))
    passed, sessions = np.zeros((REPS, WEEKS)), np.zeros((REPS, WEEKS))
    last = np.full(REPS, -999)
    for week in range(WEEKS):
        is_helped = (last < week) & (week <= last + AFTER)
        rate = level + 0.1 * np.sin(week / 20) + helps * is_helped
        passed[:, week] = random.binomial(ended[:, week], np.clip(rate, 0, 1))
        if week < AFTER or week % 4:
            continue
        lately = slice(week - AFTER, week)
        seen = passed[:, lately].sum(1) / np.maximum(ended[:, lately].sum(1), 1)
        if picked == "worst":
            chosen = np.argsort(np.where(week - last < BEFORE, 9.0, seen))[:1]
        elif picked == "weak":
            chosen = np.argsort(level + random.normal(0, 0.05, REPS))[:2]
        else:
            chosen = np.flatnonzero(random.random(REPS) < 0.04)
        sessions[chosen, week] = 1
        last[chosen] = week
    return passed, ended.astype(float), sessions


def found(seed: int, *world_: object) -> Effect:
    compared = comparisons(*world(seed, *world_), before=BEFORE, after=AFTER)  # type: ignore[arg-type]
    return effect([compared], draws=400)


def mean(of: list[Effect], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in of]))


def covered(of: list[Effect], truth: float) -> int:
    return sum((x.effect_lower or 0) <= truth <= (x.effect_upper or 0) for x in of)


def test_an_effect_by_hand() -> None:
    """Five reps pass 5 of 10 before and 8 of 10 after, five others 6 and 7. Such a prior takes the
    rates as they are: expected is .5 + .1, the effect .2. One as heavy as can be takes all for
    alike, .55 before: expected is what the others did, .7, and the effect .1."""
    coached = np.array([[True] * 5 + [False] * 5])
    passed = (np.array([[5.0] * 5 + [6.0] * 5]), np.array([[8.0] * 5 + [7.0] * 5]))
    ended = (np.full((1, 10), 10.0), np.full((1, 10), 10.0))
    taken = effect([Comparisons(coached, ~coached, passed, ended, 1e-9)])
    assert taken.status == "measured"
    assert (taken.coached_before, taken.coached_after) == ((25, 50), (40, 50))
    assert (taken.other_before, taken.other_after) == ((30, 50), (35, 50))
    assert taken.expected_after == pytest.approx(0.6)
    assert taken.effect == pytest.approx(0.2) == taken.plain_effect
    assert taken.verdict == "more"
    alike = effect([Comparisons(coached, ~coached, passed, ended, 1e9)])
    assert alike.expected_after == pytest.approx(0.7)
    assert alike.effect == pytest.approx(0.1)
    assert alike.plain_effect == pytest.approx(0.2)


def test_who_is_compared() -> None:
    """Coached in week 3: A; B is coached a week later and counts up to it, C was coached a week
    before and does not count, D never. The week itself is in neither side."""
    sessions = np.zeros((4, 8))
    sessions[0, 3] = sessions[1, 5] = sessions[2, 2] = 1
    passed = np.tile([1.0, 2, 4, 8, 16, 32, 64, 128], (4, 1))
    compared = comparisons(passed, passed, sessions, before=2, after=3)
    # week 2 has no week before it for `before` but two of them: C is coached there, D is not
    assert compared.coached.tolist() == [[False, False, True, False], [True, False, False, False]]
    assert compared.others.tolist() == [[True, True, False, True], [False, True, False, True]]
    assert compared.ended[0].tolist() == [[3.0] * 4, [6.0] * 4]
    assert compared.ended[1][1].tolist() == [112.0, 16.0, 112.0, 112.0]
    # A is coached the week after, B three weeks after
    assert compared.ended[1][0].tolist() == [0.0, 24.0, 56.0, 56.0]


def test_tables_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="three tables of one shape"):
        comparisons(np.ones((2, 9)), np.ones((2, 9)), np.ones((2, 8)), before=2, after=2)


@pytest.mark.parametrize("spread", [0.0, 0.06])
def test_coaching_the_worst_when_nothing_helps_is_no_effect(spread: float) -> None:
    """The plain difference in differences takes what comes back by itself for coaching."""
    silent = [found(seed, 0.0, "worst", spread) for seed in range(40)]
    assert mean(silent, "plain_effect") > 0.05
    assert mean(silent, "effect") == pytest.approx(0, abs=0.012)
    assert covered(silent, 0.0) >= 36
    assert sum(each.verdict != "not shown" for each in silent) <= 3


def test_coaching_the_weak_or_anybody_when_nothing_helps_is_no_effect() -> None:
    for picked in ("weak", "anybody"):
        silent = [found(seed, 0.0, picked) for seed in range(40)]
        told = [each for each in silent if each.status == "measured"]
        assert len(told) >= 36
        assert mean(told, "plain_effect") == pytest.approx(0, abs=0.015)
        assert sum(each.verdict != "not shown" for each in told) <= 3


def test_a_planted_effect_is_found() -> None:
    for picked in ("worst", "anybody"):
        shown = [found(seed, 0.12, picked) for seed in range(30)]
        assert mean(shown, "effect") == pytest.approx(0.12, abs=0.025)
        assert covered(shown, 0.12) >= 26
        assert sum(each.verdict == "more" for each in shown) >= 26


def test_too_few_reps_tell_nothing() -> None:
    passed, ended, sessions = (table[:6] for table in world(1))
    sessions[2:] = 0
    few = effect([comparisons(passed, ended, sessions, before=BEFORE, after=AFTER)])
    assert few.status == "too few reps"
    assert few.effect is None
    assert few.verdict is None
    assert few.coached_rep_count == 2


def rep_weeks(system: str, step: str, seed: int, helps: float) -> pd.DataFrame:
    passed, ended, sessions = world(seed, helps)
    weeks = pd.date_range("2023-01-02", periods=WEEKS, freq="7D")
    return pd.DataFrame(
        {
            "source_system": system,
            "process_step": step,
            "rep_id": f"R{rep:02}",
            "week_start": week,
            "passed_count": passed[rep, place],
            "ended_count": ended[rep, place],
            "session_count": sessions[rep, place],
        }
        for rep in range(REPS)
        for place, week in enumerate(weeks)
        if ended[rep, place] or sessions[rep, place]
    )


def test_each_step_has_a_row_and_all_together_one() -> None:
    """A step on which nobody is coached has none; the same rows give the same figures."""
    quiet = rep_weeks("a", "Quiet", 3, 0.0).assign(session_count=0.0)
    told = [rep_weeks("a", "Proposal", 1, 0.2), rep_weeks("a", "Qualified", 2, 0.0), quiet]
    table = pd.concat([*told, rep_weeks("b", "Quiet", 1, 0.0).assign(session_count=0.0)])
    rows = effects(table)
    assert rows["process_step"].tolist() == ["Proposal", "Qualified", "all"]
    assert rows["verdict"].tolist()[:2] == ["more", "not shown"]
    one, other, both = (rows.loc[place] for place in range(3))
    assert both["comparison_count"] == one["comparison_count"] + other["comparison_count"]
    assert other["effect"] < both["effect"] < one["effect"]
    again = effects(table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(rows, again)


def demo_weeks(plan: companies.Plan) -> tuple[pd.DataFrame, float]:
    """Of a demo company the deals and sessions of two steps by rep and week, and the share of the
    proposals in the weeks after coaching that got over the step by it."""
    company = companies.found(plan)
    deal = funnel.run(company).deal
    held = coaching.sessions(company)
    rows = []
    resolved = np.isin(deal["stage"], (funnel.WON, funnel.LOST))
    for stage, step in ((1, "Qualification"), (2, "Quotation")):
        entered_w = deal["enter_w"][:, stage]
        told = resolved & (deal["reach"] >= stage) & (deal["born"] <= stage)
        told &= (deal["skipped"] != stage) & (entered_w < company.calendar.days)
        day = company.calendar.moment(entered_w[told]) // companies.DAY
        sessions = held["step"] == coaching.STEPS.index(step)
        parts = (
            (deal["owner"][told], day, deal["reach"][told] > stage, 1, 0),
            (held["rep"][sessions], held["at"][sessions] // companies.DAY, 0, 0, 1),
        )
        for rep, on, passed, ended, session in parts:
            rows.append(
                pd.DataFrame(
                    {
                        "source_system": "demo",
                        "process_step": step,
                        "rep_id": rep,
                        # 1970 began on a Thursday
                        "week_start": pd.to_datetime(on - (on + 3) % 7, unit="D"),
                        "passed_count": np.asarray(passed, dtype=float),
                        "ended_count": float(ended),
                        "session_count": float(session),
                    }
                )
            )
    keys = ["source_system", "process_step", "rep_id", "week_start"]
    weeks = pd.concat(rows).groupby(keys, as_index=False).sum()
    counted = resolved & deal["is_coached"]
    return weeks, float(deal["is_carried"][counted].mean())


def test_demo_worlds_with_and_without_what_is_planted(tmp_path: Path) -> None:
    """What coaching on quotations does is found in its interval; on the step before, and without
    it, there is nothing."""
    for without, is_planted in ((frozenset(), True), (frozenset({"coaching"}), False)):
        weeks, truth = demo_weeks(companies.Plan(tmp_path, 7, scale=1.0, without=without))
        rows = effects(weeks).set_index("process_step")
        proposal, qualified = rows.loc["Quotation"], rows.loc["Qualification"]
        assert (truth > 0.1) == is_planted
        assert proposal["effect_lower"] <= truth <= proposal["effect_upper"]
        assert proposal["verdict"] == ("more" if is_planted else "not shown")
        assert qualified["verdict"] == "not shown"


def test_the_line_finds_what_was_planted(demo_line: Line) -> None:
    """On the step it was planted on, and on no other; nor with contacts of operations, where the
    demo plants nothing."""
    planted = json.loads((demo_line.home / "demo" / "truth.json").read_text())["coaching"]
    found = {
        step: (status, lower, upper)
        for step, status, lower, upper in demo_line.query(
            "select process_step, effect_status, effect_lower, effect_upper"
            " from mart_coaching_effects where process_step <> 'all'"
        )
    }
    status, lower, upper = found.pop(planted["step"])
    assert status == "more"
    assert lower <= planted["effect"] <= upper
    assert {status for status, *_ in found.values()} == {"not shown"}
    contacts = demo_line.query("select effect_status from mart_operations_contact_effects")
    assert contacts == [("not shown",)] * 3

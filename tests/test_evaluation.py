"""The statistics that judge a probability or a forecast, against numbers worked out by hand."""

import math
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from assets.scoring.evaluation import (
    auc,
    bootstrap_interval,
    brier,
    brier_skill,
    calibration_in_the_large,
    category_distribution,
    exact_interval,
    expected_calibration_error,
    forward_folds,
    grouped_folds,
    groups_by_account,
    number_distribution,
    population_stability,
    quarter_start,
    reliability_curve,
)

WON = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
PROBABILITY = [0.9, 0.8, 0.7, 0.6, 0.4, 0.35, 0.3, 0.2, 0.1, 0.05]


def test_the_worked_numbers() -> None:
    assert brier(WON, PROBABILITY) == pytest.approx(0.1725, abs=1e-9)
    assert brier_skill(WON, PROBABILITY) == pytest.approx(0.28125, abs=1e-9)
    assert auc(WON, PROBABILITY) == pytest.approx(0.7917, abs=5e-5)
    assert expected_calibration_error(WON, PROBABILITY, bins=5) == pytest.approx(0.13, abs=1e-9)
    assert calibration_in_the_large(WON, PROBABILITY) == pytest.approx(0.04, abs=1e-9)


def test_the_reliability_curve_of_the_worked_numbers() -> None:
    curve = reliability_curve(WON, PROBABILITY, bins=5)
    assert [(b.won_count, b.resolved_count) for b in curve] == [
        (0, 2),
        (1, 3),
        (0, 1),
        (1, 2),
        (2, 2),
    ]
    assert [b.mean_probability for b in curve] == pytest.approx([0.075, 0.85 / 3, 0.4, 0.65, 0.85])
    assert [b.win_rate for b in curve] == pytest.approx([0, 1 / 3, 0, 0.5, 1])
    # of two deals without a win the rate may be 84 %, by (1 − p)² = .025
    assert curve[0].win_rate_lower_bound == 0
    assert curve[0].win_rate_upper_bound == pytest.approx(1 - math.sqrt(0.025))
    # the published interval of 10 in 100
    assert exact_interval(10, 100) == pytest.approx((0.0490, 0.1762), abs=5e-5)
    assert exact_interval(0, 0) == (0, 1)


def test_a_bin_holds_its_lower_end_and_the_last_one_both() -> None:
    edges = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    curve = reliability_curve([0] * 11, edges, bins=10)
    assert [b.resolved_count for b in curve] == [1] * 9 + [2]
    empty = reliability_curve([1], [0.95], bins=2)[0]
    assert (empty.resolved_count, empty.win_rate, empty.win_rate_upper_bound) == (0, None, None)


def test_ties_count_half_and_weights_count_deals() -> None:
    assert auc([1, 0, 1, 0], [0.5] * 4) == 0.5
    assert auc([1, 0, 0], [0.5, 0.5, 0.2]) == 0.75
    random = np.random.default_rng(1)
    won, p = random.random(60) < 0.4, random.random(60).round(1)
    weight = random.integers(0, 4, 60)
    for statistic in (
        brier,
        brier_skill,
        auc,
        calibration_in_the_large,
        expected_calibration_error,
    ):
        drawn = statistic(np.repeat(won, weight), np.repeat(p, weight))
        assert statistic(won, p, weight=weight) == pytest.approx(drawn, abs=1e-9)


def test_skill_against_a_baseline() -> None:
    assert brier_skill([1, 0], [0.5, 0.5], 0.5) == 0
    assert brier_skill([1, 0], [0.9, 0.1], [0.8, 0.2]) == pytest.approx(0.75)
    assert brier_skill([1, 0], [0.9, 0.1], [1.0, 0.0]) is None


def test_what_is_not_defined_is_none() -> None:
    for statistic in (
        brier,
        brier_skill,
        auc,
        calibration_in_the_large,
        expected_calibration_error,
    ):
        assert statistic([], []) is None
    assert auc([1, 1], [0.2, 0.3]) is None
    assert brier_skill([1, 1], [0.2, 0.3]) is None


@pytest.mark.parametrize("wrong", [[0.5, 1.1], [-0.1, 0.5], [0.5, np.nan], [0.5]])
def test_what_is_no_probability_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilit"):
        brier([1, 0], wrong)


def test_the_bootstrap_draws_accounts() -> None:
    random = np.random.default_rng(3)
    # 40 accounts, each with 25 deals that end alike: 40 outcomes, not 1,000
    outcome = random.random(40) < 0.5
    won, p = np.repeat(outcome, 25), np.full(1000, 0.5)
    statistic = partial(calibration_in_the_large, won, p)

    def width(accounts: list[str | None]) -> float:
        interval = bootstrap_interval(
            lambda weight: statistic(weight=weight), groups_by_account(accounts)
        )
        assert interval is not None
        low, high = interval
        assert low <= (statistic() or 0) <= high
        return high - low

    alone: list[str | None] = [None] * 1000
    together: list[str | None] = [f"A{number // 25}" for number in range(1000)]
    # the textbook widths: 2 · 1.96 · .5 ÷ √n
    assert width(alone) == pytest.approx(1.96 / math.sqrt(1000), rel=0.2)
    assert width(together) == pytest.approx(1.96 / math.sqrt(40), rel=0.2)
    assert width(together) == width(together)


def test_there_is_no_interval_of_one_account_or_of_one_outcome() -> None:
    one = groups_by_account(["A", "A", "A"])
    assert bootstrap_interval(lambda weight: 1.0, one) is None
    assert bootstrap_interval(lambda weight: None, groups_by_account(["A", "B"])) is None


def deals(seed: int = 0) -> tuple[NDArray[np.datetime64], NDArray[np.object_]]:
    random = np.random.default_rng(seed)
    closed = np.datetime64("2025-01-01") + random.integers(0, 730, 600)
    accounts = np.array([f"A{number}" for number in random.integers(0, 30, 600)], dtype=object)
    accounts[::10] = None
    closed[::50] = np.datetime64("NaT")
    return closed, accounts


def test_no_fold_looks_ahead_and_no_account_is_on_both_sides() -> None:
    closed, accounts = deals()
    folds = list(forward_folds(closed, accounts, quarters=4, purge_days=30, parts=3))
    assert sorted({str(fold.quarter) for fold in folds}) == [
        "2026-01-01",
        "2026-04-01",
        "2026-07-01",
        "2026-10-01",
    ]
    for fold in folds:
        assert fold.quarter is not None
        assert (closed[fold.train] < fold.quarter - 30).all()
        assert (quarter_start(closed[fold.validate]) == fold.quarter).all()
        known = set(accounts[fold.train]) - {None}
        assert len(known) > 10
        assert not known & set(accounts[fold.validate])
    # every deal of those quarters is validated once
    validated = np.concatenate([fold.validate for fold in folds])
    assert sorted(validated) == np.flatnonzero(closed >= np.datetime64("2026-01-01")).tolist()


def test_an_account_stays_in_its_part_whatever_else_there_is() -> None:
    _, accounts = deals()
    half = {a for a in accounts[:300] if a}
    part = {
        account: number
        for number, fold in enumerate(grouped_folds(accounts, 3))
        for account in accounts[fold.validate]
        if account
    }
    for number, fold in enumerate(grouped_folds(sorted(half), 3)):
        assert {part[account] for account in np.array(sorted(half))[fold.validate]} == {number}


def test_a_quarter_without_earlier_deals_is_no_fold() -> None:
    closed = np.array(["2026-02-01", "2026-05-01", "NaT"], dtype="datetime64[D]")
    assert list(forward_folds(closed, ["A", "B", "C"], quarters=8, purge_days=60, parts=2)) == []
    assert quarter_start(["2026-03-31", "2026-04-01", "1969-12-31", "NaT"]).astype(
        str
    ).tolist() == [
        "2026-01-01",
        "2026-04-01",
        "1969-10-01",
        "NaT",
    ]


def test_the_stability_index_by_hand() -> None:
    then = category_distribution(["a"] * 50 + ["b"] * 50)
    assert population_stability(then, ["a", "b"]) == 0
    # (.9 − .5) ln(.9 ÷ .5) + (.1 − .5) ln(.1 ÷ .5)
    by_hand = 0.4 * math.log(1.8) - 0.4 * math.log(0.2)
    assert population_stability(then, ["a"] * 9 + ["b"]) == pytest.approx(by_hand, abs=1e-9)
    # a value that was not there then weighs against a share of one in ten thousand
    unseen = population_stability(then, ["a"] * 4 + ["b"] * 4 + ["c"] * 2)
    assert unseen == pytest.approx(
        2 * -0.1 * math.log(0.4 / 0.5) + (0.2 - 1e-4) * math.log(0.2 / 1e-4), abs=1e-9
    )


def test_the_stability_index_of_numbers_tells_a_shift_and_a_gap() -> None:
    random = np.random.default_rng(5)
    then = number_distribution(random.normal(0, 1, 5000))
    assert then.edges is not None and len(then.edges) == 9
    assert (population_stability(then, random.normal(0, 1, 5000)) or 1) < 0.01
    assert (population_stability(then, random.normal(1, 1, 5000)) or 0) > 0.25
    gaps = np.where(random.random(5000) < 0.3, np.nan, random.normal(0, 1, 5000))
    assert (population_stability(then, gaps) or 0) > 0.25
    assert population_stability(then, []) is None
    # one value, or none at all, is a distribution too
    assert population_stability(number_distribution([3.0] * 20), [3.0]) == 0
    assert population_stability(number_distribution([np.nan] * 20), [np.nan]) == 0
    assert population_stability(number_distribution([]), [1.0]) is None

"""The weights that outcomes propose for a scorecard, and what each attribute is worth."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from assets.scoring.fitted_score import (
    MIN_DEALS,
    PENALTIES,
    RESAMPLES,
    SCHEMA,
    choose_penalty,
    evidence,
    fit,
    fitted_score,
    laid_out,
    moves,
    resampled_worth,
    worth_in_points,
    worth_interval,
)

Deals = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.object_]]


def deals(seed: int, count: int, slopes: Sequence[float], gaps: float = 0.0) -> Deals:
    """Answers 0, .2, … 1, outcomes by the planted slopes on the log odds, four deals an account."""
    random = np.random.default_rng(seed)
    answers = random.integers(0, 6, (count, len(slopes))) / 5
    won = random.random(count) < expit((answers - 0.5) @ np.asarray(slopes) - 0.5)
    answers[random.random(answers.shape) < gaps] = np.nan
    accounts = np.array([f"A{number}" for number in random.integers(0, count // 4, count)])
    return answers, won, accounts.astype(object)


def rows(told: Deals, hand_weights: Sequence[float] | None = None) -> list[dict[str, object]]:
    """The row of each attribute, as a mart would take it."""
    attributes = told[0].shape[1]
    names = [f"attribute {number}" for number in range(attributes)]
    found = fitted_score(told[0], names, hand_weights or [1.0] * attributes, *told[1:])
    assert all(list(row) == SCHEMA.names for row in found)
    assert [row["attribute_id"] for row in found] == names
    return pa.Table.from_pylist(found, schema=SCHEMA).to_pylist()


def column(found: list[dict[str, object]], name: str) -> list[float]:
    return [row[name] for row in found]


def test_planted_weights_are_found_and_what_points_the_other_way_weighs_nothing() -> None:
    slopes = [3.0, 2.0, 1.0, 0.0, -2.0]
    found = rows(deals(1, 4000, slopes), [1, 1, 2, 2, 4])
    assert {(row["status"], row["attribute_status"]) for row in found} == {("fitted", "fitted")}
    assert column(found, "hand_weight") == [10, 10, 20, 20, 40]
    weights = column(found, "proposed_weight")
    assert weights[:3] == pytest.approx([50, 100 / 3, 100 / 6], abs=4)
    assert weights[3] < 3
    assert weights[4] == 0
    assert sum(weights) == pytest.approx(100, abs=1e-4)
    # the worth of what points the other way is as little as its weight
    assert [found[4][f"worth_{end}points"] for end in ("", "low_", "high_")] == [0, 0, 0]
    assert found[3]["worth_low_points"] == 0
    assert {row["resample_count"] for row in found} == {RESAMPLES}


def test_the_intervals_hold_the_true_worth() -> None:
    """From .2 to .8 on the planted curve, averaged over all answers to the other question.

    Of 200 worlds with 62 accounts 93 and 90 % do: so few accounts vary more than any resampling of
    them shows.
    """
    slopes, move = np.array([2.5, 1.0]), np.array([[0.2, 0.8], [0.2, 0.8]])
    answers, _, _ = deals(2, 100_000, slopes)
    others = ((answers - 0.5) @ slopes - 0.5)[:, None] - answers * slopes
    truth = 100 * (expit(others + 0.8 * slopes) - expit(others + 0.2 * slopes)).mean(axis=0)
    held, estimates = 0, []
    for seed in range(30):
        told = evidence(*laid_out(*deals(seed, 250, slopes), most=250))
        once = np.ones(250)
        coefficients = fit(told, once, PENALTIES[-1], np.zeros(3))
        estimates.append(worth_in_points(told, coefficients, move, once))
        samples = resampled_worth(told, coefficients, move)
        low, high = worth_interval(samples, told.cluster_count)
        held += int(((low <= truth) & (truth <= high)).sum())
    assert held >= 52
    assert np.mean(estimates, axis=0) == pytest.approx(truth, abs=2)


def test_fewer_accounts_make_wider_intervals() -> None:
    """By Student's t, like the mean of so many: 10 accounts reach to 2.384 instead of 1.96."""
    samples = ndtri((np.arange(100_000) + 0.5) / 100_000)[:, None]
    ends = [worth_interval(samples, clusters).ravel() for clusters in (10, 100_000)]
    assert ends[0] == pytest.approx([-2.384, 2.384], abs=2e-3)
    assert ends[1] == pytest.approx([-1.96, 1.96], abs=1e-3)


def test_a_missing_answer_is_not_a_low_one() -> None:
    """Answers are left open mostly where the deal was lost; that is no merit of the question."""
    answers, won, accounts = deals(3, 4000, [2.0, 2.0, 0.0])
    whole = rows((answers, won, accounts))
    random = np.random.default_rng(4)
    answers[random.random(won.size) < np.where(won, 0.1, 0.6), 2] = np.nan
    answers[random.random(won.size) < 0.3, 1] = np.nan
    gappy = rows((answers, won, accounts))
    assert gappy[2]["answered_count"] == np.isfinite(answers[:, 2]).sum() < 3000
    assert column(gappy, "proposed_weight") == pytest.approx(
        column(whole, "proposed_weight"), abs=6
    )
    assert gappy[2]["worth_low_points"] == 0
    # read as the lowest answer, the question would look like one that tells
    as_low = rows((np.nan_to_num(answers), won, accounts))
    assert as_low[2]["worth_low_points"] > 5


def test_deals_of_one_account_count_together() -> None:
    answers, won, _ = deals(5, 400, [2.0, 1.0])
    alone = rows((answers, won, np.full(400, None)))
    assert alone[0]["cluster_count"] == 400
    # each deal eight times, under one account: no more is known than before
    copied = rows(
        (
            *(np.repeat(part, 8, axis=0) for part in (answers, won)),
            np.repeat([f"A{number}" for number in range(400)], 8).astype(object),
        )
    )
    blind = rows((*(np.repeat(part, 8, axis=0) for part in (answers, won)), np.full(3200, None)))
    width = [
        found[0]["worth_high_points"] - found[0]["worth_low_points"]
        for found in (alone, copied, blind)
    ]
    assert width[1] == pytest.approx(width[0], rel=0.3)
    assert width[2] < width[0] / 2


def test_chance_proposes_no_weights() -> None:
    """Without an effect the weights would still add to 100."""
    worlds = [deals(seed, 300, [0.0] * 3, gaps=0.1) for seed in range(20)]
    laid = [evidence(*laid_out(*world, most=300)) for world in worlds]
    assert sum(choose_penalty(each)[1] for each in laid) <= 2
    quiet = rows(worlds[0])[0]
    assert (quiet["status"], quiet["attribute_status"]) == ("no effect shown", "fitted")
    assert quiet["proposed_weight"] is None
    assert quiet["worth_low_points"] == 0


@pytest.mark.parametrize(
    ("won", "accounts", "status"),
    [
        ([], 1, "no evidence"),
        ([True] * 200, 200, "one class only"),
        ([False] * 200, 200, "one class only"),
        ([True] * (MIN_DEALS - 1) + [False] * 300, 349, "too few deals"),
        ([True] * 300 + [False] * (MIN_DEALS - 1), 349, "too few deals"),
        ([True] * 100 + [False] * 100, 9, "too few accounts"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_too_little_evidence_is_told_and_gives_no_number(
    won: list[bool], accounts: int, status: str
) -> None:
    random = np.random.default_rng(6)
    names = np.array([f"A{number % accounts}" for number in range(len(won))], dtype=object)
    found = rows((random.random((len(won), 2)), np.array(won, dtype=bool), names), [3, 1])
    assert {row["status"] for row in found} == {status}
    assert {row["attribute_status"] for row in found} == {"not fitted" if won else "never answered"}
    assert column(found, "hand_weight") == [75, 25]
    assert column(found, "resolved_count") == [len(won)] * 2
    for row in found:
        assert row["proposed_weight"] is None
        assert row["worth_points"] is row["worth_low_points"] is row["resample_count"] is None


@pytest.mark.filterwarnings("error")
def test_an_attribute_that_says_nothing_leaves_the_others_fitted() -> None:
    answers, won, accounts = deals(7, 600, [3.0, 0.0, 0.0, 0.0, 2.0])
    answers[:, 1] = np.nan
    answers[:, 2] = np.where(answers[:, 2] > 0.5, 0.4, np.nan)
    answers[MIN_DEALS - 1 :, 3] = np.nan
    found = rows((answers, won, accounts))
    assert column(found, "attribute_status") == [
        "fitted", "never answered", "constant", "too few answers", "fitted",
    ]  # fmt: skip
    assert column(found, "status") == ["fitted"] * 5
    assert column(found, "proposed_weight")[1:4] == [None] * 3
    assert column(found, "worth_points")[1:4] == [None] * 3
    assert found[0]["proposed_weight"] + found[4]["proposed_weight"] == pytest.approx(100)

    nothing = rows((answers[:, 1:3], won, accounts))
    assert column(nothing, "status") == ["nothing to fit"] * 2


@pytest.mark.filterwarnings("error")
def test_wins_of_one_account_or_told_apart_wholly_raise_nothing() -> None:
    random = np.random.default_rng(8)
    answers, won = random.random((300, 2)), np.arange(300) < 60
    one = np.array(["A"] * 60 + [f"B{number}" for number in range(240)], dtype=object)
    found = rows((answers, won, one))
    assert found[0]["status"] == "no effect shown"
    assert 0 < found[0]["resample_count"] < RESAMPLES

    apart = rows((np.column_stack([won, answers[:, 0]]), won, np.full(300, None)))
    assert apart[0]["status"] == "fitted"
    assert apart[0]["proposed_weight"] > 90
    assert apart[0]["worth_points"] > 90


def test_the_same_deals_give_the_same_bytes_in_any_order() -> None:
    answers, won, accounts = deals(9, 500, [2.0, 1.0], gaps=0.2)
    accounts[::3] = None
    order = np.random.default_rng(10).permutation(500)
    one, other = (
        pa.Table.from_pylist(rows(told), schema=SCHEMA)
        for told in ((answers, won, accounts), (answers[order], won[order], accounts[order]))
    )
    assert one.to_batches()[0].serialize() == other.to_batches()[0].serialize()


def test_the_worth_is_told_between_the_quartiles_or_over_a_step() -> None:
    wide, narrow = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.8, 0.2], [0.6] * 6 + [0.2, 1.0]
    best, gap = [1.0] * 7 + [0.4], [np.nan] * 4 + [0.0, 0.0, 1.0, 1.0]
    assert moves(np.array([wide, narrow, best, gap]).T).tolist() == [
        [0.2, 0.8],
        [0.6, 1.0],
        [0.4, 1.0],
        [0.0, 1.0],
    ]


def test_of_very_many_deals_whole_accounts_are_drawn() -> None:
    answers, won, _ = deals(11, 2000, [2.0, 1.0])
    accounts = np.repeat([f"A{number}" for number in range(500)], 4).astype(object)
    values, outcomes, cluster = laid_out(answers, won, accounts, most=498)
    assert values.shape == (500, 2) and outcomes.shape == (500,)
    assert np.bincount(cluster).tolist() == [4] * 125


@pytest.mark.parametrize(
    ("answers", "weights", "won", "why"),
    [
        ([[0.5], [1.1]], [1], [True, False], "outside 0–1"),
        ([[0.5], [1.0]], [1], [True], "differ in length"),
        ([[0.5, 0.5]], [1], [True], "differ in length"),
        ([[0.5], [1.0]], [-1], [True, False], "none negative"),
        ([[0.5], [1.0]], [1, 1], [True, False], "one per attribute"),
    ],
)
def test_what_is_no_scorecard_is_refused(
    answers: list[list[float]], weights: list[float], won: list[bool], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        fitted_score(answers, ["need"], weights, won, [None] * len(won))

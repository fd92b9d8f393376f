"""The statistics of qualification: exact bounds, the tipping point, agreement of raters."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from assets.scoring.agreement import Metric, krippendorff_alpha
from assets.scoring.tipping_points import (
    LIMITS,
    SCHEMA,
    counts_by_score,
    cut_counts,
    find_cut,
    lower_bound,
    tipping_points,
    upper_bound,
)

# twelve units by four raters, · = not rated
RATINGS = "11·1 2232 3333 3333 2222 1234 4444 1121 2222 ·555 ··11 ··3·".split()


@pytest.mark.parametrize(
    ("metric", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_of_the_published_example(metric: Metric, alpha: float) -> None:
    rated = [(u, int(v)) for u, row in enumerate(RATINGS) for v in row if v != "·"]
    agreement = krippendorff_alpha(*zip(*rated, strict=True), metric)
    assert agreement.alpha == pytest.approx(alpha, abs=5e-4)
    assert (agreement.unit_count, agreement.value_count) == (11, 40)


def test_alpha_is_one_for_full_agreement_and_undefined_without_variation_or_pairs() -> None:
    assert krippendorff_alpha([1, 1, 2, 2], [1, 1, 3, 3], "ordinal").alpha == 1
    assert krippendorff_alpha([1, 1, 2, 2], [3, 3, 3, 3], "ordinal").alpha is None
    assert krippendorff_alpha([1, 2, 3], [1, 2, 3], "ordinal").alpha is None
    assert krippendorff_alpha([], [], "ordinal").unit_count == 0


def test_alpha_of_independent_raters_is_about_zero() -> None:
    random = np.random.default_rng(7)
    values = random.integers(0, 5, 20_000)
    agreement = krippendorff_alpha(np.repeat(np.arange(10_000), 2), values, "ordinal")
    assert agreement.alpha == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("values", "metric", "why"),
    [
        ([1], "nominal", "2 units but 1 values"),
        ([1, np.nan], "interval", "not a finite number"),
        ([-1, 1], "ratio", "negative"),
    ],
)
def test_alpha_refuses_what_it_cannot_weigh(values: list[float], metric: Metric, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        krippendorff_alpha([1, 1], values, metric)


def test_bounds() -> None:
    assert upper_bound(0, 15) == pytest.approx(0.181, abs=5e-4)
    assert lower_bound(13, 13) == pytest.approx(0.794, abs=5e-4)
    assert upper_bound(0, 29) == pytest.approx(0.098, abs=5e-4)
    assert upper_bound(0, 28) > 0.10
    assert (upper_bound(0, 0), lower_bound(0, 0)) == (1, 0)
    assert (upper_bound(4, 4), lower_bound(0, 4)) == (1, 0)


def rows(
    scores: list[float],
    won: list[bool],
    accounts: list[str | None] | None = None,
    closed: list[str] | None = None,
) -> dict[object, dict[str, object]]:
    """The two rows by side; every deal without account and closed on one day unless told."""
    accounts = [None] * len(scores) if accounts is None else accounts
    closed = ["2026-01-01"] * len(scores) if closed is None else closed
    found = tipping_points(scores, won, accounts, closed)
    pa.Table.from_pylist(found, schema=SCHEMA)
    assert all(set(row) == set(SCHEMA.names) for row in found)
    return {row["side"]: row for row in found}


def test_29_deals_without_a_win_are_the_least_that_show_a_lower_point() -> None:
    above = ([80.0] * 20, [True] * 20)
    enough = rows([40.0] * 29 + above[0], [False] * 29 + above[1])["lower"]
    # the window still holds the 29 at a cut of 50; above it lies nothing but dead mass
    assert enough["status"] == "found"
    assert enough["tipping_point_score"] == 50
    assert (enough["below_won_count"], enough["below_resolved_count"]) == (0, 29)
    assert (enough["above_won_count"], enough["above_resolved_count"]) == (20, 20)
    assert enough["more_lost_deals_needed"] == enough["more_won_deals_needed"] == 0

    short = rows([40.0] * 15 + above[0], [False] * 15 + above[1])["lower"]
    assert short["status"] == "no tipping point yet"
    assert short["tipping_point_score"] is None
    assert short["cut_score"] == 50
    assert short["below_win_rate_upper_bound"] == pytest.approx(0.181, abs=5e-4)
    assert (short["more_lost_deals_needed"], short["more_won_deals_needed"]) == (14, 0)


def test_the_cut_cannot_ride_on_the_dead_mass_below_it() -> None:
    scores = [10.0] * 500 + [55.0] * 20 + [80.0] * 50
    won = [False] * 500 + [True] * 5 + [False] * 15 + [True] * 50
    lower = rows(scores, won)["lower"]
    # below 60 the win rate is 5 of 520, but in [50, 60) it is 5 of 20
    assert lower["tipping_point_score"] == 20


def test_14_wins_are_the_least_that_show_an_upper_point() -> None:
    lost = ([30.0] * 20, [False] * 20)
    enough = rows(lost[0] + [90.0] * 14, lost[1] + [True] * 14)["upper"]
    # from 81 on the ten points above the cut hold the 14
    assert (enough["status"], enough["tipping_point_score"]) == ("found", 81)
    short = rows(lost[0] + [90.0] * 13, lost[1] + [True] * 13)["upper"]
    assert short["status"] == "no tipping point yet"
    assert short["above_win_rate_lower_bound"] == pytest.approx(0.794, abs=5e-4)
    assert (short["more_won_deals_needed"], short["more_lost_deals_needed"]) == (1, 0)


def test_no_separation_is_told_from_no_tipping_point() -> None:
    dead = rows([20.0] * 100 + [80.0] * 100, [False] * 200)
    assert dead["lower"]["status"] == "no separation"
    assert dead["lower"]["more_won_deals_needed"] is None
    assert dead["upper"]["status"] == "no tipping point yet"
    golden = rows([20.0] * 100 + [80.0] * 100, [True] * 200)
    assert golden["upper"]["status"] == "no separation"
    assert golden["lower"]["status"] == "no tipping point yet"


def test_without_deals_there_is_no_evidence_and_the_least_number_is_named() -> None:
    nothing = rows([], [])
    assert {row["status"] for row in nothing.values()} == {"no evidence"}
    assert nothing["lower"]["more_lost_deals_needed"] == 29
    assert nothing["upper"]["more_won_deals_needed"] == 14
    assert nothing["lower"]["cut_score"] is None
    assert nothing["lower"]["check_status"] == "no close dates"


def test_a_score_on_the_cut_counts_above_it() -> None:
    counts = counts_by_score([59.999999999, 60.0, 100.0], [False, True, True])
    assert counts[59].tolist() == [1, 0]
    assert counts[60].tolist() == [1, 1]
    assert counts[100].tolist() == [1, 1]
    with pytest.raises(ValueError, match="outside 0–100"):
        counts_by_score([100.1], [True])


def world(
    seed: int, deals: int, planted: int | None, base_rate: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores and outcomes: a win rate of 0–.03 below the planted cut and .5–.6 from it on."""
    random = np.random.default_rng(seed)
    scores = np.clip(random.normal(52, 18, deals), 0, 100)
    if planted is None:
        rate = np.full(deals, base_rate)
    else:
        below, above = random.uniform(0, 0.03), random.uniform(0.5, 0.6)
        rate = np.where(scores < planted, below, above)
    return scores, random.random(deals) < rate


@pytest.mark.parametrize(
    ("deals", "planted", "named", "outliving"),
    [
        (1000, 40, 100, 86), (1000, 50, 100, 99), (1000, 60, 100, 99), (1000, 70, 99, 93),
        (5000, 60, 100, 100),
    ],
)  # fmt: skip
def test_a_planted_cut_is_named_within_two_points(
    deals: int, planted: int, named: int, outliving: int
) -> None:
    """Of 100 worlds, in how many; and in how many the correction for having searched says so too.

    Where it does not, it names a more cautious score or none: the evidence in the ten points beside
    a cut far from the middle is thin.
    """
    counts = np.stack([counts_by_score(*world(seed, deals, planted)) for seed in range(100)])
    within = [
        int((abs(find_cut(counts, "lower", corrected=corrected) - planted) <= 2).sum())
        for corrected in (False, True)
    ]
    assert within == [named, outliving]
    assert named >= 95
    assert find_cut(counts, "lower", corrected=True).max() <= planted + 2


@pytest.mark.parametrize(("corrected", "expected"), [(False, 1), (True, 0)])
def test_of_150_worlds_without_signal_at_most_one_names_a_cut(
    corrected: bool, expected: int
) -> None:
    """The 5 % that each bound allows would be 8."""
    counts = np.stack(
        [
            counts_by_score(*world(seed, deals, None, base_rate))
            for base_rate in (0.05, 0.25, 0.85)
            for deals in (1000, 2000)
            for seed in range(25)
        ]
    )
    found = np.stack([find_cut(counts, side, corrected=corrected) for side in LIMITS])
    assert found.shape == (2, 150)
    assert found.any(axis=0).sum() == expected


def test_a_search_along_the_limit_misleads_and_its_correction_does_not() -> None:
    """Below 60 the win rate is .101, so that every score named is wrong."""

    def counts(seed: int) -> NDArray[np.int64]:
        random = np.random.default_rng(seed)
        scores = np.clip(random.normal(52, 18, 2000), 0, 100)
        return counts_by_score(scores, random.random(2000) < np.where(scores < 60, 0.101, 0.55))

    worlds = np.stack([counts(seed) for seed in range(300)])
    named = find_cut(worlds, "lower")
    assert (named > 0).mean() > 0.10
    assert (find_cut(worlds, "lower", corrected=True) > 0).mean() <= 0.05
    # at the scores that the search has chosen the rate lies above the one bound, below the other
    cuts = cut_counts(worlds, "lower")
    at_named = (named > 0).nonzero()[0], named[named > 0] - 1
    for bound, corrected in zip(
        cuts.bounds()[:2], cuts.bounds(cuts.corrected_confidence(0.10))[:2], strict=True
    ):
        assert (bound[at_named] < 0.101).all()
        assert (corrected[at_named] < 0.101).sum() <= 0.05 * len(worlds)


def test_the_correction_knows_how_many_scores_were_searched() -> None:
    def lower(*lost: tuple[float, int]) -> dict[str, object]:
        """Lost deals at some scores and 20 won ones at 80."""
        scores = [score for score, deals in lost for _ in range(deals)]
        return rows(scores + [80.0] * 20, [False] * len(scores) + [True] * 20)["lower"]

    # one way to part them: the search costs nothing
    one = lower((40, 29))
    assert (one["searched_cut_count"], one["corrected_status"]) == (1, "holds")
    assert one["corrected_tipping_point_score"] == one["tipping_point_score"] == 50
    assert one["below_win_rate_corrected_upper_bound"] == one["below_win_rate_upper_bound"]
    assert one["above_win_rate_corrected_lower_bound"] == one["above_win_rate_lower_bound"]

    # two, each with 29 deals in its window: at .05 ÷ 2 none is shown
    two = lower((20, 29), (40, 29))
    assert (two["searched_cut_count"], two["tipping_point_score"]) == (2, 50)
    assert (two["corrected_status"], two["corrected_tipping_point_score"]) == ("not shown", None)
    assert two["window_win_rate_corrected_bound"] == pytest.approx(1 - 0.025 ** (1 / 29))
    assert two["below_win_rate_corrected_upper_bound"] == pytest.approx(1 - 0.025 ** (1 / 58))
    assert two["above_win_rate_corrected_lower_bound"] == pytest.approx(0.025 ** (1 / 20))

    more = lower((20, 60), (40, 29))
    assert more["tipping_point_score"] == 50
    assert more["corrected_status"] == "holds at another score"
    assert more["corrected_tipping_point_score"] == 30

    none = lower((40, 15))
    assert (none["searched_cut_count"], none["corrected_status"]) == (0, None)
    assert none["window_win_rate_corrected_bound"] is None


def test_the_upper_side_is_corrected_alike() -> None:
    upper = rows([30.0] * 20 + [70.0] * 14 + [90.0] * 30, [False] * 20 + [True] * 44)["upper"]
    assert (upper["tipping_point_score"], upper["searched_cut_count"]) == (61, 2)
    assert upper["corrected_status"] == "holds at another score"
    assert upper["corrected_tipping_point_score"] == 81
    assert upper["window_win_rate_corrected_bound"] == pytest.approx(0.025 ** (1 / 14))
    assert upper["above_win_rate_corrected_lower_bound"] == pytest.approx(0.025 ** (1 / 44))
    assert upper["below_win_rate_corrected_upper_bound"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_the_interval_is_repeatable_and_wider_when_deals_hang_together() -> None:
    scores, won = world(3, 1500, 60)
    alone = rows(list(scores), list(won))["lower"]
    again = rows(list(scores), list(won))["lower"]
    assert alone == again
    assert alone["interval_low_score"] <= 60 <= alone["interval_high_score"]
    assert (alone["cluster_count"], alone["resample_count"]) == (1500, 200)
    # the order of the deals is nothing to the draw
    order = np.random.default_rng(1).permutation(scores.size)
    accounts = [f"A{number % 7}" for number in range(scores.size)]
    grouped = rows(list(scores), list(won), accounts)["lower"]
    shuffled = rows(
        list(scores[order]), list(won[order]), [accounts[position] for position in order]
    )["lower"]
    assert grouped == shuffled
    assert grouped["cluster_count"] == 7


def test_the_cut_is_checked_on_later_deals_that_did_not_find_it() -> None:
    scores, won = world(11, 4000, 60)
    days = np.datetime64("2025-01-01") + np.arange(4000) // 10
    lower = rows(list(scores), list(won), closed=list(days))["lower"]
    assert lower["check_status"] == "confirmed"
    assert lower["check_found_through_date"] == np.datetime64("2025-10-07").item()
    assert lower["later_below_resolved_count"] + lower["later_above_resolved_count"] == 1200
    # from then on the cut means nothing any more
    turned = won.copy()
    turned[2800:] = np.random.default_rng(5).random(1200) < 0.5
    assert rows(list(scores), list(turned), closed=list(days))["lower"]["check_status"] == (
        "contradicted"
    )


@pytest.mark.slow
def test_the_simulation_at_full_length() -> None:
    for deals in (1000, 2000, 5000, 20_000):
        for seed in range(1000, 1250):
            counts = counts_by_score(*world(seed, deals, 60))
            assert int(find_cut(counts, "lower")) in {60, 61, 62}
    named = sum(
        int(find_cut(counts_by_score(*world(seed, 2000, None, rate)), side)) > 0
        for rate in (0.05, 0.25, 0.85)
        for seed in range(1000, 1250)
        for side in LIMITS
    )
    # a hundred cuts are tried at 95 %: a name by chance stays below one world in a hundred
    assert named <= 15

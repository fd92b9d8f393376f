"""Whether scores bunch above a threshold: smooth worlds are silent, lifted scores are found."""

import numpy as np
import pytest
from numpy.typing import NDArray

from assets.demo.scorecard import SHARE
from assets.scoring.score_bunching import SCHEMA, bunching, judged
from tests.line import Line

THRESHOLDS = (20, 30, 40, 50, 60, 70, 80)


def counted(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.bincount(np.clip(np.floor(scores), 0, 100).astype(int), minlength=101)


def scored(draw: np.random.Generator, count: int, weights: NDArray[np.float64]) -> NDArray:
    """Scores of a scorecard: answers from 0 to 5 around what a deal is worth, some left out."""
    worth = draw.normal(0.52, 0.18, (count, 1)) + draw.normal(0, 0.2, (count, weights.size))
    answered = draw.random(worth.shape) > 0.15
    answered[:, 0] = True
    weight = weights * answered
    return 100 * (np.rint(np.clip(worth, 0, 1) * 5) / 5 * weight).sum(1) / weight.sum(1)


SMOOTH = {
    "normal": lambda draw: draw.normal(52, 18, 2000).clip(0, 100),
    "few": lambda draw: draw.normal(52, 18, 250).clip(0, 100),
    "many": lambda draw: draw.normal(52, 18, 50_000).clip(0, 100),
    "skewed": lambda draw: 100 * draw.beta(5, 2, 3000),
    "two humps": lambda draw: np.r_[draw.normal(35, 9, 1500), draw.normal(68, 10, 1500)],
    "flat": lambda draw: draw.uniform(0, 100, 3000),
    "scorecard": lambda draw: scored(draw, 3000, SHARE),
    "four questions": lambda draw: scored(draw, 3000, np.full(4, 0.25)),
}


@pytest.mark.parametrize("world", SMOOTH)
def test_smooth_scores_are_not_called_bunched(world: str) -> None:
    """Of 40 companies at most a twentieth and chance on top."""
    wrong = 0
    for seed in range(40):
        counts = counted(SMOOTH[world](np.random.default_rng(seed)))
        rows = judged([bunching(counts, at) for at in THRESHOLDS])
        wrong += any(row["is_bunched"] for row in rows)
    assert wrong <= 5


@pytest.mark.parametrize("world", ["normal", "scorecard"])
def test_lifted_scores_are_found_where_they_were_lifted(world: str) -> None:
    """Four in ten of those just below 60 are lifted over it: above ÷ below is 1.4 ÷ .6."""
    ratios = []
    for seed in range(10):
        draw = np.random.default_rng(seed)
        scores = SMOOTH[world](draw)
        lifted = (scores >= 57) & (scores < 60) & (draw.random(scores.size) < 0.4)
        counts = counted(np.where(lifted, scores + 3, scores))
        rows = judged([bunching(counts, at) for at in THRESHOLDS])
        bunched = [at for at, row in zip(THRESHOLDS, rows, strict=True) if row["is_bunched"]]
        assert 60 in bunched
        row = rows[THRESHOLDS.index(60)]
        assert row.keys() == {name for name, _ in SCHEMA}
        assert row["step_ratio_lower"] < row["step_ratio"] < row["step_ratio_upper"]
        assert row["above_count"] > row["above_expected"]
        ratios.append(row["step_ratio"])
    assert np.mean(ratios) == pytest.approx(1.4 / 0.6, rel=0.15)


def test_an_exact_step_on_a_smooth_curve() -> None:
    """Counts of e^(6 − t²/2) with t in twenties, e^.5 times as many above and as few below."""
    points = np.arange(101)
    away = points - 50 + 0.5
    counts = np.exp(9 - (away / 20) ** 2 / 2)
    counts[50:53] *= np.exp(0.5)
    counts[47:50] *= np.exp(-0.5)
    found = bunching(counts, 50)
    assert found.step == pytest.approx(0.5, abs=1e-9)
    ratio = found.ratio()
    assert ratio is not None and ratio[0] == pytest.approx(np.exp(1))
    smooth = np.exp(9 - (away[50:53] / 20) ** 2 / 2).sum()
    assert found.above_expected == pytest.approx(smooth, abs=1e-5)


def test_what_cannot_be_judged_says_why() -> None:
    few = np.zeros(101, dtype=int)
    few[50] = 99
    assert bunching(few, 50).status == "too few scores"
    assert bunching(np.full(101, 9), 99).status == "at the end of the scale"
    heap = np.zeros(101, dtype=int)
    heap[50] = 5000
    assert judged([bunching(heap, 50)])[0]["is_bunched"] in (None, False)
    assert judged([]) == []
    with pytest.raises(ValueError, match="101 counts"):
        bunching([1, 2], 50)


def test_nobody_lifts_scores_in_the_demo_company(demo_line: Line) -> None:
    rows = demo_line.query("select is_bunched, lifted_scores from mart_score_bunching")
    assert sum(bunched is not None for bunched, _ in rows) > 10
    assert not any(bunched for bunched, _ in rows)
    assert not any(lifted for _, lifted in rows)

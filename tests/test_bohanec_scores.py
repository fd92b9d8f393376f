"""Win probability on 448 real B2B deals with 22 attributes (M. Bohanec): does it hold?

The deals have no date and no account, so whole sets of identical attributes are held out. The
penalty is chosen inside the nine tenths that a fold learns from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from assets.scoring.evaluation import auc, brier, expected_calibration_error, reliability_curve
from assets.scoring.tipping_points import tipping_points
from assets.scoring.win_probability import Feature, fit, probabilities
from tests.line import REAL, REAL_FOLDERS

FILE = REAL / REAL_FOLDERS["bohanec"] / "Salvirt_B2B_ML_dataset.csv"
REPEATS = 5


@dataclass(frozen=True)
class Deals:
    table: pd.DataFrame
    won: NDArray[np.bool_]
    vectors: NDArray[np.object_]


@cache
def deals() -> Deals:
    if not FILE.is_file():
        pytest.skip(f"the real deals are not here: {FILE}")
    table = pd.read_csv(FILE, sep=";", keep_default_na=False)
    won = (table.pop("Status") == "Won").to_numpy()
    vectors = table.agg("|".join, axis=1).to_numpy(dtype=object)
    return Deals(table, won, vectors)


@cache
def held_out(seed: int) -> NDArray[np.float64]:
    """(448,) what a model says of the deals that one of ten folds kept from it."""
    table, won, vectors = deals().table, deals().won, deals().vectors
    features = [Feature(name, "category", name, name) for name in table.columns]
    probability = np.full(won.size, np.nan)
    folds = GroupKFold(10, shuffle=True, random_state=seed)
    for train, asked in folds.split(table, won, vectors):
        assert not set(vectors[train]) & set(vectors[asked])
        undated = np.full(train.size, np.datetime64("NaT"))
        model = fit(table.iloc[train], features, won[train], undated, vectors[train], resamples=0)
        probability[asked] = probabilities(model, table.iloc[asked])
    return probability


@pytest.mark.slow
def test_it_holds_on_real_deals(record_testsuite_property: Callable[[str, object], None]) -> None:
    """Better than a plain logistic regression there (.813 and .174 over 8 repeats), as well as a
    forest (.824 and .170); what is wished for is .825 and .169."""
    won = deals().won
    said = [held_out(seed) for seed in range(REPEATS)]
    mean_auc = np.mean([auc(won, probability) for probability in said])
    mean_brier = np.mean([brier(won, probability) for probability in said])
    record_testsuite_property("bohanec", f"AUC {mean_auc:.4f}, Brier {mean_brier:.4f}")
    assert mean_auc >= 0.82 and mean_brier <= 0.169
    together = np.mean(said, axis=0)
    # 448 deals in ten bins are off by chance alone: no further than chance takes 99 of 100 truths
    chance = np.random.default_rng(1)
    worlds = [chance.random(together.size) < together for _ in range(400)]
    by_chance = [expected_calibration_error(world, together) or 1 for world in worlds]
    assert (expected_calibration_error(won, together) or 1) <= np.quantile(by_chance, 0.99)
    # the more is said, the more come of it
    rates = [part.win_rate for part in reliability_curve(won, together, bins=4)]
    assert rates == sorted(rates, key=lambda rate: rate or 0)


@pytest.mark.slow
def test_the_tipping_points_of_what_is_said_come_with_their_bounds() -> None:
    together = np.mean([held_out(seed) for seed in range(REPEATS)], axis=0)
    undated = np.full(together.size, np.datetime64("NaT"))
    sides = tipping_points(100 * together, deals().won, deals().vectors, undated)
    for side in sides:
        assert side["resolved_count"] == 448
        if side["status"] == "found":
            assert side["tipping_point_score"] is not None
        else:
            assert side["status"] in ("no tipping point yet", "no separation")
        bounds = (side["below_win_rate_upper_bound"], side["above_win_rate_lower_bound"])
        assert all(0 <= bound <= 1 for bound in bounds if isinstance(bound, float))

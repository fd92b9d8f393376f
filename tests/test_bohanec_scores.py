"""Win probability on 448 real B2B deals with 22 attributes (M. Bohanec): does it hold out of sample?

The deals have no date and no account, so whole sets of identical attributes are held out. Every
choice (form, penalty) is made inside the nine tenths that a fold learns from.
"""

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
        model = fit(table.iloc[train], features, won[train], undated, vectors[train])
        probability[asked] = probabilities(model, table.iloc[asked])
    return probability

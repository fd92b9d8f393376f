"""Simulated deals with the features of a win probability, for the time that scoring them takes.

As many facts of each kind as a CRM with a scorecard has: answers with gaps, times and counts with
long tails, flags, categories of few and of many values. Won deals follow some of them.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import expit

from assets.scoring.win_probability import Baselines, Feature, Fitted, fit, probabilities, reasons

RESOLVED, FEW, OPEN = "resolved.parquet", "few.parquet", "open.parquet"
#: file → its deals; a model of the few has the form of one of the many
DEALS = {RESOLVED: 200_000, FEW: 5_000, OPEN: 1_000_000}
ANSWERS = 10
#: name → mean of the count or time
COUNTS = {
    "days_in_stage": 30.0,
    "age_days": 90.0,
    "push_count": 1.5,
    "amount_change_count": 0.8,
    "days_since_activity": 12.0,
    "activity_count": 9.0,
    "account_won_count": 2.0,
    "amount": 40_000.0,
}
RATES = ("rep_win_rate", "segment_win_rate", "account_on_time_rate")
FLAGS = ("has_champion", "has_date_wish", "is_repeat_account")
#: name → how many values it has
CATEGORIES = {"stage": 4, "pipeline": 3, "segment": 8, "product_family": 40, "lead_source": 12}
FEATURES = (
    *(
        Feature(f"answer_{number}", "number", "well answered", "badly answered", True, rises=True)
        for number in range(ANSWERS)
    ),
    *(Feature(name, "number", "high", "low") for name in (*COUNTS, *RATES)),
    *(Feature(name, "flag", "it is so", "it is not so") for name in FLAGS),
    *(Feature(name, "category", "it helps", "it hinders") for name in CATEGORIES),
)
#: the days over which resolved deals closed
FIRST_DAY, DAYS = date(2022, 1, 1), 1640


def write(folder: Path) -> None:
    """Writes a file of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (file, count) in enumerate(DEALS.items()):
        pq.write_table(deals(count, seed), folder / file)


def deals(count: int, seed: int) -> pa.Table:
    """`count` deals: features, and what came of each (won, closed_date), its account, its hand
    score."""
    random = np.random.default_rng(seed)
    columns: dict[str, NDArray] = {}
    answers = random.integers(0, 6, (count, ANSWERS)) / 5
    gaps = random.random((count, ANSWERS)) < 0.2
    for number in range(ANSWERS):
        columns[f"answer_{number}"] = np.where(gaps[:, number], np.nan, answers[:, number])
    columns |= {name: random.exponential(mean, count).round(1) for name, mean in COUNTS.items()}
    columns |= {name: random.beta(3, 7, count).round(3) for name in RATES}
    columns |= {name: random.random(count) < 0.4 for name in FLAGS}
    for name, values in CATEGORIES.items():
        names = np.array([f"{name} {value}" for value in range(values)], dtype=object)
        columns[name] = names[random.integers(0, values, count)]
    stage = np.unique(columns["stage"], return_inverse=True)[1]
    log_odds = (
        4 * (answers[:, :3].mean(axis=1) - 0.5)
        + 3 * (columns["rep_win_rate"] - 0.3)
        - 0.02 * np.minimum(columns["days_in_stage"], 90)
        + 0.5 * stage
        - 1
    )
    columns["won"] = random.random(count) < expit(log_odds)
    closed = np.datetime64(FIRST_DAY) + random.integers(0, DAYS, count)
    columns["closed_date"] = closed.astype("datetime64[D]")
    accounts = np.array([f"A{number}" for number in range(max(count // 5, 1))], dtype=object)
    columns["account_id"] = accounts[random.integers(0, accounts.size, count)]
    columns["hand_score"] = (100 * answers.mean(axis=1)).round(1)
    return pa.table(columns)


def train(file: Path) -> Fitted:
    """Reads resolved deals, and fits and judges a model of them."""
    table = pq.read_table(file)
    won, closed, accounts, stage, score = (
        table.column(name).to_numpy()
        for name in ("won", "closed_date", "account_id", "stage", "hand_score")
    )
    return fit(table, FEATURES, won, closed, accounts, Baselines(stage, score))


def apply(fitted: Fitted, file: Path) -> tuple[NDArray[np.float64], pa.Table]:
    """Reads open deals; returns the probability of each and the reasons for it."""
    table = pq.read_table(file, columns=[feature.name for feature in FEATURES])
    return probabilities(fitted, table), reasons(fitted, table)

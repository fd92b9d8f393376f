"""The scores of the open deals: which model speaks for which system, what is said without one, why,
and what moves.

The relations are those that dbt hands over, made here in memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from assets.scoring import champions, opportunity_scores, win_probability
from assets.scoring.opportunity_scores import DRIFT, FACTS, REASONS, SCORES, Deals

AS_OF = date(2026, 6, 30)
TEXTS = ("stage", "pipeline", "segment")
FLAGS = ("has_operations_contact",)
#: what the planted chance of winning hangs on; all else is empty or constant
STAGES = ("Prospect", "Qualified", "Proposal")


@cache
def world(deals: int = 1500, seed: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of two month ends per resolved deal and one of each open one, and their answers."""
    random = np.random.default_rng(seed)
    resolved = [AS_OF - timedelta(days=int(days)) for days in random.integers(1, 801, deals)]
    stage = random.integers(0, 3, deals)
    need = random.choice([0.0, 0.25, 0.5, 0.75, 1.0], deals)
    silent = random.integers(0, 60, deals).astype(float)
    log_odds = 0.8 * (stage - 1) + 3 * (need - 0.5) - 0.04 * (silent - 30) - 0.4
    deal = pd.DataFrame(
        {
            "opportunity_id": [f"o{number:05}" for number in range(deals)],
            "source_system": "crm",
            "account_id": [f"a{number}" for number in random.integers(0, 200, deals)],
            "is_won": random.random(deals) < 1 / (1 + np.exp(-log_odds)),
            "resolved_date": resolved,
            "stage": np.array(STAGES, dtype=object)[stage],
            "pipeline": "default",
            "days_since_activity": silent,
            "hand_score": np.where(random.random(deals) < 0.2, np.nan, 100 * need),
            "crm_probability": 0.2 + 0.2 * stage,
            "need": need,
        }
    )
    deal.loc[::17, "account_id"] = None
    parts = []
    for months in (1, 2):
        month_end = deal.copy()
        month_end["landmark_date"] = [
            day.replace(day=1) - timedelta(days=1 + 28 * (months - 1)) for day in deal.resolved_date
        ]
        month_end["landmark_kind"] = "month_end"
        parts.append(month_end)
    still_open = deal.head(200).copy()
    still_open["opportunity_id"] = "open " + still_open["opportunity_id"]
    still_open = still_open.assign(
        landmark_date=AS_OF, landmark_kind="as_of", is_won=None, resolved_date=None
    )
    rows = pd.concat([*parts, still_open], ignore_index=True)
    answers = rows[["source_system", "opportunity_id", "landmark_date"]].assign(
        attribute_id="need", value=rows["need"]
    )
    return rows.drop(columns="need"), answers


class Given:
    """The relations of one run, in a connection of their own, over a home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.connection = duckdb.connect()

    def deals(
        self, rows: pd.DataFrame, answers: pd.DataFrame, opportunities: pd.DataFrame | None = None
    ) -> Deals:
        columns = [
            *("opportunity_id varchar", "source_system varchar", "account_id varchar"),
            *("landmark_date date", "landmark_kind varchar", "is_won boolean"),
            *("resolved_date date", "crm_probability double"),
            *(
                f"{fact.name} " + {"number": "double", "flag": "boolean"}.get(fact.kind, "varchar")
                for fact in FACTS
            ),
        ]
        said = opportunities
        if said is None:
            said = pd.DataFrame({"source_system": ["crm"], "outcome": ["open"]})
        run = self.connection.execute
        run(f"create or replace table features ({', '.join(columns)})")
        run("insert into features by name select * from rows")
        run("create or replace table answers as from answers")
        run("create or replace table opportunities as from said")
        run(
            "create or replace table scorecards as select 'crm' as source_system,"
            " 'need' as attribute_id, 'Is there a need?' as question,"
            " date '2020-01-01' as valid_from"
        )
        run(f"create or replace table settings as select date '{AS_OF}' as as_of_date")
        names = ("features", "answers", "scorecards", "opportunities", "settings")
        return Deals(*(self.connection.table(name) for name in names))


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    made = Given(tmp_path)
    yield made
    made.connection.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Given, Deals, pd.DataFrame]:
    made = Given(tmp_path_factory.mktemp("home"))
    deals = made.deals(*world())
    opportunity_scores.models(made.home, deals)
    return made, deals, opportunity_scores.scores(made.home, deals).to_pandas()


Trained = tuple[Given, Deals, pd.DataFrame]


def test_a_model_is_trained_once_promoted_and_beats_the_stage(trained: Trained) -> None:
    given, deals, _ = trained
    [model] = opportunity_scores.models(given.home, deals).to_pylist()
    assert model["score_name"] == "win_probability_crm"
    assert (model["is_champion"], model["case_count"], model["refused_because"]) == (
        True,
        1500,
        None,
    )
    figures = {
        (row["method"], row["measure"]): row["value"]
        for row in model["performance"]
        if row["slice"] == "all"
    }
    for baseline in ("base rate", "stage win rate", "hand score", "CRM probability"):
        assert figures["model", "brier"] < figures[baseline, "brier"]
    assert figures["model", "ece"] <= 0.05
    assert len(list((given.home / "models" / "win_probability_crm").iterdir())) == 1


def test_every_open_deal_has_its_probability_and_the_baselines_beside_it(trained: Trained) -> None:
    given, deals, scores = trained
    assert len(scores) == 200 and opportunity_scores.scores(given.home, deals).schema == SCORES
    assert set(scores["score_basis"]) == {"model"} and scores["score_status"].isna().all()
    assert scores["win_probability"].between(0, 1, inclusive="neither").all()
    assert scores["model_version"].nunique() == 1
    [base] = set(scores["base_rate_probability"])
    features = world()[0]
    won = features.loc[features["landmark_kind"] == "month_end", "is_won"].astype(float)
    assert base == pytest.approx(won.mean(), abs=1e-9)
    assert scores["stage_win_rate_probability"].nunique() == 3
    assert scores["crm_probability"].notna().all()
    assert scores["hand_score_probability"].isna().sum() > 0


def test_a_deal_scores_the_same_alone(trained: Trained, given: Given) -> None:
    made, _, scores = trained
    features, answers = world()
    few = features[
        (features["landmark_kind"] == "month_end") | (features.index == len(features) - 1)
    ]
    alone = given.deals(few, answers)
    [row] = opportunity_scores.scores(made.home, alone).to_pylist()
    [same] = scores[scores["opportunity_id"] == row["opportunity_id"]].to_dict("records")
    assert row["win_probability"] == same["win_probability"]
    assert row["hand_score_probability"] == pytest.approx(
        same["hand_score_probability"], nan_ok=True
    )


def test_reasons_are_words_and_never_a_person(trained: Trained) -> None:
    given, deals, scores = trained
    told = opportunity_scores.reasons(given.home, deals)
    assert told.schema == REASONS
    rows = told.to_pandas()
    assert set(rows["opportunity_id"]) <= set(scores["opportunity_id"])
    assert rows.groupby(["opportunity_id", "direction"]).size().max() <= 3
    assert {"stage", "days_since_activity", "answer_need"} <= set(rows["feature"])
    assert rows["words"].str.len().gt(0).all()
    assert "owner_win_rate" not in set(rows["feature"])
    need = rows[(rows["feature"] == "answer_need") & (rows["direction"] == "lowers")]
    assert need["words"].str.contains("Is there a need").all() and len(need) > 10


def test_what_moved_since_the_training_is_seen(trained: Trained, given: Given) -> None:
    made, deals, _ = trained

    def index_of(of: Deals) -> dict[Any, float]:
        told = opportunity_scores.drift(made.home, of)
        assert told.schema == DRIFT
        return {
            (row["slice"], row["slice_value"], row["measure"]): row["value"]
            for row in told.to_pylist()
        }

    still = index_of(deals)
    assert still["all", None, "psi"] < 0.1
    assert ("since_training", None, "brier") not in still  # nothing was resolved since
    features, answers = world()
    moved = features.assign(days_since_activity=features["days_since_activity"] + 60)
    later = moved["landmark_kind"] == "month_end"
    moved.loc[later & (moved.index % 5 == 0), "resolved_date"] = AS_OF + timedelta(days=3)
    told = index_of(given.deals(moved, answers))
    assert told["feature", "days_since_activity", "psi"] > 0.25
    assert told["all", None, "psi"] > 0.1
    # silence was overdone, so the model hopes too little
    assert told["since_training", None, "calibration"] < -0.03


def only(features: pd.DataFrame, won: int, lost: int) -> pd.DataFrame:
    """So many resolved deals of each outcome, and the open ones."""
    month_ends = features[features["landmark_kind"] == "month_end"]
    names = [
        month_ends.loc[month_ends["is_won"] == outcome, "opportunity_id"].unique()[:count]
        for outcome, count in ((True, won), (False, lost))
    ]
    kept = features["opportunity_id"].isin(np.concatenate(names))
    return features[kept | (features["landmark_kind"] == "as_of")]


@pytest.mark.parametrize(
    ("won", "lost", "status", "basis", "base"),
    [
        (0, 0, "too few deals", None, None),
        (2, 2, "too few deals", None, None),
        (20, 20, "too few deals", "stage win rate", 0.5),
        (40, 40, "too few deals", "hand score", 0.5),
        (120, 0, "one outcome only", "stage win rate", 1.0),
    ],
)
def test_without_evidence_a_status_and_no_invented_number(
    given: Given, won: int, lost: int, status: str, basis: str | None, base: float | None
) -> None:
    features, answers = world()
    deals = given.deals(only(features, won, lost), answers)
    [model] = opportunity_scores.models(given.home, deals).to_pylist()
    assert model["status"].startswith(status) and model["model_version"] is None
    rows = opportunity_scores.scores(given.home, deals).to_pylist()
    assert len(rows) == 200
    has_score = [row for row in rows if row["hand_score_probability"] is not None]
    best = has_score if basis == "hand score" else rows
    assert {row["score_basis"] for row in best} == {basis}
    assert {row["score_status"] for row in rows} == {model["status"]}
    assert {row["base_rate_probability"] for row in rows} == {base}
    assert all((row["win_probability"] is None) == (basis is None) for row in rows)
    assert {row["model_version"] for row in rows} == {None}
    assert opportunity_scores.reasons(given.home, deals).num_rows == 0
    assert opportunity_scores.drift(given.home, deals).num_rows == 0


def test_a_system_without_dates_has_the_win_rate_of_its_deals(given: Given) -> None:
    features, answers = world()
    outcomes = pd.DataFrame({"source_system": "crm", "outcome": ["won"] * 3 + ["lost"] * 9})
    deals = given.deals(only(features, 0, 0), answers, outcomes)
    rows = opportunity_scores.scores(given.home, deals).to_pylist()
    assert {(row["win_probability"], row["score_basis"]) for row in rows} == {(0.25, "base rate")}


def test_without_any_deal_there_is_nothing(given: Given) -> None:
    features, answers = world()
    none = pd.DataFrame({"source_system": [], "outcome": []}, dtype="string")
    deals = given.deals(features.head(0), answers.head(0), none)
    for table in (opportunity_scores.models, opportunity_scores.scores, opportunity_scores.reasons):
        assert table(given.home, deals).num_rows == 0
    assert opportunity_scores.models(given.home, deals).schema == champions.MODELS


def test_what_the_training_did_not_know_is_scored_all_the_same(
    trained: Trained, given: Given
) -> None:
    made, _, _ = trained
    features, answers = world()
    strange = features.copy()
    is_open = strange["landmark_kind"] == "as_of"
    strange.loc[is_open, "stage"] = "never heard of"
    strange.loc[is_open, "days_since_activity"] = np.nan
    none_answered = answers.head(0)
    rows = opportunity_scores.scores(made.home, given.deals(strange, none_answered)).to_pandas()
    assert set(rows["score_basis"]) == {"model"} and rows["win_probability"].notna().all()
    assert rows["stage_win_rate_probability"].isna().all()


def test_a_fact_that_is_no_longer_known_silences_the_model(trained: Trained, given: Given) -> None:
    made, _, _ = trained
    deals = given.deals(*world())
    without = deals.features.project("* exclude (days_since_activity)")
    rows = opportunity_scores.scores(made.home, replace(deals, features=without)).to_pylist()
    assert {row["score_basis"] for row in rows} == {"hand score", "stage win rate"}
    assert all("days_since_activity" in row["score_status"] for row in rows)


def test_a_model_of_another_release_is_silent_and_says_how_to_mend_it(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, deals, _ = trained

    def strange(*_: object) -> None:
        raise TypeError("unexpected keyword argument")

    monkeypatch.setattr(win_probability, "from_record", strange)
    rows = opportunity_scores.scores(given.home, deals).to_pylist()
    assert all("make retrain" in row["score_status"] for row in rows)
    assert "model" not in {row["score_basis"] for row in rows}


def test_a_column_that_knows_the_outcome_stops_the_model_by_its_name(given: Given) -> None:
    """What is written at the close: the amount, of won deals alone."""
    features, answers = world()
    planted = features.assign(
        amount_base=np.where(features["is_won"] == True, 1000.0, np.nan)  # noqa: E712
    )
    deals = given.deals(planted, answers)
    [model] = opportunity_scores.models(given.home, deals).to_pylist()
    assert not model["is_promoted"]
    assert "amount_base knows the outcome" in model["refused_because"]
    rows = opportunity_scores.scores(given.home, deals).to_pylist()
    assert all("amount_base knows the outcome" in row["score_status"] for row in rows)
    assert "model" not in {row["score_basis"] for row in rows}


def test_no_person_stands_in_a_stored_model() -> None:
    told = {fact.name for fact in FACTS}
    assert not [name for name in told if name.endswith("_id")]
    assert {fact.name for fact in FACTS if fact.kind == "category"} == set(TEXTS)
    assert {fact.name for fact in FACTS if fact.kind == "flag"} == set(FLAGS)

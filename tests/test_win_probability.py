"""Win probability: what is learned, how it is judged, the same score alone and in a batch, reasons,
and what must never be believed."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from assets.scoring import storage
from assets.scoring.evaluation import auc
from assets.scoring.win_probability import (
    DEFAULT_CHOICE,
    REASONS,
    TRUSTED_TYPES,
    Baselines,
    Comparison,
    Feature,
    Fitted,
    Quarter,
    Report,
    Training,
    _fitted_model,
    drift,
    fit,
    from_record,
    hand_score_probabilities,
    is_promoted,
    probabilities,
    reasons,
    record,
    stage_win_rates,
)

FEATURES = (
    Feature("amount", "number", "a deal of a size we win", "a deal of a size we rarely win"),
    Feature("silent_days", "number", "the customer is talking", "the customer is silent", True),
    Feature("has_budget", "flag", "the budget is allocated", "no budget is allocated", True),
    Feature("source", "category", "it came to us in a good way", "it came to us in a poor way"),
    Feature("region", "category", "its region wins many", "its region wins few"),
)
SOURCE = {"referral": 1.0, "fair": 0.0, "web": -1.0}


@dataclass(frozen=True)
class World:
    table: pd.DataFrame
    won: NDArray[np.bool_]
    truth: NDArray[np.float64]
    closed: NDArray[np.datetime64]
    accounts: NDArray[np.object_]
    baselines: Baselines

    def fit(self, **changed: Any) -> Fitted:
        given = {
            "table": self.table,
            "features": FEATURES,
            "won": self.won,
            "closed_dates": self.closed,
            "accounts": self.accounts,
            "baselines": self.baselines,
            "resamples": 20,
        }
        return fit(**given | changed)

    def take(self, rows: NDArray[Any]) -> "World":
        return World(
            self.table.iloc[rows].reset_index(drop=True),
            self.won[rows],
            self.truth[rows],
            self.closed[rows],
            self.accounts[rows],
            Baselines(self.baselines.stage[rows], self.baselines.hand_score[rows]),
        )


def world(seed: int = 1, deals: int = 3000) -> World:
    """Deals of two years whose true probability is known; the stage knows a part of it."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "amount": np.exp(random.normal(10, 1, deals)).round(2),
            "silent_days": random.integers(0, 90, deals).astype(float),
            "has_budget": random.choice(np.array([True, False, None], dtype=object), deals),
            "source": random.choice(list(SOURCE), deals),
            "region": random.choice([f"R{number}" for number in range(8)], deals),
        }
    )
    table.loc[random.random(deals) < 0.1, "amount"] = np.nan
    accounts = np.array([f"A{number}" for number in random.integers(0, 300, deals)], dtype=object)
    accounts[random.random(deals) < 0.05] = None
    log_odds = (
        -0.5
        # best in the middle: a straight line cannot tell
        - 1.5 * (np.log(table["amount"].fillna(22_000)) - 10).abs()
        - 0.03 * (table["silent_days"] - 45)
        + table["has_budget"].map({True: 0.8, False: -0.8}).astype(float).fillna(0)
        + table["source"].map(SOURCE)
        + 1
    ).to_numpy()
    truth = 1 / (1 + np.exp(-log_odds))
    return World(
        table,
        random.random(deals) < truth,
        truth,
        np.datetime64("2024-07-01") + random.integers(0, 730, deals),
        accounts,
        Baselines(
            stage=np.where(log_odds + random.normal(0, 2, deals) > 0, "late", "early").astype(
                object
            ),
            hand_score=np.where(
                random.random(deals) < 0.3,
                np.nan,
                50 + 10 * (log_odds + random.normal(0, 1, deals)),
            ).clip(0, 100),
        ),
    )


@pytest.fixture(scope="module")
def known() -> World:
    return world()


@pytest.fixture(scope="module")
def fitted(known: World) -> Fitted:
    return known.fit()


def test_it_comes_near_the_truth_and_is_promoted(known: World, fitted: Fitted) -> None:
    assert fitted.status == "fitted"
    assert (fitted.ignored, fitted.suspects) == ({}, {})
    later = world(2)
    distance = np.abs(probabilities(fitted, later.table) - later.truth)
    assert distance.mean() < 0.04
    report = fitted.report
    assert report.validation == "forward in time"
    ideal = float(np.mean(known.truth * (1 - known.truth)))
    assert report.brier.value == pytest.approx(ideal, abs=0.02)
    assert report.brier.low is not None and report.brier.high is not None
    assert report.brier.low < report.brier.value < report.brier.high
    # nobody can tell the deals apart better than the truth does
    assert (report.auc.value or 0) > (auc(known.won, known.truth) or 1) - 0.025
    assert (report.calibration_error.value or 1) <= 0.05
    assert abs(report.calibration.value or 1) <= 0.03
    assert is_promoted(fitted).is_promoted


def test_the_report_sets_the_model_beside_every_baseline(known: World, fitted: Fitted) -> None:
    report = fitted.report
    # the last six of two years
    quarters = [quarter.quarter for quarter in report.quarters]
    assert quarters == ["2025-01-01", *quarters[1:]] and quarters[-1] == "2026-04-01"
    assert sum(quarter.resolved_count for quarter in report.quarters) == report.resolved_count
    overall = {c.baseline: c for c in report.comparisons if c.quarter is None}
    assert set(overall) == {"base rate", "stage win rate", "hand score"}
    assert all(c.brier < c.baseline_brier for c in overall.values())
    assert overall["stage win rate"].baseline_brier < overall["base rate"].baseline_brier
    # compared on the deals that have a hand score, seven in ten
    share = overall["hand score"].resolved_count / report.resolved_count
    assert share == pytest.approx(0.7, abs=0.03)
    # the base rate by hand: that of the other accounts' deals, so about p (1 − p)
    rate = known.won.mean()
    assert overall["base rate"].baseline_brier == pytest.approx(rate * (1 - rate), abs=0.005)


def test_numbers_bend_where_deals_do(fitted: Fitted) -> None:
    row = {"silent_days": 20.0, "has_budget": True, "source": "fair", "region": "R1"}
    small, middle, large = probabilities(
        fitted, pd.DataFrame([{"amount": amount, **row} for amount in (2e3, 22e3, 2e5)])
    )
    assert middle > small + 0.2 and middle > large + 0.2


def test_a_row_has_the_same_score_alone_and_in_any_batch(known: World, fitted: Fitted) -> None:
    table = known.table.head(400).copy()
    table.loc[5, ["source", "region"]] = ["never seen", None]
    table.loc[6, "silent_days"] = np.nan
    table.loc[7, "amount"] = np.inf
    together = probabilities(fitted, table)
    assert ((together > 0) & (together < 1)).all()
    alone = [probabilities(fitted, table.iloc[[row]])[0] for row in range(40)]
    assert alone == together[:40].tolist()
    for size in (2, 3, 7, 64, 399):
        assert (probabilities(fitted, table.head(size)) == together[:size]).all()
    assert (probabilities(fitted, table[::-1])[::-1] == together).all()
    # and it is what the pipeline itself says, up to the order of summation
    as_read = table.assign(
        has_budget=table["has_budget"].map({True: "yes", False: "no"}).fillna("(missing)"),
        region=table["region"].fillna("(missing)"),
        amount=table["amount"].replace(np.inf, np.nan),
    )
    said = fitted.pipeline.predict_proba(as_read)[:, 1]
    np.testing.assert_allclose(together, said, atol=2e-9)


def test_pandas_and_arrow_and_the_order_of_deals_are_nothing_to_it(
    known: World, fitted: Fitted
) -> None:
    few = known.take(np.arange(600))
    order = np.random.default_rng(4).permutation(600)
    one, other = few.fit(), few.take(order).fit()
    assert one == other
    arrow = pa.Table.from_pandas(known.table, preserve_index=False)
    assert (probabilities(one, arrow) == probabilities(other, known.table)).all()
    # other rows, another checksum
    assert one.training.data_sha256 != few.take(np.arange(599)).fit().training.data_sha256


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda won: won[:0], "too few deals"),
        (lambda won: np.ones(300, dtype=bool), "one outcome only"),
        (lambda won: np.zeros(300, dtype=bool), "one outcome only"),
        (lambda won: np.arange(300) < 49, "too few deals"),
        (lambda won: np.arange(300) >= 49, "too few deals"),
    ],
)
def test_without_evidence_there_is_a_status_and_no_number(
    known: World, change: Callable[[Any], NDArray[np.bool_]], status: str
) -> None:
    won = change(known.won)
    few = replace(known.take(np.arange(won.size)), won=won)
    nothing = few.fit()
    assert nothing.status == status
    assert np.isnan(probabilities(nothing, known.table)).all()
    assert reasons(nothing, known.table).num_rows == 0
    assert drift(nothing, known.table) == {}
    assert is_promoted(nothing).reasons == (status,)
    assert from_record(json.loads(json.dumps(record(nothing))), None) == nothing


def test_fifty_of_each_are_enough(known: World) -> None:
    rows = np.concatenate([np.flatnonzero(known.won)[:50], np.flatnonzero(~known.won)[:50]])
    few = known.take(rows).fit()
    assert few.status == "fitted"
    assert few.report.validation in ("forward in time", "by accounts alone")


def test_empty_and_constant_columns_are_left_out_and_named(known: World) -> None:
    few = known.take(np.arange(500))
    table = few.table.assign(amount=np.nan, region=None, source="web", has_budget=True)
    left = few.fit(table=table)
    assert left.ignored == {
        "amount": "no deal has a value",
        "region": "no deal has a value",
        "source": "all deals have the same value",
        "has_budget": "all deals have the same value",
    }
    assert [feature.name for feature in left.features] == ["silent_days"]
    assert left.status == "fitted"
    assert few.fit(table=table.assign(silent_days=3.0)).status == "no usable feature"


def test_without_close_dates_accounts_are_held_out_and_nothing_is_promoted(known: World) -> None:
    few = known.take(np.arange(1000))
    undated = few.fit(closed_dates=np.full(1000, np.datetime64("NaT")))
    assert undated.report.validation == "by accounts alone"
    assert (undated.report.resolved_count, undated.report.quarters) == (1000, ())
    assert is_promoted(undated).reasons == ("not judged forward in time",)
    # a single account cannot be held out from itself
    lonely = few.fit(closed_dates=np.full(1000, np.datetime64("NaT")), accounts=["A"] * 1000)
    assert (lonely.status, lonely.report) == ("fitted", Report())
    assert not is_promoted(lonely).is_promoted


def test_shuffled_outcomes_give_an_auc_of_one_half(known: World) -> None:
    random = np.random.default_rng(8)
    values = []
    for _ in range(3):
        shuffled = replace(known, won=random.permutation(known.won)).fit()
        assert not is_promoted(shuffled).is_promoted
        values.append(shuffled.report.auc.value)
    # of 2,600 deals judged the AUC has a standard error of .012
    assert values == pytest.approx([0.5] * 3, abs=0.04)


def test_accounts_are_not_remembered(known: World) -> None:
    """The account decides all, and a column tells its name: nothing can be known of a new one."""
    lucky = np.random.default_rng(9).random(301) < 0.4
    number = np.array([300 if a is None else int(a[1:]) for a in known.accounts])
    own = Feature("account", "category", "", "")
    told = fit(
        pd.DataFrame({"account": [f"A{n}" for n in number]}),
        [own],
        lucky[number],
        known.closed,
        [f"A{n}" for n in number],
    )
    # below one half it may be: a part with more wins leaves the others with fewer
    assert (told.report.auc.value or 1) < 0.53


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (
            lambda won, random: np.where(won, 1000.0, 0.0) + random.normal(0, 100, won.size),
            "itself",
        ),
        (lambda won, random: np.where(won | (random.random(won.size) < 0.7), np.nan, 1.0), "lost"),
        (
            lambda won, random: np.where(won | (random.random(won.size) < 0.02), 1.0, np.nan),
            "outcome",
        ),
    ],
)
def test_a_column_that_knows_the_outcome_is_named_and_stops_promotion(
    known: World, planted: Callable[..., NDArray[np.float64]], why: str
) -> None:
    leak = Feature("invoice_amount", "number", "", "")
    column = planted(known.won, np.random.default_rng(6))
    told = known.fit(table=known.table.assign(invoice_amount=column), features=(*FEATURES, leak))
    assert list(told.suspects) == ["invoice_amount"]
    assert why in told.suspects["invoice_amount"]
    promotion = is_promoted(told)
    assert not promotion.is_promoted
    assert "invoice_amount knows the outcome" in promotion.reasons[0]


def test_text_that_knows_the_outcome_is_named_and_rare_names_are_not(known: World) -> None:
    texts = (Feature("reason", "category", "", ""), Feature("deal_name", "category", "", ""))
    table = pd.DataFrame(
        {
            "reason": np.where(known.won, "signed", "price"),
            "deal_name": [f"deal {number}" for number in range(known.won.size)],
        }
    )
    assert list(known.fit(table=table, features=texts).suspects) == ["reason"]


def test_what_rises_never_speaks_against_a_deal_and_the_rest_is_free() -> None:
    """Two answers, one of them the other with noise, and a number that lowers: unbound, the noisy
    twin is weighed against the other."""
    chance = np.random.default_rng(5)
    deals = 1500
    answer = chance.uniform(size=deals)
    twin = answer + chance.normal(scale=0.05, size=deals)
    delay = chance.uniform(size=deals)
    log_odds = 3 * (answer - 0.5) - 6 * (twin - answer) - 2 * (delay - 0.5)
    won = chance.uniform(size=deals) < 1 / (1 + np.exp(-log_odds))
    table = pd.DataFrame({"answer": answer, "twin": twin, "delay": delay})

    def slopes(rises: bool) -> dict[str, NDArray[np.float64]]:
        features = [Feature(name, "number", "", "", rises=rises) for name in ("answer", "twin")]
        features.append(Feature("delay", "number", "", ""))
        closed = np.full(deals, np.datetime64("NaT"))
        model = fit(table, features, won, closed, np.arange(deals).astype(str), resamples=0)
        steps = np.linspace(0.05, 0.95, 19)
        found = {}
        for name in table:
            asked = pd.DataFrame({column: np.full(19, 0.5) for column in table})
            asked[name] = steps
            probability = probabilities(model, asked)
            found[str(name)] = np.diff(np.log(probability / (1 - probability)))
        return found

    free, held = slopes(rises=False), slopes(rises=True)
    assert free["twin"].mean() < -0.01, "the world is not one in which it would matter"
    assert (held["twin"] > -1e-6).all() and (held["answer"] > -1e-6).all()
    assert held["answer"].mean() > 0.05 and held["delay"].mean() < -0.05


def test_bounds_that_do_not_bind_change_nothing() -> None:
    """The bound fit says what scikit-learn's own says where the weights rise by themselves."""
    chance = np.random.default_rng(6)
    known = chance.uniform(size=(2000, 4))
    log_odds = known @ np.array([-1.0, 0.5, 2.0, -3.0])
    won = chance.uniform(size=2000) < 1 / (1 + np.exp(-log_odds))
    free = _fitted_model(known, won, 0.3, ())
    bound = _fitted_model(known, won, 0.3, [np.array([0, 1, 2])])
    apart = free.predict_proba(known) - bound.predict_proba(known)
    assert np.abs(apart).max() < 0.01
    # and not because it says the same of all
    assert np.ptp(free.predict_proba(known)) > 0.5


def test_few_deals_keep_the_usual_penalty_and_many_choose() -> None:
    """With steep truths a weak penalty is better, and enough deals show it."""
    chance = np.random.default_rng(8)

    def chosen(deals: int) -> float:
        table = pd.DataFrame({f"f{n}": chance.uniform(size=deals) for n in range(3)})
        log_odds = 8 * (table.sum(axis=1).to_numpy() - 1.5)
        won = chance.uniform(size=deals) < 1 / (1 + np.exp(-log_odds))
        features = [Feature(str(name), "number", "", "") for name in table]
        closed = np.full(deals, np.datetime64("NaT"))
        model = fit(table, features, won, closed, np.arange(deals).astype(str), resamples=0)
        assert model.choice is not None
        return model.choice.strength

    assert chosen(3000) > DEFAULT_CHOICE.strength
    few = world(seed=3, deals=300)
    shuffled = np.random.default_rng(9).permutation(few.won)
    assert few.fit(won=shuffled, resamples=0).choice == DEFAULT_CHOICE


def test_reasons_are_the_points_against_an_average_deal(known: World, fitted: Fitted) -> None:
    row = {
        "amount": 22e3,
        "silent_days": 85.0,
        "has_budget": False,
        "source": "referral",
        "region": "R1",
    }
    told = reasons(fitted, pd.DataFrame([row])).to_pylist()
    assert {entry["deal_row"] for entry in told} == {0}
    against = [entry for entry in told if entry["direction"] == "lowers"]
    assert [entry["feature"] for entry in against][:2] == ["silent_days", "has_budget"]
    assert against[0]["words"] == "the customer is silent"
    assert (against[0]["value"], against[1]["value"]) == ("85", "no")
    for_it = [entry for entry in told if entry["direction"] == "lifts"]
    assert {entry["feature"] for entry in for_it[:2]} == {"source", "amount"}
    assert all(e["points"] > 0 for e in for_it) and all(e["points"] < 0 for e in against)
    assert [entry["rank"] for entry in against] == [1, 2, 3][: len(against)]

    # what would lift it: the customer talks again; worth what the score says it is worth
    [lift] = [entry for entry in told if entry["direction"] == "would lift"]
    assert lift["feature"] == "silent_days" and float(lift["better_value"]) < 20
    changed = pd.DataFrame([row, row | {"silent_days": float(lift["better_value"])}])
    before, after = probabilities(fitted, changed)
    assert lift["points"] == pytest.approx(100 * (after - before), abs=1e-6)


def test_points_by_hand(known: World, fitted: Fitted) -> None:
    """If the fact weighed as on average: the log-odds of the deal, less what it adds, plus the mean
    of what it adds to the training deals."""
    base = {"amount": 22e3, "silent_days": 40.0, "region": "R1", "has_budget": None}
    sources = [base | {"source": source} for source in SOURCE]
    p = probabilities(fitted, pd.DataFrame(sources))
    log_odds = dict(zip(SOURCE, np.log(p / (1 - p)), strict=True))
    shares = known.table["source"].value_counts(normalize=True)
    average = sum(shares[source] * log_odds[source] for source in SOURCE)
    told = reasons(fitted, pd.DataFrame(sources), most=5).to_pylist()
    [points] = [e["points"] for e in told if e["deal_row"] == 0 and e["feature"] == "source"]
    by_hand = 100 * (p[0] - 1 / (1 + math.exp(-average)))
    assert points == pytest.approx(by_hand, abs=1e-4)


def test_reasons_are_the_same_alone_and_in_a_batch_and_never_of_the_unknown(
    known: World, fitted: Fitted
) -> None:
    table = known.table.head(300).copy()
    table.loc[3, ["source", "region"]] = ["never seen", "R99"]
    table.loc[3, "silent_days"] = np.nan
    together = reasons(fitted, table)
    assert together.schema == REASONS
    alone = reasons(fitted, table.iloc[[3]]).to_pylist()
    expected = [e | {"deal_row": 0} for e in together.to_pylist() if e["deal_row"] == 3]
    assert alone == expected
    named = {e["feature"] for e in alone if e["direction"] != "would lift"}
    assert named <= {"amount", "has_budget"}
    counts = together.to_pandas().groupby(["deal_row", "direction"]).size().unstack()
    assert counts["lifts"].max() == counts["lowers"].max() == 3
    assert counts["would lift"].max() == 1


def test_a_stored_model_is_the_same_model(known: World, fitted: Fitted, tmp_path: Path) -> None:
    storage.save(tmp_path / "one", {"model": fitted.pipeline}, record(fitted))
    estimators, told = storage.load(tmp_path / "one", TRUSTED_TYPES)
    again = from_record(told, estimators["model"])
    assert again == fitted
    assert (probabilities(again, known.table) == probabilities(fitted, known.table)).all()
    assert reasons(again, known.table.head(50)) == reasons(fitted, known.table.head(50))
    assert told["training"]["closed_from"] == str(known.closed.min())
    assert told["report"]["brier"]["value"] == fitted.report.brier.value


def test_landmarks_of_one_deal_are_one_deal(known: World) -> None:
    """Ten rows each of 40 won and 40 lost deals: 800 rows, and yet too few deals."""
    rows = np.concatenate([np.flatnonzero(known.won)[:40], np.flatnonzero(~known.won)[:40]])
    few = known.take(np.repeat(rows, 10))
    names = [f"deal {row}" for row in np.repeat(rows, 10)]
    told = few.fit(deals=names)
    assert told.status == "too few deals"
    assert (told.training.resolved_count, told.training.row_count) == (80, 800)
    assert few.fit().status == "fitted"


def test_the_performance_has_every_method_on_its_own_cases(known: World, fitted: Fitted) -> None:
    rows = fitted.report.performance
    told = {(r.slice, r.slice_value, r.method, r.measure): r for r in rows}
    assert len(told) == len(rows)
    model = told["all", None, "model", "brier"]
    assert (model.value, model.lower_bound) == (fitted.report.brier.value, fitted.report.brier.low)
    for comparison in fitted.report.comparisons:
        where = ("all" if comparison.quarter is None else "quarter", comparison.quarter)
        brier = told[(*where, comparison.baseline, "brier")]
        assert (brier.value, brier.case_count) == (
            comparison.baseline_brier,
            comparison.resolved_count,
        )
        if comparison.quarter is None:
            gain = told["all", None, comparison.baseline, "brier_gain"]
            assert gain.value == pytest.approx(brier.value - comparison.brier, abs=2e-9)
    gain = told["all", None, "stage win rate", "brier_gain"]
    assert gain.lower_bound is not None and gain.lower_bound > 0
    # the curve: what was said, and what came of it
    bins = [r for r in rows if r.slice == "probability" and r.measure == "win_rate"]
    assert sum(r.case_count for r in bins) == fitted.report.resolved_count
    for r in bins:
        said = told["probability", r.slice_value, "model", "mean_probability"].value
        low, high = (float(edge) for edge in str(r.slice_value).split("–"))
        assert said is not None and low <= said <= high


def test_the_stage_rate_by_hand() -> None:
    stages, won = ["a", "a", "a", "b", None], [True, True, False, False, False]
    found = stage_win_rates(stages, won, ["a", "b", "c", None])
    # (2 + .4) ÷ 4, (0 + .4) ÷ 2, and the rate of all
    assert found == pytest.approx([0.6, 0.2, 0.4, 0.4])
    assert np.isnan(stage_win_rates([], [], ["a"])).all()


def test_a_hand_score_is_a_probability_from_25_deals_of_each_outcome_on() -> None:
    random = np.random.default_rng(2)
    score = random.uniform(0, 100, 4000)
    won = random.random(4000) < score / 100
    found = hand_score_probabilities(score, won, np.arange(4000), [10.0, 50.0, 90.0, np.nan])
    assert found[:3] == pytest.approx([0.1, 0.5, 0.9], abs=0.06) and np.isnan(found[3])
    # 200 rows of 24 won deals are 24 deals
    few = np.concatenate([np.flatnonzero(won)[:200], np.flatnonzero(~won)[:200]])
    deals = np.where(won[few], np.arange(400) % 24, np.arange(400))
    assert np.isnan(hand_score_probabilities(score[few], won[few], deals, [50.0])).all()


def test_what_may_not_be_told_is_never_a_reason(known: World) -> None:
    quiet = replace(FEATURES[1], is_told=False)
    told = known.take(np.arange(1500)).fit(features=[quiet, *FEATURES[2:]])
    named = set(reasons(told, known.table.head(300))["feature"].to_pylist())
    assert "silent_days" not in named and "has_budget" in named


def test_drift_is_seen_in_the_column_that_moved(known: World, fitted: Fitted) -> None:
    still = drift(fitted, known.table)
    assert set(still) == {"probability", *(feature.name for feature in FEATURES)}
    assert max(value or 0 for value in still.values()) < 1e-6
    moved = drift(fitted, known.table.assign(silent_days=known.table["silent_days"] + 60))
    assert (moved["silent_days"] or 0) > 0.25 and (moved["probability"] or 0) > 0.25
    assert (moved["region"] or 0) < 1e-6


def judged(stage: list[float], calibration: list[float]) -> Fitted:
    """A model of Brier .20 in every quarter, beside these Brier scores of the stage."""
    quarters = [
        Quarter(f"2026-0{3 * n + 1}-01", 100, 40, 0.20, gap) for n, gap in enumerate(calibration)
    ]
    comparisons = [
        Comparison("stage win rate", quarter.quarter, 100, 0.20, brier)
        for quarter, brier in zip(quarters, stage, strict=True)
    ]
    report = Report("forward in time", quarters=tuple(quarters), comparisons=tuple(comparisons))
    return Fitted("fitted", (), {}, {}, Training(400, 160, 400, None, None, ""), report)


@pytest.mark.parametrize(
    ("stage", "calibration", "reason"),
    [
        ([0.21, 0.21, 0.19], [0.0] * 3, None),
        ([0.21, 0.19, 0.19], [0.0] * 3, "in 1 of the last 3"),
        ([0.21, 0.20, 0.20], [0.0] * 3, "in 1 of the last 3"),
        # a fourth quarter back counts no more
        ([0.21, 0.21, 0.19, 0.19], [0.0] * 4, "in 1 of the last 3"),
        ([0.21], [0.0], "in 1 of the last 1"),
        ([0.21] * 3, [0.02, 0.03, 0.04], None),
        ([0.21] * 3, [0.03, 0.03, 0.04], "+3.3 points off"),
        ([0.21] * 3, [-0.05, -0.04, -0.03], "-4.0 points off"),
        ([0.21] * 4, [0.5, 0.0, 0.0, 0.0], None),
    ],
)
def test_the_gate(stage: list[float], calibration: list[float], reason: str | None) -> None:
    promotion = is_promoted(judged(stage, calibration))
    assert promotion.is_promoted == (reason is None)
    assert (reason or "") in " ".join(promotion.reasons)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"region": 3}, "region holds int64, not text"),
        ({"amount": "much"}, "amount holds .*string, not numbers"),
        ({"has_budget": 1.0}, "has_budget holds double, not true and false"),
    ],
)
def test_a_column_of_another_type_is_refused(
    known: World, change: dict[str, object], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        known.fit(table=known.table.assign(**change))


def test_what_does_not_fit_together_is_refused(known: World) -> None:
    with pytest.raises(ValueError, match="no column region"):
        known.fit(table=known.table.drop(columns="region"))
    with pytest.raises(ValueError, match="3000 deals but 2999 values of won"):
        known.fit(won=known.won[1:])
    with pytest.raises(ValueError, match="without an outcome"):
        known.fit(won=np.where(np.arange(3000) == 7, None, known.won))

"""The win probability of the open deals: what a model learns from, which one speaks, what it says.

Belongs here: what the dbt models of these scores share. The facts about a deal and the words for
them, read from `int_opportunity_features` and `int_score_answers`; training a candidate; the
probability of each open deal, else the best that can be said without a model, and why; drift.

Each source system has a model of its own, `win_probability_<system>`: systems name their stages,
log activities and call a deal lost each in its own way, and a model that is right on the average of
two would be wrong in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyRelation
from numpy.typing import NDArray

from assets.landing.checking import literal, quoted
from assets.scoring import champions, win_probability
from assets.scoring.champions import Candidate, Champion
from assets.scoring.evaluation import Floats, auc, brier, calibration_in_the_large
from assets.scoring.win_probability import (
    BASE_RATE,
    HAND_SCORE,
    LEAST_OUTCOMES,
    MODEL,
    PROBABILITY,
    STAGE,
    TRUSTED_TYPES,
    Baselines,
    Feature,
    Fitted,
)

#: what stands before the id of an attribute of the scorecard in the name of its feature
ANSWER = "answer_"
#: a rate of fewer deals says nothing (METRICS §0)
LEAST_DEALS = 5

FACTS = (
    Feature(
        "stage",
        "category",
        "it stands in a stage from which many deals are won",
        "it stands in a stage from which few deals are won",
    ),
    Feature(
        "pipeline",
        "category",
        "many deals of its pipeline are won",
        "few deals of its pipeline are won",
    ),
    Feature(
        "segment",
        "category",
        "many deals with its segment are won",
        "few deals with its segment are won",
    ),
    Feature("age_days", "number", "it is of an age at which deals are won", "it is of an ill age"),
    Feature(
        "days_in_stage",
        "number",
        "it has not stood in its stage for too long or too short",
        "it has stood in its stage for too long or too short",
    ),
    Feature("amount_base", "number", "it is of a size we win", "it is of a size we seldom win"),
    Feature(
        "amount_change_count",
        "number",
        "its amount was changed as often as in deals that are won",
        "its amount was changed as often as in deals that are lost",
    ),
    Feature(
        "amount_growth",
        "number",
        "its amount has moved as in deals that are won",
        "its amount has moved as in deals that are lost",
    ),
    Feature(
        "days_to_expected_close",
        "number",
        "its expected close lies where that of deals lies that are won",
        "its expected close lies where that of deals lies that are lost",
    ),
    Feature(
        "push_count",
        "number",
        "its close date was pushed out as often as in deals that are won",
        "its close date was pushed out as often as in deals that are lost",
    ),
    Feature(
        "net_pushed_days",
        "number",
        "its close date has moved as in deals that are won",
        "its close date has moved as in deals that are lost",
    ),
    Feature(
        "backward_move_count",
        "number",
        "it has moved as deals do that are won",
        "it has moved as deals do that are lost",
    ),
    Feature(
        "skipped_move_count",
        "number",
        "it went through the stages as deals do that are won",
        "it went through the stages as deals do that are lost",
    ),
    Feature(
        "reopening_count",
        "number",
        "it was reopened as deals are that are won",
        "it was reopened as deals are that are lost",
    ),
    Feature(
        "owner_change_count",
        "number",
        "it has changed hands as deals do that are won",
        "it has changed hands as deals do that are lost",
    ),
    Feature(
        "activity_count",
        "number",
        "it is worked on as deals are that are won",
        "it is worked on as deals are that are lost",
    ),
    Feature(
        "recent_activity_count",
        "number",
        "it was worked on lately as deals are that are won",
        "it was worked on lately as deals are that are lost",
    ),
    Feature(
        "activity_type_count",
        "number",
        "the ways of contact are as mixed as in deals that are won",
        "the ways of contact are as mixed as in deals that are lost",
    ),
    Feature(
        "days_since_activity",
        "number",
        "the last contact is as long ago as in deals that are won",
        "the last contact is as long ago as in deals that are lost",
    ),
    Feature(
        "activity_hours",
        "number",
        "as many hours went into it as into deals that are won",
        "as many hours went into it as into deals that are lost",
    ),
    Feature(
        "has_operations_contact",
        "flag",
        "operations are in touch with the customer as in deals that are won",
        "operations are in touch with the customer as in deals that are lost",
    ),
    Feature(
        "hand_score",
        "number",
        "its qualification score is good",
        "its qualification score is poor",
        rises=True,
    ),
    Feature(
        "completeness_rate",
        "number",
        "its qualification is as complete as that of deals that are won",
        "its qualification is as complete as that of deals that are lost",
    ),
    Feature(
        "account_win_rate",
        "number",
        "the earlier deals of its customer were often won",
        "the earlier deals of its customer were seldom won",
        rises=True,
    ),
    Feature(
        "account_on_time_rate",
        "number",
        "how its customer's dates were kept speaks for it",
        "how its customer's dates were kept speaks against it",
    ),
    # says what became of the deals in one hand: no reason for a reader, since it points at a person
    Feature("owner_win_rate", "number", "", "", is_told=False, rises=True),
    Feature(
        "segment_win_rate",
        "number",
        "its segment has been buying",
        "its segment has not been buying",
        rises=True,
    ),
)

SCORES = pa.schema(
    [
        ("source_system", pa.string()),
        ("opportunity_id", pa.string()),
        ("win_probability", pa.float64()),
        ("score_basis", pa.string()),
        ("score_status", pa.string()),
        ("base_rate_probability", pa.float64()),
        ("stage_win_rate_probability", pa.float64()),
        ("crm_probability", pa.float64()),
        ("hand_score_probability", pa.float64()),
        ("model_version", pa.string()),
    ]
)
REASONS = pa.schema(
    [
        ("source_system", pa.string()),
        ("opportunity_id", pa.string()),
        ("model_version", pa.string()),
        *(field for field in win_probability.REASONS if field.name != "deal_row"),
    ]
)
DRIFT = pa.schema(
    [
        ("score_name", pa.string()),
        ("model_version", pa.string()),
        *champions.PERFORMANCE,
    ]
)


@dataclass(frozen=True)
class Deals:
    """What dbt knows of the deals, as relations of one connection.

    `features` and `answers` are int_opportunity_features and int_score_answers; `scorecards` is
    int_qualification_scorecards; `opportunities` is fct_opportunities; `settings` stg_run_settings.
    """

    features: DuckDBPyRelation
    answers: DuckDBPyRelation
    scorecards: DuckDBPyRelation
    opportunities: DuckDBPyRelation
    settings: DuckDBPyRelation

    @property
    def as_of(self) -> date:
        [(day,)] = self.settings.project("as_of_date").fetchall()
        return day

    def systems(self) -> list[str]:
        """The source systems that have deals at all."""
        names = self.opportunities.project("source_system").distinct().order("all")
        return [name for (name,) in names.fetchall()]


def score_name(system: str) -> str:
    """The name of the score of a source system, as in `models/` and `state/promotions`."""
    return f"win_probability_{system}"


# --- reading -------------------------------------------------------------------------------------


def _questions(deals: Deals, system: str) -> tuple[Feature, ...]:
    """A feature per attribute that any scorecard of the system has."""
    asked = (
        deals.scorecards.filter(f"source_system = {literal(system)}")
        .aggregate("attribute_id, arg_max(question, valid_from) as question", "attribute_id")
        .order("attribute_id")
        .fetchall()
    )
    return tuple(
        Feature(
            ANSWER + attribute,
            "number",
            f"answered well: {question or attribute}",
            f"answered poorly: {question or attribute}",
            is_changeable=True,
            rises=True,
        )
        for attribute, question in asked
    )


def _rows(deals: Deals, system: str, kind: str, features: Sequence[Feature]) -> pa.Table:
    """The landmarks of a kind (month_end, as_of) of a system, with a column per feature; the answer
    to an attribute that nobody answered is missing."""
    at = f"landmark_date {'=' if kind == 'as_of' else '<>'} date '{deals.as_of}'"
    whose = f"source_system = {literal(system)}"
    found = deals.features.filter(f"{whose} and landmark_kind = '{kind}'")
    answers = [feature.name for feature in features if feature.name.startswith(ANSWER)]
    if answers:
        columns = (
            f"max(value) filter (where attribute_id = {literal(name.removeprefix(ANSWER))})"
            f" as {quoted(name)}"
            for name in answers
        )
        pivoted = deals.answers.filter(f"{whose} and {at}").aggregate(
            ", ".join(("opportunity_id", "landmark_date", *columns)),
            "opportunity_id, landmark_date",
        )
        found = found.join(pivoted, "opportunity_id, landmark_date", "left")
    known = set(found.columns)
    named = (
        "opportunity_id",
        "account_id",
        "is_won",
        "resolved_date",
        "crm_probability",
        *(feature.name for feature in features if feature.name in known),
        *(name for name in ("stage", "pipeline", "hand_score")),
    )
    columns = (quoted(name) for name in dict.fromkeys(named))
    return found.order("opportunity_id, landmark_date").project(", ".join(columns)).to_arrow_table()


def _numbers(rows: pa.Table, column: str) -> Floats:
    """(n,) numbers, NaN where missing."""
    values = pc.cast(rows[column], pa.float64(), safe=False)
    return values.to_numpy(zero_copy_only=False)


def _steps(rows: pa.Table) -> NDArray[np.object_]:
    """(n,) pipeline and stage; None in a stage that nobody names."""
    step = pc.binary_join_element_wise(rows["pipeline"], rows["stage"], " / ")
    return step.to_numpy(zero_copy_only=False)


def _won(rows: pa.Table) -> NDArray[np.bool_]:
    return rows["is_won"].to_numpy(zero_copy_only=False).astype(bool)


# --- training ------------------------------------------------------------------------------------


def candidate(
    rows: pa.Table, features: Sequence[Feature], baselines: Baselines | None = None
) -> Candidate:
    """Fits and judges a model on the landmarks of resolved deals.

    Args:
        rows: opportunity_id, account_id, is_won, resolved_date, and a column per feature.
        baselines: (n,) each, as known at the landmark.
    """
    names = rows["opportunity_id"].to_numpy(zero_copy_only=False)
    # the landmarks of a deal without an account still hang together
    alone = pc.binary_join_element_wise("deal", rows["opportunity_id"], " ")
    accounts = pc.coalesce(rows["account_id"], alone).to_numpy(zero_copy_only=False)
    fitted = win_probability.fit(
        rows,
        features,
        _won(rows),
        rows["resolved_date"].to_numpy(zero_copy_only=False).astype("datetime64[D]"),
        accounts,
        baselines or Baselines(),
        names,
    )
    training = fitted.training
    status: str = fitted.status
    if status != "fitted":
        lost_count = training.resolved_count - training.won_count
        status = (
            f"{status}: {training.won_count} won and {lost_count} lost with a month end before the"
            f" close, {LEAST_OUTCOMES} of each are needed"
        )
    facts = win_probability.record(fitted) | {
        "case_count": training.resolved_count,
        "data_sha256": training.data_sha256,
        "performance": [asdict(row) for row in fitted.report.performance],
    }
    estimators = {"model": fitted.pipeline} if fitted.pipeline is not None else {}
    against = win_probability.is_promoted(fitted).reasons if estimators else ()
    return Candidate(status, facts, estimators, against)


def models(home: Path, deals: Deals) -> pa.Table:
    """Every model that was ever decided on, of every system, as `champions.MODELS`, after training
    what is due."""
    found = [
        _speaking(home, deals, system, partial(_trained, deals, system)).models
        for system in deals.systems()
    ]
    return pa.concat_tables([champions.MODELS.empty_table(), *found])


def _trained(deals: Deals, system: str) -> Candidate:
    features = (*FACTS, *_questions(deals, system))
    rows = _rows(deals, system, "month_end", features)
    crm = _numbers(rows, "crm_probability")
    found = candidate(
        rows,
        features,
        Baselines(
            _steps(rows),
            _numbers(rows, "hand_score"),
            crm if not np.isnan(crm).all() else None,
        ),
    )
    return replace(found, known_count=_outcome_counts(deals, system)[0])


def _speaking(
    home: Path, deals: Deals, system: str, train: Callable[[], Candidate] | None = None
) -> Champion:
    return champions.champion(home, score_name(system), deals.as_of, TRUSTED_TYPES, train)


def _speaker(home: Path, deals: Deals, system: str) -> tuple[Champion, Fitted | None, str]:
    """The champion of a system, its model if it can be used, and the status."""
    champion = _speaking(home, deals, system)
    if champion.version is None:
        return champion, None, champion.status
    try:
        fitted = win_probability.from_record(champion.facts, champion.estimators["model"])
    except (KeyError, TypeError) as problem:  # an earlier release wrote it
        return champion, None, f"the model cannot be read ({problem}): make retrain"
    names = (feature.name for feature in fitted.features)
    gone = [n for n in names if not n.startswith(ANSWER) and n not in deals.features.columns]
    if gone:
        wants = f"the model wants {', '.join(gone)}, which is no longer known: make retrain"
        return champion, None, wants
    return champion, fitted, champion.status


# --- scoring -------------------------------------------------------------------------------------


def scores(home: Path, deals: Deals) -> pa.Table:
    """What is said of every open deal, as rows of `SCORES`."""
    found = [_scored(deals, system, home) for system in deals.systems()]
    return pa.concat_tables([SCORES.empty_table(), *found])


def _scored(deals: Deals, system: str, home: Path) -> pa.Table:
    champion, fitted, status = _speaker(home, deals, system)
    rows = _rows(deals, system, "as_of", fitted.features if fitted else ())
    count = rows.num_rows
    probability = np.full(count, np.nan)
    if fitted:
        probability = win_probability.probabilities(fitted, rows)
    # without a model, what went before still tells something
    past = _rows(deals, system, "month_end", ())
    won, names = _won(past), past["opportunity_id"].to_numpy(zero_copy_only=False)
    base = np.full(count, _base_rate(deals, system, won, names))
    stage = _of_known_stages(_steps(past), won, names, _steps(rows))
    hand = win_probability.hand_score_probabilities(
        _numbers(past, "hand_score"), won, names, _numbers(rows, "hand_score")
    )
    basis = np.full(count, None, dtype=object)
    said = np.full(count, np.nan)
    for name, values in (
        (MODEL, probability),
        (HAND_SCORE, hand),
        (STAGE, stage),
        (BASE_RATE, base),
    ):
        takes = np.isnan(said) & ~np.isnan(values)
        said[takes], basis[takes] = values[takes], name
    by_model = basis == MODEL
    return pa.table(
        {
            "source_system": pa.repeat(system, count),
            "opportunity_id": rows["opportunity_id"],
            "win_probability": _nullable(said),
            "score_basis": basis,
            "score_status": pc.if_else(pa.array(by_model), pa.scalar(None, pa.string()), status),
            "base_rate_probability": _nullable(base),
            "stage_win_rate_probability": _nullable(stage),
            "crm_probability": _nullable(_numbers(rows, "crm_probability")),
            "hand_score_probability": _nullable(hand),
            "model_version": pc.if_else(
                pa.array(by_model), pa.scalar(champion.version, pa.string()), None
            ),
        },
        schema=SCORES,
    )


def _base_rate(
    deals: Deals, system: str, won: NDArray[np.bool_], names: NDArray[np.object_]
) -> float:
    """The win rate at the month ends; where too few deals saw one, that of all resolved deals; NaN
    where there are too few of those."""
    if np.unique(names).size >= LEAST_DEALS:
        return round(float(won.mean()), 9)
    resolved, wins = _outcome_counts(deals, system)
    return round(wins / resolved, 9) if resolved >= LEAST_DEALS else np.nan


def _outcome_counts(deals: Deals, system: str) -> tuple[int, int]:
    """How many deals of a system were resolved, and how many of them won."""
    [counts] = (
        deals.opportunities.filter(f"source_system = {literal(system)}")
        .aggregate(
            "count(*) filter (where outcome in ('won', 'lost')) as resolved_count,"
            " count(*) filter (where outcome = 'won') as won_count"
        )
        .fetchall()
    )
    return counts


def _of_known_stages(
    stages: NDArray[np.object_],
    won: NDArray[np.bool_],
    names: NDArray[np.object_],
    asked: NDArray[np.object_],
) -> Floats:
    """(m,) stage win rates; NaN for a stage in which too few deals have stood."""
    rates = win_probability.stage_win_rates(stages, won, asked)
    seen = {(stage, name) for stage, name in zip(stages, names, strict=True) if stage is not None}
    counts: dict[str, int] = {}
    for stage, _ in seen:
        counts[stage] = counts.get(stage, 0) + 1
    is_known = [counts.get(stage, 0) >= LEAST_DEALS for stage in asked]
    return np.where(is_known, rates, np.nan)


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def reasons(home: Path, deals: Deals) -> pa.Table:
    """Why the deals that a model speaks of have their probability, as rows of `REASONS`."""
    parts = [REASONS.empty_table()]
    for system in deals.systems():
        champion, fitted, _ = _speaker(home, deals, system)
        if fitted is None:
            continue
        rows = _rows(deals, system, "as_of", fitted.features)
        told = win_probability.reasons(fitted, rows)
        whose = rows["opportunity_id"].take(told["deal_row"])
        columns: dict[str, Any] = {
            "source_system": pa.repeat(system, told.num_rows),
            "opportunity_id": whose,
            "model_version": pa.repeat(champion.version, told.num_rows),
        }
        columns |= {name: told[name] for name in told.column_names if name != "deal_row"}
        parts.append(pa.table(columns, schema=REASONS))
    return pa.concat_tables(parts)


# --- drift ---------------------------------------------------------------------------------------


def drift(home: Path, deals: Deals) -> pa.Table:
    """How far the open deals have moved from those a model was made of, and how it did on the deals
    resolved since, as rows of `DRIFT`."""
    found: list[dict[str, Any]] = []
    for system in deals.systems():
        champion, fitted, _ = _speaker(home, deals, system)
        if fitted is None:
            continue
        ids = {"score_name": score_name(system), "model_version": champion.version}
        [trained] = [
            row["trained_as_of_date"] for row in champion.models.to_pylist() if row["is_champion"]
        ][-1:]
        now = _rows(deals, system, "as_of", fitted.features)
        past = _rows(deals, system, "month_end", fitted.features)
        since = past.filter(pc.greater(past["resolved_date"], pa.scalar(trained, pa.date32())))
        found += [ids | row for row in _moved(fitted, now) + _since(fitted, since)]
    return pa.Table.from_pylist(found, DRIFT)


def _moved(fitted: Fitted, now: pa.Table) -> list[dict[str, Any]]:
    """The population stability index of each feature, and of the probability."""
    rows = []
    for name, index in win_probability.drift(fitted, now).items():
        part, which = ("all", None) if name == PROBABILITY else ("feature", name)
        rows.append(_measured(part, which, "psi", index, now.num_rows))
    return rows


def _since(fitted: Fitted, since: pa.Table) -> list[dict[str, Any]]:
    """What the model says of deals that were resolved after it was made, at their month ends."""
    if not since.num_rows:
        return []
    won, said = _won(since), win_probability.probabilities(fitted, since)
    statistics = {"brier": brier, "auc": auc, "calibration": calibration_in_the_large}
    return [
        _measured("since_training", None, measure, statistic(won, said), since.num_rows)
        for measure, statistic in statistics.items()
    ]


def _measured(
    where: str, which: str | None, measure: str, value: float | None, cases: int
) -> dict[str, Any]:
    return {
        "slice": where,
        "slice_value": which,
        "method": MODEL,
        "measure": measure,
        "value": value,
        "lower_bound": None,
        "upper_bound": None,
        "case_count": cases,
    }

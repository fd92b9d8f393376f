"""Which fitted model speaks for a score: when one is trained, who decides, where it is found again.

Belongs here: the folders `models/<score>/<version>`, the decisions in `state/promotions` and what
was asked for in `state/trainings`. How a score is fitted, and what a model has to prove, is said
by its own module.

A score is trained the first time there is enough to learn from, and whenever somebody asks for it
(the job `retrain`). The candidate is kept either way; if it is not promoted, or training it fails,
the champion before it goes on speaking, and where there is none the score says so. A run as of an
earlier day hears the champion of that day, never a model that knows what came later.

Whatever decides which model speaks lies in `state/`: with the same `state/`, `models/` and extracts
the same model speaks.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.landing.ledger import append_state, read_state
from assets.scoring import cards, storage

#: what is known of how well a model does; a row per slice, method and measure
PERFORMANCE = pa.struct(
    [
        # all, quarter, group, fitted_on, probability: which cases; slice_value which of these. A
        # reliability curve has `mean_probability` and a rate (win_rate, late_rate) in each bin of
        # the slice probability; quantiles have `coverage` per level
        ("slice", pa.string()),
        ("slice_value", pa.string()),
        # whose figure it is: model, or the name of a baseline; of a quantile its level, p80
        ("method", pa.string()),
        # brier, auc, coverage, pinball_days, …
        ("measure", pa.string()),
        ("value", pa.float64()),
        # of the 95 % interval, where there is one
        ("lower_bound", pa.float64()),
        ("upper_bound", pa.float64()),
        # cases that it rests on
        ("case_count", pa.int64()),
    ]
)
#: a row per model that was ever decided on; `int_<score>_models` in dbt
MODELS = pa.schema(
    [
        ("score_name", pa.string()),
        # of the score, from 1
        ("decision_number", pa.int64()),
        ("model_version", pa.string()),
        ("trained_as_of_date", pa.date32()),
        ("is_promoted", pa.bool_()),
        ("is_champion", pa.bool_()),
        ("status", pa.string()),
        ("refused_because", pa.string()),
        ("case_count", pa.int64()),
        ("known_count", pa.int64()),
        ("data_sha256", pa.string()),
        ("performance", pa.list_(PERFORMANCE)),
    ]
)


#: what makes a decision another one; that there is a day's data more does not
SAID = ("model_version", "training_id", "status", "refused_because")


@dataclass(frozen=True)
class Candidate:
    """What training brought.

    `facts` are JSON: all that the score's module needs to use the estimators, `case_count` and
    `data_sha256` of the training, and `performance`, rows of PERFORMANCE. Without estimators there
    is no model, and `status` says why. `refused_because`: what speaks against it; empty =
    promoted. `known_count`: how many cases the source had, of which `case_count` told something,
    or were drawn.
    """

    status: str
    facts: dict[str, Any]
    estimators: Mapping[str, object] = field(default_factory=dict)
    refused_because: Sequence[str] = ()
    known_count: int | None = None


@dataclass(frozen=True)
class Champion:
    """The model that speaks: `version` None and no estimators where none does; `status` is
    "promoted", or why none speaks. `models` is the table of MODELS of its score."""

    version: str | None
    status: str
    models: pa.Table
    estimators: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def home_of(session: Any) -> Path:
    """The home whose warehouse a dbt session has open."""
    [(database,)] = session.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()
    return Path(database).parent.parent


def ask_for_training(home: Path, as_of: date) -> None:
    """Has every score trained anew by the next build as of this day or later."""
    asked = read_state(home / "state" / "trainings")
    row = {"training_id": len(asked) + 1, "as_of": as_of}
    append_state(home / "state" / "trainings", [row], datetime.now(UTC))


def stands_at(home: Path) -> list[str]:
    """What decides which models speak, for whoever wants to know whether that has changed."""
    found = [
        *(home / "state" / "trainings").glob("*.parquet"),
        *(home / "state" / "promotions").glob("*.parquet"),
        *(home / "models").glob("*/*/" + storage.FACTS),
    ]
    return sorted(str(path.relative_to(home)) for path in found)


def champion(
    home: Path,
    score: str,
    as_of: date,
    trusted: Sequence[str],
    train: Callable[[], Candidate] | None = None,
) -> Champion:
    """The model that speaks for a score as of a day, after training one if that is due.

    Args:
        trusted: the types its files may hold, as `storage.load` wants them.
        train: fits and judges a candidate, from what is known as of the day; None = hear what was
            decided and train nothing.

    Raises:
        DamagedError: `state/` cannot be read.
        OSError: the candidate cannot be written.
    """
    state = home / "state" / "promotions"
    decisions = _decisions(state, score, as_of)
    if train is None:
        return _speaking(home, score, decisions, trusted)
    asked = [
        row["training_id"]
        for row in read_state(home / "state" / "trainings")
        if row["as_of"] <= as_of
    ]
    training_id = max(asked, default=0)
    last = decisions[-1] if decisions else None
    # without a model yet there was too little to learn from: that may have changed
    if last is None or last["training_id"] < training_id or not _ever_fitted(decisions):
        row = _decided(home, score, as_of, training_id, _tried(train))
        if last is None or any(row[name] != last[name] for name in SAID):
            append_state(state, [row], datetime.now(UTC))
            decisions.append(row)
    return _speaking(home, score, decisions, trusted)


def _decisions(state: Path, score: str, as_of: date) -> list[dict[str, Any]]:
    rows = [row for row in read_state(state) if row["score_name"] == score]
    known = [row for row in rows if row["as_of"] <= as_of]
    return sorted(known, key=lambda row: (row["as_of"], row["training_id"]))


def _ever_fitted(decisions: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["model_version"] for row in decisions)


def _tried(train: Callable[[], Candidate]) -> Candidate:
    """A candidate, or why there is none: whatever goes wrong, the champion can go on."""
    try:
        return train()
    except Exception as problem:  # said in the marts and by a check, and no run ends for it
        words = f"training failed: {type(problem).__name__}: {problem}"
        return Candidate(words, {}, refused_because=(words,))


def _decided(
    home: Path, score: str, as_of: date, training_id: int, candidate: Candidate
) -> dict[str, Any]:
    """Keeps the candidate; returns the decision as a row of `state/promotions`."""
    version = None
    if candidate.estimators:
        said = json.dumps(candidate.facts, sort_keys=True, allow_nan=False)
        content = f"{said}\n{json.dumps(storage.libraries(), sort_keys=True)}"
        version = f"{as_of.isoformat()}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
        folder = home / "models" / score / version
        if not folder.exists():  # else a run that was killed had got so far
            card = cards.documents(
                score,
                version,
                as_of,
                candidate.status,
                candidate.facts,
                candidate.refused_because,
                storage.libraries(),
            )
            storage.save(folder, candidate.estimators, candidate.facts, card)
    return {
        "score_name": score,
        "model_version": version,
        "as_of": as_of,
        "training_id": training_id,
        "status": candidate.status,
        "is_promoted": version is not None and not candidate.refused_because,
        "refused_because": "; ".join(candidate.refused_because) or None,
        "case_count": candidate.facts.get("case_count"),
        "known_count": candidate.known_count,
        "data_sha256": candidate.facts.get("data_sha256"),
    }


def _speaking(
    home: Path, score: str, decisions: Sequence[Mapping[str, Any]], trusted: Sequence[str]
) -> Champion:
    promoted = [row["model_version"] for row in decisions if row["is_promoted"]]
    version = promoted[-1] if promoted else None
    status = "promoted"
    estimators: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    if not decisions:
        status = "never trained"
    elif version is None:
        status = str(decisions[-1]["refused_because"] or decisions[-1]["status"])
    else:
        try:
            estimators, facts = storage.load(home / "models" / score / version, trusted)
        except (OSError, ValueError) as problem:
            status, version = f"the model cannot be used ({problem}): make retrain", None
    rows = [
        {
            **{name: row[name] for name in ("score_name", "model_version", "is_promoted")},
            **{name: row[name] for name in ("status", "refused_because")},
            **{name: row[name] for name in ("case_count", "data_sha256")},
            # decisions of before 2026-11-27 do not say
            "known_count": row.get("known_count"),
            "decision_number": number,
            "trained_as_of_date": row["as_of"],
            "is_champion": version is not None and row["model_version"] == version,
            "performance": _performance(home / "models" / score, row["model_version"]),
        }
        for number, row in enumerate(decisions, start=1)
    ]
    return Champion(version, status, pa.Table.from_pylist(rows, MODELS), estimators, facts)


def _performance(models: Path, version: str | None) -> list[dict[str, Any]]:
    """What a model's folder says of it; nothing where that is gone."""
    try:
        return storage.facts(models / str(version))["performance"]
    except (OSError, ValueError):
        return []

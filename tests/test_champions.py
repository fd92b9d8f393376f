"""Which model speaks: the first, the promoted, the one before when training fails or is refused."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.scoring import champions
from assets.scoring.champions import Candidate, Champion, ask_for_training, champion

MARCH, APRIL, MAY = (date(2026, month, 31 if month != 4 else 30) for month in (3, 4, 5))
#: what nobody can learn from yet
TOO_FEW = Candidate("too few deals", {"case_count": 4})


def candidate(level: float, *against: str) -> Candidate:
    from sklearn.dummy import DummyRegressor

    model = DummyRegressor(strategy="constant", constant=level).fit([[0.0]], [level])
    measured = {"slice": "all", "method": "model", "measure": "brier", "value": level}
    facts = {"level": level, "case_count": 100, "data_sha256": "ab", "performance": [measured]}
    return Candidate("fitted", facts, {"model": model}, against)


def speaks(home: Path, as_of: date, *trains: Candidate | Exception) -> Champion:
    """Training gives these, one after the other; each must be asked for."""
    brought = list(trains)

    def train() -> Candidate:
        assert brought, "nothing was to be trained"
        brings = brought.pop(0)
        if isinstance(brings, Exception):
            raise brings
        return brings

    found = champion(home, "chance", as_of, (), train)
    assert not brought, "training was due"
    return found


def says(found: Champion) -> float:
    return float(found.estimators["model"].predict(np.zeros((1, 1)))[0])


def decided(found: Champion, *columns: str) -> list[Any]:
    return [tuple(row[column] for column in columns) for row in found.models.to_pylist()]


def test_the_first_run_trains_and_later_ones_hear_what_it_made(tmp_path: Path) -> None:
    first = speaks(tmp_path, MARCH, candidate(0.25))
    assert (first.status, says(first), first.facts["level"]) == ("promoted", 0.25, 0.25)
    again = speaks(tmp_path, APRIL)
    assert (again.version, says(again)) == (first.version, 0.25)
    assert first.version and first.version.startswith("2026-03-31-")
    [performance] = decided(again, "performance")
    assert performance[0][0]["value"] == 0.25


def test_the_same_training_makes_the_same_version_anywhere(tmp_path: Path) -> None:
    one, other = (speaks(tmp_path / name, MARCH, candidate(0.25)) for name in "ab")
    assert one.version == other.version
    assert one.models.equals(other.models)


def test_who_asks_gets_a_new_model_once(tmp_path: Path) -> None:
    speaks(tmp_path, MARCH, candidate(0.25))
    ask_for_training(tmp_path, APRIL)
    assert says(speaks(tmp_path, APRIL, candidate(0.5))) == 0.5
    found = speaks(tmp_path, MAY)
    assert says(found) == 0.5
    assert decided(found, "decision_number", "is_promoted", "is_champion") == [
        (1, True, False),
        (2, True, True),
    ]


def test_who_only_listens_trains_nothing(tmp_path: Path) -> None:
    silent = champion(tmp_path, "chance", MARCH, ())
    assert (silent.version, silent.status, silent.models.num_rows) == (None, "never trained", 0)
    speaks(tmp_path, MARCH, candidate(0.25))
    ask_for_training(tmp_path, APRIL)
    before = champions.stands_at(tmp_path)
    assert says(champion(tmp_path, "chance", APRIL, ())) == 0.25
    assert champions.stands_at(tmp_path) == before
    assert says(speaks(tmp_path, APRIL, candidate(0.5))) == 0.5, "it is still due"


def test_a_refused_model_is_kept_and_does_not_speak(tmp_path: Path) -> None:
    speaks(tmp_path, MARCH, candidate(0.25))
    ask_for_training(tmp_path, APRIL)
    found = speaks(tmp_path, APRIL, candidate(0.5, "no better than the stage"))
    assert (found.status, says(found)) == ("promoted", 0.25)
    assert decided(found, "is_champion", "refused_because") == [
        (True, None),
        (False, "no better than the stage"),
    ]


def test_every_model_that_is_kept_has_its_card(tmp_path: Path) -> None:
    speaks(tmp_path, MARCH, candidate(0.25))
    ask_for_training(tmp_path, APRIL)
    found = speaks(tmp_path, APRIL, candidate(0.5, "no better than the stage"))
    for version, verdict in zip(
        [version for (version,) in decided(found, "model_version")],
        ("Promoted.", "no better than the stage"),
        strict=True,
    ):
        folder = tmp_path / "models" / "chance" / version
        for name in ("card.md", "card.html"):
            text = (folder / name).read_text(encoding="utf-8")
            assert version in text and verdict in text


def test_whatever_goes_wrong_in_training_leaves_the_champion(tmp_path: Path) -> None:
    speaks(tmp_path, MARCH, candidate(0.25))
    ask_for_training(tmp_path, APRIL)
    found = speaks(tmp_path, APRIL, ZeroDivisionError("no quarter"))
    assert says(found) == 0.25
    assert decided(found, "status")[1] == ("training failed: ZeroDivisionError: no quarter",)


def test_without_a_model_each_run_tries_and_says_why_there_is_none(tmp_path: Path) -> None:
    cold = speaks(tmp_path, MARCH, TOO_FEW)
    assert (cold.version, cold.status, dict(cold.estimators)) == (None, "too few deals", {})
    still = speaks(tmp_path, APRIL, TOO_FEW)
    assert still.models.num_rows == 1, "nothing new was decided"
    assert says(speaks(tmp_path, MAY, candidate(0.5))) == 0.5


def test_an_earlier_day_hears_no_model_that_knows_later_ones(tmp_path: Path) -> None:
    speaks(tmp_path, MAY, candidate(0.5))
    assert says(speaks(tmp_path, MARCH, candidate(0.25))) == 0.25
    assert says(speaks(tmp_path, MAY)) == 0.5


def test_a_damaged_model_does_not_speak_and_the_status_says_how_to_mend_it(tmp_path: Path) -> None:
    first = speaks(tmp_path, MARCH, candidate(0.25))
    (tmp_path / "models" / "chance" / str(first.version) / "model.skops").write_bytes(b"torn")
    found = speaks(tmp_path, APRIL)
    assert found.version is None and "make retrain" in found.status
    assert decided(found, "is_champion") == [(False,)]
    ask_for_training(tmp_path, MAY)
    assert says(speaks(tmp_path, MAY, candidate(0.5))) == 0.5


def test_what_decides_who_speaks_shows_in_the_files(tmp_path: Path) -> None:
    before = champions.stands_at(tmp_path)
    speaks(tmp_path, MARCH, candidate(0.25))
    trained = champions.stands_at(tmp_path)
    ask_for_training(tmp_path, APRIL)
    assert len({tuple(found) for found in (before, trained, champions.stands_at(tmp_path))}) == 3


def test_a_model_of_a_killed_run_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(champions, "append_state", killed)
        with pytest.raises(KeyboardInterrupt):
            speaks(tmp_path, MARCH, candidate(0.25))
    assert says(speaks(tmp_path, MARCH, candidate(0.25))) == 0.25

"""What is watched of the models: each check warns of what it should, and of nothing else."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from expectations.suites import Rule
from expectations.suites.reconciliations import RECONCILIATIONS

MODELS, PERFORMANCE = "mart_score_models", "mart_score_performance"
SET, SET_MODELS = f"update marts.{PERFORMANCE} set", f"update marts.{MODELS} set"
SINCE = "where is_after_training and measure = 'calibration'"
RULES = {
    rule.name: (mart, rule) for mart in (MODELS, PERFORMANCE) for rule in RECONCILIATIONS[mart]
}


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """A healthy champion: its second training was refused, what it says since is as it should."""
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create schema marts;
            create table marts.{MODELS} (
                score_name varchar, decision_number bigint, model_version varchar,
                is_promoted boolean, is_champion boolean, is_last_decision boolean,
                status varchar, age_days bigint, is_stale boolean
            );
            insert into marts.{MODELS} values
                ('win', 1, 'v1', true, true, false, 'fitted', 40, false),
                ('win', 2, 'v2', false, false, true, 'fitted', 10, false);
            create table marts.{PERFORMANCE} (
                score_name varchar, model_version varchar, slice varchar, slice_value varchar,
                measure varchar, value double, lower_bound double, upper_bound double,
                case_count bigint, is_after_training boolean, is_champion boolean
            );
            insert into marts.{PERFORMANCE} values
                ('win', 'v1', 'all', 'all', 'brier', 0.2, null, null, 900, false, true),
                ('win', 'v1', 'all', 'all', 'calibration', 0.2, null, null, 900, false, true),
                ('win', 'v1', 'all', 'all', 'psi', 0.24, null, null, 900, true, true),
                ('win', 'v1', 'feature', 'amount', 'psi', 0.9, null, null, 900, true, true),
                ('win', 'v1', 'since_training', 'all', 'calibration', -0.04, null, null, 900, true,
                    true);
            """
        )
        yield connection


def found(marts: duckdb.DuckDBPyConnection, mart: str, rule: Rule) -> list[Any]:
    """How each row that a rule finds is named to a reader."""
    rows = rule.query.replace("{batch}", f"marts.{mart}")
    return [name for (name,) in marts.execute(f"select {rule.shows} from ({rows})").fetchall()]


def warning(marts: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    names = {name: found(marts, *on) for name, on in RULES.items()}
    return {name: shown for name, shown in names.items() if shown}


def test_a_healthy_champion_gives_no_warning(marts: duckdb.DuckDBPyConnection) -> None:
    assert warning(marts) == {}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            f"{SET} value = 0.26 where measure = 'psi' and slice = 'all'",
            {"scored_cases_are_like_those_learned_from": ["win v1, PSI 0.26"]},
        ),
        (
            f"{SET} value = -0.06 {SINCE}",
            {"probabilities_still_come_true": ["win v1, -6.0 points on 900 cases"]},
        ),
        (
            f"{SET} value = 0.15, lower_bound = 0.01, upper_bound = 0.29, case_count = 40 {SINCE}",
            {"probabilities_still_come_true": ["win v1, 15.0 points on 40 cases"]},
        ),
        (
            f"{SET_MODELS} is_stale = true, age_days = 63 where is_champion",
            {"champions_are_fresh": ["win v1, 63 days"]},
        ),
        (
            f"{SET_MODELS} status = 'training failed: KeyError: x' where is_last_decision",
            {"the_last_training_came_to_an_end": ["win: training failed: KeyError: x"]},
        ),
        (
            f"{SET_MODELS} is_champion = false",
            {"champions_can_be_read": ["win v1"]},
        ),
        (
            f"delete from marts.{MODELS} where model_version = 'v1'",
            {"performance_is_of_models_known": ["win, v1"]},
        ),
    ],
)
def test_each_check_warns_of_what_it_should(
    marts: duckdb.DuckDBPyConnection, damage: str, expected: dict[str, list[Any]]
) -> None:
    marts.execute(damage)
    assert warning(marts) == expected


@pytest.mark.parametrize(
    "harmless",
    [
        # so few cases give such an index, and such a distance, by chance
        f"{SET} value = 0.5, case_count = 30 where measure = 'psi'",
        f"{SET} value = 0.15, case_count = 40 {SINCE}",
        # cases that hang together: the interval knows
        f"{SET} value = 0.06, lower_bound = -0.01, upper_bound = 0.13 {SINCE}",
        # a model that does not speak may drift
        f"{SET} value = 0.9, is_champion = false where is_after_training",
        # a failure that was mended
        f"{SET_MODELS} status = 'training failed: x' where not is_last_decision",
    ],
)
def test_what_chance_does_and_what_does_not_speak_is_left_alone(
    marts: duckdb.DuckDBPyConnection, harmless: str
) -> None:
    marts.execute(harmless)
    assert warning(marts) == {}


def test_all_but_a_fault_of_ours_warn_and_say_the_way_out() -> None:
    warn = {name for name, (_, rule) in RULES.items() if rule.warn}
    assert RULES.keys() - warn == {"performance_is_of_models_known"}
    assert all("make retrain" in RULES[name][1].way_out for name in warn)

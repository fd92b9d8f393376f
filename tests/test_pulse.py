"""The alignment pulse: nothing published lets anybody work a small group out."""

from datetime import date

import duckdb
import pytest

from assets.settings import Settings
from tests.dbt_helpers import bare_project, run_dbt

QUESTIONS = ("alignment", "information", "promises_kept")


def answers() -> list[tuple[str, str, str, str, float]]:
    """System, respondent, function, question, score of two systems that differ only in what is to
    stay hidden: the answers of `finance` (four people), and in `quality` those to a question that
    four of seven answered, made up for by another of the same people."""
    rows = []
    people = {"sales": 12, "quality": 7, "finance": 4}
    for function, count in people.items():
        for person in range(count):
            for place, question in enumerate(QUESTIONS):
                skips = function == "quality" and question == "promises_kept" and person >= 4
                few = function == "quality" and question == "information" and person == 6
                if skips or few:
                    continue
                score = 4.0 + (person * 7 + place * 3) % 5
                moved = 0.0
                if function == "finance":
                    moved = -2.0
                elif function == "quality" and person < 4:
                    moved = {"promises_kept": 1.5, "information": -1.5}.get(question, 0.0)
                key = f"{function}{person}"
                rows.append(("one", key, function, question, score))
                rows.append(("two", key, function, question, score + moved))
    return rows


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The marts of the pulse, by the project's own models, of two systems."""
    settings = Settings(tmp_path_factory.mktemp("pulse"), date(2026, 6, 30))
    settings.warehouse.parent.mkdir(parents=True)
    stubs = {
        "stg_run_settings": "select date '2026-06-30' as as_of_date",
        "int_pulse_responses_unioned": "select * from main.answers",
        "int_pulse_invitations_unioned": (
            "select unnest(['one', 'two']) as source_system, 'w1' as wave,"
            " 'sales' as function_name, 20::bigint as invited_count"
        ),
        "int_pulse_actions_unioned": (
            "select 'one' as source_system, 'w1' as wave, null::date as agreed_on,"
            " null::date as done_on where false"
        ),
    }
    marts = ("functions", "questions", "reasons", "waves")
    project = bare_project(
        settings.home / "project",
        "models/intermediate/pulse/int_pulse_respondents.sql",
        *(f"models/marts/people/mart_pulse_{mart}.sql" for mart in marts),
        stubs=stubs,
    )
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.execute(
            "create table answers (source_system text, wave text, respondent_key text,"
            " function_name text, question_id text, score double, gap_reason text)"
        )
        warehouse.executemany(
            "insert into answers values (?, 'w1', ?, ?, ?, ?, 'the people in finance')",
            [row for row in answers() if row[2] == "finance"],
        )
        warehouse.executemany(
            "insert into answers values (?, 'w1', ?, ?, ?, ?, 'dates')",
            [row for row in answers() if row[2] != "finance"],
        )
    run_dbt(settings, project, "run", "--select", "+path:models/marts/people")
    return settings


def rows(settings: Settings, mart: str, system: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        found: list[tuple[object, ...]] = warehouse.execute(
            f"select * exclude (source_system) from marts.{mart} where source_system = ?"
            " order by all",
            [system],
        ).fetchall()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "mart", ["mart_pulse_functions", "mart_pulse_questions", "mart_pulse_reasons"]
)
def test_what_is_hidden_leaves_no_trace(published: Settings, mart: str) -> None:
    """Other answers of a hidden group, the same figures: so nobody can tell which were given."""
    one = rows(published, mart, "one")
    assert one
    assert same(rows(published, mart, "two"), one)


@pytest.mark.slow
def test_totals_hold_no_hidden_group(published: Settings) -> None:
    one, two = (rows(published, "mart_pulse_waves", system) for system in ("one", "two"))
    assert same(one, two)
    with duckdb.connect(str(published.warehouse), read_only=True) as warehouse:
        [(told, hidden, low)] = warehouse.execute(
            "select told_function_count, hidden_function_count, low_score_rate_denominator"
            " from marts.mart_pulse_waves where source_system = 'one'"
        ).fetchall()
    assert (told, hidden, low) == (2, 1, 19)


@pytest.mark.slow
def test_few_are_hidden_and_many_are_not(published: Settings) -> None:
    with duckdb.connect(str(published.warehouse), read_only=True) as warehouse:
        functions = dict(
            warehouse.execute(
                "select function_name, respondent_count from marts.mart_pulse_functions"
                " where source_system = 'one'"
            ).fetchall()
        )
        questions = warehouse.execute(
            "select question_id, respondent_count from marts.mart_pulse_questions"
            " where source_system = 'one' and function_name = 'quality' order by question_id"
        ).fetchall()
        reasons = warehouse.execute("select distinct gap_reason from marts.mart_pulse_reasons")
        assert reasons.fetchall() == [("dates",)]
    assert functions == {"sales": 12, "quality": 7, "finance": None}
    assert questions == [("alignment", 7), ("information", None), ("promises_kept", None)]


def same(one: list[tuple[object, ...]], two: list[tuple[object, ...]]) -> bool:
    """Alike but for the last digits of a mean."""
    return len(one) == len(two) and all(
        a == pytest.approx(b, abs=1e-6) if isinstance(a, float) else a == b
        for left, right in zip(one, two, strict=True)
        for a, b in zip(left, right, strict=True)
    )

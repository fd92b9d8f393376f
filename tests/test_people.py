"""People who are forgotten: nowhere any more, and all else as it was; and what is kept how long."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.demo import simulate
from assets.landing import ledger, people
from assets.landing.land import discard, gone, land, prepare
from assets.landing.withholding import TORN_TEXT
from assets.publish import outdated, versions, withdraw
from assets.settings import Settings
from assets.systems import all_systems
from orchestration.resources import SettingError, read_settings
from tests.landing_helpers import put, query
from tests.line import Line

PERSON, NAME = "EMP-4711-X", "Zoë Quixote-Ng"
#: what must be nowhere, in small letters, however it is written
TRACES = ("4711-x", "quixote", "4711 x")

REPS = f"""rep_id,rep_name,manager_id,territory,hired_on,badge note
{PERSON},{NAME},E2,West,2020-01-01,likes tea
E2,Bob Ray,,East,2019-01-01,deputy: Quixote-Ng Zoë ({PERSON})
E3,Cy Dee,{PERSON},East,20190101,
{PERSON},torn
"""
OPPORTUNITIES = f"""opportunity_id,owner_id,stage,created_at,closed_at,amount,owner name,lead_source
O1,{PERSON},Won,2026-01-05,2026-02-05,100,{NAME.upper()},Fair
O2,E2,Lost,2026-01-06,2026-02-06,50,Bob Ray,"met Zoë  Quixote-Ng, and called zoë.quixote-ng@x.org"
O3,E3,Proposal,2026-03-01,,70,Cy Dee,{PERSON}
"""
CHANGES = f"""opportunity_id,changed_at,field,old_value,new_value,changed_by
O2,2026-01-08,owner_id,{PERSON},E2,{PERSON}
O3,2026-03-02,stage,Lead,Proposal,E3
"""
SPLITS = f"""opportunity_id,rep_id,split_share
O1,{PERSON},0.5
O1,E2,0.5
"""
ABSENCES = f"""rep_id,starts_on,ends_on
{PERSON},2026-01-01,2026-01-02
E2,2026-01-01,2026-01-03
"""


def put_company(landing: Settings | Line, stamp: str = "2026-03-31") -> None:
    for entity, rows in {
        "sales_reps": REPS,
        "opportunities": OPPORTUNITIES,
        "opportunity_changes": CHANGES,
        "opportunity_splits": SPLITS,
        "rep_absences": ABSENCES,
    }.items():
        file = f"standard/{entity}__{stamp}.csv"
        put(landing, file, rows) if isinstance(landing, Settings) else landing.put(file, rows)


def take_in(settings: Settings) -> None:
    """Lands the entities that have files."""
    prepare(settings)
    for folder in settings.landing.iterdir():
        system = all_systems()[folder.name]
        named = {path.name.split(".")[0].split("__")[0].lower() for path in folder.iterdir()}
        chosen = tuple(entity for entity in system.entities if entity.name in named)
        landed = land(replace(system, entities=chosen), settings)
        assert not any(each.refused for each in landed)


def forget(settings: Settings, person: str = PERSON, mode: str = "pseudonymise") -> str:
    """Forgets a person and lands everything anew; returns the stand-in."""
    people.forget(settings, person, "", mode, "asked for it")
    take_in(settings)
    [(pseudonym,)] = query(settings, "select max(pseudonym) from landing.forgotten")
    return pseudonym


def raw(settings: Settings, entity: str, columns: str, system: str = "standard") -> list[Any]:
    return query(settings, f'select {columns} from raw_{system}."{entity}" order by _row_number')


def traces(home: Path) -> Iterator[str]:
    """Where a person is still found, in what is not the user's: in bytes, and in packed values."""
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.relative_to(home).parts[0] == "landing":
            continue
        name = str(path.relative_to(home))
        content = path.read_bytes().decode("latin-1").lower()
        if any(trace in content for trace in TRACES):
            yield f"{name}: bytes"
        with duckdb.connect() as connection:
            tables = []
            if path.suffix == ".duckdb":
                connection.execute(f"attach '{path}' as held (read_only)")
                tables = connection.execute(
                    'select format(\'held."{}"."{}"\', schema_name, table_name)'
                    " from duckdb_tables() where database_name = 'held'"
                ).fetchall()
            elif path.suffix == ".parquet":
                tables = [(f"'{path}'",)]
            for (table,) in tables:
                found = " or ".join(f"contains(lower(held::varchar), '{each}')" for each in TRACES)
                if connection.execute(f"select 1 from {table} as held where {found}").fetchone():
                    yield f"{name}: {table}"


# --- What becomes of the rows


def test_a_pseudonym_stands_wherever_the_person_did(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    assert list(traces(settings.home))
    stand_in = forget(settings)
    assert list(traces(settings.home)) == []
    assert raw(settings, "sales_reps", "rep_id, rep_name, manager_id, territory, badge_note") == [
        (stand_in, None, "E2", "West", None),
        ("E2", "Bob Ray", None, "East", f"deputy: {stand_in} ({stand_in})"),
    ]
    assert raw(settings, "opportunities", "owner_id, amount, owner_name, lead_source") == [
        (stand_in, "100", stand_in, "Fair"),
        ("E2", "50", "Bob Ray", f"met {stand_in}, and called {stand_in}@x.org"),
        ("E3", "70", "Cy Dee", stand_in),
    ]
    assert raw(settings, "opportunity_changes", "old_value, new_value, changed_by") == [
        (stand_in, "E2", stand_in),
        ("Lead", "Proposal", "E3"),
    ]
    torn, unread = query(
        settings, "select raw_text, row_key from landing.quarantined_rows order by row_number desc"
    )
    assert torn == (TORN_TEXT, None)
    assert json.loads(unread[0])["manager_id"] == stand_in
    assert query(
        settings, "select file from landing.deliveries where names_forgotten order by file"
    ) == [
        (f"standard/{name}__2026-03-31.csv",)
        for name in (
            "opportunities",
            "opportunity_changes",
            "opportunity_splits",
            "rep_absences",
            "sales_reps",
        )
    ]


def test_an_erased_person_leaves_rows_that_nothing_joins(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    forget(settings, mode="erase")
    assert list(traces(settings.home)) == []
    [own, other] = raw(settings, "sales_reps", "rep_id, rep_name, manager_id, territory, hired_on")
    assert own[0].startswith("erased-")
    assert own[1:] == (None, None, None, None)
    assert other == ("E2", "Bob Ray", None, "East", "2019-01-01")
    assert raw(settings, "opportunities", "owner_id") == [("erased",), ("E2",), ("E3",)]
    [(split,), _] = raw(settings, "opportunity_splits", "rep_id")
    [(absence,), _] = raw(settings, "rep_absences", "rep_id")
    assert split.startswith("erased-")
    assert split != own[0] == absence


def test_two_erased_people_stay_two_where_they_are_the_key(settings: Settings) -> None:
    """Shares of one deal still add to 1, and reports of one minute are still two."""
    put(settings, "standard/opportunity_splits__2026-01-01.csv", SPLITS)
    log = "case_id,activity,resource,start_timestamp,worker_id"
    rows = [f"C1,Turning,M1,2012/01/29 23:24:00.000,{worker}" for worker in ("ID1001", "ID1002")]
    put(settings, "levy/production_data__2026-01-01.csv", "\n".join([log, *rows]))
    take_in(settings)
    for person in (PERSON, "E2", "ID1001", "ID1002"):
        people.forget(settings, person, "", "erase", "asked for it")
    take_in(settings)
    used = "_valid_from is not null"
    splits = f"select count(distinct rep_id), sum(split_share::decimal(2, 1)), bool_and({used})"
    assert query(settings, f"{splits} from raw_standard.opportunity_splits") == [(2, 1, True)]
    workers = f"select count(distinct worker_id), bool_and({used}) from raw_levy.production_data"
    assert query(settings, workers) == [(2, True)]


def test_people_known_by_name_are_known_however_it_is_written(settings: Settings) -> None:
    deals = "opportunity_id,sales_agent,deal_stage,account"
    put(
        settings,
        "maven/sales_pipeline__2026-01-01.csv",
        f"{deals}\nD1,{NAME},Won,Acme\nD2,zoë  QUIXOTE-NG ,Won,Quixote-Ng; Zoë & Co\n"
        "D3,Bob,Won,B\n",
    )
    put(settings, "maven/sales_teams__2026-01-01.csv", f"sales_agent,manager\n{NAME},Bob\nBob,\n")
    take_in(settings)
    stand_in = forget(settings, f"maven:{NAME}")
    assert raw(settings, "sales_pipeline", "sales_agent, account", "maven") == [
        (stand_in, "Acme"),
        (stand_in, f"{stand_in} & Co"),
        ("Bob", "B"),
    ]
    assert list(traces(settings.home)) == []


def test_ids_of_salesforce_are_one_in_both_lengths(settings: Settings) -> None:
    short, long = "0050x000001aBcD", "0050x000001aBcDAAU"
    put(settings, "salesforce/user__2026-01-01.csv", f"Id,Name,Phone\n{long},{NAME},1\n")
    log = "Id,OpportunityId,Field,OldValue,NewValue"
    changes = f"1,O1,Owner,{short},0050x000001aBcE\n2,O1,Owner,{NAME},Bob\n3,O1,Amount,{short},1"
    put(settings, "salesforce/opportunity_field_history__2026-01-01.csv", f"{log}\n{changes}\n")
    take_in(settings)
    person = forget(settings, short)
    stand_in = "005" + person.replace("-", "")[:12]
    assert raw(settings, "user", "id, name, phone", "salesforce") == [(stand_in, None, None)]
    assert raw(settings, "opportunity_field_history", "old_value, new_value", "salesforce") == [
        (stand_in, "0050x000001aBcE"),
        (person, "Bob"),
        (short, "1"),
    ]


def test_only_the_person_changes(settings: Settings) -> None:
    """Of a whole company, told by a plain replacement in everything that was taken in."""
    simulate(settings.home, scale=0.01, weeks=1)
    take_in(settings)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("checkpoint")
    shutil.copy(settings.warehouse, settings.home / "before.duckdb")
    [(rep, name)] = query(
        settings,
        "select rep_id, any_value(rep_name) from raw_standard.sales_reps"
        " where rep_id in (select assessed_by from raw_standard.qualification_answers)"
        " group by rep_id order by rep_id limit 1",
    )
    stand_in = forget(settings, rep)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        connection.execute(f"attach '{settings.home}/before.duckdb' as before (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'before'"
            " and (schema_name = 'raw_standard' or table_name = 'quarantined_rows')"
        ).fetchall()
        replaced = 0
        for schema, table in tables:
            columns = [
                (f'"{column}"', type_)
                for column, type_, *_ in connection.execute(
                    f"describe before.{schema}.{table}"
                ).fetchall()
                if column not in ("_key_hash", "_landing_number", "raw_text", "rep_name")
            ]
            names = ", ".join(column for column, _ in columns)
            renamed = ", ".join(
                f"regexp_replace({column}, '\\b{rep}\\b', '{stand_in}', 'g')"
                if type_ == "VARCHAR"
                else column
                for column, type_ in columns
            )
            now, was = f"select {names} from {schema}.{table}", f"from before.{schema}.{table}"
            for more, less in ((now, f"select {renamed} {was}"), (f"select {renamed} {was}", now)):
                assert connection.execute(f"{more} except all {less}").fetchall() == [], table
            [(changed,)] = connection.execute(
                f"select count(*) from ({now} except all select {names} {was})"
            ).fetchall()
            replaced += changed > 0
        assert replaced > 10
        texts = "select list(raw_text) from landing.quarantined_rows"
        [(told,)] = connection.execute(texts).fetchall()
        assert not any(rep in (text or "") or name in (text or "") for text in told)


# --- Whom, and for good


def test_who_does_not_occur_is_not_forgotten(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    for person, system, reason, words in (
        ("E9", "", "asked", "nothing was changed"),
        (NAME, "", "asked", f"PERSON={PERSON} SYSTEM=standard"),
        (PERSON, "maven", "asked", "nothing was changed"),
        (PERSON, "erp", "asked", "there is no system 'erp'"),
        (PERSON, "", " ", "say whom and why"),
        (PERSON, "", f"{PERSON} asked", "it names the person"),
        (PERSON, "", "Quixote-Ng, Zoë has left", "it names the person"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            people.forget(settings, person, system, "erase", reason)
    assert not (settings.state / "forgotten").exists()
    assert people.last_forgotten_at(settings) is None


def test_one_id_in_two_systems_may_be_two_people(settings: Settings) -> None:
    put(settings, "standard/opportunity_splits__2026-01-01.csv", SPLITS)
    put(settings, "maven/sales_teams__2026-01-01.csv", f"sales_agent,manager\n{PERSON},Bob\n")
    take_in(settings)
    with pytest.raises(ValueError, match="several systems \\(maven, standard\\)"):
        people.forget(settings, PERSON, "", "erase", "asked")
    people.forget(settings, PERSON, "maven", "erase", "asked")
    take_in(settings)
    assert raw(settings, "opportunity_splits", "rep_id") == [(PERSON,), ("E2",)]
    assert raw(settings, "sales_teams", "left(sales_agent, 7)", "maven") == [("erased-",)]
    people.forget(settings, PERSON, "all", "erase", "asked")
    take_in(settings)
    assert list(traces(settings.home)) == []


def test_a_name_that_another_bears_too_stays_with_him(settings: Settings) -> None:
    put(
        settings,
        "standard/sales_reps__2026-01-01.csv",
        "rep_id,rep_name,buddy\nE1,Jo Doe,\nE2,Jo Doe,Jo Doe\nE3,Al Poe,E1\n",
    )
    take_in(settings)
    stand_in = forget(settings, "E1")
    assert raw(settings, "sales_reps", "rep_id, rep_name, buddy") == [
        (stand_in, None, None),
        ("E2", "Jo Doe", "Jo Doe"),
        ("E3", "Al Poe", stand_in),
    ]


def test_it_stays_done_in_a_warehouse_made_anew_and_in_later_extracts(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    stand_in = forget(settings)
    rows = raw(settings, "opportunities", "*")
    discard(settings)
    shutil.rmtree(settings.quarantine)
    put(settings, "standard/sales_reps.delta__2026-04-30.csv", f"rep_id,rep_name\n{PERSON},Z Q\n")
    take_in(settings)
    assert raw(settings, "opportunities", "*") == rows
    assert raw(settings, "sales_reps", "rep_id, rep_name")[-1] == ("E2", "Bob Ray")
    assert (stand_in, None) in raw(settings, "sales_reps", "rep_id, rep_name")
    assert list(traces(settings.home)) == []


def test_a_run_that_was_killed_in_between_is_mended_by_the_next(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    settings.reports.mkdir()
    (settings.reports / "page.html").write_text(NAME)
    discarded = settings.home / ".warehouse-discarded"
    shutil.copytree(settings.warehouse.parent, discarded)
    sought = people.forget(settings, PERSON, "", "erase", "asked")  # and here it was killed
    assert sought.is_new
    assert not people.forget(settings, PERSON, "", "erase", "asked").is_new
    take_in(settings)
    assert list(traces(settings.home)) == []
    assert not discarded.exists()
    again = people.forget(settings, PERSON, "", "erase", "asked")
    assert (again.found, again.is_new) == ({}, False)


def test_a_pseudonym_can_become_nothing_but_not_the_other_way(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    stand_in = forget(settings)
    forget(settings, mode="erase")
    texts = raw(settings, "opportunities", "owner_id, owner_name, lead_source")
    assert texts[0] == ("erased", "erased", "Fair")
    assert stand_in not in str(texts)
    with pytest.raises(ValueError, match="a pseudonym cannot undo that"):
        people.forget(settings, PERSON, "", "pseudonymise", "asked")


def test_files_that_left_landing_are_told(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    assert gone(settings) == []
    moved = settings.landing / "standard" / "rep_absences__2026-03-31.csv"
    moved.rename(moved.with_name("rep-absences__2026-03-31.csv"))
    assert gone(settings) == []
    moved.with_name("rep-absences__2026-03-31.csv").write_text(ABSENCES.replace("E2", "E3"))
    assert gone(settings) == ["standard/rep_absences__2026-03-31.csv"]


def test_publishes_from_before_are_taken_away(settings: Settings) -> None:
    put_company(settings)
    take_in(settings)
    published = settings.published
    for version in ("20200101T000000000000Z", "20990101T000000000000Z"):
        (published / "versions").mkdir(parents=True, exist_ok=True)
        (published / "parquet" / version).mkdir(parents=True)
        with duckdb.connect(str(published / "versions" / f"{version}.duckdb")) as connection:
            connection.execute(
                f"create schema marts; create table marts.publish_info as select '{version}' as"
                " version"
            )
    shutil.copy(
        published / "versions" / "20200101T000000000000Z.duckdb", published / "marts.duckdb"
    )
    (published / "manifest.json").write_text('{"version": "20200101T000000000000Z"}')
    (published / ".building-x").mkdir()
    assert (outdated(settings), withdraw(settings)) == ([], [])
    assert (published / ".building-x").exists()
    forget(settings)
    assert withdraw(settings) == ["20200101T000000000000Z"]
    assert versions(settings) == ["20990101T000000000000Z"]
    assert sorted(path.name for path in published.rglob("*")) == [
        "20990101T000000000000Z",
        "20990101T000000000000Z.duckdb",
        "parquet",
        "versions",
    ]


# --- What is kept how long

DAYS = {
    "2026-06-01": "A1,old\nA2,same\nA3,gone\n",
    "2026-06-10": "A1,new\nA2,same\nA3,gone\n,torn\n",
    "2026-06-20": "A1,new\nA2,same\nA4,late\n,torn\n",
}


def put_days(settings: Settings, *days: str) -> None:
    for day in days:
        text = f"account_id,account_name\n{DAYS[day]}"
        put(settings, f"standard/accounts.full__{day}.csv", text)


def kept(settings: Settings) -> tuple[list[Any], ...]:
    stamp = "_valid_from::date::varchar, _valid_to::date::varchar, _is_first_extract"
    return (
        query(settings, "select stamp::date::varchar, status from landing.deliveries order by 1"),
        query(
            settings,
            f"select account_id, account_name, {stamp} from raw_standard.accounts"
            " where _valid_from is not null order by all",
        ),
        query(
            settings,
            "select recorded_at::date::varchar, raw_text is null from landing.quarantined_rows"
            " order by all",
        ),
    )


def test_raw_keeps_what_is_not_older_than_is_asked(settings: Settings) -> None:
    """As of 30 June and for 15 days: the full extract of the 10th is where history begins."""
    brief = replace(settings, keep_raw_days=15)
    put_days(brief, *DAYS)
    with_the_guard_off(brief)
    take_in(brief)
    deliveries, rows, quarantined = kept(brief)
    assert [status for _, status in deliveries] == ["expired", "loaded", "loaded"]
    assert rows == [
        ("A1", "new", "2026-06-10", None, True),
        ("A2", "same", "2026-06-10", None, True),
        ("A3", "gone", "2026-06-10", "2026-06-20", True),
        ("A4", "late", "2026-06-20", None, False),
    ]
    assert quarantined == [("2026-06-10", False), ("2026-06-20", False)]
    take_in(replace(brief, keep_raw_days=5))
    deliveries, rows, _ = kept(brief)
    assert [status for _, status in deliveries] == ["expired", "expired", "loaded"]
    assert [row[:3] for row in rows] == [
        ("A1", "new", "2026-06-20"),
        ("A2", "same", "2026-06-20"),
        ("A4", "late", "2026-06-20"),
    ]
    # what another as_of or setting asks for again is there again
    take_in(brief)
    assert [status for _, status in kept(brief)[0]] == ["expired", "loaded", "loaded"]
    take_in(settings)
    assert [status for _, status in kept(brief)[0]] == ["loaded", "loaded", "loaded"]


@pytest.mark.parametrize("order", list(permutations(DAYS)))
def test_what_raw_keeps_does_not_depend_on_the_order(
    settings: Settings, order: tuple[str, ...]
) -> None:
    brief = replace(settings, keep_raw_days=15)
    with_the_guard_off(brief)
    for number, day in enumerate(order):
        put_days(brief, day)
        take_in(replace(brief, as_of=date(2026, 6, 1 + 10 * number)))
    take_in(brief)
    in_turn = kept(brief)
    discard(brief)
    take_in(brief)
    assert kept(brief) == in_turn
    assert query(brief, "from landing.builds") == []


def with_the_guard_off(settings: Settings) -> None:
    """Lets every extract of DAYS through that deletes a third of the accounts."""
    for text in DAYS.values():
        content = f"account_id,account_name\n{text}".encode()
        ledger.record_override(
            settings, "file", "x", hashlib.sha256(content).hexdigest(), "it is a test"
        )


def test_a_log_and_what_is_in_force_are_kept_for_ever(settings: Settings) -> None:
    brief = replace(settings, keep_raw_days=0)
    put(brief, "standard/opportunity_changes__2020-01-01.csv", CHANGES)
    put(brief, "standard/accounts__2020-01-01.csv", "account_id\nA1\n")
    put(brief, "standard/accounts.delta__2020-01-02.csv", "account_id\nA2\n")
    take_in(brief)
    statuses = query(brief, "select status from landing.deliveries")
    assert statuses == [("loaded",)] * 3


def test_quarantine_forgets_what_rows_held_and_still_counts_them(settings: Settings) -> None:
    put_days(settings, "2026-06-10")
    take_in(settings)
    copy = settings.quarantine / "standard" / "accounts" / "accounts.full__2026-06-10.csv.csv"
    assert "torn" in copy.read_text()
    brief = replace(settings, keep_quarantine_days=21)
    take_in(brief)
    assert "torn" in copy.read_text()
    take_in(replace(brief, keep_quarantine_days=20))
    assert copy.read_text().splitlines()[1] == "missing_key,account_id,4,,"
    counted = "select rows_in = rows_loaded + rows_quarantined from landing.deliveries"
    assert query(settings, counted) == [(True,)]
    assert kept(settings)[2] == [("2026-06-10", True)]


def test_what_is_kept_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEEP_RAW_DAYS", "KEEP_QUARANTINE_DAYS", "KEEP_PUBLISHES"):
        monkeypatch.delenv(f"FUNNELWORKS_{name}", raising=False)
    told = read_settings()
    assert (told.keep_raw_days, told.keep_quarantine_days, told.keep_publishes) == (None, None, 5)
    monkeypatch.setenv("FUNNELWORKS_KEEP_RAW_DAYS", "730")
    assert read_settings().keep_raw_days == 730
    for name, wrong in (("KEEP_RAW_DAYS", "two"), ("KEEP_PUBLISHES", "0")):
        with monkeypatch.context() as patched:
            patched.setenv(f"FUNNELWORKS_{name}", wrong)
            with pytest.raises(SettingError, match=f"FUNNELWORKS_{name} is '{wrong}'"):
                read_settings()


# --- The command


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Line:
    line = Line(tmp_path_factory.mktemp("published"))
    put_company(line)
    line.publishes()
    built = line.run("reports")
    assert built.returncode == 0, built.stdout + built.stderr
    return line


@pytest.mark.slow
def test_the_command_leaves_no_trace(published: Line, tmp_path: Path) -> None:
    shutil.copytree(published.home, tmp_path / "home")
    line = Line(tmp_path / "home")
    outcomes = "select outcome, count(*), sum(amount_base) from fct_opportunities group by all"
    before, first = sorted(line.query(outcomes)), line.manifest()["version"]
    owned = f"select count(*) from fct_opportunities where owner_current_id = '{PERSON}'"
    [count] = line.one(owned)
    ended = line.run("forget", "--person", PERSON, "--reason", "asked for it")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Named in standard, opportunities.owner_id: 1 rows" in ended.stdout
    assert "landing/standard/sales_reps__2026-03-31.csv" in ended.stdout
    assert list(traces(line.home)) == []
    assert sorted(line.query(outcomes)) == before
    stand_in = "(select rep_id from dim_reps where rep_id like 'person-%')"
    assert line.one(owned.replace(f"'{PERSON}'", stand_in)) == (count,)
    assert versions(Settings(line.home, date(2026, 6, 30))) == [line.manifest()["version"]]
    assert line.manifest()["version"] > first
    told = list((line.home / "reports").glob("*/*/report.json"))
    assert told and {json.loads(file.read_text())["version"] for file in told} == {
        line.manifest()["version"]
    }, "reports are built anew, and none of before is left"


@pytest.mark.endurance  # three whole runs
def test_rather_no_marts_than_those(published: Line, tmp_path: Path) -> None:
    """The line stops, so nothing new is published; what was there goes all the same."""
    shutil.copytree(published.home, tmp_path / "home")
    line = Line(tmp_path / "home")
    line.put("standard/opportunity_splits__2026-04-30.csv", SPLITS.replace("0.5", "0.7"))
    ended = line.run("forget", "--person", PERSON, "--mode", "erase", "--reason", "asked for it")
    assert ended.returncode == 1
    assert "names people who are forgotten, and was taken away" in ended.stderr
    assert list(traces(line.home)) == []
    assert not (line.home / "published" / "marts.duckdb").exists()
    assert not list((line.home / "reports").glob("*/*/report.json"))
    line.put("standard/opportunity_splits__2026-05-01.csv", SPLITS)  # corrected
    line.publishes()
    assert list(traces(line.home)) == []
    assert line.one("select count(*) from fct_opportunities where owner_current_id = 'erased'") == (
        1,
    )
    put_company(line, "2026-05-31")
    assert line.run("rebuild").returncode == 0
    assert list(traces(line.home)) == []

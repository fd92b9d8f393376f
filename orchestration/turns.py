"""One run at a time: whoever changes a home takes its turn, and the others wait.

A turn is a lock of the kernel on `run.lock` in the home: it ends with its process, however that
comes, and is never left behind. The file says who has the turn, or had it last.
"""

import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import dagster as dg

from assets.settings import Settings
from orchestration import history

#: seconds between two looks whether the turn is free, and until waiting is worth a word
LOOK_EVERY, SAY_AFTER = 0.2, 1.0


@dataclass(frozen=True)
class Holder:
    """Who has or had a turn, `since` in UTC; `run_id` of the last run that began in any turn."""

    pid: int
    host: str
    since: str
    run_id: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since} UTC"


class Turn:
    """The turn of this process, as `turn` gives it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        #: whose turn it was before
        self.before = _read(file)
        self._holder = Holder(os.getpid(), platform.node(), f"{datetime.now(UTC):%F %T}")
        # a turn that ends before its run begins leaves the one before for the next to close
        self._write(self.before.run_id if self.before else "")

    def begin(self, run_id: str, instance: dg.DagsterInstance, settings: Settings) -> None:
        """Notes the run of this turn, and brings in order what the one before has left undone."""
        from assets.publish import settle

        if self.before:
            history.close(instance, self.before.run_id)
        settle(settings)
        self._write(run_id)

    def _write(self, run_id: str) -> None:
        said = json.dumps(asdict(replace(self._holder, run_id=run_id))).encode()
        with suppress(OSError):  # on a full disk the turn holds without its words
            os.ftruncate(self._file.fileno(), 0)
            os.pwrite(self._file.fileno(), said, 0)


_turns: dict[Path, Turn] = {}


@contextmanager
def turn(home: Path, say: Callable[[str], object]) -> Iterator[Turn]:
    """Waits for the turn and holds it; a process that has it already goes on with it.

    `say` is told whom it waits for.
    """
    if home in _turns:
        yield _turns[home]
        return
    home.mkdir(parents=True, exist_ok=True)
    with (home / "run.lock").open("a+", encoding="utf-8") as file:
        is_said, started = False, time.monotonic()
        while not _locks(file, fcntl.LOCK_EX):
            if not is_said and time.monotonic() - started > SAY_AFTER:
                is_said = True
                say(f"Another run is under way ({_read(file)}). Waiting for it to end.")
            time.sleep(LOOK_EVERY)
        _turns[home] = Turn(file)
        try:
            yield _turns[home]
        finally:
            del _turns[home]


class OneAtATime(dg.Executor):
    """An executor that waits until no other run of the same home is under way.

    For the whole run: steps of another one between its checks and its publish would have it
    publish what nobody checked.
    """

    def __init__(self, inner: dg.Executor, settings: Settings) -> None:
        self.inner = inner
        self.settings = settings

    @property
    def retries(self) -> Any:
        return self.inner.retries

    @property
    def step_dependency_config(self) -> Any:
        return self.inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        with ExitStack() as stack:
            with dg.raise_execution_interrupts():
                mine = stack.enter_context(turn(self.settings.home, plan_context.log.info))
            mine.begin(plan_context.run_id, plan_context.instance, self.settings)
            yield from self.inner.execute(plan_context, execution_plan)


def under_way(home: Path) -> Holder | None:
    """Who has the turn now, without waiting for it."""
    try:
        with (home / "run.lock").open(encoding="utf-8") as file:
            return None if _locks(file, fcntl.LOCK_SH) else _read(file)
    except FileNotFoundError:
        return None


def _locks(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):  # blank, or just being written
        return None

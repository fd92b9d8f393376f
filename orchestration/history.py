"""The home of Dagster and its history of runs, in SQLite.

The history holds no data of the line: where it is damaged it is put aside and begun anew.
"""

import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

DAGSTER_YAML = """\
telemetry:
  enabled: false
event_log_storage:
  module: orchestration.history
  class: EventLog
  config:
    base_dir:
      env: DAGSTER_HOME
"""
#: where Dagster keeps its databases, below its home
FOLDERS = ("history", "schedules")
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


class EventLog(SqliteEventLogStorage):
    """Dagster's event log with its databases kept open. Named in `dagster.yaml`.

    As shipped, each of the some three thousand reads and writes of a run opens its database anew
    and waits for the disk. The files are the same: either reads what the other wrote.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._opening = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> "EventLog":
        return cls(str(Path(config_value["base_dir"], "history", "runs")), inst_data)

    def run_connection(self, run_id: str | None = None) -> Any:
        return self._connection(run_id)

    def index_connection(self) -> AbstractContextManager[sa.Connection]:
        return self._connection(INDEX_SHARD_NAME)

    def store_event(self, event: Any) -> None:
        super().store_event(event)
        # what is new lies in the write-ahead log; who watches a run looks at the database alone
        os.utime(self.path_for_shard(event.run_id))

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()

    @contextmanager
    def _connection(self, shard: Any) -> Iterator[sa.Connection]:
        with self._opening:
            if shard not in self._engines:
                with super().run_connection(shard):
                    pass  # makes the database where there is none
                for other_run in self._engines.keys() - {INDEX_SHARD_NAME}:
                    self._engines.pop(other_run).dispose()
                self._engines[shard] = self._open(shard)
            engine = self._engines[shard]
        with engine.begin() as connection:
            yield connection

    def _open(self, shard: str) -> sa.Engine:
        engine = sa.create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )

        @sa.event.listens_for(engine, "connect")
        def trust_the_system(connection: Any, _: Any) -> None:
            # a power cut may cost the last events; neither it nor a kill harms the database
            connection.execute("pragma synchronous = normal")

        return engine


def prepare(home: Path) -> None:
    """Makes the home of Dagster where there is none; every part of it whole or not at all.

    Dagster itself trusts a database that a killed process has only begun.
    """
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    missing = [folder for folder in FOLDERS if not (home / folder).exists()]
    if config.exists() and not (missing and _is_ours(home)):
        return
    with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as new:
        if not config.exists():
            Path(new, config.name).write_text(DAGSTER_YAML)
            os.replace(Path(new, config.name), config)
        Path(new, config.name).write_text("telemetry:\n  enabled: false\n")
        with dg.DagsterInstance.local_temp(new):
            pass
        for folder in missing:
            with contextlib.suppress(OSError):  # another process was quicker
                Path(new, folder).rename(home / folder)


def is_damaged(home: Path) -> bool:
    """Whether it is there and SQLite cannot read it."""
    return _is_ours(home) and not all(map(_can_be_read, (home / name for name in DATABASES)))


def put_damaged_aside(home: Path) -> Path | None:
    """Moves a damaged history out of the way; returns where it lies now."""
    if not is_damaged(home):
        return None
    aside = home / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    aside.mkdir()
    for folder in FOLDERS:
        if (home / folder).exists():
            (home / folder).rename(aside / folder)
    return aside


def close(instance: dg.DagsterInstance, run_id: str) -> None:
    """Says of a run whose process is gone that it failed; without that it seems to go on."""
    run = instance.get_run_by_id(run_id)
    if run and not run.is_finished:
        instance.report_run_failed(run, "Its process was killed, or the machine went down.")


def _is_ours(home: Path) -> bool:
    config = home / "dagster.yaml"
    return config.exists() and config.read_text() == DAGSTER_YAML


def _can_be_read(database: Path) -> bool:
    if not database.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("select version_num from alembic_version").fetchall()
    except sqlite3.OperationalError as error:
        # a lock or a full disk is no damage, a database that was only begun is
        return "no such table" not in str(error)
    except sqlite3.DatabaseError:
        return False
    return True

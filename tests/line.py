"""What the whole-line tests share: a home, the line run on it as a user runs it, its marts."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("FUNNELWORKS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
#: system → folder of the real extracts
REAL_FOLDERS = {
    "maven": "maven-crm",
    "usaid": "usaid-scms",
    "levy": "levy-mes",
    "bohanec": "bohanec-b2b",
}


@dataclass(frozen=True)
class Line:
    """The line in a home of its own; every command is a process, as from the Makefile."""

    home: Path
    as_of: str = "2026-06-30"
    timezone: str = "UTC"
    project: Path = PROJECT

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orchestration", *(command or ("run",))],
            cwd=self.project,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, **further: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FUNNELWORKS", "DAGSTER"))}
        return {
            **kept,
            "PYTHONPATH": str(self.project),
            "FUNNELWORKS_HOME": str(self.home),
            "FUNNELWORKS_AS_OF": self.as_of,
            "FUNNELWORKS_TIMEZONE": self.timezone,
            **further,
        }

    def publishes(self, **environment: str) -> str:
        """Runs the line, which must end with a publish; returns what it said."""
        ended = self.run(**environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def stops(self, **environment: str) -> str:
        """Runs the line, which must end without one; returns its last words."""
        ended = self.run(**environment)
        assert ended.returncode != 0, ended.stdout + ended.stderr
        return ended.stderr.partition("NOT PUBLISHED")[2]

    def put(self, file: str, content: str) -> Path:
        path = self.home / "landing" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def put_real(self, *systems: str) -> None:
        """Copies real extracts into landing; skips the test where they are not there."""
        for system in systems:
            source = REAL / REAL_FOLDERS[system]
            if not source.is_dir():
                pytest.skip(f"the real extracts are not here: {source}")
            shutil.copytree(source, self.home / "landing" / system)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.home}/published/marts.duckdb' as p (read_only)")
            connection.execute("use p.marts")
            return connection.execute(sql).fetchall()

    def one(self, sql: str) -> tuple[Any, ...]:
        [row] = self.query(sql)
        return row

    def manifest(self) -> dict[str, Any]:
        return json.loads((self.home / "published" / "manifest.json").read_text())

    def checksums(self, *, of_extracts_alone: bool = False) -> dict[str, str]:
        """sha256 by mart, without what may differ from run to run.

        `of_extracts_alone`: also without the marts that hang on `state/`, for homes that came to
        the same extracts on different days.
        """
        left_out = {"publish_info", "data_quality_checks"}
        if of_extracts_alone:
            left_out |= marts_of_state()
        return {
            name: mart["sha256"]
            for name, mart in self.manifest()["marts"].items()
            if name not in left_out
        }


def marts_of_state() -> set[str]:
    """The marts that tell what was trained or foretold on earlier days, and what hangs on it."""
    from assets.dbt import prepared_manifest

    manifest = json.loads(prepared_manifest().read_text())
    due = [
        name
        for name, node in manifest["nodes"].items()
        if node.get("language") == "python" and "home_of(" in node["raw_code"]
    ]
    found: set[str] = set()
    while due:
        name = due.pop()
        if name not in found:
            found.add(name)
            due += manifest["child_map"].get(name, [])
    return {name.split(".")[-1] for name in found}

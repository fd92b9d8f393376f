"""Superset draws a chart of a mart while the line publishes, again and again."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.landing_helpers import csv_of
from tests.line import PROJECT, Line

pytestmark = pytest.mark.endurance  # an installation, and three publishes

ENVIRONMENT = PROJECT / ".tools" / "superset"
USER = {"username": "reader", "password": secrets.token_urlsafe()}
#: what the chart draws: how many deals of a month got how far
CHART = {
    "columns": ["entry_month", "stage"],
    "metrics": [
        {
            "expressionType": "SQL",
            "sqlExpression": "sum(effective_reach_count)",
            "label": "deals",
        }
    ],
    "orderby": [["entry_month", True], ["stage", True]],
    "row_limit": 50_000,
}
SAME_IN_SQL = """
    select entry_month, stage, sum(effective_reach_count) as deals from mart_funnel_monthly
    group by entry_month, stage
"""
PUBLISHES = 3
Drawn = frozenset[tuple[str | None, str, int]]


@pytest.fixture(scope="module")
def superset() -> Path:
    """The command `superset`, in an environment of its own, made first where it is not there."""
    made = subprocess.run(
        ["make", ".tools/superset/.ready"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"Superset cannot be installed here: {made.stderr.strip()[-300:]}")
    return ENVIRONMENT / "bin" / "superset"


@dataclass
class Server:
    """A Superset that somebody has logged in to."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers; an error says what it said."""
        request = urllib.request.Request(
            self.address + path, headers={"Referer": self.address, **self.headers}
        )
        if body is not None:  # a type without a body is refused
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error

    def log_in(self) -> None:
        granted = self.ask("/api/v1/security/login", {**USER, "provider": "db"})
        self.headers["Authorization"] = f"Bearer {granted['access_token']}"
        self.headers["X-CSRFToken"] = self.ask("/api/v1/security/csrf_token/")["result"]


@contextmanager
def serving(superset: Path, folder: Path) -> Iterator[Server]:
    """Superset as docs/bi.md sets it up, on a port of 127.0.0.1."""
    config = folder / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\n"
        f"SQLALCHEMY_DATABASE_URI = {f'sqlite:///{folder}/superset.db'!r}\n"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLASK", "SUPERSET"))}
    environment = {
        **kept,
        "SUPERSET_CONFIG_PATH": str(config),
        "SUPERSET_HOME": str(folder),
        "FLASK_APP": "superset",
    }
    names = ("--firstname", "A", "--lastname", "Reader", "--email", "reader@example.com")
    login = ("--username", USER["username"], "--password", USER["password"])
    for command in (("db", "upgrade"), ("fab", "create-admin", *login, *names), ("init",)):
        done = subprocess.run(
            [superset, *command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [superset, "run", "--host", "127.0.0.1", "--port", str(port), "--with-threads"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Server(f"http://127.0.0.1:{port}")
            _wait_for(server, process, folder / "server.log")
            server.log_in()
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            server.opener.open(server.address + "/health", timeout=10).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text())


def connect(server: Server, database: Path) -> int:
    """The published file as a database of Superset's; returns its number."""
    made = server.ask(
        "/api/v1/database/",
        {
            "database_name": "Funnelworks",
            "sqlalchemy_uri": f"duckdb:///{database}?access_mode=read_only",
            "expose_in_sqllab": True,
            "allow_dml": True,  # so that the file itself has to refuse
        },
    )
    return made["id"]


def chart_of(server: Server, database: int) -> dict[str, Any]:
    """The saved chart over the funnel, as its page asks for the data."""
    dataset = server.ask(
        "/api/v1/dataset/",
        {"database": database, "schema": "marts.marts", "table_name": "mart_funnel_monthly"},
    )["id"]
    asked = {
        "datasource": {"id": dataset, "type": "table"},
        "queries": [CHART],
        "result_format": "json",
        "result_type": "full",
    }
    saved = server.ask(
        "/api/v1/chart/",
        {
            "slice_name": "Funnel by month",
            "viz_type": "table",
            "datasource_id": dataset,
            "datasource_type": "table",
            "params": json.dumps({"datasource": f"{dataset}__table", "viz_type": "table"}),
            "query_context": json.dumps(asked),
        },
    )
    assert server.ask(f"/api/v1/chart/{saved['id']}/data/")["result"][0]["data"]
    return asked


def drawn(server: Server, chart: dict[str, Any]) -> Drawn:
    [result] = server.ask("/api/v1/chart/data", {**chart, "force": True})["result"]
    assert result["error"] is None, result
    return frozenset(
        (_day(row["entry_month"]), row["stage"], int(row["deals"])) for row in result["data"]
    )


def _day(value: Any) -> str | None:
    """Superset gives instants in milliseconds."""
    if not isinstance(value, int | float):
        return value
    return (date(1970, 1, 1) + timedelta(milliseconds=value)).isoformat()


def published(line: Line) -> Drawn:
    return frozenset(
        (month and month.isoformat(), stage, int(deals))
        for month, stage, deals in line.query(SAME_IN_SQL)
    )


def publish_another_deal(line: Line, day: str) -> None:
    """So that the funnel of each version differs from that of the one before."""
    deal = {
        "opportunity_id": f"NEW-{day}",
        "owner_id": "R0000",
        "stage": "Prospect",
        "created_at": f"{day}T08:00:00Z",
    }
    line.put(f"standard/opportunities.delta__{day}.csv", csv_of([deal]))
    line.publishes(FUNNELWORKS_AS_OF=day)


def test_superset_draws_while_the_line_publishes(
    superset: Path, demo_line: Line, tmp_path: Path
) -> None:
    home = shutil.copytree(demo_line.home, tmp_path / "home")
    line = Line(home)
    (tmp_path / "superset").mkdir()
    with serving(superset, tmp_path / "superset") as server:
        database = connect(server, home / "published" / "marts.duckdb")
        chart = chart_of(server, database)
        right = [published(line)]
        assert drawn(server, chart) == right[0]

        pictures: list[Drawn] = []
        errors: list[BaseException] = []
        enough = threading.Event()

        def look() -> None:
            while not enough.is_set():
                try:
                    pictures.append(drawn(server, chart))
                except (AssertionError, OSError) as error:
                    errors.append(error)

        onlookers = [threading.Thread(target=look) for _ in range(2)]
        for onlooker in onlookers:
            onlooker.start()
        try:
            for day in range(1, PUBLISHES + 1):
                publish_another_deal(line, f"2026-07-{day:02}")
                right.append(published(line))
        finally:
            enough.set()
            for onlooker in onlookers:
                onlooker.join()

        assert not errors
        assert set(pictures) <= set(right), "a chart of no version"
        assert len(set(pictures)) > 1
        assert drawn(server, chart) == right[-1] != right[0]

        with pytest.raises(AssertionError, match="read-only"):
            server.ask(
                "/api/v1/sqllab/execute/",
                {"database_id": database, "sql": "create table marts.marts.mine (x int)"},
            )

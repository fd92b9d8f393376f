"""Fixtures that every subject shares."""

import fcntl
import os
from datetime import date
from pathlib import Path

import pytest

from assets.demo import simulate
from assets.settings import Settings
from tests.line import Line


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of its own, as of the end of June 2026, in UTC."""
    return Settings(home=tmp_path / "home", as_of=date(2026, 6, 30))


@pytest.fixture(scope="session")
def demo_line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A small demo company, published; for tests that only read, since all of them share it.

    FUNNELWORKS_TEST_HOME names one that is there already, which spares its minute.
    """
    if there := os.environ.get("FUNNELWORKS_TEST_HOME"):
        return Line(Path(there))
    # pytest's processes side by side have folders of their own in one that they share
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    line = Line(shared / "demo-line")
    with (shared / "demo-line.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (line.home / "published" / "manifest.json").exists():
            simulate(line.home, scale=0.1, weeks=1)
            line.publishes()
    return line

"""Fixtures that every subject shares."""

from datetime import date
from pathlib import Path

import pytest

from assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of its own, as of the end of June 2026, in UTC."""
    return Settings(home=tmp_path / "home", as_of=date(2026, 6, 30))

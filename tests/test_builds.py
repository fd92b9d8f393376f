"""What must be built anew: everything, what hangs on new rows, or nothing."""

from datetime import date
from pathlib import Path

import pytest

from assets import builds
from assets.landing.land import prepare
from assets.settings import Settings
from tests.landing_helpers import put, take_in

ACCOUNTS = "account_id,account_name\nA1,One\nA2,Two\n"


@pytest.fixture
def built(tmp_path: Path) -> Settings:
    """A home whose accounts have landed and whose build is finished."""
    settings = Settings(tmp_path, date(2026, 6, 30))
    put(settings, "standard/accounts__2026-06-01.csv", ACCOUNTS)
    prepare(settings)
    take_in(settings, "accounts")
    assert builds.due(settings) == builds.EVERYTHING
    with builds.recorded(settings):
        pass
    return settings


def lands(settings: Settings, entity: str, file: str, content: str) -> None:
    put(settings, file, content)
    prepare(settings)
    take_in(settings, entity)


def test_nothing_new_asks_for_nothing(built: Settings) -> None:
    prepare(built)
    take_in(built, "accounts")
    assert builds.due(built) == []


def test_new_rows_ask_for_what_hangs_on_them(built: Settings) -> None:
    products = "product_id,product_name\nP1,Pump\n"
    lands(built, "products", "standard/products__2026-06-02.csv", products)
    assert builds.due(built) == ["source:raw_standard.products+"]
    renamed = ACCOUNTS.replace("Two", "Three")
    lands(built, "accounts", "standard/accounts__2026-06-02.csv", renamed)
    assert builds.due(built) == ["source:raw_standard.accounts+", "source:raw_standard.products+"]
    with builds.recorded(built):
        pass
    assert builds.due(built) == []


def test_a_row_that_vanishes_is_news(built: Settings) -> None:
    lands(built, "accounts", "standard/accounts.delta__2026-06-01.csv", "account_id\nA3\nA4\nA5\n")
    with builds.recorded(built):
        pass
    fewer = "account_id,account_name\nA1,One\nA2,Two\nA3,\nA4,\n"
    lands(built, "accounts", "standard/accounts__2026-06-02.csv", fewer)
    assert builds.due(built) == ["source:raw_standard.accounts+"]


@pytest.mark.parametrize(
    "other",
    [
        {"as_of": date(2026, 7, 1)},
        {"as_of": date(2026, 6, 29)},
        {"base_currency": "EUR"},
        {"fiscal_year_start_month": 4},
    ],
)
def test_another_day_or_other_constants_ask_for_everything(
    built: Settings, other: dict[str, object]
) -> None:
    changed = Settings(**{**vars(built), **other})
    prepare(changed)
    assert builds.due(changed) == builds.EVERYTHING


def test_a_build_that_broke_off_asks_for_everything(built: Settings) -> None:
    with pytest.raises(RuntimeError), builds.recorded(built):
        raise RuntimeError("killed")
    assert builds.due(built) == builds.EVERYTHING


def test_another_project_asks_for_everything(
    built: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project").mkdir()
    for file in ("dbt_project.yml", "profiles.yml"):
        (tmp_path / "dbt_project" / file).write_text("# another")
    monkeypatch.setattr(builds, "ROOT", tmp_path)
    assert builds.due(built) == builds.EVERYTHING

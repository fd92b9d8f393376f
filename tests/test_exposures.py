"""An exposure of dbt names just the marts that its report asks."""

import importlib
import json
import re
from dataclasses import replace

import pytest

from assets.dbt import prepared_manifest
from assets.publish import public_marts
from assets.reports.catalogue import REPORTS as LISTED
from assets.reports.content import Query
from assets.reports.published import Published, published
from assets.settings import Settings
from tests.line import Line

REPORTS = tuple(LISTED)


def exposures() -> dict[str, dict]:
    manifest = json.loads(prepared_manifest().read_text())
    return {each["name"]: each for each in manifest["exposures"].values()}


def test_every_report_has_an_exposure() -> None:
    found = exposures()
    assert set(found) == set(REPORTS)
    assert all(each["owner"]["name"] and each["maturity"] for each in found.values())


@pytest.mark.parametrize("report", REPORTS)
def test_an_exposure_names_the_marts_that_its_report_asks(
    report: str, demo_line: Line, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = Published.ask

    def listened(marts: Published, query: Query) -> tuple:
        asked.append(query.sql)
        return ask(marts, query)

    monkeypatch.setattr(Published, "ask", listened)
    module = importlib.import_module(f"assets.reports.{report}")
    with published(replace(settings, home=demo_line.home)) as marts:
        module.report(marts)
    named = {name for sql in asked for name in re.findall(r"\bmarts\.(\w+)", sql)}
    # what the line says of itself is no dbt model
    from_dbt = named & {mart.name for mart in public_marts()}
    nodes = exposures()[report]["depends_on"]["nodes"]
    assert from_dbt == {node.split(".")[2] for node in nodes}

"""Damage of every kind, and mixtures of them: no row is lost, and a refusal can be read."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.landing import land as land_module
from assets.landing.checking import Reason
from assets.landing.land import EntityLanding, land, prepare, unclaimed
from assets.settings import Settings
from tests.damage import KINDS, Draft, Expected, drafted
from tests.damage_rules import HEADERS, SHOP, Record

#: extracts of each kind, in the quick proof and in the long one
FEW, MANY = 8, 32
#: what no user can read: programs and their parts, code, and where things lie on this machine
GIBBERISH = re.compile(
    r"Traceback|\b\w+(Error|Exception)\b|\bError:|duckdb|arrow|calamine|fastexcel|zipfile|read_csv"
    r"|\bselect |\bNone\b|\bb'|errno|0x[0-9a-f]{4}|\.py\b|site-packages|/warehouse/",
    re.IGNORECASE,
)
#: what depends on other files and on the clock
OF_OTHERS = {"modified_at_ns", "_is_first_extract", "_valid_from", "_valid_to"}
LINE_REASONS = (
    Reason.WRONG_COLUMN_COUNT,
    Reason.BROKEN_QUOTE,
    Reason.RECORD_TOO_LONG,
    Reason.NUL_CHARACTER,
)


@dataclass
class Case:
    """A damaged extract and what must come of it."""

    draft: Draft
    kinds: list[str]
    content: bytes
    expected: Expected

    def __repr__(self) -> str:
        return f"{self.draft.file!r}, damaged by {self.kinds}: {self.content[:2000]!r}"


@pytest.fixture(scope="module")
def tally(pytestconfig: pytest.Config) -> Iterator[Counter[tuple[str, str]]]:
    """(kind of damage, outcome) → extracts, told in the end."""
    counts: Counter[tuple[str, str]] = Counter()
    yield counts
    outcomes = sorted({outcome for _, outcome in counts})
    lines = ["", "extracts, by damage".ljust(40) + "".join(f"{each:>12}" for each in outcomes)]
    for kind in sorted({kind for kind, _ in counts}):
        figures = "".join(f"{counts[kind, outcome]:>12,}" for outcome in outcomes)
        lines.append(kind.ljust(40) + figures)
    capturing: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capturing.global_and_fixture_disabled():
        # also where the tests run side by side, and only their errors' stream is the terminal
        sys.stderr.write("\n".join([*lines, ""]))


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one source system there is."""
    monkeypatch.setattr(land_module, "all_systems", lambda: {SHOP.name: SHOP})


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_all_is_said(
    kind: str, tmp_path: Path, tally: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(kind, range(FEW), tmp_path, tally, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_in_thousands(
    kind: str, tmp_path: Path, tally: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(KINDS) * MANY > 2_000
    prove(kind, range(FEW, FEW + MANY), tmp_path, tally, monkeypatch)


def prove(
    kind: str,
    numbers: range,
    folder: Path,
    tally: Counter[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lands the extracts together and judges each, and lands some of them once more, apart."""
    cases = []
    for number in numbers[:: 4 if KINDS[kind].is_heavy else 1]:
        draft, kinds = drafted(kind, number)
        content = draft.write()
        cases.append(Case(draft, kinds, content, draft.expected(content)))
    here = names(Path.cwd())
    together = Settings(folder / "together", date(2026, 6, 30))
    landed = deliver(together, cases)
    found = outcome(together)
    strays = unclaimed(together)
    for case in cases:
        result = judge(case, landed, of_file(found, case), strays)
        tally["all", result] += 1
        for name in case.kinds:
            tally[name, result] += 1
    loaded = [row for row in found["ledger"] if row["status"] == "loaded"]
    assert landed.rows_in == sum(row["rows_in"] for row in loaded)
    assert len(found["raw"]) + len(found["quarantine"]) == landed.rows_in
    require_readable_copies(together, found["quarantine"])

    monkeypatch.setattr(land_module, "BATCH_BYTES", 0)
    apart = Settings(folder / "apart", date(2026, 6, 30))
    deliver(apart, cases[::4])
    again = outcome(apart)
    for case in cases[::4]:
        assert of_file(again, case) == of_file(found, case), case

    assert names(Path.cwd()) == here
    assert names(folder) == {"together", "apart"}
    kept = {"landing", "quarantine", "state", "warehouse"}
    assert names(together.home) | {"quarantine"} == kept
    assert names(together.warehouse.parent) == {together.warehouse.name}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def deliver(settings: Settings, cases: list[Case]) -> EntityLanding:
    prepare(settings)
    (settings.landing / SHOP.name).mkdir()
    for case in cases:
        (settings.landing / case.draft.file).write_bytes(case.content)
    [landed] = land(SHOP, settings)
    return landed


def outcome(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """The ledger, raw and quarantine as rows by column."""
    queries = {
        "ledger": "from landing.deliveries order by file",
        "raw": "from raw_shop.orders order by _file, _row_number",
        "quarantine": "from landing.quarantined_rows order by file, row_number",
    }
    found = {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        for name, query in queries.items():
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            found[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


def of_file(found: dict[str, list[dict[str, Any]]], case: Case) -> dict[str, list[dict[str, Any]]]:
    """What was made of one file: without empty fields and what others have a say in."""
    return {
        name: [
            {key: value for key, value in row.items() if key not in OF_OTHERS and value is not None}
            for row in rows
            if row.get("_file", row.get("file")) == case.draft.file
        ]
        for name, rows in found.items()
    }


def require_readable_copies(settings: Settings, set_aside: list[dict[str, Any]]) -> None:
    """`quarantine/` tells all rows set aside, and no cell is a formula for a spreadsheet."""
    csv.field_size_limit(10**8)
    rows = []
    for path in (settings.quarantine / SHOP.name / "orders").glob("*"):
        with path.open(encoding="utf-8", newline="") as lines:
            rows += list(csv.reader(lines, strict=True))[1:]
    assert Counter(row[0] for row in rows) == Counter(row["reason"] for row in set_aside)
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r\n＝＋－＠")]


def judge(
    case: Case, landed: EntityLanding, said: dict[str, list[dict[str, Any]]], strays: list[str]
) -> str:
    """Holds what landing made of one file against what must come of it."""
    draft, expected = case.draft, case.expected
    name = draft.file if draft.file.isprintable() else repr(draft.file)
    assert (name in strays) == (not draft.is_claimed), case
    if not draft.is_claimed:
        assert not any(said.values()), case
        return "left alone"
    [ledger] = said["ledger"]
    if expected.refusals or (expected.is_opaque and ledger["status"] == "refused"):
        message = ledger["message"]
        assert ledger["status"] == "refused", case
        assert landed.refused[draft.file] == message
        words = expected.refusals if not expected.is_opaque else [()]
        assert any(all(word in message for word in each) for each in words), (message, case)
        require_plain(message, case)
        assert not said["raw"] and not said["quarantine"], case
        return "refused"
    assert ledger["status"] == "loaded", (ledger["message"], case)
    numbers = [row["_row_number"] for row in said["raw"]]
    numbers += [row["row_number"] for row in said["quarantine"]]
    assert sorted(numbers) == list(range(1, ledger["rows_in"] + 1)), case
    counts = ledger["rows_loaded"], ledger["rows_quarantined"]
    assert counts == (len(said["raw"]), len(said["quarantine"])), case
    for row in said["quarantine"]:
        assert row["reason"] in list(Reason) and row["raw_text"], case
    if expected.is_opaque:
        return "read"
    assert ledger["rows_in"] == len(expected.records), case
    require_rows(case, ledger, said)
    return "set aside" if said["quarantine"] else "loaded"


def require_rows(case: Case, ledger: dict[str, Any], said: dict[str, list[dict[str, Any]]]) -> None:
    """Each row where it belongs, with the texts that came."""
    expected = case.expected
    extra = iter(ledger["extra_columns"])
    place = {name: name if name in HEADERS else next(extra) for name in expected.columns}
    loaded = {row["_row_number"]: row for row in said["raw"]}
    set_aside = {row["row_number"]: row for row in said["quarantine"]}
    seen = set()
    for number, record in enumerate(expected.records, 1):
        if number in loaded:
            assert None in record.reasons, (number, record, case)
            row = loaded[number]
            texts = [row.get(place[name]) for name in expected.columns]
            assert texts == record.fields, (number, case)
            others = [name for name in HEADERS if name not in expected.columns]
            assert not row.keys() & set(others)
            assert row["_is_exact_duplicate"] == (tuple(texts) in seen), (number, case)
            seen.add(tuple(texts))
        else:
            row = set_aside[number]
            assert row["reason"] in record.reasons, (row, record, case)
            require_raw_text(row, record, case)


def require_raw_text(row: dict[str, Any], record: Record, case: Case) -> None:
    if row["reason"] not in LINE_REASONS and row["reason"] != Reason.NOT_JSON:
        assert json.loads(row["raw_text"]) == {
            case.draft.headers[name] or f"column {place}": text
            for place, (name, text) in enumerate(
                zip(case.expected.columns, record.fields, strict=True), 1
            )
        }, case
        if row.get("column_name"):
            names = row["column_name"].split(", ")
            assert set(names) <= set(case.expected.columns), (row, case)
    elif case.draft.form == "csv":
        shown = record.raw.replace("\0", "␀")
        assert row["raw_text"] == (shown if len(shown) <= 10**6 else shown[: 10**6] + "…"), case


def require_plain(message: str, case: Case) -> None:
    """A message that a person of sales operations can act on."""
    assert not GIBBERISH.search(message), (message, case)
    assert message.isprintable() and len(message) < 1000, (message, case)
    assert re.search(r"Mend|Make it readable|run again|save it|Rename", message), (message, case)

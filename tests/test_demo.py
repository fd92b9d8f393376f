"""The demo company: its extracts are whole, repeatable and dirty as told, its truths hold."""

import csv
import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from assets.demo import simulate
from assets.demo.company import TRUTHS
from assets.demo.scorecard import TOP_RATING, WEIGHTS, WORDS
from assets.landing.land import land, prepare
from assets.settings import Settings
from assets.systems import all_systems

STANDARD = all_systems()["standard"]
UNTIL = date(2026, 6, 30)
SEEDS = Path(__file__).parents[1] / "dbt_project" / "seeds"
Rows = list[dict[str, str]]


def make(home: Path, *without: str, seed: int = 7, scale: float = 0.02, weeks: int = 1) -> Path:
    simulate(home, seed=seed, scale=scale, weeks=weeks, without=frozenset(without))
    return home


def truth_of(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "demo" / "truth.json").read_text())
    return found


def extracts(home: Path) -> Path:
    return home / "landing" / "standard"


def sums(home: Path) -> dict[str, str]:
    """File → checksum, for every file that was written."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def first_extract(home: Path, entity: str) -> Rows:
    [path] = extracts(home).glob(f"{entity}.full__*.csv")
    return list(csv.DictReader(path.read_text().splitlines()))


def clean(rows: Rows, key: str) -> Rows:
    """The rows without those that must be set aside, whose keys begin with X, each once."""
    return list({row[key]: row for row in rows if row[key] and row[key][0] != "X"}.values())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny company with one week of deltas."""
    return make(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without deltas, where everything stands as it is at the end."""
    return make(tmp_path_factory.mktemp("bare"), weeks=0)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(home: Path, tmp_path: Path) -> None:
    again = sums(make(tmp_path / "again"))
    other = sums(make(tmp_path / "other", seed=8))
    assert again == sums(home)
    assert not {again[name] for name in again if "shipments" in name} & set(other.values())


def test_every_entity_and_every_declared_column_is_written(home: Path) -> None:
    for entity in STANDARD.entities:
        [path] = extracts(home).glob(f"{entity.name}.full__*.csv")
        rows = list(csv.DictReader(path.read_text().splitlines()))
        filled = {name for row in rows for name, value in row.items() if value}
        missing = {column.name for column in entity.columns} - {"recorded_at"} - filled
        assert not missing, entity.name
    assert "recorded_at" in first_extract(home, "shipments")[0]


def test_eight_weeks_stay_within_600_files(tmp_path: Path) -> None:
    home = make(tmp_path, weeks=8)
    files = list(extracts(home).iterdir())
    assert 300 < len(files) <= 600
    assert len(files) == truth_of(home)["extracts"]["files"]
    weekly = {
        path.name.split("__")[1][:10] for path in files if path.name.startswith("order_lines")
    }
    assert sorted(weekly)[0] == "2026-05-05" and sorted(weekly)[-1] == "2026-06-30"
    assert len(weekly) == 9


def test_a_day_off_as_the_last_day(tmp_path: Path) -> None:
    simulate(tmp_path, scale=0.02, weeks=1, until=date(2026, 5, 16))
    stamps = {path.name.split("__")[1][:10] for path in extracts(tmp_path).glob("shipments__*")}
    assert max(stamps) <= "2026-05-16"
    assert (extracts(tmp_path) / "opportunities__2026-05-16.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"without": frozenset({"gravity"})}, "gravity"),
        ({"scale": 0.0}, "scale"),
        ({"weeks": 9}, "weeks"),
    ],
)
def test_what_it_refuses(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(tmp_path, **arguments)


def test_the_same_company_is_not_made_again_nor_mixed_with_another(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in extracts(home).iterdir()}
    make(home)
    assert before == {path: path.stat().st_mtime_ns for path in extracts(home).iterdir()}
    with pytest.raises(ValueError, match="already holds other extracts"):
        simulate(home, scale=0.02)


def test_the_change_log_tells_the_current_rows(bare: Path) -> None:
    current = {
        row["opportunity_id"]: row
        for row in clean(first_extract(bare, "opportunities"), "opportunity_id")
    }
    log = first_extract(bare, "opportunity_changes")
    log.sort(key=lambda row: (row["opportunity_id"], row["changed_at"], int(row["sequence"])))
    seen: dict[tuple[str, str], str] = {}
    closed: dict[str, str] = {}
    for change in log:
        field = (change["opportunity_id"], change["field"])
        assert change["old_value"] != change["new_value"]
        assert seen.get(field, change["old_value"]) == change["old_value"], change
        seen[field] = change["new_value"]
        if change["field"] == "stage":
            is_open = change["new_value"] in ("Prospect", "Qualified", "Proposal", "Negotiation")
            closed[change["opportunity_id"]] = "" if is_open else change["changed_at"]
    assert {field for _, field in seen} >= {"stage", "amount", "expected_close_date", "owner_id"}
    for (opportunity, field), value in seen.items():
        assert current[opportunity][field] == value
    for opportunity, row in current.items():
        assert row["closed_at"] == closed.get(opportunity, "")
    moments = Counter((row["opportunity_id"], row["changed_at"], row["field"]) for row in log)
    assert max(moments.values()) > 1, "no two moves in one second"


def test_truth_counts_the_opportunities(home: Path, bare: Path) -> None:
    told = truth_of(bare)["opportunities"]
    rows = clean(first_extract(bare, "opportunities"), "opportunity_id")
    whole = [
        row
        for row in rows
        if row["is_deleted"] == "false" and not row["merged_into_opportunity_id"]
    ]
    assert len(rows) == told["created"] == 400
    assert Counter(row["stage"] for row in whole) == told["by_stage"]
    assert told["vanished"] == [] and len(truth_of(home)["opportunities"]["vanished"]) == 1


def test_splits_add_to_one(bare: Path) -> None:
    shares: dict[str, Fraction] = defaultdict(Fraction)
    for row in first_extract(bare, "opportunity_splits"):
        shares[row["opportunity_id"]] += Fraction(row["split_share"])
    assert shares and set(shares.values()) == {Fraction(1)}


def test_objectives_grow_and_truth_counts_them(bare: Path) -> None:
    told = truth_of(bare)["objectives"]["by_month"]
    held = first_extract(bare, "rep_objectives")
    reps = {row["rep_id"]: row for row in first_extract(bare, "sales_reps")}
    ended = {
        (row["replaces_objective_id"], row["rep_id"]): row["valid_from"]
        for row in held
        if row["replaces_objective_id"]
    }
    day = "2026-06-30"
    employed = [
        rep for rep, row in reps.items() if row["hired_on"] <= day < (row["left_on"] or "9")
    ]
    for rep in employed:
        active = [
            row
            for row in held
            if row["rep_id"] == rep
            and row["valid_from"] <= day
            and day < (ended.get((row["objective_id"], rep)) or row["valid_to"] or "9")
        ]
        assert len(active) == 18
    assert told[0]["rate"] == 6 and told[-1]["rate"] == 18
    unended = [
        row for row in held if (row["objective_id"], row["rep_id"]) in ended and not row["valid_to"]
    ]
    assert unended, "every replaced version says when it ended"


def test_truth_judges_deliveries(bare: Path) -> None:
    """The request basis of lines without a schedule, counted anew from the extracts."""
    plain = {
        (row["order_id"], row["line_number"]): row
        for row in first_extract(bare, "order_lines")
        if row["order_id"][0] != "X"
    }
    parts = defaultdict(list)
    for row in first_extract(bare, "order_schedule_lines"):
        parts[row["order_id"], row["line_number"]].append(row)
    sent = defaultdict(list)
    for row in clean(first_extract(bare, "shipments"), "shipment_id"):
        sent[row["order_id"], row["line_number"]].append(
            (row["shipped_on"], float(row["quantity"]))
        )
    kept = eligible = 0
    for key, line in plain.items():
        filled = 0.0
        for part in sorted(parts[key] or [line], key=lambda row: row["requested_date"]):
            due, before = part["requested_date"], filled
            filled += float(part["quantity"])
            in_time = sum(quantity for day, quantity in sent[key] if day <= due) >= filled
            is_complete = sum(quantity for _, quantity in sent[key]) >= filled
            cancelled = line["cancelled_on"], line["cancelled_by"]
            if not due or cancelled[1] == "other":
                continue
            if cancelled[1] == "customer" and cancelled[0] <= due:
                continue
            if due < UNTIL.isoformat() or is_complete:
                eligible += 1
                kept += in_time and cancelled[1] != "late"
            assert filled > before
    told = truth_of(bare)["on_time"]["request"]
    assert (told["numerator"], told["denominator"]) == (kept, eligible)


#: what a switch may not touch, and what it must change
SWITCHES = {
    "severity": (
        {"opportunities", "opportunity_changes", "order_lines", "activities", "leads"},
        {"qualification_answers"},
    ),
    "shift": (
        {"leads", "order_lines", "operations", "rep_objectives", "promise_changes"},
        {"opportunity_changes", "opportunities"},
    ),
    "coaching": (
        {"leads", "order_lines", "qualification_answers", "activities", "coaching_sessions"},
        {"opportunity_changes"},
    ),
    "padding": (
        {"opportunities", "qualification_answers", "work_orders", "operations", "routings"},
        {"promise_changes", "order_lines", "quotes"},
    ),
    "capacity": (
        {"opportunities", "qualification_answers", "leads", "rep_objectives"},
        {"routings", "operations"},
    ),
    "drains": (
        {"opportunities", "qualification_answers", "routings", "rep_objectives", "quotes"},
        {"order_lines", "shipments"},
    ),
    "objectives": (
        {"opportunities", "qualification_answers", "opportunity_changes", "leads"},
        {"rep_objectives", "objective_results", "activities"},
    ),
    "value_proposition": (
        {"opportunity_changes", "qualification_answers", "order_lines", "quotes", "leads"},
        {"opportunities"},
    ),
    "tipping_point": (
        {"leads", "rep_objectives", "products", "accounts", "rep_absences"},
        {"opportunities", "order_lines"},
    ),
}


@pytest.fixture(scope="module")
def first_sums(bare: Path) -> dict[str, str]:
    return by_entity(bare)


def by_entity(home: Path) -> dict[str, str]:
    return {name.split("/")[-1].split(".")[0]: digest for name, digest in sums(home).items()}


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_switch_changes_what_it_claims(
    truth: str, first_sums: dict[str, str], tmp_path: Path
) -> None:
    without = by_entity(make(tmp_path, truth, weeks=0))
    kept, changed = SWITCHES[truth]
    touched = {name for name in first_sums if first_sums[name] != without[name]}
    assert not kept & touched
    assert changed <= touched
    assert truth not in truth_of(tmp_path)["planted"]


def test_the_null_world_plants_nothing(tmp_path: Path) -> None:
    told = truth_of(make(tmp_path, *TRUTHS, scale=0.5, weeks=0))
    assert told["planted"] == []
    assert told["tipping_point"]["point"] is None
    assert told["severity"]["points"] == {} and told["drains"]["pairs"] == []
    assert told["capacity"]["shift_on"] is None and told["shift"]["day"] is None
    assert told["coaching"]["effect"] == 0
    assert {month["rate"] for month in told["objectives"]["by_month"]} == {6}
    halves = told["tipping_point"]["by_true_score"]
    for half in halves.values():
        assert within(half["numerator"], half["denominator"], 0.2)
    assert not any(map(any, told["padding"]["padding_days"].values()))
    assert told["value_proposition"]["proposition"] is None
    for offered in told["value_proposition"]["win_rates"]["inside"].values():
        assert within(offered["numerator"], offered["denominator"], 0.2)


def within(successes: int, trials: int, chance: float, deviations: float = 3.3) -> bool:
    """Whether so many successes are no surprise (3.3 deviations: one in a thousand)."""
    spread = math.sqrt(trials * chance * (1 - chance))
    return abs(successes - trials * chance) <= deviations * spread


@pytest.mark.parametrize("seed", [7, 20260630])
def test_planted_truths_show(seed: int, tmp_path: Path) -> None:
    told = truth_of(make(tmp_path, seed=seed, scale=0.5, weeks=0))
    tipping = told["tipping_point"]
    assert abs(tipping["score_mean"] - 52) < 1 and abs(tipping["score_standard_deviation"] - 18) < 1
    for scores in ("by_true_score", "by_first_complete_score"):
        below, above = tipping[scores]["below"], tipping[scores]["above"]
        assert below["rate"] <= 0.03 and 0.47 <= above["rate"] <= 0.6
        for half in (below, above):
            chance = half["expected"] / half["denominator"]
            assert within(half["numerator"], half["denominator"], chance)
    step = told["shift"]["qualified_to_proposal"]
    assert step["after"]["rate"] - step["before"]["rate"] > 0.1
    coached = told["coaching"]["proposal_to_negotiation"]
    gained = coached["coached"]["rate"] - coached["not_coached"]["rate"]
    assert gained == pytest.approx(told["coaching"]["effect"], abs=0.06)
    capacity = told["capacity"]
    before = [quarter for quarter in capacity["loads"] if quarter["quarter"] <= "2025-Q1"]
    after = [quarter for quarter in capacity["loads"] if quarter["quarter"] >= "2025-Q3"]
    assert (
        Counter(x["busiest"] for x in before).most_common()[0][0] == capacity["constraint_before"]
    )
    assert Counter(x["busiest"] for x in after).most_common()[0][0] == capacity["constraint_after"]
    offered = told["value_proposition"]["win_rates"]
    for name, rate in offered["inside"].items():
        assert (rate["rate"] > 0.3) is (name == told["value_proposition"]["proposition"])
    assert all(0.12 < rate["rate"] < 0.3 for rate in offered["outside"].values())
    rates = {basis: told["on_time"][basis]["rate"] for basis in told["on_time"]}
    assert 0.5 < rates["first_promise"] < rates["last_promise"] < 0.9
    for basis in told["on_time"].values():
        assert basis["recorded"]["rate"] < basis["rate"]


def test_landing_sets_aside_what_truth_counts(tmp_path: Path) -> None:
    home = make(tmp_path)
    told = truth_of(home)["extracts"]
    dirty = set(told["quarantined"]) | {"accounts", "sales_reps", "pulse_actions"}
    dirty |= {"product_changes", "promise_changes"}
    settings = Settings(home=home, as_of=UNTIL)
    prepare(settings)
    system = replace(STANDARD, entities=tuple(e for e in STANDARD.entities if e.name in dirty))
    for landed in land(system, settings):
        why = told["quarantined"].get(landed.entity, {})
        assert not landed.refused and not landed.set_aside, landed.entity
        assert landed.rows_in == told["rows"][landed.entity], landed.entity
        assert landed.rows_quarantined == sum(why.values()), landed.entity
        assert landed.exact_duplicates == told["exact_duplicates"].get(landed.entity, 0)
    assert len(told["odd_files"]) == 12
    set_aside = sum(sum(why.values()) for why in told["quarantined"].values())
    assert 0 < set_aside < 0.005 * sum(told["rows"].values())


def test_names_that_bite(home: Path) -> None:
    [path] = extracts(home).glob("accounts.full__*.csv")
    with path.open(newline="") as file:
        accounts = list(csv.DictReader(file))
    names = {row["account_name"] for row in accounts}
    assert {"<img src=x onerror=alert(1)>", '=HYPERLINK("http://x","y")'} <= names
    assert any("\n" in name for name in names)
    into = {row["account_id"]: row["merged_into_account_id"] for row in accounts}
    assert any(into.get(survivor) for survivor in into.values() if survivor), "no chain of merges"


def seed_rows(name: str) -> Iterator[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="") as file:
        yield from (row for row in csv.DictReader(file) if row["source_system"] == "standard")


def test_the_shipped_scorecard_is_the_one_that_was_simulated() -> None:
    weights = {
        row["attribute_id"]: float(row["weight"]) for row in seed_rows("qualification_attributes")
    }
    assert weights == WEIGHTS
    scale = {
        (row["attribute_id"], row["answer_text"]): float(row["value"])
        for row in seed_rows("qualification_answer_scale")
    }
    assert scale == {
        (attribute, text): rating / TOP_RATING
        for attribute, texts in WORDS.items()
        for rating, text in enumerate(texts)
    }

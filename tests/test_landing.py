"""Deliveries: what is taken in, what is refused, what is set aside, and what is valid when."""

import errno
import gzip
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import jinja2
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from assets.landing import history, ledger
from assets.landing import land as land_module
from assets.landing.checking import Reason
from assets.landing.land import UNKNOWN, allow, land, prepare, unclaimed, waiting
from assets.settings import Settings
from assets.systems import Column, all_systems
from tests.landing_helpers import csv_of, put, query, take_in

RAW = (
    "select account_id, account_name, _recorded_at, _is_first_extract, _valid_from, _valid_to"
    " from raw_standard.accounts order by all"
)

LEDGER = "select * exclude (modified_at_ns) from landing.deliveries order by all"


def accounts(*names: str) -> str:
    """An extract of accounts: `A1=Old name` or `A1`."""
    pairs = (name.partition("=") for name in names)
    return "\n".join(["account_id,account_name", *(f"{key},{value}" for key, _, value in pairs)])


def opportunities(*keys: str) -> str:
    """An extract of opportunities, all alike."""
    rows = (f"{key},R1,Lead,2026-01-05T10:00:00Z" for key in keys)
    return "\n".join(["opportunity_id,owner_id,stage,created_at", *rows])


def day_end(day: int) -> datetime:
    """The last instant of a day of January 2026, in UTC."""
    return datetime.fromisoformat("2026-01-01") + timedelta(days=day, microseconds=-1)


# --- Which files are taken


def test_real_extracts_load_whole(settings: Settings) -> None:
    shared = Path(os.environ.get("FUNNELWORKS_SHARED_DATA", "../shared/data"))
    if not shared.is_absolute():
        shared = Path(__file__).parents[1] / shared
    if not shared.is_dir():
        pytest.skip(f"the real extracts are not at {shared}; set FUNNELWORKS_SHARED_DATA")
    folders = {
        "maven": ("maven-crm", 8_800 + 85 + 7 + 35, 0),
        "usaid": ("usaid-scms", 10_324, 0),
        "levy": ("levy-mes", 4_543, 22),
        "bohanec": ("bohanec-b2b", 448, 0),
    }
    prepare(settings)
    for system, (folder, rows, duplicates) in folders.items():
        for path in (shared / folder).glob("*.csv"):
            put(settings, f"{system}/{path.name}", path.read_bytes())
        landed = land(all_systems()[system], settings)
        assert sum(each.rows_in for each in landed) == rows
        assert sum(each.rows_loaded for each in landed) == rows
        assert sum(each.exact_duplicates for each in landed) == duplicates
        assert not any(each.refused or each.extra_columns for each in landed)
    assert unclaimed(settings) == ["maven/data_dictionary.csv"]
    unused = "select count(*) from raw_levy.production_data where _valid_from is null"
    assert query(settings, unused) == [(22,)]


def test_names_decide_who_claims_a_file(settings: Settings) -> None:
    claimed = [
        "standard/ORDER-LINES.csv",
        "standard/order lines.full__2026-01-01.JSONL",
        "standard/Order_Lines.DELTA__2026-01-01T235959Z.csv.gz",
    ]
    left = [
        "accounts.csv",
        "maven/data_dictionary.csv",
        "nowhere/accounts.csv",
        "standard/accounts.txt",
        "standard/accounts__2026-02-30.csv",
        "standard/accounts__latest.csv",
        "standard/sub/accounts.csv",
        "standard/..accounts;rm -rf.csv",
    ]
    silent = [
        "standard/.accounts.csv",
        "standard/~$accounts.xlsx",
        "standard/accounts.csv.part",
        "standard/accounts.tmp",
        ".git/accounts.csv",
    ]
    for file in claimed + left + silent:
        put(settings, file, "x")
    left.remove("standard/..accounts;rm -rf.csv")  # hidden, as it starts with a dot
    assert unclaimed(settings) == sorted(left)
    assert [file.file for file in waiting(settings)] == sorted(claimed)


def test_every_entity_has_its_table_and_settings_are_kept(settings: Settings) -> None:
    prepare(settings)
    prepare(settings)
    entities = sum(len(system.entities) for system in all_systems().values())
    tables = query(settings, "select count(*) from duckdb_tables() where schema_name like 'raw_%'")
    assert tables == [(entities,)]
    assert query(settings, "from landing.run_settings") == [
        (date(2026, 6, 30), datetime.fromisoformat("2026-07-01"), "UTC", "USD", 1, 2)
    ]
    columns = query(settings, "select column_name from (describe raw_maven.products)")
    assert [name for (name,) in columns[:4]] == ["product", "series", "sales_price", "_file"]


def test_every_entity_takes_versions(settings: Settings) -> None:
    samples = {
        "text": ("a", "b"),
        "integer": ("1", "2"),
        "decimal": ("1.5", "2"),
        "date": ("2026-01-01", "2026-01-02"),
        "instant": ("2026-01-01T08:00:00Z", "2026-01-02"),
        "utc_date": ("2026-01-01", "2026-01-02"),
        "utc_instant": ("2026-01-01T08:00:00Z", "2026-01-02"),
        "boolean": ("true", "false"),
    }

    def sample(column: Column, turn: int) -> str:
        if column.format:
            return datetime(2026, 1, 1 + turn, tzinfo=UTC).strftime(
                column.format.replace("%g", "0")
            )
        return column.values[0] if column.values else samples[column.type][turn * (not column.key)]

    prepare(settings)
    for system in all_systems().values():
        for entity in system.entities:
            for turn in (0, 1):
                row = {column.called[0]: sample(column, turn) for column in entity.columns}
                file = f"{system.name}/{entity.name}.delta__2026-01-0{turn + 1}.csv"
                put(settings, file, csv_of([row]))
        landed = land(system, settings)
        assert [each.rows_loaded for each in landed] == [2] * len(system.entities)
        assert not any(each.refused or each.extra_columns for each in landed)
    versions = "select valid_from, _valid_from from raw_standard.rep_objectives order by all"
    assert query(settings, versions) == [("2026-01-01", day_end(1)), ("2026-01-02", day_end(2))]


def test_another_business_zone_needs_another_warehouse(settings: Settings) -> None:
    prepare(settings)
    with pytest.raises(ValueError, match="set FUNNELWORKS_TIMEZONE back"):
        prepare(Settings(settings.home, settings.as_of, timezone="Asia/Bangkok"))


def test_waiting_needs_no_warehouse_and_forgets_what_was_taken(settings: Settings) -> None:
    put(settings, "standard/accounts.csv", accounts("A1"))
    put(settings, "standard/products.csv", "colour\nred\n")
    assert [(file.entity, file.state) for file in waiting(settings)] == [
        ("accounts", "new"),
        ("products", "new"),
    ]
    take_in(settings, "accounts")
    take_in(settings, "products")
    assert [(file.entity, file.state) for file in waiting(settings)] == [("products", "refused")]
    os.utime(settings.landing / "standard/accounts.csv", ns=(1, 1))
    assert [file.entity for file in waiting(settings)] == ["products"]


def test_waiting_says_when_another_process_holds_the_warehouse(settings: Settings) -> None:
    put(settings, "standard/accounts.csv", accounts("A1"))
    prepare(settings)
    holder = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(settings.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [file.state for file in waiting(settings)] == [UNKNOWN]
        process.communicate(b"")


# --- Deliveries


def test_the_same_delivery_again_changes_nothing(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts("A1=x", "A2=y"))
    take_in(settings, "accounts")
    before = query(settings, RAW), query(settings, "from landing.deliveries")
    put(settings, "standard/Accounts.full__2026-01-01.csv", accounts("A1=x", "A2=y"))
    landed = take_in(settings, "accounts")
    assert landed.files == []
    assert (query(settings, RAW), query(settings, "from landing.deliveries")) == before


def test_a_file_is_hashed_again_only_when_it_looks_different(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def content_hash(path: Path) -> str:
        hashed.append(path.name)
        return real(path)

    real = ledger.content_hash
    monkeypatch.setattr(ledger, "content_hash", content_hash)
    path = put(settings, "standard/accounts.delta__2026-01-01.csv", accounts("A1=x"))
    for _ in range(2):
        take_in(settings, "accounts")
    assert hashed == [path.name]
    os.utime(path, ns=(1, 1))
    for _ in range(2):
        assert take_in(settings, "accounts").files == []
    assert hashed == [path.name] * 2
    put(settings, "standard/accounts.delta__2026-01-01.csv", accounts("A1=y"))
    assert len(take_in(settings, "accounts").files) == 1


def test_the_same_bytes_under_a_new_stamp_are_a_new_observation(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts("A1=x"))
    put(settings, "standard/accounts__2026-01-02.csv", accounts("A1=x"))
    landed = take_in(settings, "accounts")
    assert (len(landed.files), landed.rows_loaded) == (2, 2)
    assert query(settings, RAW) == [
        ("A1", "x", day_end(1), True, day_end(1), None),
        ("A1", "x", day_end(2), False, None, None),
    ]


def test_an_unstamped_file_keeps_the_instant_it_was_first_seen(settings: Settings) -> None:
    put(settings, "standard/accounts.csv", accounts("A1=x"))
    take_in(settings, "accounts")
    first = query(settings, RAW)
    put(settings, "standard/accounts.csv", accounts("A1=y"))
    take_in(settings, "accounts")
    put(settings, "standard/accounts.csv", accounts("A1=x"))
    assert take_in(settings, "accounts").files == []
    put(settings, "standard/accounts.csv.gz", gzip.compress(b"account_id\nA1"))
    whole = query(settings, RAW)
    assert len(whole) == 2
    assert whole[0][4] == first[0][4]
    settings.warehouse.unlink()
    (settings.landing / "standard/accounts.csv.gz").unlink()
    take_in(settings, "accounts")
    assert query(settings, RAW) == first
    states = [
        pyarrow.parquet.read_table(path) for path in (settings.state / "deliveries").iterdir()
    ]
    assert sum(table.num_rows for table in states) == 2


def test_full_delta_and_absence_make_versions(settings: Settings) -> None:
    keys = [f"K{number}" for number in range(10)]
    put(settings, "standard/accounts__2026-01-01.csv", accounts("A1=x", "A2=x", *keys))
    put(settings, "standard/accounts.delta__2026-01-02.csv", accounts("A1=y"))
    put(settings, "standard/accounts__2026-01-03.csv", accounts("A1=y", *keys))
    put(settings, "standard/accounts.delta__2026-01-03.csv", accounts("A1=z"))
    put(settings, "standard/accounts__2026-01-04.csv", accounts("A1=z", "A2=x", *keys))
    take_in(settings, "accounts")
    versions = [row for row in query(settings, RAW) if row[0] in ("A1", "A2") and row[4]]
    assert versions == [
        ("A1", "x", day_end(1), True, day_end(1), day_end(2)),
        ("A1", "y", day_end(2), False, day_end(2), day_end(3)),
        ("A1", "z", day_end(3), False, day_end(3), None),
        ("A2", "x", day_end(1), True, day_end(1), day_end(3)),
        ("A2", "x", day_end(4), False, day_end(4), None),
    ]


def expected_versions(
    deliveries: list[tuple[int, bool, dict[str, str]]],
) -> tuple[list[tuple[str, str, int, int | None]], int]:
    """The rule in plain Python: versions (key, value, from, to) and the number of refusals.

    `deliveries` are (day, is full, key → value), in stamp order, one of a kind each day.
    """
    alive: dict[str, tuple[str, int]] = {}
    ended: list[tuple[str, str, int, int | None]] = []
    refused = 0
    for day, is_full, said in deliveries:
        lost = alive.keys() - said if is_full else set()
        if len(lost) > 0.2 * len(alive):
            refused += 1
            continue
        ended += [(key, *alive.pop(key), day) for key in lost]
        for key, value in said.items():
            if key in alive and alive[key][0] != value:
                ended.append((key, *alive[key], day))
            if key not in alive or alive[key][0] != value:
                alive[key] = (value, day)
    versions = ended + [(key, *version, None) for key, version in alive.items()]
    return sorted(version for version in versions if version[2] != version[3]), refused


@given(data=st.data())
@examples(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_validity_depends_on_the_set_of_deliveries_alone(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever the order of arrival and however runs are cut, the rule in plain Python holds."""
    keys = st.sets(st.sampled_from("ABCDEFGH"), min_size=1)
    content = keys.flatmap(
        lambda chosen: st.fixed_dictionaries(dict.fromkeys(sorted(chosen), st.sampled_from("xy")))
    )
    days = st.lists(
        st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=7, unique=True
    )
    deliveries = [
        (day, is_full, data.draw(content))
        for day, is_full in sorted(data.draw(days), key=lambda found: (found[0], not found[1]))
    ]
    settings = Settings(tmp_path_factory.mktemp("home"), date(2026, 6, 30))
    for place in data.draw(st.permutations(range(len(deliveries)))):
        day, is_full, said = deliveries[place]
        kind = "full" if is_full else "delta"
        put(
            settings,
            f"standard/accounts.{kind}__2026-01-0{day}.csv",
            accounts(*(f"{key}={value}" for key, value in said.items())),
        )
        if data.draw(st.booleans()):
            take_in(settings, "accounts")
    take_in(settings, "accounts")
    versions, refused = expected_versions(deliveries)
    found = [
        (key, value, begin, end) for key, value, _, _, begin, end in query(settings, RAW) if begin
    ]
    assert found == [
        (key, value, day_end(begin), end and day_end(end)) for key, value, begin, end in versions
    ]
    statuses = query(settings, "select count(*) from landing.deliveries where status = 'refused'")
    assert statuses == [(refused,)]


def test_each_row_has_the_number_of_the_landing_that_last_wrote_it(settings: Settings) -> None:
    """And where rows are taken out again, no build counts as up to date any more."""
    numbers = "select account_id, account_name, _landing_number from raw_standard.accounts"
    everyone = [f"A{number}" for number in range(5)]
    put(settings, "standard/accounts__2026-01-02.csv", accounts(*everyone[1:]))
    take_in(settings, "accounts")
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("insert into landing.builds values (1, '2026-07-01', 'x')")
    prepare(settings)
    put(settings, "standard/accounts.delta__2026-01-03.csv", accounts("A1=new"))
    take_in(settings, "accounts")
    assert sorted(query(settings, numbers), key=str) == [
        ("A1", "new", 2),
        ("A1", None, 2),
        *((name, None, 1) for name in everyone[2:]),
    ]
    assert query(settings, "select landing_number from landing.builds") == [(1,)]
    prepare(settings)
    put(settings, "standard/accounts__2026-01-01.csv", accounts("B1", *everyone[:2]))
    assert "would delete" in str(take_in(settings, "accounts").refused)
    assert [row for row in query(settings, numbers) if row[2] != 3] == [("A1", "new", 2)]
    assert query(settings, "from landing.builds") == []


def test_a_warehouse_made_by_an_earlier_release_still_serves(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts("A1"))
    take_in(settings, "accounts")
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "alter table landing.run_settings drop landing_number; drop table landing.builds;"
            "drop table landing.key_hashes;"
            "alter table raw_standard.accounts drop _landing_number;"
            "alter table raw_standard.accounts drop _key_hash"
        )
    prepare(settings)
    put(settings, "standard/accounts.delta__2026-01-02.csv", accounts("A1", "A2"))
    take_in(settings, "accounts")
    rows = "select account_id, _landing_number, _valid_to is null, _valid_from is not null"
    assert query(settings, f"{rows} from raw_standard.accounts order by all") == [
        ("A1", 1, True, False),
        ("A1", None, True, True),
        ("A2", 1, True, True),
    ]


def test_rows_that_are_things_of_their_own_are_never_duplicates(settings: Settings) -> None:
    header = [column.name for column in all_systems()["bohanec"].entities[0].columns]
    row = dict.fromkeys(header, "Yes")
    put(settings, "bohanec/salvirt_b2b_ml_dataset__2026-01-01.csv", csv_of([row, row, row]))
    put(
        settings,
        "bohanec/salvirt_b2b_ml_dataset__2026-01-02.csv",
        csv_of([row, row | {"status": "Lost"}, row]),
    )
    landed = take_in(settings, "salvirt_b2b_ml_dataset", "bohanec")
    assert (landed.rows_loaded, landed.exact_duplicates) == (6, 0)
    assert query(
        settings,
        "select _row_number, status, _valid_to from raw_bohanec.salvirt_b2b_ml_dataset"
        " where _valid_from is not null order by all",
    ) == [(1, "Yes", None), (2, "Lost", None), (2, "Yes", day_end(2)), (3, "Yes", None)]


def test_a_killed_run_is_mended_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = [f"A{number}" for number in range(10)]
    third = "standard/accounts__2026-01-03.csv"
    put(settings, third, accounts(*everyone[:7]))
    take_in(settings, "accounts")
    put(settings, "standard/accounts__2026-01-01.csv", accounts(*everyone))
    for step in ("shrinkage", "settle"):
        with monkeypatch.context() as patch:
            patch.setattr(history, step, Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                take_in(settings, "accounts")
    assert list(take_in(settings, "accounts").refused) == [third]
    assert [row[1:] for row in query(settings, RAW)] == [
        (None, day_end(1), True, day_end(1), None)
    ] * 10


# --- Refusals


def test_a_shrunken_full_extract_is_refused_until_allowed(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts(*(f"A{n}" for n in range(10))))
    take_in(settings, "accounts")
    file = "standard/accounts__2026-01-02.csv"
    put(settings, file, accounts(*(f"A{n}" for n in range(7))))
    refused = take_in(settings, "accounts").refused[file]
    assert "would delete 3 of the 10 keys known before it (30%; such as A7; A8; A9)" in refused
    assert f"make allow FILE={file} REASON=" in refused
    assert query(settings, "select count(*) from raw_standard.accounts") == [(10,)]
    with pytest.raises(FileNotFoundError, match="there is no file"):
        allow(settings, "standard/nothing.csv", "because")
    with pytest.raises(ValueError, match="say why"):
        allow(settings, file, " ")
    allow(settings, str(settings.landing / file), "three customers left")
    assert take_in(settings, "accounts").refused == {}
    ended = query(
        settings,
        "select account_id from raw_standard.accounts where _valid_to is not null order by all",
    )
    assert ended == [("A7",), ("A8",), ("A9",)]
    [override] = [
        row
        for path in (settings.state / "overrides").iterdir()
        for row in pyarrow.parquet.read_table(path).to_pylist()
    ]
    assert (override["kind"], override["target"], override["reason"]) == (
        "file",
        file,
        "three customers left",
    )


def test_two_of_ten_may_go(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts(*(f"A{n}" for n in range(10))))
    put(settings, "standard/accounts__2026-01-02.csv", accounts(*(f"A{n}" for n in range(8))))
    assert take_in(settings, "accounts").refused == {}


def test_late_deliveries_judge_later_ones_again(settings: Settings) -> None:
    third = "standard/accounts__2026-01-03.csv"
    put(settings, third, accounts(*(f"A{n}" for n in range(7))))
    assert take_in(settings, "accounts").refused == {}
    put(settings, "standard/accounts__2026-01-01.csv", accounts(*(f"A{n}" for n in range(10))))
    assert list(take_in(settings, "accounts").refused) == [third]
    assert query(settings, "select distinct _recorded_at from raw_standard.accounts") == [
        (day_end(1),)
    ]
    put(settings, "standard/accounts__2026-01-02.csv", accounts(*(f"A{n}" for n in range(8))))
    assert take_in(settings, "accounts").refused == {}
    assert query(settings, "select count(*) from raw_standard.accounts") == [(25,)]


def test_a_delivery_whose_file_has_left_the_folder_keeps_its_verdict(settings: Settings) -> None:
    path = put(settings, "standard/accounts__2026-01-03.csv", accounts("A1"))
    take_in(settings, "accounts")
    path.unlink()
    put(settings, "standard/accounts__2026-01-01.csv", accounts(*(f"A{n}" for n in range(10))))
    assert take_in(settings, "accounts").refused == {}
    assert query(settings, "select count(*) from raw_standard.accounts") == [(11,)]


def test_an_empty_full_extract_is_refused_where_rows_are_known(settings: Settings) -> None:
    put(settings, "standard/accounts__2026-01-01.csv", accounts())
    put(settings, "standard/accounts__2026-01-02.csv", accounts("A1"))
    file = "standard/accounts__2026-01-03.csv"
    put(settings, file, accounts())
    put(
        settings,
        "standard/shipments__2026-01-03.csv",
        "shipment_id,order_id,line_number,quantity,shipped_on\n",
    )
    landed = take_in(settings, "accounts")
    assert len(landed.files) == 2
    assert "has no rows, and 1 keys are known" in landed.refused[file]
    assert take_in(settings, "shipments").refused == {}


def test_a_refusal_goes_with_its_file_or_is_let_through(settings: Settings) -> None:
    file = "standard/accounts__2026-01-01.csv"
    path = put(settings, file, "Acount-ID;name\nA1;x\n")
    refused = take_in(settings, "accounts").refused[file]
    assert "lacks the required column 'account_id' (the nearest header is 'Acount-ID')" in refused
    allow(settings, file, "the CRM team knows")
    landed = take_in(settings, "accounts")
    assert (landed.refused, list(landed.set_aside)) == ({}, [file])
    assert query(settings, "select status from landing.deliveries") == [("set_aside",)]
    assert waiting(settings) == []
    path.unlink()
    take_in(settings, "accounts")
    assert query(settings, "from landing.deliveries") == []


@pytest.mark.parametrize("stamp", ["", "__2026-01-01"])
def test_a_file_that_cannot_be_opened_is_refused_in_plain_words(
    settings: Settings, stamp: str
) -> None:
    file = f"standard/accounts{stamp}.csv"
    (settings.landing / "standard").mkdir(parents=True)
    (settings.landing / file).symlink_to(settings.landing / "nowhere.csv")
    put(settings, "standard/accounts__2026-01-02.csv", accounts("A1"))
    landed = take_in(settings, "accounts")
    assert landed.refused == {
        file: f"{file} cannot be read (No such file or directory)."
        " Make it readable, or take it out of landing."
    }
    assert landed.files == ["standard/accounts__2026-01-02.csv"]
    assert [(each.file, each.state) for each in waiting(settings)] == [(file, "refused")]
    put(settings, "nowhere.csv", accounts("A1"))
    assert take_in(settings, "accounts").files == [file]


def test_a_file_without_permission_is_refused_and_cannot_be_let_through(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "standard/accounts__2026-01-01.csv"
    put(settings, file, accounts("A1"))
    denied = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(ledger, "content_hash", Mock(side_effect=denied))
    assert "cannot be read (Permission denied)" in take_in(settings, "accounts").refused[file]
    assert [each.state for each in waiting(settings)] == ["refused"]
    with pytest.raises(ValueError, match=r"cannot be read \(Permission denied\)"):
        allow(settings, file, "because")


# --- Columns


def test_columns_match_by_name(settings: Settings) -> None:
    put(
        settings,
        "standard/accounts__2026-01-01.csv",
        " Account   Name ,ACCOUNT_ID,Sales Region (new),_file,rowid,,position\n"
        "Acme,A1,North,f,,,\n",
    )
    landed = take_in(settings, "accounts")
    assert landed.extra_columns == ["sales_region_new", "file", "rowid_2", "column_6", "position"]
    assert {"industry", "account_name"} & set(landed.missing_columns) == {"industry"}
    put(settings, "standard/accounts__2026-01-02.csv", "account_id,sales region (NEW)\nA1,South\n")
    assert take_in(settings, "accounts").extra_columns == []
    assert query(
        settings,
        "select account_id, account_name, industry, sales_region_new, file, _file"
        " from raw_standard.accounts order by _recorded_at",
    ) == [
        ("A1", "Acme", None, "North", "f", "standard/accounts__2026-01-01.csv"),
        ("A1", None, None, "South", None, "standard/accounts__2026-01-02.csv"),
    ]


# --- Rows set aside

ORDER_LINE = {
    "order_id": "O1",
    "line_number": "1",
    "ordered_at": "2026-01-05T10:00:00",
    "quantity": "5",
    "requested_date": "2026-02-01",
    "cancelled_by": "",
}
OPERATION = {
    "work_order_id": "W1",
    "operation_number": "10",
    "work_center_id": "C1",
    "started_at": "2026-01-05T10:00:00Z",
    "finished_at": "",
}
SPLIT = {"wave": "1", "function": "sales", "invited_count": "3"}
SHIPMENT = {
    "shipment_id": "S1",
    "order_id": "O1",
    "line_number": "1",
    "quantity": "1",
    "shipped_on": "2026-01-05",
    "is_expedited": "TRUE",
}


@pytest.mark.parametrize(
    ("entity", "good", "wrong", "reason", "column"),
    [
        ("order_lines", ORDER_LINE, {name: name for name in ORDER_LINE}, "repeated_header", None),
        ("order_lines", ORDER_LINE, {"line_number": " "}, "missing_key", "line_number"),
        ("order_lines", ORDER_LINE, {"ordered_at": ""}, "missing_required_value", "ordered_at"),
        ("order_lines", ORDER_LINE, {"quantity": "5 pcs"}, "not_a_number", "quantity"),
        ("order_lines", ORDER_LINE, {"quantity": "NaN"}, "not_a_number", "quantity"),
        ("pulse_invitations", SPLIT, {"invited_count": "3.5"}, "not_an_integer", "invited_count"),
        ("order_lines", ORDER_LINE, {"requested_date": "01/02/26"}, "not_a_date", "requested_date"),
        (
            "order_lines",
            ORDER_LINE,
            {"requested_date": "2026-02-30"},
            "not_a_date",
            "requested_date",
        ),
        ("order_lines", ORDER_LINE, {"ordered_at": "noon"}, "not_an_instant", "ordered_at"),
        (
            "order_lines",
            ORDER_LINE,
            {"ordered_at": "2026-03-08T02:30:00"},
            "nonexistent_local_time",
            "ordered_at",
        ),
        ("shipments", SHIPMENT, {"is_expedited": "perhaps"}, "not_a_boolean", "is_expedited"),
        ("order_lines", ORDER_LINE, {"cancelled_by": "supplier"}, "not_in_list", "cancelled_by"),
        (
            "operations",
            OPERATION,
            {"finished_at": "2026-01-05T09:59:00Z"},
            "ends_before_start",
            "finished_at",
        ),
    ],
)
def test_each_reason_sets_its_row_aside(
    settings: Settings,
    entity: str,
    good: dict[str, str],
    wrong: dict[str, str],
    reason: str,
    column: str | None,
) -> None:
    key = next(iter(good))
    rows = [good, good | {key: "9"} | wrong, good | {key: "X"}]
    newyork = Settings(settings.home, settings.as_of, timezone="America/New_York")
    put(newyork, f"standard/{entity}__2026-01-31.csv", csv_of(rows))
    landed = take_in(newyork, entity)
    assert (landed.rows_in, landed.rows_loaded, landed.rows_quarantined) == (3, 2, 1)
    [found] = query(
        newyork,
        "select row_number, reason, column_name, value, raw_text->>'$." + key + "', recorded_at"
        " from landing.quarantined_rows",
    )
    value = wrong[column] or None if column else None
    assert found == (
        2,
        reason,
        column,
        value,
        rows[1][key],
        datetime.fromisoformat("2026-02-01T04:59:59.999999"),
    )
    assert Reason(reason).meaning


def test_good_values_in_every_form_pass(settings: Settings) -> None:
    rows = [
        ORDER_LINE | {"order_id": "1", "quantity": " 1e3 ", "cancelled_by": " Customer"},
        ORDER_LINE | {"order_id": "2", "quantity": "-.5", "ordered_at": "2026-01-05"},
        ORDER_LINE | {"order_id": "3", "ordered_at": "2026-01-05 10:00+07:00"},
        ORDER_LINE | {"order_id": "4", "requested_date": "2026-01-05 00:00:00"},
        ORDER_LINE | {"order_id": "5", "ordered_at": "2026-11-01T01:30:00"},
    ]
    newyork = Settings(settings.home, settings.as_of, timezone="America/New_York")
    put(newyork, "standard/order_lines__2026-01-31.csv", csv_of(rows))
    assert take_in(newyork, "order_lines").rows_loaded == 5


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
def test_blanks_around_a_value_do_not_change_it(settings: Settings, zone: str) -> None:
    """The usual form takes a shorter way through each cast: both ways must agree."""
    days = ["2026-03-08", "2026-04-05", "2026-10-04", "2026-02-30", "0000-01-01", "2026-1-05"]
    times = [
        "",
        "T02:30:00",
        " 01:30:00",
        "T02:15",
        "T24:00:00",
        "T10:00:5.",
        "T10:00:00.123456789",
    ]
    offsets = ["", "Z", "+07:00", "-0430", "+07", "+24:00", "x"]
    numbers = ["1", "-1.50", "+.5", "5.", "1e3", "1e99", "inf", "nan", "1_000", "0x10", "1,5", "١"]
    numbers += ["9223372036854775808", "1.0", "0.00000000005", "1234567890123456789.1", "-"]
    values = [day + time + offset for day in days for time in times for offset in offsets]
    prepare(Settings(settings.home, settings.as_of, timezone=zone))
    for macro in ("to_decimal", "to_integer", "to_date", "to_instant", "is_blank"):
        differing = query(
            settings,
            f"select value from (select unnest({values + numbers}) as value)"
            f" where {macro}(value) is distinct from {macro}(' ' || value || chr(160))",
        )
        assert differing == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_quick_way_through_an_instant_takes_no_other_forms(
    settings: Settings, zone: str
) -> None:
    """Each usual form with a character too many, too few, or another, at every place."""
    usual = ["2026-03-08 02:30:00", "2026-03-08T02:30:00", "2026-12-31T23:59:59Z"]
    usual += ["2026-02-28T10:00:59.125Z", "2026-02-29 24:00:60"]
    values = {
        form[:place] + other + form[place + taken :]
        for form in usual
        for place in range(len(form) + 1)
        for taken in (0, 1, 2)
        for other in ("", *" 0169-+:TZ|\t\n١", "  ", " \t")
    }
    prepare(Settings(settings.home, settings.as_of, timezone=zone))
    asked = f"from (select unnest({sorted(values)}) as value) where to_instant(value)"
    assert query(settings, f"select count(*) > 100 {asked} is not null") == [(True,)]
    differing = f"select value {asked} is distinct from to_instant_in_any_form(value)"
    assert query(settings, differing) == []


def test_rows_of_one_key_with_other_values_are_all_set_aside(settings: Settings) -> None:
    text = accounts("A1=x", "A2=x", " A1 =y", "A3=x", "A3=x", "A1=x", "A4=x")
    put(settings, "standard/accounts__2026-01-31.csv", text)
    landed = take_in(settings, "accounts")
    assert (landed.rows_in, landed.rows_loaded, landed.exact_duplicates) == (7, 4, 1)
    assert query(
        settings,
        "select row_number, reason, column_name, value from landing.quarantined_rows order by all",
    ) == [(number, "duplicate_key", "account_id", "A1") for number in (1, 3, 6)]
    assert query(
        settings,
        "select _row_number, _valid_from from raw_standard.accounts where _is_exact_duplicate",
    ) == [(5, None)]


def test_an_empty_part_of_a_key_is_a_value(settings: Settings) -> None:
    header = "month,cost_pool,driver,amount\n"
    rows = "2026-01-01,energy,,5\n2026-01-01,energy,hours,6\n2026-01-01T00:00,energy,,7\n"
    put(settings, "standard/cost_entries__2026-01-31.csv", header + rows)
    landed = take_in(settings, "cost_entries")
    assert (landed.rows_loaded, landed.rows_quarantined) == (1, 2)
    put(settings, "standard/cost_entries__2026-02-28.csv", header + "2026-01-01,energy,,8\n")
    take_in(settings, "cost_entries")
    assert query(
        settings,
        "select driver, amount from raw_standard.cost_entries where _valid_to is null order by all",
    ) == [("hours", "6"), (None, "8")]


def test_a_row_set_aside_still_holds_its_key(settings: Settings) -> None:
    good = [ORDER_LINE | {"order_id": str(number)} for number in range(5)]
    put(settings, "standard/order_lines__2026-01-01.csv", csv_of(good))
    broken = [row | {"quantity": "many"} for row in good[:2]] + good[2:]
    put(settings, "standard/order_lines__2026-01-02.csv", csv_of(broken))
    landed = take_in(settings, "order_lines")
    assert (landed.refused, landed.rows_quarantined) == ({}, 2)
    current = query(
        settings,
        "select count(*) from raw_standard.order_lines where _valid_from is not null"
        " and _valid_to is null",
    )
    assert current == [(5,)]


def test_a_readable_copy_of_what_was_set_aside(settings: Settings) -> None:
    text = 'account_id,account_name\n"=cmd|x",a\n"=cmd|x",b\n-torn\nA1,x\n'
    path = put(settings, "standard/accounts__2026-01-31.csv", text)
    take_in(settings, "accounts")
    copy = settings.quarantine / "standard/accounts/accounts__2026-01-31.csv.csv"
    lines = copy.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "reason,column_name,row_number,value,raw_text"
    assert lines[1].startswith("duplicate_key,account_id,1,'=cmd|x,")
    assert lines[3] == "wrong_column_count,,3,,'-torn"
    path.unlink()
    put(settings, "standard/accounts__2026-01-30.csv", accounts(*(f"A{n}" for n in range(9))))
    put(settings, "standard/accounts__2026-01-31.csv", accounts(*(f"A{n}" for n in range(9))))
    settings.warehouse.unlink()
    take_in(settings, "accounts")
    assert not copy.exists()


def test_the_readable_copy_keeps_answers_to_itself(settings: Settings) -> None:
    """Only of a survey's answers: which rows, and why."""
    text = "wave,respondent_key,function,score\n1,R1,sales,angry\n1,R2,sales,4\n1,R3,sales\n"
    put(settings, "standard/pulse_responses__2026-01-31.csv", text)
    assert take_in(settings, "pulse_responses").rows_quarantined == 2
    copy = settings.quarantine / "standard/pulse_responses/pulse_responses__2026-01-31.csv.csv"
    assert copy.read_text(encoding="utf-8").splitlines() == [
        "reason,column_name,row_number,value,raw_text",
        "not_a_number,score,1,,",
        "wrong_column_count,,3,,",
    ]


# --- Many files


def test_files_taken_together_are_judged_one_by_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together or one by one: the same rows, problems, columns and verdicts."""
    everyone = [f"A{number}" for number in range(10)]
    files = {
        "standard/accounts__2026-01-01.csv": accounts(*everyone, "A1=x", "A2", "A2"),
        "standard/accounts__2026-01-02.csv": accounts(*everyone[:3]),
        "standard/accounts__2026-01-03.csv": "account_name\nno key\n",
        "standard/accounts__2026-01-04.csv": accounts(*everyone[:9], "A1=y", "A1=y") + "\ntorn\n",
        "standard/accounts.delta__2026-01-05.csv": "account_id,colour\nA1,red\n,blue\n",
        "standard/accounts.delta__2026-01-06.csv": "account_id,colour\nA2,red\n,blue\nA2,red\n",
        "standard/accounts__2026-01-07.csv": "account_id,shape\nA1,round\n",
        "standard/accounts__2026-01-08.csv": accounts(*everyone[:9]),
    }
    outcomes = []
    for limit in (land_module.BATCH_BYTES, 0):
        monkeypatch.setattr(land_module, "BATCH_BYTES", limit)
        home = Settings(settings.home / str(limit), settings.as_of)
        for file, text in files.items():
            put(home, file, text)
        landed = take_in(home, "accounts")
        outcomes.append(
            [
                landed,
                query(home, "from raw_standard.accounts order by all"),
                query(home, LEDGER),
                query(home, "from landing.quarantined_rows order by all"),
            ]
        )
    assert outcomes[0] == outcomes[1]
    assert len(landed.files) == 5
    assert landed.extra_columns == ["colour"]
    assert [message.split()[1] for message in landed.refused.values()] == [
        "would",
        "lacks",
        "would",
    ]


# --- Instants


def test_a_date_stamp_is_the_last_instant_of_the_business_day(settings: Settings) -> None:
    newyork = Settings(settings.home, date(2026, 3, 8), timezone="America/New_York")
    put(newyork, "standard/accounts__2026-03-07.csv", accounts("A1=x"))
    put(newyork, "standard/accounts__2026-03-08.csv", accounts("A1=y"))
    put(newyork, "standard/accounts__2026-03-09T040000Z.csv", accounts("A1=z"))
    take_in(newyork, "accounts")
    assert query(newyork, "select as_of_at from landing.run_settings") == [
        (datetime.fromisoformat("2026-03-09T04:00"),)
    ]
    stamps = query(
        newyork,
        "select account_name, _recorded_at, business_date(_recorded_at) from raw_standard.accounts"
        " order by 2",
    )
    assert stamps == [
        ("x", datetime.fromisoformat("2026-03-08T04:59:59.999999"), date(2026, 3, 7)),
        ("y", datetime.fromisoformat("2026-03-09T03:59:59.999999"), date(2026, 3, 8)),
        ("z", datetime.fromisoformat("2026-03-09T04:00"), date(2026, 3, 9)),
    ]


def test_an_extract_of_the_as_of_day_is_known_and_what_it_lacks_has_vanished(
    settings: Settings,
) -> None:
    """Of extracts of the day before, of the as_of day and of the first instant after it."""
    keys = [f"A{number}" for number in range(9)]
    put(settings, "standard/opportunities__2026-06-29.csv", opportunities(*keys, "LOST"))
    put(settings, "standard/opportunities__2026-06-30.csv", opportunities(*keys, "NEW"))
    put(settings, "standard/opportunities__2026-07-01T000000Z.csv", opportunities(*keys, "LATER"))
    take_in(settings, "opportunities")
    macro = Path(__file__).parents[1] / "dbt_project" / "macros" / "staging.sql"
    template = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(
        macro.read_text(encoding="utf-8")
    )
    template.globals["ref"] = lambda _: "landing.run_settings"
    macros: Any = template.module
    current = macros.known_rows("raw_standard.opportunities")
    kept = macros.known_rows("raw_standard.opportunities", vanished_key="opportunity_id")
    assert query(
        settings, f"select opportunity_id from ({current}) where opportunity_id not like 'A%'"
    ) == [("NEW",)]
    assert query(
        settings,
        f"select opportunity_id, _known_at, _vanished_at from ({kept})"
        " where opportunity_id not like 'A%' order by all",
    ) == [
        ("LOST", None, datetime.fromisoformat("2026-06-30T23:59:59.999999")),
        ("NEW", datetime.fromisoformat("2026-06-30T23:59:59.999999"), None),
    ]


def test_any_order_of_arrival_gives_the_same_rows(settings: Settings) -> None:
    """All orders of three deliveries, one by one, with a set-aside row and a refusal among them."""
    everyone = [f"A{number}" for number in range(10)]
    files = {
        "standard/accounts__2026-01-01.csv": accounts(*everyone, "A1=x"),
        "standard/accounts.delta__2026-01-02.csv": accounts("B1", "A2=y"),
        "standard/accounts__2026-01-03.csv": accounts(*everyone[:6]),
    }
    outcomes = set()
    for number, order in enumerate(permutations(files)):
        home = Settings(settings.home / str(number), settings.as_of)
        for file in order:
            put(home, file, files[file])
            take_in(home, "accounts")
        outcomes.add(
            str(
                [
                    query(home, RAW),
                    query(home, LEDGER),
                    query(home, "from landing.quarantined_rows order by all"),
                ]
            )
        )
    assert len(outcomes) == 1
    assert "would delete" in outcomes.pop()

"""Files of every format, clean and damaged: the same rows, and none lost."""

import csv
import gzip
import io
import json
from collections.abc import Callable

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from assets.landing import reading
from assets.settings import Settings
from tests.landing_helpers import put, query, take_in, write_xlsx

HEADER = ("account_id", "account_name", "industry")
ROWS = [
    ("A1", "Côte & Söhne €", "metal; tin, and\tzinc"),
    ("A2", 'the "best" one', None),
    ("A3", "first line\nsecond line", "=1+2"),
    ("007", " outer blanks ", "<b>'; drop table x; --"),
]


def as_csv(delimiter: str = ",", line_end: str = "\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([HEADER, *ROWS])
    return text.getvalue()


def as_jsonl() -> str:
    lines = (json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) for row in ROWS)
    return "\n".join(lines) + "\n"


def parquet_bytes() -> bytes:
    buffer = io.BytesIO()
    rows = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "utf-8": lambda: ("csv", as_csv().encode()),
    "utf-8 with mark": lambda: ("csv", as_csv().encode("utf-8-sig")),
    "utf-16": lambda: ("csv", as_csv().encode("utf-16")),
    "utf-16 big end first": lambda: ("csv", b"\xfe\xff" + as_csv().encode("utf-16-be")),
    "windows-1252": lambda: ("csv", as_csv().encode("cp1252")),
    "semicolon": lambda: ("csv", as_csv(";").encode()),
    "tab": lambda: ("csv", as_csv("\t").encode()),
    "windows lines": lambda: ("csv", as_csv(line_end="\r\n").encode()),
    "old mac lines": lambda: ("csv", as_csv(line_end="\r").encode()),
    "blank lines": lambda: ("csv", as_csv(line_end="\n\n").encode()),
    "blanks before": lambda: ("csv", b"\n  \n" + as_csv().encode()),
    "mixed lines": lambda: ("csv", as_csv().replace("\n007", "\r\n007").encode()),
    "csv.gz": lambda: ("csv.gz", gzip.compress(as_csv().encode("utf-16"))),
    "capital extension": lambda: ("CSV", as_csv().encode()),
    "parquet": lambda: ("parquet", parquet_bytes()),
    "jsonl": lambda: ("jsonl", as_jsonl().encode()),
    "jsonl.gz": lambda: ("jsonl.gz", gzip.compress(as_jsonl().encode("utf-8-sig"))),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(settings: Settings, name: str) -> None:
    extension, content = FORMATS[name]()
    put(settings, f"standard/accounts__2026-01-31.{extension}", content)
    landed = take_in(settings, "accounts")
    assert (landed.rows_in, landed.rows_loaded, landed.refused) == (4, 4, {})
    found = query(
        settings,
        f"select {', '.join(HEADER)} from raw_standard.accounts order by _row_number",
    )
    assert found == ROWS
    numbers = query(settings, "select _row_number from raw_standard.accounts order by all")
    assert numbers == [(1,), (2,), (3,), (4,)]


def test_excel_cells_come_as_text(settings: Settings) -> None:
    write_xlsx(
        settings.landing / "standard/products__2026-01-31.xlsx",
        [
            ["Product ID", "product name", None, "list price amount", "standard_cost_amount"],
            ["007", "=1+2", None, 12.5, 1e15],
            [None, None, None, None, None],
            ["P2", " x ", None, 12345678901, None],
        ],
    )
    landed = take_in(settings, "products")
    assert (landed.rows_in, landed.rows_loaded, landed.extra_columns) == (2, 2, [])
    assert query(
        settings,
        "select product_id, product_name, list_price_amount, standard_cost_amount"
        " from raw_standard.products order by _row_number",
    ) == [
        ("007", "3", "12.5", "1000000000000000"),
        ("P2", " x ", "12345678901", None),
    ]


def test_numbers_of_json_keep_their_text(settings: Settings) -> None:
    lines = [
        '{"product_id": 1, "list_price_amount": 1.10, "is_new": true, "tags": [1.50, "é"]}',
        '{"product_id": 12345678901234567890123, "currency": null}',
        '{"product_id": "P3", "product_id": "P4"}',
        "[1, 2]",
        "{not json",
        '{"product_id": "\\ud800"}',
        '{"product_id": "P\\u0000"}',
    ]
    put(settings, "standard/products__2026-01-31.jsonl", "\n".join(lines))
    landed = take_in(settings, "products")
    assert (landed.rows_in, landed.rows_loaded, landed.rows_quarantined) == (7, 2, 5)
    assert sorted(landed.extra_columns) == ["is_new", "tags"]
    assert query(
        settings,
        "select product_id, list_price_amount, is_new, tags from raw_standard.products"
        " order by _row_number",
    ) == [("1", "1.10", "true", '[1.5, "é"]'), ("12345678901234567890123", None, None, None)]
    assert query(
        settings, "select row_number, reason from landing.quarantined_rows order by row_number"
    ) == [(3, "not_json"), (4, "not_json"), (5, "not_json"), (6, "not_json"), (7, "nul_character")]


def test_an_unclosed_quote_costs_its_own_line_only(settings: Settings) -> None:
    text = (
        "account_id,account_name,industry\n"
        'A1,"never closed,metal\n'
        'A2,fine,"two\nlines"\n'
        'A3,"text"after,metal\n'
        "A4,fine\n"
        "A5,fine,metal,more\n"
        'A6,5" pipe,metal,\n'
        "\n"
        'A7,"",\n'
        'A8,"never closed,either'
    )
    put(settings, "standard/accounts__2026-01-31.csv", text)
    landed = take_in(settings, "accounts")
    assert (landed.rows_in, landed.rows_loaded, landed.rows_quarantined) == (8, 3, 5)
    assert query(
        settings,
        "select _row_number, account_id, account_name, industry from raw_standard.accounts"
        " order by _row_number",
    ) == [(2, "A2", "fine", "two\nlines"), (6, "A6", '5" pipe', "metal"), (7, "A7", "", None)]
    assert query(
        settings,
        "select row_number, reason, raw_text from landing.quarantined_rows order by row_number",
    ) == [
        (1, "broken_quote", 'A1,"never closed,metal'),
        (3, "broken_quote", 'A3,"text"after,metal'),
        (4, "wrong_column_count", "A4,fine"),
        (5, "wrong_column_count", "A5,fine,metal,more"),
        (8, "broken_quote", 'A8,"never closed,either'),
    ]


def test_a_million_characters_and_nul_bytes_are_survived(settings: Settings) -> None:
    text = f"account_id,account_name\nA1,{'x' * 1_000_000}\nA2,a\0b\nA3,{'y' * 5_000_000}\nA4,ok\n"
    put(settings, "standard/accounts__2026-01-31.csv", text)
    landed = take_in(settings, "accounts")
    assert (landed.rows_in, landed.rows_loaded, landed.rows_quarantined) == (4, 2, 2)
    assert query(
        settings,
        "select row_number, reason, raw_text[:8] from landing.quarantined_rows order by 1",
    ) == [(2, "nul_character", "A2,a␀b"), (3, "record_too_long", "A3,yyyyy")]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("accounts__2026-01-31.csv", b"", "is empty"),
        ("accounts__2026-01-31.csv", b"\n \n", "is empty"),
        ("accounts__2026-01-31.csv", b'"account_id\n', "no readable header"),
        ("accounts__2026-01-31.csv", b"\xff\xfea\x00b", "begins as UTF-16"),
        ("accounts__2026-01-31.csv.gz", b"no gzip", "not readable as gzip"),
        (
            "accounts__2026-01-31.csv.gz",
            gzip.compress(b"x" * 999, mtime=0)[:20],
            "not readable as gzip",
        ),
        ("accounts__2026-01-31.parquet", b"PAR1", "not readable as Parquet"),
        ("accounts__2026-01-31.xlsx", b"PK", "not readable as an Excel workbook"),
        ("accounts__2026-01-31.jsonl", b"[1]\n", "no line that is a JSON object"),
        (
            "accounts__2026-01-31.csv",
            b"account_name\nx\n",
            "lacks the required column 'account_id'",
        ),
        ("accounts__2026-01-31.csv", b"account_id, Account  ID\nx,y\n", "two columns of one name"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(
    settings: Settings, file: str, content: bytes, said: str
) -> None:
    put(settings, f"standard/{file}", content)
    landed = take_in(settings, "accounts")
    message = landed.refused[f"standard/{file}"]
    assert said in message
    assert f"make allow FILE=standard/{file}" in message
    assert query(settings, "select count(*) from raw_standard.accounts") == [(0,)]
    assert query(settings, "select status, rows_in from landing.deliveries") == [("refused", None)]


# --- Damage: whatever comes, rows in = loaded + quarantined, and both ways agree


def damaged_files() -> st.SearchStrategy[bytes]:
    """CSVs of odd pieces: quotes anywhere, torn rows, breaks, NULs, bytes that are no UTF-8."""
    piece = st.sampled_from(["A", "b c", *'",\n\r \0é;', '""', "\r\n", "\n\n", '"x"', '"y\nz"'])
    header = st.sampled_from(
        ["account_id,account_name,industry\n", "account_id\n", "\naccount_id,x\r\n"]
    )
    body = st.lists(piece, max_size=40).map("".join)
    torn = st.sampled_from([b"", b"\xff", b"\xc3"])
    return st.tuples(header, body, torn).map(
        lambda parts: (parts[0] + parts[1]).encode() + parts[2]
    )


@given(content=damaged_files())
@examples(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_row_of_a_damaged_file_is_lost(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "accounts.csv"
    path.write_bytes(content)
    read_rows: list[list[tuple[object, ...]]] = []
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        for way in ("fast where it can be", "careful"):
            if way == "careful":
                patch.setattr(reading, "_count_records", lambda *_: None)
            scratch = folder / way
            scratch.mkdir()
            try:
                found = reading.read(connection, path, "csv", {"account id"}, scratch)
            except reading.FileRefusedError:
                return
            kept = connection.execute("from incoming order by _row_number").fetchall()
            torn = connection.execute("from torn order by _row_number").fetchall()
            assert found.rows_in == len(kept) + len(torn)
            numbers = sorted(row[0] for row in kept + torn)
            assert numbers == list(range(1, found.rows_in + 1))
            read_rows.append(kept + torn)
    assert read_rows[0] == read_rows[1]

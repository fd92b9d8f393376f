"""The dirt of real extracts, and the count of it.

Rows that must be set aside are added, never made of a row that the world needs: their keys exist
nowhere else. So the truths hold for what is left, whatever the dirt.
"""

import codecs
import gzip
import io
import json
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as papq

#: entity → (column, text that it cannot hold, landing's reason to set the row aside)
FAULTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "leads": (("created_at", "", "missing_required_value"),),
    "opportunities": (
        ("amount", "about 5000", "not_a_number"),
        ("created_at", "2025-02-30T10:00:00", "not_an_instant"),
        ("stage", "", "missing_required_value"),
    ),
    "qualification_answers": (("rating", "", "missing_required_value"),),
    "activities": (
        ("duration_minutes", "half an hour", "not_a_number"),
        ("occurred_at", "yesterday", "not_an_instant"),
        ("rep_id", "", "missing_required_value"),
    ),
    "order_lines": (
        ("quantity", "twelve", "not_a_number"),
        ("requested_date", "2025-13-01", "not_a_date"),
        ("cancelled_by", "weather", "not_in_list"),
        ("ordered_at", "", "missing_required_value"),
    ),
    "shipments": (
        ("quantity", "1.200,5", "not_a_number"),
        ("shipped_on", "00.00.0000", "not_a_date"),
        ("order_id", "", "missing_key"),
    ),
    "operations": (
        ("quantity_good", "??", "not_a_number"),
        ("report_type", "idle", "not_in_list"),
        ("finished_at", "2001-01-01T00:00:00Z", "ends_before_start"),
    ),
}
#: entity → the column in which two rows of one key differ
TWINS = {
    "opportunities": "amount",
    "activities": "duration_minutes",
    "order_lines": "quantity",
    "shipments": "quantity",
    "operations": "quantity_good",
}
#: how many rows of a large file have each of its faults, and are there twice
FAULT_RATE = 0.0005
#: the deltas of an entity that are soiled: one in so many
EVERY = 7
#: (entity, turn, which file of that turn) → what is odd about the file
ODDITIES = {
    ("accounts", "again", 0): "windows-1252",
    ("sales_reps", "again", 0): "utf-16",
    ("product_changes", "again", 0): "bom",
    ("pulse_actions", "again", 0): "xlsx",
    ("order_lines", "again", 0): "csv.gz",
    ("opportunities", "again", 0): "extra_column",
    ("leads", "again", 0): "loose_headers",
    ("activities", "delta", 2): "jsonl.gz",
    ("qualification_answers", "delta", 1): "parquet",
    ("shipments", "delta", 1): "delivered_twice",
    ("operations", "delta", 1): "torn_line",
    ("promise_changes", "delta", 1): "shuffled_columns",
}


@dataclass
class Dirt:
    """Soils files as they are written and keeps count."""

    #: entity → why → rows set aside, over all files
    quarantined: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: entity → rows that are there twice in one file, alike to the last column
    exact_duplicates: Counter[str] = field(default_factory=Counter)
    #: what is odd → the file's name
    odd_files: dict[str, str] = field(default_factory=dict)
    files: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    _turns: Counter[tuple[str, str]] = field(default_factory=Counter)

    def write(self, path: Path, entity: str, rows: pa.Table, turn: str) -> None:
        """Writes the rows of a delivery (all columns text), soiled as its turn asks for."""
        ordinal = self._turns[entity, turn]
        self._turns[entity, turn] += 1
        rows = rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))
        if entity in FAULTS and len(rows) and (turn != "delta" or ordinal % EVERY == 0):
            rows = self._faulty(entity, rows, turn)
        self.files += 1
        self.rows[entity] += len(rows)
        oddity = ODDITIES.get((entity, turn, ordinal))
        if oddity is None:
            with path.open("wb") as file:
                _write_csv(rows, file)
        else:
            self._odd(path, entity, rows, oddity)

    def _faulty(self, entity: str, rows: pa.Table, turn: str) -> pa.Table:
        """Adds rows that must be set aside, keys that are there twice, and exact duplicates."""
        each = max(1, round(len(rows) * FAULT_RATE)) if turn != "delta" else 1
        key = rows.column_names[0]
        added = [rows]
        for number, (column, text, why) in enumerate(FAULTS[entity]):
            copies = self._phantoms(rows, each, key, f"X{turn[0]}{number}")
            bad = pa.array([text or None] * len(copies), pa.string())
            added.append(copies.set_column(copies.column_names.index(column), column, bad))
            self.quarantined[entity][why] += len(copies)
        if entity in TWINS:
            column = TWINS[entity]
            twins = self._phantoms(rows, 1, key, "XT")
            place = twins.column_names.index(column)
            added.extend(
                twins.set_column(place, column, pa.array([text] * len(twins))) for text in "12"
            )
            self.quarantined[entity]["duplicate_key"] += 2 * len(twins)
        again = rows.slice(len(rows) // 3, each)
        self.exact_duplicates[entity] += len(again)
        return pa.concat_tables([*added, again])

    @staticmethod
    def _phantoms(rows: pa.Table, count: int, key: str, prefix: str) -> pa.Table:
        """Copies of rows under keys that exist nowhere else."""
        copies = rows.slice(len(rows) // 2, count)
        place = copies.column_names.index(key)
        renamed = pc.binary_join_element_wise(pa.scalar(prefix), copies.column(key), "-")
        return copies.set_column(place, key, renamed)

    def _odd(self, path: Path, entity: str, rows: pa.Table, oddity: str) -> None:
        name = path.name
        if oddity == "windows-1252":
            path.write_bytes(_csv(rows, ";").decode().encode("windows-1252"))
        elif oddity == "utf-16":
            path.write_bytes(codecs.BOM_UTF16_LE + _csv(rows).decode().encode("utf-16-le"))
        elif oddity == "bom":
            path.write_bytes(_csv(rows).decode().encode("utf-8-sig"))
        elif oddity == "xlsx":
            name = path.with_suffix(".xlsx").name
            path.with_name(name).write_bytes(_xlsx(rows))
        elif oddity == "csv.gz":
            name += ".gz"
            path.with_name(name).write_bytes(gzip.compress(_csv(rows), 6, mtime=0))
        elif oddity == "extra_column":
            notes = pa.array(
                ["call back\nnext week" if n % 50 == 0 else None for n in range(len(rows))]
            )
            path.write_bytes(_csv(rows.append_column("crm_note", notes)))
        elif oddity == "loose_headers":
            loose = [f" {column.replace('_', '  ').title()} " for column in rows.column_names]
            path.write_bytes(_csv(rows.rename_columns(loose)))
        elif oddity == "jsonl.gz":
            name = path.with_suffix(".jsonl.gz").name
            lines = "".join(json.dumps(row) + "\n" for row in rows.to_pylist())
            path.with_name(name).write_bytes(gzip.compress(lines.encode(), 6, mtime=0))
        elif oddity == "parquet":
            name = path.with_suffix(".parquet").name
            papq.write_table(rows, path.with_name(name))
        elif oddity == "delivered_twice":
            path.write_bytes(_csv(rows))
            again = path.with_name(f"{entity.upper()}.delta{path.name.removeprefix(entity)}")
            again.write_bytes(_csv(rows))
            self.files += 1
        elif oddity == "torn_line":
            text = _csv(rows)
            last = text.rstrip(b"\n").rsplit(b"\n", 1)[1]
            path.write_bytes(text + b"X" + last[: len(last) // 2])
            self.quarantined[entity]["wrong_column_count"] += 1
            self.rows[entity] += 1
        else:
            path.write_bytes(_csv(rows.select(rows.column_names[::-1])))
        self.odd_files[oddity] = name


def _csv(rows: pa.Table, delimiter: str = ",") -> bytes:
    text = io.BytesIO()
    _write_csv(rows, text, delimiter)
    return text.getvalue()


def _write_csv(rows: pa.Table, sink: BinaryIO, delimiter: str = ",") -> None:
    """Lean, or quoted where a value holds a quote, a delimiter or a line break."""
    header = delimiter.join(rows.column_names) + "\n"
    for quoting in ("none", "needed"):
        sink.seek(0)
        sink.truncate()
        sink.write(header.encode())
        try:
            pacsv.write_csv(rows, sink, _options(quoting, delimiter))
        except pa.ArrowInvalid:
            if quoting == "needed":
                raise
        else:
            return


def _options(quoting: str, delimiter: str) -> pacsv.WriteOptions:
    return pacsv.WriteOptions(include_header=False, quoting_style=quoting, delimiter=delimiter)


def _xlsx(rows: pa.Table) -> bytes:
    """The least workbook that is one: a sheet of text cells, without the clock in it."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    table = [rows.column_names, *(row.values() for row in rows.to_pylist())]
    cells = "".join(
        "<row>"
        + "".join(f'<c t="inlineStr"><is><t>{escape(cell or "")}</t></is></c>' for cell in row)
        + "</row>"
        for row in table
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="extract" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}'
        "</sheetData></worksheet>",
    }
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in parts.items():
            entry = zipfile.ZipInfo(part, (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return book.getvalue()

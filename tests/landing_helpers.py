"""What the landing tests share: putting files down, taking them in, looking at the outcome."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import duckdb

from assets.landing.land import EntityLanding, land, prepare
from assets.settings import Settings
from assets.systems import System, all_systems


def only(entity: str, system: str = "standard") -> System:
    """A system cut down to one entity, which lands quicker."""
    whole = all_systems()[system]
    return replace(whole, entities=(whole.tables[entity],))


def put(settings: Settings, file: str, content: str | bytes) -> Path:
    path = settings.landing / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def take_in(settings: Settings, entity: str, system: str = "standard") -> EntityLanding:
    if not settings.warehouse.exists():
        prepare(settings)
    [landed] = land(only(entity, system), settings)
    return landed


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def csv_of(rows: Sequence[Mapping[str, str]]) -> str:
    header = list(rows[0])
    return "\n".join([",".join(header), *(",".join(row[name] for name in header) for row in rows)])


def write_xlsx(path: Path, rows: Sequence[Sequence[str | float | None]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(xlsx_bytes(rows))


def xlsx_bytes(rows: Sequence[Sequence[str | float | None]]) -> bytes:
    """The smallest workbook that is one: a text that starts with = is a formula saved as 3."""

    def cell(reference: str, value: str | float | None) -> str:
        if value is None:
            return ""
        if isinstance(value, str) and value.startswith("="):
            return f'<c r="{reference}"><f>{escape(value[1:])}</f><v>3</v></c>'
        if isinstance(value, str):
            text = f'<is><t xml:space="preserve">{escape(value)}</t></is>'
            return f'<c r="{reference}" t="inlineStr">{text}</c>'
        return f'<c r="{reference}"><v>{value!r}</v></c>'

    lines = "".join(
        f'<row r="{number}">'
        + "".join(cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006"
    package = "http://schemas.openxmlformats.org/package/2006"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{office}/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}/relationships"><sheets>'
        '<sheet name="Export" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/relationships/worksheet"'
        ' Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData>'
        "</worksheet>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as workbook:
        for name, content in parts.items():
            workbook.writestr(name, '<?xml version="1.0"?>' + content)
    return packed.getvalue()

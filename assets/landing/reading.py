"""One file → a temporary table of text, and the rows that are not even rows.

Every reader leaves two temporary tables in the connection it is given, which must not be in a
transaction (only then are the row ids of a new table its row numbers):
`incoming` (`_row_number` BIGINT from 1, then `c0`, `c1`, … VARCHAR in the order of the headers) and
`torn` (`_row_number`, `reason`, `raw_text`). It counts the rows of the file by a way of its own, so
that a row lost on the way into DuckDB shows.

A CSV goes the fast way (DuckDB's reader with everything spelt out) where it is well formed: the
reader takes every line, and an independent count of its records agrees. Else `sift` goes through
it line by line and leaves a clean copy for the same reader.

An empty field without quotes is NULL, one with quotes is an empty text. Blanks around quotes do
not count, nor do empty fields beyond the header. Blank lines are no rows.
A byte order mark decides the encoding; without one a line that is not strictly UTF-8 is
Windows-1252, so that one stray byte does not garble the other lines.
"""

import codecs
import gzip
import itertools
import json
import re
import shutil
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.landing.checking import Reason, literal, normalised, quoted

CHUNK_BYTES = 8 * 2**20
#: the longest record that is still taken for one, in bytes
LONGEST_RECORD = 4 * 2**20
#: what DuckDB reads at once, one thread a buffer; left to itself it makes more of long records
BUFFER_BYTES = 32_000_000
#: of a row set aside, the characters that are kept
LONGEST_RAW_TEXT = 1_000_000
DAMAGED = "is not readable as {}: it breaks off, is damaged, or is another kind of file"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: the five bytes that it leaves open are control characters, as browsers read them
WINDOWS_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))
#: how files begin that are no text, whatever they are called, and what to do with them
OTHER_KINDS = {
    rb"PK\x03\x04": "an Excel workbook or a zip archive: name it .xlsx, or unpack it",
    rb"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007: save it as .xlsx",
    rb"PAR1[\x00-\x1f]": "a Parquet file: name it .parquet",
    rb"\x1f\x8b": "packed with gzip: add .gz to its name",
    rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b": "a web page: was the export behind a sign-in?",
}


class FileRefusedError(Exception):
    """The file is refused whole; the message says why, in plain words."""


@dataclass(frozen=True)
class Reading:
    """What was read: the headers as they came, the rows counted, and how it was understood."""

    headers: tuple[str, ...]
    rows_in: int
    read_as: str


#: the headers and the SQL of the rows under them → the SQL of those rows, with more columns
Addition = Callable[[tuple[str, ...], str], str]


def nothing_added(headers: tuple[str, ...], relation: str) -> str:
    return f"from {relation}"


def read(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    extension: str,
    promised: Iterable[str],
    scratch: Path,
    add: Addition = nothing_added,
) -> Reading:
    """Fills `incoming` and `torn` from one file.

    `promised` are the headers that the entity knows (they settle the delimiter); `scratch` is an
    empty folder for copies; `add` says what else `incoming` shall hold of each row, worked out
    while the row is read, which saves going through a large file again.

    Raises:
        FileRefusedError: the file cannot be read, or has no header that can.
    """
    connection.execute(
        "create or replace temp table torn (_row_number bigint, reason varchar, raw_text varchar)"
    )
    if path.stat().st_size == 0:
        raise FileRefusedError("is empty: it has not even a header")
    try:
        match extension.removesuffix(".gz"):
            case "parquet":
                reading = _read_parquet(connection, path, add)
            case "xlsx":
                reading = _read_xlsx(connection, path, scratch, add)
            case "jsonl":
                plain, encoding = _plain_text(path, extension, scratch)
                reading = _read_jsonl(connection, plain, encoding, scratch, add)
            case _:
                plain, encoding = _plain_text(path, extension, scratch)
                reading = _read_csv(connection, plain, encoding, set(promised), scratch, add)
    except OSError as error:
        raise FileRefusedError(f"cannot be read ({error.strerror or error})") from error
    if any("\0" in header for header in reading.headers):
        raise FileRefusedError("has a NUL character in its header")
    return reading


def _plain_text(path: Path, extension: str, scratch: Path) -> tuple[Path, str]:
    """The file as plain UTF-8 without a mark, and the encoding it came in.

    The file itself where it is that already.
    """
    plain = path
    if extension.endswith(".gz"):
        plain = scratch / "unpacked"
        try:
            with gzip.open(path, "rb") as packed, plain.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, CHUNK_BYTES)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileRefusedError(
                "is not readable as gzip: it breaks off, is damaged, or was never packed"
            ) from error
    with plain.open("rb") as source:
        start = source.read(4096)
        for form, kind in OTHER_KINDS.items():
            if re.match(form, start, re.IGNORECASE):
                raise FileRefusedError(f"is no {extension.removesuffix('.gz')}, but {kind}")
        mark, encoding = next(
            ((mark, name) for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), (b"", "")
        )
        source.seek(0)
        if not encoding:
            encoding = "utf-8" if _is_utf8(source) else "windows-1252"
            if encoding == "utf-8":
                return plain, encoding
        source.seek(len(mark))
        copy = scratch / "plain"
        with copy.open("wb") as target:
            try:
                for text in _decoded(source, encoding):
                    target.write(text.encode())
            except UnicodeError as error:
                raise FileRefusedError(
                    "begins as UTF-16 text but breaks off in a character, or is something else"
                ) from error
        return copy, encoding


def _is_utf8(source: Any) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := source.read(CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(source: Any, encoding: str) -> Iterator[str]:
    if encoding.startswith("utf-16"):
        decoder = codecs.getincrementaldecoder(encoding)()
        while chunk := source.read(CHUNK_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
        return
    while chunk := source.read(CHUNK_BYTES) + source.readline(LONGEST_RECORD):
        try:
            yield chunk.decode()
        except UnicodeDecodeError:
            yield "".join(map(_decoded_line, chunk.splitlines(keepends=True)))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return codecs.charmap_decode(line, "strict", WINDOWS_1252)[0]


# --- CSV


@dataclass(frozen=True)
class _Record:
    """A record of a CSV: its fields, or why it has none."""

    raw: str
    fields: list[str | None]
    reason: Reason | None = None


def _read_csv(
    connection: duckdb.DuckDBPyConnection,
    plain: Path,
    encoding: str,
    promised: set[str],
    scratch: Path,
    add: Addition,
) -> Reading:
    with plain.open("rb") as source:
        start = source.read(LONGEST_RECORD)
    first_end = re.search(rb"\r*\n|\r", start)
    line_end = first_end[0].decode() if first_end else "\n"

    def records(delimiter: str) -> Iterator[_Record]:
        """The header and what comes after it."""
        newline = "\r" if line_end == "\r" else "\n"
        with plain.open(encoding="utf-8", newline=newline) as lines:
            found = _records(lines, delimiter)
            yield from itertools.dropwhile(lambda record: not record.raw.strip(), found)

    heads = {delimiter: next(records(delimiter), None) for delimiter in (",", ";", "\t")}
    delimiter, head = max(
        ((delimiter, head) for delimiter, head in heads.items() if head is not None),
        key=lambda found: (
            sum(normalised(field) in promised for field in found[1].fields),
            len(found[1].fields),
        ),
        default=(",", None),
    )
    if head is None:
        raise FileRefusedError("is empty: it has not even a header")
    if "\0" in head.raw:
        raise FileRefusedError(
            "has NUL characters in its header: it may be UTF-16 without its mark; save it as UTF-8"
        )
    if head.reason:
        raise FileRefusedError(
            f"has no readable header: {head.reason.meaning} (columns are divided by , ; or tab)"
        )
    headers = tuple(field or "" for field in head.fields)
    read_as = f"csv, {encoding}, delimiter {'tab' if delimiter == chr(9) else delimiter}"

    rows_in = None
    if line_end != "\r" and start.startswith((head.raw + line_end).encode()):
        rows_in = _count_records(plain, delimiter)
    if rows_in is None or not _load_csv(
        connection, plain, delimiter, headers, rows_in, line_end, add
    ):
        rows_in = _sift(connection, records(delimiter), delimiter, headers, scratch, add)
    return Reading(headers, rows_in, read_as)


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    plain: Path,
    delimiter: str,
    headers: tuple[str, ...],
    rows_in: int,
    line_end: str,
    add: Addition,
) -> bool:
    """Loads a well-formed CSV; False where DuckDB stumbles or sees another number of rows."""
    names = [f"c{position}" for position in range(len(headers))]
    relation = _csv_relation(plain, delimiter, names, header=True, line_end=line_end)
    try:
        connection.execute(f"create or replace temp table read_rows as {add(headers, relation)}")
    except duckdb.Error:
        return False
    # A table just made numbers its rows in the order of the file.
    connection.execute(
        "create or replace temp view incoming as select rowid + 1 as _row_number, * from read_rows"
    )
    found = connection.execute("select count(*) from read_rows").fetchone()
    return found == (rows_in,)


def _csv_relation(
    path: Path, delimiter: str, names: list[str], header: bool, line_end: str = "\n"
) -> str:
    """DuckDB's reader with nothing left to guess."""
    line_end = line_end.replace("\r", r"\r").replace("\n", r"\n")
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({literal(str(path))}, columns = {{{types}}}, auto_detect = false,"
        f" header = {header}, delim = {literal(delimiter)}, quote = '\"', escape = '\"',"
        f" new_line = '{line_end}', strict_mode = true, nullstr = '', allow_quoted_nulls = false,"
        " comment = '',"
        f" max_line_size = {LONGEST_RECORD}, buffer_size = {BUFFER_BYTES})"
    )


def _count_records(plain: Path, delimiter: str) -> int | None:
    """The data rows of a well-formed CSV: line ends outside quotes, less the header.

    None where the file is not plain sailing: it ends within a quote, has blank lines, NULs,
    carriage returns that end no line, or blanks around quotes, which DuckDB reads one way where
    there is one blank and another where there are two.
    """
    import numpy

    blanks_around_quotes = [
        text.encode()
        for text in (
            f'{delimiter} "',
            '\n "',
            '  "',
            f'" {delimiter}',
            '" \n',
            '" \r',
            '"  ',
            '" "',
        )
    ]

    ends = 0
    within = False
    tail = b"\n"
    with plain.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            if chunk.endswith(b"\r"):
                chunk += source.read(1)
            seam = tail[-2:] + chunk
            codes = numpy.frombuffer(chunk, dtype=numpy.uint8)
            line_ends = numpy.flatnonzero(codes == ord("\n"))
            last_end = -1 if tail.endswith(b"\n") else -2
            if (numpy.diff(line_ends, prepend=last_end) == 1).any() or b"\0" in chunk:
                return None
            if b"\r" in chunk and (chunk.count(b"\r") != chunk.count(b"\r\n") or b"\n\r\n" in seam):
                return None
            if within or b'"' in chunk:
                has_blanks = b' "' in seam or b'" ' in seam  # two looks instead of eight
                if has_blanks and any(text in seam for text in blanks_around_quotes):
                    return None
                quotes = numpy.flatnonzero(codes == ord('"'))
                quotes_before = numpy.searchsorted(quotes, line_ends) + within
                ends += int(numpy.count_nonzero(quotes_before % 2 == 0))
                within = bool((len(quotes) + within) % 2)
            else:
                ends += len(line_ends)
            tail = chunk if len(chunk) > 1 else tail + chunk
    return None if within else ends - tail.endswith(b"\n")


def _records(lines: Iterable[str], delimiter: str) -> Iterator[_Record]:
    """Splits lines into records, strictly; a broken one costs its first line only.

    A quoted field may span lines. Where its quote is not closed, or text follows the closing
    quote, the line on which the record began is set aside, and reading goes on with the next.
    """
    source = iter(lines)
    ahead: deque[str] = deque()
    opening = re.compile(r' *"')
    inner = re.compile(r'(?:[^"]+|"")*+')

    def parse(line: str) -> tuple[list[str | None], list[str]]:
        """The fields of the record that begins with this line, and the lines it went on to.

        Raises ValueError holding those lines where its quotes are broken.
        """
        text, taken, fields, at = line.rstrip("\r\n"), [], [], 0
        last, length = line, len(line)
        while True:
            quote = opening.match(text, at)
            if quote is None:
                end = text.find(delimiter, at)
                end = len(text) if end < 0 else end
                fields.append(text[at:end] or None)
            else:
                begin = scan = quote.end()
                while (end := inner.match(text, scan).end()) == len(text):  # type: ignore[union-attr]
                    following = ahead.popleft() if ahead else next(source, None)
                    if following is not None:
                        taken.append(following)
                        length += len(following)
                    if following is None or length > LONGEST_RECORD:
                        raise ValueError(taken)
                    scan = len(text) + len(last) - len(last.rstrip("\r\n"))
                    text += last[len(last.rstrip("\r\n")) :] + following.rstrip("\r\n")
                    last = following
                fields.append(text[begin:end].replace('""', '"'))
                end += 1
                while text[end : end + 1] == " ":
                    end += 1
                if end < len(text) and text[end] != delimiter:
                    raise ValueError(taken)
            if end == len(text):
                return fields, taken
            at = end + 1

    while (line := ahead.popleft() if ahead else next(source, None)) is not None:
        line = line.lstrip("\n")  # of a line end that is a carriage return and more
        body = line.rstrip("\r\n")
        if not body:
            continue
        if len(body) > LONGEST_RECORD // 4 and len(body.encode()) >= LONGEST_RECORD - 64:
            yield _Record(body, [], Reason.RECORD_TOO_LONG)
        elif '"' not in body:
            yield _Record(body, [field or None for field in body.split(delimiter)])
        else:
            try:
                fields, taken = parse(line)
            except ValueError as broken:
                ahead.extendleft(reversed(broken.args[0]))
                yield _Record(body, [], Reason.BROKEN_QUOTE)
            else:
                raw = "".join([line, *taken]).rstrip("\r\n")
                yield _Record(raw, fields)


def _sift(
    connection: duckdb.DuckDBPyConnection,
    records: Iterator[_Record],
    delimiter: str,
    headers: tuple[str, ...],
    scratch: Path,
    add: Addition,
) -> int:
    """Loads the whole records through a clean copy, sets the others aside, and counts them all."""
    next(records)
    width = len(headers)
    sorter = _Sorter(scratch, delimiter)
    with sorter:
        for record in records:
            fields = record.fields
            while len(fields) > width and fields[-1] is None:
                fields = fields[:-1]
            if width > 1 and len(fields) == 1 and not record.raw.strip():
                continue  # a blank line; of one column only, blanks are a value
            if record.reason:
                sorter.set_aside(record.reason, record.raw)
            elif len(fields) != width:
                sorter.set_aside(Reason.WRONG_COLUMN_COUNT, record.raw)
            else:
                sorter.keep(fields, record.raw)
    return sorter.load(connection, headers, add)


class _Sorter:
    """Two files in the scratch folder, `kept` and `torn`, and a count of what went to either."""

    def __init__(self, scratch: Path, delimiter: str = ",") -> None:
        self.kept = scratch / "kept.csv"
        self.torn = scratch / "torn.csv"
        self.delimiter = delimiter
        self.count = 0

    def __enter__(self) -> "_Sorter":
        self._kept = self.kept.open("w", encoding="utf-8", newline="")
        self._torn = self.torn.open("w", encoding="utf-8", newline="")
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()
        self._torn.close()

    def keep(self, fields: list[str | None], raw: str) -> None:
        line = self.delimiter.join("" if field is None else _in_quotes(field) for field in fields)
        if "\0" in line:
            self.set_aside(Reason.NUL_CHARACTER, raw)
            return
        if len(line) > LONGEST_RECORD // 4 and len(line.encode()) >= LONGEST_RECORD - 64:
            self.set_aside(Reason.RECORD_TOO_LONG, raw)
            return
        self.count += 1
        self._kept.write(f"{self.count}{self.delimiter}{line}\n")

    def set_aside(self, reason: Reason, raw: str) -> None:
        self.count += 1
        visible = raw.replace("\0", "\N{SYMBOL FOR NULL}")
        if len(visible) > LONGEST_RAW_TEXT:
            visible = visible[:LONGEST_RAW_TEXT] + "…"
        self._torn.write(f"{self.count},{reason},{_in_quotes(visible)}\n")

    def load(
        self, connection: duckdb.DuckDBPyConnection, headers: tuple[str, ...], add: Addition
    ) -> int:
        """Makes `incoming` and fills `torn`; returns how many rows were sorted."""
        names = ["_row_number", *(f"c{position}" for position in range(len(headers)))]
        kept = _csv_relation(self.kept, self.delimiter, names, header=False)
        rows = f"(select * replace (cast(_row_number as bigint) as _row_number) from {kept})"
        connection.execute(f"create or replace temp table read_rows as {add(headers, rows)}")
        connection.execute("create or replace temp view incoming as from read_rows")
        torn = _csv_relation(self.torn, ",", ["_row_number", "reason", "raw_text"], header=False)
        connection.execute(f"insert into torn from {torn}")
        return self.count


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


# --- JSON lines


def _read_jsonl(
    connection: duckdb.DuckDBPyConnection,
    plain: Path,
    encoding: str,
    scratch: Path,
    add: Addition,
) -> Reading:
    """Each line an object; its names over the whole file are the headers, in order of sight."""
    headers: dict[str, int] = {}

    def objects() -> Iterator[tuple[str, dict[str, str | None] | None]]:
        with plain.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                if line.strip():
                    yield line.rstrip("\r\n"), _json_object(line)

    for _, found in objects():
        for name in found or ():
            headers.setdefault(name, len(headers))
    if not headers:
        is_blank = next(objects(), None) is None
        raise FileRefusedError("is empty" if is_blank else "has no line that is a JSON object")
    sorter = _Sorter(scratch)
    with sorter:
        for line, found in objects():
            if found is None:
                sorter.set_aside(Reason.NOT_JSON, line)
            else:
                sorter.keep([found.get(name) for name in headers], line)
    rows_in = sorter.load(connection, tuple(headers), add)
    return Reading(tuple(headers), rows_in, f"jsonl, {encoding}")


def _json_object(line: str) -> dict[str, str | None] | None:
    """Name → text as it was written (1.10 stays 1.10); None where the line is no object."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in found}) < len(found):
            raise ValueError("a name comes twice")
        return dict(found)

    try:
        line.encode()
        found = json.loads(
            line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=pairs
        )
        if not isinstance(found, dict):
            return None
        texts: dict[str, str | None] = {}
        for name, value in found.items():
            if isinstance(value, bool):
                value = "true" if value else "false"
            elif isinstance(value, (list, dict)):
                value = json.dumps(json.loads(line)[name], ensure_ascii=False)
            (value or "").encode()
            name.encode()
            texts[name] = value
    except (ValueError, RecursionError):
        return None
    return texts


# --- Parquet and Excel


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path, add: Addition) -> Reading:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as source:
            schema, rows_in = source.schema_arrow, source.metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise FileRefusedError(DAMAGED.format("Parquet")) from error
    if not schema.names:
        raise FileRefusedError("is empty: it has no columns")
    if len({name.casefold() for name in schema.names}) == len(schema.names):
        texts = [
            f"cast({'to_json' if pyarrow.types.is_nested(field.type) else ''}"
            f"({quoted(field.name)}) as varchar) as c{position}"
            for position, field in enumerate(schema)
        ]
        try:
            rows = f"(select {', '.join(texts)} from read_parquet({literal(str(path))}))"
            connection.execute(
                f"create or replace temp table read_rows as {add(tuple(schema.names), rows)}"
            )
        except duckdb.Error as error:
            raise FileRefusedError(DAMAGED.format("Parquet")) from error
        connection.execute(
            "create or replace temp view incoming as"
            " select rowid + 1 as _row_number, * from read_rows"
        )
    return Reading(tuple(schema.names), rows_in, "parquet")


def _read_xlsx(
    connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path, add: Addition
) -> Reading:
    """The first sheet, every cell as text; a formula is the value that was saved with it."""
    import fastexcel

    try:
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise FileRefusedError(DAMAGED.format("an Excel workbook")) from error
    columns = [column.to_pylist() for column in sheet.to_arrow().columns]
    columns = [cells for cells in columns if any(cells)]
    rows = (list(row) for row in zip(*columns, strict=True) if any(row))
    head = next(rows, None)
    if head is None:
        raise FileRefusedError("is empty: its first sheet has not even a header")
    sorter = _Sorter(scratch)
    with sorter:
        for row in rows:
            sorter.keep(row, json.dumps(row, ensure_ascii=False))
    headers = tuple(cell or "" for cell in head)
    rows_in = sorter.load(connection, headers, add)
    return Reading(headers, rows_in, "xlsx, first sheet")

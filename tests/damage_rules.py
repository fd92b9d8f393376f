"""What landing must make of an extract of `shop/orders`, told by rules of their own.

Kept as plain as can be, and sharing nothing with `assets.landing` but the names of the reasons:
what is written twice and agrees is right.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from assets.landing.checking import Reason
from assets.systems import Entity, System, columns

SHOP = System(
    "shop",
    (
        Entity(
            "orders",
            columns(
                """
                order_id key
                line_number integer key
                customer required
                ordered_on date required
                promised_on date
                due_on date as %d.%m.%Y called Due Date
                changed_at instant
                quantity decimal
                is_rush boolean
                status in open|done
                note
                """
            ),
            delivery="delta",
            intervals=(("ordered_on", "promised_on"),),
        ),
    ),
)
HEADERS = {column.name: column.called[0] for column in SHOP.tables["orders"].columns}
LONGEST_RECORD = 4 * 2**20


@dataclass
class Record:
    """What the file holds in place of a row, and the reasons one of which must be given for it.

    None among the reasons: it must be loaded.
    """

    fields: list[str | None]
    raw: str = ""
    reasons: set[Reason | None] = field(default_factory=lambda: {None})


def decoded(content: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return content[2:].decode(encoding)
    lines = re.split(rb"(\r|\n)", content.removeprefix(b"\xef\xbb\xbf"))
    return "".join(map(_decoded_line, lines))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        texts = (bytes([byte]) for byte in line)
        return "".join(text.decode("cp1252", "ignore") or chr(text[0]) for text in texts)


def csv_records(text: str, delimiter: str) -> Iterator[Record]:
    """The records of a CSV, field by field; one whose quotes are broken ends with its line."""
    first = re.search(r"\r*\n|\r", text)
    is_old = first is not None and first[0] == "\r"
    line_end = re.compile(r"\n*(\r\n*|\Z)" if is_old else r"\r*(\n|\Z)")
    plain_end = re.compile(rf"{delimiter}|{line_end.pattern}")
    at, is_head = 0, True
    while at < len(text):
        start, fields, is_broken = at, [], False
        while True:
            quote = re.compile(r' *"').match(text, at)
            if quote is None:
                end = _found(plain_end, text, at)
                fields.append(text[at:end] or None)
            else:
                end, values = quote.end(), []
                while (close := text.find('"', end)) >= 0 and text[close + 1 : close + 2] == '"':
                    values.append(text[end : close + 1])
                    end = close + 2
                fields.append("".join([*values, text[end:close]]))
                end = close + 1
                while text[end : end + 1] == " ":
                    end += 1
                is_broken = close < 0 or not plain_end.match(text, end)
            if is_broken or text[end : end + 1] != delimiter:
                break
            at = end + 1
        if is_broken:
            end = _found(line_end, text, start)
            yield Record([], text[start:end], {Reason.BROKEN_QUOTE})
        elif text[start:end].strip() or (len(fields) > 1 and not is_head):
            yield Record(fields, text[start:end])
            is_head = False
        at = line_end.match(text, end).end()  # type: ignore[union-attr]


def _found(pattern: re.Pattern[str], text: str, at: int) -> int:
    return pattern.search(text, at).start()  # type: ignore[union-attr]


def judge(records: list[Record], columns: list[str], headers: Mapping[str, str], form: str) -> None:
    """Gives each record of a file its reasons; the headers are by column."""
    headers = {name: headers[name] for name in columns}
    of_key: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        while len(record.fields) > len(columns) and record.fields[-1] is None:
            record.fields.pop()
        whole = "".join(text or "" for text in record.fields)
        if record.reasons != {None}:
            continue
        if len(record.fields) != len(columns):
            record.reasons = {Reason.WRONG_COLUMN_COUNT}
        elif len(whole.encode()) > LONGEST_RECORD and form != "parquet":
            record.reasons = {Reason.RECORD_TOO_LONG}
        elif "\0" in whole and form != "parquet":
            record.reasons = {Reason.NUL_CHARACTER}
        else:
            said = dict(zip(columns, record.fields, strict=True))
            record.reasons = judged(said, headers)
            key = key_of(said)
            if key and record.reasons != {Reason.REPEATED_HEADER}:
                of_key.setdefault(key, []).append(record)
    for of_one_key in of_key.values():
        if any(record.fields != of_one_key[0].fields for record in of_one_key):
            for record in of_one_key:
                if None in record.reasons:
                    record.reasons ^= {None, Reason.DUPLICATE_KEY}


def key_of(said: Mapping[str, str | None]) -> tuple[str, int] | None:
    order, line = _trimmed(said["order_id"]), _trimmed(said["line_number"])
    is_number = FORMS["line_number", Reason.NOT_AN_INTEGER](line)
    return (order, int(Decimal(line))) if order and is_number else None


def judged(said: Mapping[str, str | None], headers: Mapping[str, str]) -> set[Reason | None]:
    """The first reason that holds; both where it is not for this test to know."""
    texts = {name: _trimmed(text) for name, text in said.items()}
    if all(texts[name] == header.strip() for name, header in headers.items() if header.strip()):
        return {Reason.REPEATED_HEADER}
    found = {
        reason
        for reason, names in REQUIRED.items()
        for name in names
        if name in texts and not texts[name]
    }
    found |= {
        reason
        for (name, reason), form in FORMS.items()
        if texts.get(name) and not form(texts[name])
    }
    first, then = texts.get("ordered_on", ""), texts.get("promised_on", "")
    if _is_date(first) and _is_date(then) and then < first:
        found.add(Reason.ENDS_BEFORE_START)
    if found:
        return {min(found, key=list(Reason).index)}
    is_odd = not re.fullmatch(r"([0-9]{2}[.][0-9]{2}[.][0-9]{4})?", texts.get("due_on", ""))
    return {None, Reason.NOT_A_DATE} if is_odd else {None}


def _trimmed(text: str | None) -> str:
    return (text or "").strip(" \u00a0\u3000")


def _is_date(text: str, form: str = "%Y-%m-%d") -> bool:
    if form == "%Y-%m-%d" and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False  # strptime would take 2026-5-1 as well
    try:
        return bool(datetime.strptime(text, form)) and len(text) > 7  # noqa: DTZ007
    except ValueError:
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: bool(re.fullmatch(pattern, text))


REQUIRED = {
    Reason.MISSING_KEY: ("order_id", "line_number"),
    Reason.MISSING_REQUIRED_VALUE: ("customer", "ordered_on"),
}
FORMS: dict[tuple[str, Reason], Callable[[str], bool]] = {
    ("line_number", Reason.NOT_AN_INTEGER): _matches(r"[+-]?[0-9]{1,18}([.]0+)?"),
    ("quantity", Reason.NOT_A_NUMBER): _matches(
        r"[+-]?([0-9]{1,17}([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9])?"
    ),
    ("ordered_on", Reason.NOT_A_DATE): _is_date,
    ("promised_on", Reason.NOT_A_DATE): _is_date,
    ("due_on", Reason.NOT_A_DATE): lambda text: _is_date(text, "%d.%m.%Y"),
    ("changed_at", Reason.NOT_AN_INSTANT): lambda text: (
        _matches(r".{10}([T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?)?")(text)
        and _is_date(text[:10])
    ),
    ("is_rush", Reason.NOT_A_BOOLEAN): lambda text: text.lower() in ("true", "false"),
    ("status", Reason.NOT_IN_LIST): lambda text: text.lower() in ("open", "done"),
}

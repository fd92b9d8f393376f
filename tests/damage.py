"""Extracts damaged in known ways, and what is to become of each of their rows.

A `Draft` is an extract as somebody meant to send it. A kind of damage changes it: its columns,
rows, lines, bytes or name; several kinds may befall one draft. `Draft.write` gives the bytes,
`Draft.expected` what landing must make of them.
"""

import gzip
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

import pyarrow
import pyarrow.parquet

from assets.landing.checking import Reason
from tests.damage_rules import HEADERS, Record, csv_records, decoded, judge
from tests.landing_helpers import xlsx_bytes

# --- A draft


@dataclass
class Row:
    """A row as meant; `reason`: why it must be set aside; `rewrite`: what befalls its line."""

    texts: dict[str, str | None]
    reason: Reason | None = None
    rewrite: Callable[[str], str] | None = None
    is_touched: bool = False


@dataclass
class Expected:
    """What landing must say of a file.

    `refusals`: sets of words, one of which its message must hold. `is_opaque`: all that is known
    is that no row may be lost, and that it may be refused.
    """

    columns: list[str]
    headers: dict[str, str]
    refusals: list[tuple[str, ...]]
    is_opaque: bool
    records: list[Record] = field(default_factory=list)


class Draft:
    """An extract of `shop/orders`, good as long as no damage is done."""

    def __init__(self, random: Random, number: int) -> None:
        self.random = random
        self.columns = list(HEADERS)
        self.headers = dict(HEADERS)
        self.rows = [Row(self._texts(number, line)) for line in range(random.randint(5, 10))]
        self.form = "csv"
        self.pack: Callable[[bytes], bytes] | None = None
        self.delimiter = ","
        self.line_end = "\n"
        self.last_line_end = random.choice(["", "\n", "\n"])
        self.quoting = random.choice(["needed", "some", "all"])
        self.encoding = "utf-8"
        self.mark = b""
        self.blank_lines = [""]  # before a line; # stands for a line end
        self.edits: list[Callable[[bytes], bytes]] = []
        self.refusals: list[tuple[str, ...]] = []
        self.is_opaque = False
        self.stem = "orders"
        stamp = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        self.stamp = stamp.strftime("__%Y-%m-%dT%H%M%SZ")
        self.is_claimed = True

    def _texts(self, number: int, line: int) -> dict[str, str | None]:
        choice = self.random.choice
        ordered = date(2026, 1, 1) + timedelta(days=self.random.randint(0, 300))
        promised = ordered + timedelta(days=self.random.randint(0, 60))
        return {
            "order_id": f"{number}-{self.random.getrandbits(40):010x}",
            "line_number": str(line + 1),
            "customer": choice(["Acme", "O'Brien & Sons", "Müller GmbH", "Smith, Jones; Co"]),
            "ordered_on": ordered.isoformat(),
            "promised_on": choice([None, promised.isoformat()]),
            "due_on": choice([None, promised.strftime("%d.%m.%Y")]),
            "changed_at": choice([None, f"{ordered}T10:15:00Z", f"{ordered} 08:00:00"]),
            "quantity": choice([None, "1", "-2.50", "1e3", "12345.678"]),
            "is_rush": choice([None, "true", "FALSE"]),
            "status": choice([None, "open", "Done"]),
            "note": choice([None, "", "as agreed", 'the "big" one', "two\nlines", '5" pipe']),
        }

    def pick(self) -> list[Row]:
        """One to three rows that nobody has touched yet, and nobody will hereafter."""
        fresh = [row for row in self.rows if not row.is_touched]
        picked = self.random.sample(fresh, min(len(fresh), self.random.randint(1, 3)))
        for row in picked:
            row.is_touched = True
        return picked

    def put(
        self, column: str, texts: Sequence[str | None], reason: Reason | None = None
    ) -> list[Row]:
        """Writes one of the texts into the column, if there is one, of some rows."""
        picked = self.pick() if column in self.columns else []
        for row in picked:
            row.texts[column], row.reason = self.random.choice(texts), reason
        return picked

    def rewrite(
        self, change: Callable[[list[str]], str], reason: Reason | None = None
    ) -> list[Row]:
        """Changes the lines of some rows, whose fields are made such that they need no quotes."""
        picked = self.pick()
        for row in picked:
            for name in self.columns:
                is_free = name not in HEADERS or name in ("customer", "note")
                row.texts[name] = "plain" if is_free else row.texts[name]
            row.reason = reason
            row.rewrite = lambda line: change(line.replace('"', "").split(self.delimiter))
        return picked

    @property
    def file(self) -> str:
        return f"shop/{self.stem}{self.stamp}.{self.form}{'.gz' if self.pack else ''}"

    def write(self) -> bytes:
        content: bytes = getattr(self, f"_{self.form}")()
        for edit in self.edits:
            content = edit(content)
        return self.pack(content) if self.pack else content

    def _csv(self) -> bytes:
        lines = [self._line([self.headers[name] for name in self.columns])]
        for row in self.rows:
            line = self._line([row.texts[name] for name in self.columns])
            lines.append(row.rewrite(line) if row.rewrite else line)
        text = self.line_end.join(self._blank(self.line_end) + line for line in lines)
        return self.mark + (text + self.last_line_end).encode(self.encoding)

    def _line(self, texts: Sequence[str | None]) -> str:
        def quoted(text: str | None) -> str:
            if text is None:
                return ""
            must = text == "" or re.search(rf'^ *"|[\r\n{self.delimiter}]', text)
            if must or self.quoting == "all" or self.random.random() < (self.quoting == "some") / 2:
                return '"' + text.replace('"', '""') + '"'
            return text

        return self.delimiter.join(map(quoted, texts))

    def _jsonl(self) -> bytes:
        lines = []
        for row in self.rows:
            said = {self.headers[name]: row.texts[name] for name in self.columns}
            line = json.dumps(said, ensure_ascii=self.random.random() < 0.5)
            lines.append(row.rewrite(line) if row.rewrite else line)
        text = "".join(self._blank("\n") + line + "\n" for line in lines)
        return self.mark + text.encode(self.encoding)

    def _blank(self, line_end: str) -> str:
        return self.random.choice(self.blank_lines).replace("#", line_end)

    def _parquet(self) -> bytes:
        cells = [[row.texts[name] for row in self.rows] for name in self.columns]
        arrays = [pyarrow.array(each, pyarrow.string()) for each in cells]
        table = pyarrow.table(arrays, [self.headers[name] for name in self.columns])
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table, buffer)
        return buffer.getvalue()

    def _xlsx(self) -> bytes:
        cells = [[row.texts[name] or None for name in self.columns] for row in self.rows]
        return xlsx_bytes([[self.headers[name] for name in self.columns], *cells])

    def expected(self, content: bytes) -> Expected:
        """What must come of the file with this content."""
        if self.form == "xlsx":  # an empty cell is no text, and a column of them no column
            for row in self.rows:
                row.texts = {name: text or None for name, text in row.texts.items()}
            self.columns = [
                name
                for name in self.columns
                if self.headers[name] or any(row.texts[name] for row in self.rows)
            ]
        told = Expected(self.columns, self.headers, self.refusals, self.is_opaque)
        if self.refusals or self.is_opaque or not self.is_claimed:
            return told
        if self.form == "csv":
            text = decoded(gzip.decompress(content) if self.pack else content)
            head, *told.records = csv_records(text, self.delimiter)
            found = [name or "" for name in head.fields]
            assert found == [self.headers[name] for name in self.columns], found
        else:
            told.records = [
                Record(
                    [row.texts[name] for name in self.columns],
                    reasons={row.reason} & {None, Reason.NOT_JSON} or {None},
                )
                for row in self.rows
            ]
        judge(told.records, self.columns, self.headers, self.form)
        meant = {tuple(row.texts[name] for name in self.columns): row.reason for row in self.rows}
        for record in told.records:
            assert meant.get(tuple(record.fields)) in {None, *record.reasons}, record
        return told


# --- Kinds of damage


@dataclass(frozen=True)
class Kind:
    """A kind of damage; `apply` returns False or no rows where the draft cannot have it.

    `step` orders kinds on one draft; of one `slot` there is at most one; `forms` are those of the
    files that can have it, `gives` the form it changes the file to. A `heavy` one befalls fewer.
    """

    name: str
    apply: Callable[[Draft], object]
    step: int
    slot: str
    forms: frozenset[str]
    gives: str
    is_heavy: bool


KINDS: dict[str, Kind] = {}
COLUMNS, ROWS, LINES, BYTES, FILES = range(5)
ALL = "csv jsonl parquet xlsx"


def kind(
    step: int,
    slot: str = "",
    forms: str = ALL,
    gives: str = "",
    is_heavy: bool = False,
    name: str = "",
) -> Callable[[Callable[[Draft], object]], Callable[[Draft], object]]:
    def register(apply: Callable[[Draft], object]) -> Callable[[Draft], object]:
        called = name or apply.__name__.replace("_", " ")
        KINDS[called] = Kind(called, apply, step, slot, frozenset(forms.split()), gives, is_heavy)
        return apply

    return register


def drafted(main: str, number: int) -> tuple[Draft, list[str]]:
    """A draft damaged in this way, and mostly in one or two others, and the kinds of damage.

    The same for the same arguments, always.
    """
    random = Random(f"{main} {number}")
    while True:
        draft = Draft(random, number)
        chosen = [KINDS[main]]
        for _ in range(random.choice([0, 1, 1, 2, 2])):
            further = [each for each in KINDS.values() if _goes_with(each, chosen)]
            chosen += [random.choice(further)] if further else []
        chosen.sort(key=lambda each: each.step)
        is_possible = all(each.apply(draft) not in (False, []) for each in chosen)
        # a file that is refused hides the other damage: enough of them, but not too many
        if is_possible and not (len(chosen) > 1 and draft.refusals and random.random() < 0.7):
            return draft, [each.name for each in chosen]


def _goes_with(other: Kind, chosen: list[Kind]) -> bool:
    kinds = [*chosen, other]
    form = "".join(each.gives for each in kinds) or "csv"
    slots = [each.slot for each in kinds if each.slot]
    return (
        not other.is_heavy
        and all(form in each.forms for each in kinds)
        and len(set(slots)) == len(slots)
        and len({each.name for each in kinds}) == len(kinds)
        and sum(bool(each.gives) for each in kinds) <= 1
    )


# columns


@kind(COLUMNS)
def reordered_columns(draft: Draft) -> None:
    draft.random.shuffle(draft.columns)


@kind(COLUMNS, slot="headers")
def headers_in_other_letters(draft: Draft) -> None:
    for name, header in draft.headers.items():
        words = draft.random.choice([header.upper(), header.title(), header]).replace("_", " ")
        draft.headers[name] = draft.random.choice(["", " "]) + words.replace(
            " ", draft.random.choice([" ", "  ", "_", "\u00a0"])
        )


@kind(COLUMNS, slot="headers")
def renamed_column(draft: Draft) -> None:
    _drop(draft, draft.random.choice(["due_on", "changed_at", "is_rush", "note"]))
    _add(draft, "renamed", draft.random.choice(["Qty", "Note 2", "due", "Menge (Stück)"]))


@kind(COLUMNS, slot="headers")
def renamed_required_column(draft: Draft) -> None:
    name, header = draft.random.choice(
        [("order_id", "Order number"), ("customer", "Custommer"), ("ordered_on", "Ordered")]
    )
    _drop(draft, name)
    _add(draft, "renamed", header)
    draft.refusals.append(("lacks the required column", repr(name), repr(header)))


@kind(COLUMNS)
def missing_column(draft: Draft) -> None:
    _drop(draft, draft.random.choice(["promised_on", "quantity", "status", "note"]))


@kind(COLUMNS)
def missing_required_column(draft: Draft) -> None:
    name = draft.random.choice(["order_id", "line_number", "customer", "ordered_on"])
    _drop(draft, name)
    draft.refusals.append(("lacks the required column", repr(name)))


EXTRA_HEADERS = (
    """Region¦region (new)¦_file¦file¦rowid¦select¦c0¦order¦Übergröße¦\u5730¦_¦+1+1¦"quoted"¦"""
    "'; drop schema raw_shop cascade; --¦<script>alert(1)</script>¦../../etc/passwd¦a,b;c\td¦"
    f"%s {{batch}} $1¦İstanbul¦{'x' * 300}"
).split("¦")


@kind(COLUMNS)
def extra_columns(draft: Draft) -> None:
    for number, header in enumerate(draft.random.sample(EXTRA_HEADERS, 3)):
        _add(draft, f"extra {number}", header)


@kind(COLUMNS, slot="line end", forms="csv")
def a_line_break_in_a_header(draft: Draft) -> None:
    _add(draft, "broken", "two\nlines")


@kind(COLUMNS, forms="csv xlsx")
def a_column_without_header(draft: Draft) -> None:
    _add(draft, "nameless", "")


@kind(COLUMNS, slot="headers")
def a_header_twice(draft: Draft) -> None:
    name = draft.random.choice(["customer", "quantity", "due_on"])
    if name in draft.columns:
        _add(draft, "twin", draft.headers[name].upper() + " ")
        draft.refusals.append(("two columns of one name", repr(draft.headers[name])))


def _drop(draft: Draft, name: str) -> None:
    if name in draft.columns:
        draft.columns.remove(name)


def _add(draft: Draft, name: str, header: str) -> None:
    draft.columns.insert(draft.random.randint(0, len(draft.columns)), name)
    draft.headers[name] = header
    for row in draft.rows:
        row.texts[name] = draft.random.choice(["", "x", "1,5", 'say "hi"', None])


# rows


@dataclass(frozen=True)
class Texts:
    """Texts of a column, and why a row with one of them is set aside, if it is."""

    column: str
    texts: tuple[str | None, ...]
    reason: Reason | None


TEXTS: dict[str, Texts] = {}


def texts(
    name: str,
    column: str,
    *texts: str | None,
    reason: Reason | None = None,
    forms: str = ALL,
    is_heavy: bool = False,
) -> None:
    """A kind of damage that consists in texts; they stand between ¦ where they are many."""
    many = tuple(part for text in texts for part in (text.split("¦") if text else [text]))
    TEXTS[name] = Texts(column, many, reason)
    kind(ROWS, forms=forms, is_heavy=is_heavy, name=name)(
        lambda draft: draft.put(column, many, reason)
    )


NO_XLSX = "csv jsonl parquet"
TEXT_ONLY = "csv jsonl"
texts(
    "formulas",
    "note",
    """=1+1¦=HYPERLINK("http://x","y")¦+1+cmd|'/C calc'!A0¦-2+3¦@SUM(A1)¦\t=1¦＝1""",
    forms=NO_XLSX,
)
texts(
    "html",
    "customer",
    "<script>alert(1)</script>¦<img src=x onerror=alert(1)>¦</table>&lt;¦{{7*7}}¦${7*7}",
)
texts(
    "sql",
    "customer",
    """'; drop table landing.deliveries; --¦' or 1=1 --¦\\'¦%s ? $1 {batch}¦"" """,
)
texts(
    "path tricks",
    "order_id",
    "../../etc/passwd¦..\\..\\windows¦/etc/shadow¦C:\\nul¦file:///x¦~/x¦a/../b",
)
texts(
    "unicode tricks",
    "order_id",
    "\u202egnp.exe¦a\u200db¦e\u0301¦\U0001f469\u200d\U0001f467¦\ufeffx¦a\u2028b¦a\x85b¦\ufffd¦İß",
)
texts(
    "control characters",
    "customer",
    "a\x1b[31mb¦a\x08\x07b¦a\x0bb\x0cc¦a\x1ab¦a\x1cb\x1db¦a\x7fb¦\x01",
    forms=NO_XLSX,
)
texts(
    "quotes and line breaks",
    "note",
    '"¦""¦"x¦x"¦a","b¦a";"b¦\n¦a\n\nb¦\n"¦a\r\nb¦\r¦,";\t\n',
    forms=NO_XLSX,
)
texts("outer blanks", "note", ' ¦  x¦x  ¦\u00a0¦ "x"¦\tx\t')
texts(
    "a million characters",
    "note",
    "x" * 10**6,
    '"' * 10**6,
    "é\n" * 300_000,
    is_heavy=True,
    forms=NO_XLSX,
)
texts(
    "too long a record",
    "note",
    "x" * (5 * 10**6),
    "é" * (3 * 10**6),
    reason=Reason.RECORD_TOO_LONG,
    forms=TEXT_ONLY,
    is_heavy=True,
)
texts("nul characters", "note", 'a\0b¦\0¦a"\0\n', reason=Reason.NUL_CHARACTER, forms=TEXT_ONLY)
texts("null keys", "order_id", None, "", " ¦\u00a0", reason=Reason.MISSING_KEY)
texts("null in a part of the key", "line_number", None, "", "  ", reason=Reason.MISSING_KEY)
texts("missing values", "customer", None, "", " ", reason=Reason.MISSING_REQUIRED_VALUE)
texts(
    "text in numbers",
    "quantity",
    "n/a¦12 pcs¦1.234,5¦12,5¦$5¦0x10¦1e99¦NaN¦inf¦-¦1 000¦\u0663",
    reason=Reason.NOT_A_NUMBER,
)
texts(
    "text in whole numbers",
    "line_number",
    "one¦1.5¦1,0¦1e3¦#REF!¦99999999999999999999",
    reason=Reason.NOT_AN_INTEGER,
)
texts(
    "impossible dates",
    "ordered_on",
    "2026-02-30¦2026-13-01¦2026-00-10¦2025-02-29¦99999-01-01¦0000-00-00",
    reason=Reason.NOT_A_DATE,
)
texts(
    "impossible dates of another form",
    "due_on",
    "30.02.2026¦01.13.2026¦00.01.2026¦2026-01-01¦1.1.¦soon",
    reason=Reason.NOT_A_DATE,
)
texts(
    "ambiguous dates",
    "ordered_on",
    "03/04/2026¦03.04.2026¦3-4-2026¦03/04/26¦20260304¦46085",
    reason=Reason.NOT_A_DATE,
)
texts(
    "impossible instants",
    "changed_at",
    "noon¦2026-02-30T10:00:00Z¦2026-01-05T25:00:00Z¦1/5/2026 10:00¦1767607200",
    reason=Reason.NOT_AN_INSTANT,
)
texts("text in booleans", "is_rush", "yes¦1¦J¦wahr¦t¦true!", reason=Reason.NOT_A_BOOLEAN)
texts("values beyond the list", "status", "opened¦OPEN?¦done;open", reason=Reason.NOT_IN_LIST)
texts("end before start", "promised_on", "1999-12-31", reason=Reason.ENDS_BEFORE_START)


@kind(ROWS)
def several_faults_in_a_row(draft: Draft) -> list[Row]:
    """The first reason of the list is given, wherever its column stands."""
    not_of_values = (None, Reason.RECORD_TOO_LONG, Reason.NUL_CHARACTER)
    faults = [each for each in TEXTS.values() if each.reason not in not_of_values]
    picked = draft.pick()
    for row in picked:
        for fault in draft.random.sample(faults, 4):
            row.texts[fault.column] = draft.random.choice(fault.texts)
    return picked


@kind(ROWS)
def equal_rows(draft: Draft) -> list[Row]:
    picked = draft.pick()
    for row in picked:
        twin = Row(dict(row.texts), is_touched=True)
        draft.rows.insert(draft.random.randint(0, len(draft.rows)), twin)
    return picked


@kind(ROWS)
def keys_used_twice(draft: Draft) -> list[Row]:
    picked = draft.pick() if "quantity" in draft.columns else []
    for row in picked:
        row.texts["quantity"] = "1"
        twin = Row(row.texts | {"quantity": "2"}, is_touched=True)
        twin.texts["order_id"] = draft.random.choice(["{}", " {}", "{} "]).format(
            row.texts["order_id"]
        )
        draft.rows.insert(draft.random.randint(0, len(draft.rows)), twin)
    return picked


@kind(ROWS)
def the_header_as_a_row(draft: Draft) -> None:
    for _ in range(draft.random.randint(1, 2)):
        head = Row({**draft.headers}, Reason.REPEATED_HEADER, is_touched=True)
        draft.rows.insert(draft.random.randint(0, len(draft.rows)), head)


# lines


@kind(LINES, slot="delimiter", forms="csv")
def semicolons(draft: Draft) -> None:
    draft.delimiter = ";"


@kind(LINES, slot="delimiter", forms="csv")
def tabs(draft: Draft) -> None:
    draft.delimiter = "\t"


@kind(LINES, slot="delimiter", forms="csv")
def a_delimiter_that_is_none(draft: Draft) -> None:
    draft.delimiter = draft.random.choice(["|", ":", "^"])
    draft.refusals.append((", ; or tab",))


@kind(LINES, forms="csv")
def other_delimiters_in_some_lines(draft: Draft) -> list[Row]:
    other = draft.random.choice([other for other in ",;\t|" if other != draft.delimiter])
    return draft.rewrite(other.join, Reason.WRONG_COLUMN_COUNT)


@kind(LINES, forms="csv")
def torn_lines(draft: Draft) -> list[Row]:
    return draft.rewrite(
        lambda fields: draft.delimiter.join(fields[: draft.random.randint(1, len(fields) - 1)])[:-1]
    )


@kind(LINES, forms="csv")
def surplus_fields(draft: Draft) -> list[Row]:
    return draft.rewrite(
        lambda fields: draft.delimiter.join([*fields, *draft.random.choice(["x", " ", "ab"])])
    )


@kind(LINES, forms="csv")
def trailing_delimiters(draft: Draft) -> list[Row]:
    return draft.rewrite(
        lambda fields: draft.delimiter.join([*fields, *[""] * draft.random.randint(1, 3)])
    )


@kind(LINES, forms="csv")
def unterminated_quotes(draft: Draft) -> list[Row]:
    def change(fields: list[str]) -> str:
        place = draft.random.randrange(len(fields))
        return draft.delimiter.join([*fields[:place], '"' + fields[place], *fields[place + 1 :]])

    return draft.rewrite(change)


@kind(LINES, forms="csv")
def text_after_a_closing_quote(draft: Draft) -> list[Row]:
    def change(fields: list[str]) -> str:
        place = draft.random.randrange(len(fields))
        text = draft.random.choice(['"x"y', '"" y', '"a" "b"', '"a"\tb', '"x"-'])
        return draft.delimiter.join([*fields[:place], text, *fields[place + 1 :]])

    return draft.rewrite(change)


@kind(LINES, forms="csv")
def blanks_around_quotes(draft: Draft) -> list[Row]:
    return draft.rewrite(
        lambda fields: draft.delimiter.join(
            f'{draft.random.choice(["", " ", "   "])}"{text}"{draft.random.choice(["", " ", "  "])}'
            for text in fields
        )
    )


@kind(LINES, forms="csv jsonl")
def blank_lines(draft: Draft) -> None:
    draft.blank_lines = ["", "", "#", "###", "   #"]


@kind(LINES, slot="line end", forms="csv")
def windows_line_ends(draft: Draft) -> None:
    draft.line_end = "\r\n"


@kind(LINES, slot="line end", forms="csv")
def old_mac_line_ends(draft: Draft) -> None:
    draft.line_end = "\r"


@kind(LINES, slot="line end", forms="csv")
def mixed_line_ends(draft: Draft) -> None:
    first = draft.random.choice(["\n", "\r\n", "\r", "\r\r\n"])
    ends = ["\r\n", "\r"] if first == "\r" else ["\n", "\r\n", "\r\r\n"]
    draft.line_end = first
    for row in draft.rows[:-1]:
        if row.rewrite is None:
            row.rewrite = lambda line: line + draft.random.choice(ends) * draft.random.randint(0, 2)


@kind(LINES, slot="line end", forms="csv")
def lone_carriage_returns(draft: Draft) -> list[Row]:
    return draft.rewrite(
        lambda fields: draft.delimiter.join(text.replace("plain", "pla\rin") for text in fields)
    )


# bytes


@kind(BYTES, slot="encoding", forms="csv jsonl")
def utf_8_with_its_mark(draft: Draft) -> None:
    draft.mark = b"\xef\xbb\xbf"


@kind(BYTES, slot="encoding", forms="csv jsonl")
def utf_16_little_end_first(draft: Draft) -> None:
    draft.encoding, draft.mark = "utf-16-le", b"\xff\xfe"


@kind(BYTES, slot="encoding", forms="csv jsonl")
def utf_16_big_end_first(draft: Draft) -> None:
    draft.encoding, draft.mark = "utf-16-be", b"\xfe\xff"


@kind(BYTES, slot="encoding", forms="csv")
def utf_16_without_its_mark(draft: Draft) -> None:
    draft.encoding = draft.random.choice(["utf-16-le", "utf-16-be"])
    draft.refusals.append(("UTF-16",))


@kind(BYTES, slot="encoding", forms="csv")
def torn_utf_16(draft: Draft) -> None:
    draft.encoding, draft.mark = "utf-16-le", b"\xff\xfe"
    draft.edits.append(lambda content: content[: len(content) // 2 * 2 - 1])
    draft.refusals.append(("UTF-16",))


@kind(BYTES, slot="encoding", forms="csv")
def windows_1252(draft: Draft) -> None:
    draft.encoding = "cp1252"

    def possible(text: str) -> str:
        return text.encode("cp1252", "replace").decode("cp1252")

    draft.headers = {name: possible(header) for name, header in draft.headers.items()}
    for row in draft.rows:
        row.texts = {name: text and possible(text) for name, text in row.texts.items()}


@kind(BYTES, slot="encoding", forms="csv")
def bytes_that_are_no_utf_8(draft: Draft) -> list[Row]:
    bad = [b"\xff", b"\xc3", b"\xe2\x82", b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5", b"\x81"]
    draft.edits.append(lambda content: content.replace(b"~", draft.random.choice(bad)))
    return draft.put("note", ["a~b", "Zoë~", "~,~"])


@kind(BYTES, slot="encoding", forms="csv")
def windows_1252_in_the_midst_of_utf_8(draft: Draft) -> list[Row]:
    def recoded(content: bytes) -> bytes:
        head, *lines = content.split(b"\n")
        return b"\n".join(
            [
                head,
                *(
                    line.decode().encode("cp1252", "replace")
                    if draft.random.random() < 0.4
                    else line
                    for line in lines
                ),
            ]
        )

    draft.edits.append(recoded)
    return draft.put("note", ["Zoë", "naïve café", "Grüße €5"])


@kind(BYTES, slot="encoding", forms="csv")
def flipped_bytes(draft: Draft) -> None:
    def flipped(content: bytes) -> bytes:
        damaged = bytearray(content)
        for _ in range(draft.random.randint(1, 4)):
            byte = draft.random.choice([*b'\0"\n\r,;\t \xff\xc3x', draft.random.randrange(256)])
            damaged[
                draft.random.randrange(min(_behind_header(draft), len(damaged) - 1), len(damaged))
            ] = byte
        return bytes(damaged)

    draft.edits.append(flipped)


@kind(BYTES, slot="encoding", forms="csv jsonl")
def cut_off_anywhere(draft: Draft) -> None:
    draft.is_opaque = draft.form == "jsonl"
    draft.edits.append(
        lambda content: content[: max(_behind_header(draft), draft.random.randrange(len(content)))]
    )


def _behind_header(draft: Draft) -> int:
    """A place in the file behind the header, whatever its quotes and blank lines."""
    return 3 * sum(len(draft.headers[name]) + 8 for name in draft.columns)


# files


@kind(FILES, slot="encoding")
def an_empty_file(draft: Draft) -> None:
    blanks = [b""] if draft.form in ("parquet", "xlsx") else [b"", b"\n", b" \r\n\n"]
    draft.edits.append(lambda content: draft.random.choice(blanks))
    draft.refusals.append(("is empty",))


@kind(FILES, slot="encoding", forms="csv parquet xlsx")
def a_header_without_rows(draft: Draft) -> None:
    draft.rows.clear()


@kind(FILES, slot="encoding", forms="csv jsonl")
def another_kind_of_file(draft: Draft) -> None:
    others = {
        "an Excel workbook": lambda content: draft._xlsx(),
        "a Parquet file": lambda content: draft._parquet(),
        "gzip": lambda content: gzip.compress(content, mtime=0),
        "a web page": lambda content: b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
    }
    name = draft.random.choice(list(others))
    draft.edits.append(others[name])
    draft.refusals.append((name,))


@kind(FILES, slot="packing", forms="csv jsonl")
def packed(draft: Draft) -> None:
    draft.pack = lambda content: gzip.compress(content, mtime=0)


@kind(FILES, slot="packing", forms="csv jsonl")
def torn_packing(draft: Draft) -> None:
    draft.pack = lambda content: gzip.compress(content)[: -draft.random.randint(1, 15)]
    draft.refusals.append(("gzip",))


@kind(FILES, slot="packing", forms="csv jsonl")
def garbage_in_packing(draft: Draft) -> None:
    def pack(content: bytes) -> bytes:
        packed = bytearray(gzip.compress(content))
        packed[len(packed) // 2] ^= 1 << draft.random.randrange(8)
        return bytes(packed)

    draft.pack = pack
    draft.refusals.append(("gzip",))


@kind(FILES, slot="packing", forms="csv jsonl")
def no_packing_under_its_name(draft: Draft) -> None:
    draft.pack = lambda content: b" " + content
    draft.refusals.append(("gzip",))


@kind(FILES, slot="name")
def odd_names(draft: Draft) -> None:
    odd = "ORDERS¦or-d_e rs.delta¦or\nders¦or\tders¦or\u00a0ders¦or\x1cders¦orderſ".split("¦")
    longest = "orders" + "_" * (255 - len(f"orders{draft.stamp}.parquet.gz"))
    draft.stem = draft.random.choice([*odd, longest, longest])


@kind(FILES, slot="name")
def names_that_nobody_claims(draft: Draft) -> None:
    draft.is_claimed = False
    draft.stem = draft.random.choice(
        "orders'; drop table x; --¦$(touch x)orders¦orders\x1b[31m¦\u043erders¦order\u202es¦"
        'orders\udcff¦orders\\..\\x¦-rf orders¦orders%2f..%2fx¦<b>orders¦o"rders'.split("¦")
    )


# other forms


def _becomes(form: str) -> None:
    def apply(draft: Draft) -> None:
        draft.form = form

    kind(COLUMNS, slot="form", forms=form, gives=form, name=form)(apply)


for _form in ("jsonl", "parquet", "xlsx"):
    _becomes(_form)


@kind(LINES, slot="form", forms="jsonl", gives="jsonl")
def lines_that_are_no_json(draft: Draft) -> list[Row]:
    draft.form = "jsonl"
    picked = draft.pick()
    for row in picked:
        row.reason = Reason.NOT_JSON
        row.rewrite = draft.random.choice(
            [
                lambda line: line[:-1],
                lambda line: line[: len(line) // 2],
                lambda line: line[1:],
                lambda line: f"[{line}]",
                lambda line: line + line,
                lambda line: line[:-1] + ', "order_id": "again", "order_id": "and again"}',
                lambda line: line[:-1] + r', "note": "\ud800"}',
                lambda line: "[" * 5000,
                lambda line: '"text"',
                lambda line: "null",
                lambda line: line.replace('"', "'"),
            ]
        )
    return picked


@kind(FILES, slot="form", forms="parquet", gives="parquet")
def damaged_parquet(draft: Draft) -> None:
    _damage(draft, "parquet")


@kind(FILES, slot="form", forms="xlsx", gives="xlsx")
def damaged_xlsx(draft: Draft) -> None:
    _damage(draft, "xlsx")


def _damage(draft: Draft, form: str) -> None:
    def damaged(content: bytes) -> bytes:
        place = draft.random.randrange(len(content) or 1)
        return draft.random.choice(
            [
                content[:place],
                content[place:],
                content[:place] + b"\xff" * 9 + content[place + 9 :],
                content[:place] + b"\0" + content[place:],
                content[:4] + content[-4:],
                b"PK\x05\x06" + bytes(18),
                b"text",
            ]
        )

    draft.form, draft.is_opaque = form, True
    draft.edits.append(damaged)

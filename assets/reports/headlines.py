"""The headlines of a report as a PDF of one A4 page, to print and to attach.

Belongs here: the page and how much of a long text it shows. Does not belong here: what is said.

The fonts are embedded, so that it looks alike everywhere; the same report gives the same bytes.
Whatever is said, it fits: the type becomes smaller, then long texts are cut, and what no longer
has room is counted.
"""

import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.reports.content import VERDICT_WORDS, Headline, Report, Words, shown, told

#: the page (A4), its margins and gaps, in points
WIDTH, HEIGHT, MARGIN, GAP = 595.28, 841.89, 42.0, 6.0
#: tried one after the other until all fits: size of the type, characters of a text, and how much of
#: what is stale and of what is to be looked at
STEPS = ((9.5, 700, 8), (8.5, 420, 8), (7.5, 260, 6), (6.5, 160, 4))
#: beyond so many there is no room in any size
MOST_HEADLINES = 30
#: of the width, for the figures; of the size of the type, from line to line
FIGURES, LEADING = 0.26, 1.3
INK, QUIET, RULE, ALARM, SIGNAL = "#1A1A1A", "#595959", "#BFBFBF", "#9C2A00", "#0B4F7A"


@dataclass(frozen=True)
class _Line:
    """A line of text, `down` points below the top of its block."""

    text: str
    size: float
    font: str
    color: str
    x: float
    down: float


@dataclass(frozen=True)
class _Block:
    """Lines that stay together; `is_ruled`: below a rule."""

    lines: tuple[_Line, ...]
    height: float
    is_ruled: bool = False


def headlines(report: Report) -> bytes:
    """The page as the bytes of a PDF file."""
    from reportlab.pdfgen.canvas import Canvas

    written = io.BytesIO()
    canvas = Canvas(written, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1, lang="en")
    canvas.setTitle(report.title)
    canvas.setSubject(f"{report.subtitle}, as of {report.info.as_of_date}")
    canvas.setAuthor("Funnelworks")
    canvas.setCreator("Funnelworks")
    top = HEIGHT - MARGIN
    for block in _fitting(report):
        if block.is_ruled:
            canvas.setStrokeColor(RULE)
            canvas.setLineWidth(0.5)
            canvas.line(MARGIN, top, WIDTH - MARGIN, top)
        for line in block.lines:
            canvas.setFont(line.font, line.size)
            canvas.setFillColor(line.color)
            canvas.drawString(line.x, top - line.down, line.text)
        top -= block.height
    canvas.showPage()
    canvas.save()
    return written.getvalue()


def _fitting(report: Report) -> list[_Block]:
    """The blocks of the page in the largest type in which they have room on it."""
    room = HEIGHT - 2 * MARGIN
    for step in STEPS:
        page = _Page(report, *step)
        rows = [page.headline(each) for each in report.headlines[:MOST_HEADLINES]]
        blocks = page.whole(rows)
        if len(rows) == len(report.headlines) and _height(blocks) <= room:
            return blocks
    while rows and _height(blocks) > room:
        blocks = page.whole(rows := rows[:-1])
    return blocks


def _height(blocks: Sequence[_Block]) -> float:
    return sum(block.height for block in blocks)


@dataclass(frozen=True)
class _Page:
    """The page in one size of type, texts cut to `most` characters, lists to `few`."""

    report: Report
    size: float
    most: int
    few: int

    def whole(self, rows: Sequence[_Block]) -> list[_Block]:
        """The page with these of the headlines, which says how many are left out."""
        return [
            *self.head(),
            *rows,
            *self.left_out(len(self.report.headlines) - len(rows)),
            *self.foot(),
        ]

    def head(self) -> list[_Block]:
        report, info = self.report, self.report.info
        return [
            self.text(report.title, 1.9, bold=True),
            self.text(report.subtitle),
            self.text(f"As of {info.as_of_date} · {info.business_timezone}", color=QUIET),
            *(
                self.text(self.told(words), bold=True, color=ALARM)
                for words in report.stale[: self.few]
            ),
        ]

    def headline(self, headline: Headline) -> _Block:
        """The figure, and beside it what it is, against what, and whether it tells."""
        number, count = headline.number, headline.case_count
        value = shown(number.value, number.unit, self.report.info.base_currency)
        color = SIGNAL if headline.verdict == "signal" else QUIET
        verdict, why = VERDICT_WORDS[headline.verdict], self.told(headline.why)
        judged = ": ".join(each for each in (verdict, why) if each)
        width = WIDTH - 2 * MARGIN
        split = width * FIGURES
        left = self.stack(
            (value, 1.7, True, INK),
            (f"n {shown(count.value, count.unit)}" if count else "", 1.0, False, QUIET),
            x=MARGIN,
            width=split - GAP,
        )
        right = self.stack(
            (headline.title, 1.1, True, INK),
            (self.told(headline.context), 1.0, False, INK),
            (judged, 1.0, False, color),
            x=MARGIN + split,
            width=width - split,
        )
        lines = (*left.lines, *right.lines)
        return _Block(lines, max(left.height, right.height) + self.size * 0.3, is_ruled=True)

    def left_out(self, count: int) -> list[_Block]:
        words = f"{count:,} more headlines on the page of the report."
        return [self.text(words, color=QUIET)] if count else []

    def foot(self) -> list[_Block]:
        report, info = self.report, self.report.info
        found = []
        if report.look_first:
            found.append(self.text("What to look at first", 1.2, bold=True))
            found += [
                self.text(f"{number}. {self.told(words)}")
                for number, words in enumerate(report.look_first[: self.few], 1)
            ]
            if (more := len(report.look_first) - self.few) > 0:
                found += [self.text(f"{more:,} more on the page of the report.", color=QUIET)]
        marts = sorted({mart for headline in report.headlines for mart in headline.marts})
        source = (
            f"From {', '.join(marts) or 'no mart'}; published {info.published_at:%Y-%m-%d %H:%M}"
            f" UTC, version {info.version}."
        )
        return [*found, self.text(source, 0.85, color=QUIET)]

    def told(self, words: Words) -> str:
        return told(words, self.report.info.base_currency)

    def text(self, text: str, scale: float = 1.0, bold: bool = False, color: str = INK) -> _Block:
        """A text over the whole width."""
        return self.stack((text, scale, bold, color), x=MARGIN, width=WIDTH - 2 * MARGIN)

    def stack(self, *texts: tuple[str, float, bool, str], x: float, width: float) -> _Block:
        """Texts one below the other, each with its scale, whether it is bold, and its colour."""
        lines = []
        down = GAP / 2
        for text, scale, bold, color in texts:
            size, font = self.size * scale, _fonts()[bold]
            plain = " ".join(text.split())
            if len(plain) > self.most:
                plain = plain[: self.most - 1] + "…"
            for line in _wrapped(_printable(plain), font, size, width):
                lines.append(_Line(line, size, font, color, x, down + size))
                down += size * LEADING
        return _Block(tuple(lines), down + GAP / 2)


def _wrapped(text: str, font: str, size: float, width: float) -> Iterator[str]:
    """Lines that are no wider; a word that is wider alone is cut."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if stringWidth(longer, font, size) <= width:
            line = longer
            continue
        if line:
            yield line
        line = ""
        for character in word:
            if stringWidth(line + character, font, size) > width:
                yield line
                line = ""
            line += character
    if line:
        yield line


@cache
def _fonts() -> tuple[str, str]:
    """The names of the plain and the bold font, which come with reportlab."""
    import reportlab
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(reportlab.__file__).parent / "fonts"
    for name in ("Vera", "VeraBd"):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    return "Vera", "VeraBd"


@cache
def _glyphs() -> frozenset[int]:
    from reportlab.pdfbase import pdfmetrics

    _fonts()
    return frozenset(pdfmetrics.getFont("Vera").face.charToGlyph)


def _printable(text: str) -> str:
    """A letter that the font does not have as one that it has, or as "?"."""
    found = []
    for character in text:
        if ord(character) in _glyphs():
            found.append(character)
            continue
        base = unicodedata.normalize("NFKD", character)[0]
        found.append(base if ord(base) in _glyphs() else "?")
    return "".join(found)

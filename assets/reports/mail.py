"""A report as a mail, and as a short message for a chat.

Belongs here: the message with its text, its HTML in tables as mail programs read it, the charts as
pictures within it, and what is attached. Does not belong here: whom it goes to and whether it went
(`sending`).

Texts of extracts are inert: escaped in HTML, on one line in headers and in the text, and no link,
mention or mark-up in a chat.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from pathlib import Path
from typing import Any

from assets.reports.content import (
    VERDICT_WORDS,
    Chart,
    Headline,
    Number,
    PublishInfo,
    Report,
    Section,
    Words,
    shown,
    told,
)
from assets.templates import environment

#: of a chat message, which is to be read at a glance
MOST_HEADLINES = 8
#: what chats read as links, mentions or mark-up → what looks alike and is only text
PLAIN = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'", "*": "∗", "[": "(", "]": ")"})

Draw = Callable[[Chart, PublishInfo], bytes]


def mail(
    report: Report,
    attachments: dict[str, bytes],
    pictures: dict[str, bytes],
    sender: str,
    recipient: str,
    sent_at: datetime,
) -> EmailMessage:
    """The mail of a report to one address.

    Args:
        attachments: name of a file (.xlsx, .pdf) → its bytes.
        pictures: content id → PNG, as `drawn` gives them.
        sender, recipient: addresses, with or without a name.
        sent_at: with its zone.
    """
    message = EmailMessage(policy=SMTP)
    as_of = report.info.as_of_date
    message["Subject"] = one_line(f"{report.title}, as of {as_of}")
    message["From"] = one_line(sender)
    message["To"] = one_line(recipient)
    message["Date"] = sent_at
    identity = "\n".join((report.key, as_of.isoformat(), report.info.version, recipient))
    # the same for the same mail, so that whoever gets it twice can tell
    message["Message-ID"] = f"<{sha256(identity.encode()).hexdigest()[:32]}@funnelworks.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(report))
    message.add_alternative(html(report), subtype="html")
    page: Any = message.get_payload()[-1]  # type: ignore[index]
    for place, picture in pictures.items():
        name = f"{place}.png"
        page.add_related(
            picture, "image", "png", cid=f"<{place}>", disposition="inline", filename=name
        )
    for name, content in attachments.items():
        subtype = KINDS[name.rpartition(".")[2]]
        message.add_attachment(content, maintype="application", subtype=subtype, filename=name)
    return message


KINDS = {
    "xlsx": "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "pdf",
}


def drawn(report: Report, draw: Draw) -> dict[str, bytes]:
    """Every chart of a report that has rows, as a PNG by its content id."""
    return {
        place: draw(chart, report.info) for _, charts in _charts(report) for chart, place in charts
    }


def _charts(report: Report) -> list[tuple[Section, list[tuple[Chart, str]]]]:
    """The sections, each with its charts and their content ids."""
    return [
        (
            section,
            [
                (part, f"{section.key}-{number}")
                for number, part in enumerate(section.parts, 1)
                if isinstance(part, Chart) and part.rows
            ],
        )
        for section in report.sections
    ]


def html(report: Report) -> str:
    """The HTML of the mail, whose pictures are named by their content ids."""
    currency = report.info.base_currency
    filling = environment(Path(__file__).parent)
    filling.filters["told"] = lambda words: told(words, currency)
    filling.filters["shown"] = lambda number: _figure(number, currency)
    filling.filters["judged"] = lambda headline: _judged(headline, currency)
    template = filling.get_template("mail.html.j2")
    return template.render(report=report, sections=_charts(report))


def text(report: Report) -> str:
    """The report's headlines and findings as plain text, for whoever reads no HTML."""
    info = report.info

    def line(words: Words | str) -> str:
        return one_line(words if isinstance(words, str) else told(words, info.base_currency))

    lines = [line(report.title), line(report.subtitle), f"As of {info.as_of_date}", ""]
    lines += [f"! {line(words)}" for words in report.stale]
    for headline in report.headlines:
        figure = _figure(headline.number, info.base_currency)
        cases = f" (n {_figure(headline.case_count, '')})" if headline.case_count else ""
        lines.append(f"- {line(headline.title)}: {line(figure)}{cases}")
        said = (line(headline.context), line(_judged(headline, info.base_currency)))
        lines += [f"  {each}" for each in said if each]
    if report.look_first:
        lines += ["", "What to look at first:"]
        lines += [f"{count}. {line(words)}" for count, words in enumerate(report.look_first, 1)]
    for section in report.sections:
        lines += ["", line(section.title), f"  {line(section.finding)}"]
        if section.missing:
            lines.append(f"  {line(section.missing)}")
    lines += ["", f"All tables are in the workbook attached. Publish {info.version}."]
    return "\n".join(lines) + "\n"


def chat(report: Report) -> tuple[str, str]:
    """Title and body of the short message: the headlines, a line each, without mark-up."""
    currency = report.info.base_currency
    lines = [one_line(f"Old: {told(words, currency)}") for words in report.stale]
    for headline in report.headlines[:MOST_HEADLINES]:
        verdict = VERDICT_WORDS[headline.verdict].lower()
        figure = _figure(headline.number, currency)
        lines.append(one_line(f"{headline.title}: {figure}" + (f" ({verdict})" if verdict else "")))
    title = one_line(f"{report.title}, as of {report.info.as_of_date}")
    return title.translate(PLAIN), "\n".join(lines).translate(PLAIN)


def one_line(text: str) -> str:
    """A text without line breaks and control characters, as a header takes it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _figure(number: Number, currency: str) -> str:
    return shown(number.value, number.unit, currency)


def _judged(headline: Headline, currency: str) -> str:
    """Whether it tells, and why."""
    why = told(headline.why, currency)
    return ": ".join(each for each in (VERDICT_WORDS[headline.verdict], why) if each)

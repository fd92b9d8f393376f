"""The reports as assets: each one built from what is published, and each one sent.

Belongs here: the Dagster side. Does not belong here: what reports say, how they look, where they
lie (`shelf`) and how they are sent (`sending`).
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NoReturn

import dagster as dg

from assets.landing.people import last_forgotten_at
from assets.reports import charts, page, shelf
from assets.reports.catalogue import REPORTS, Listed
from assets.reports.content import Chart, Report, Table, shown, told
from assets.reports.headlines import headlines
from assets.reports.mail import chat, drawn, mail, one_line
from assets.reports.published import published
from assets.reports.sending import Delivery, Post, Sent, send
from assets.reports.workbook import workbook
from assets.retries import retry_transient
from assets.settings import Settings

OWNERS = ["team:analytics-engineering"]
PDF = "headlines.pdf"
#: how old a report may be before the UI says so: its cadence and a day
FRESH = {"weekly": timedelta(days=8), "monthly": timedelta(days=32)}


def built(settings: Settings, key: str, listed: Listed) -> Report:
    """The report from what is published now.

    Raises:
        dg.Failure: nothing is published, or what is published names people who are forgotten.
    """
    try:
        with published(settings) as marts:
            since = last_forgotten_at(settings)
            if since and marts.info.published_at < since:
                raise dg.Failure(
                    "What is published may name people who were forgotten since: make run, and"
                    " reports are built from what that publishes",
                    allow_retries=False,
                )
            return listed.report(marts)
    except LookupError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def report_asset(key: str, listed: Listed) -> dg.AssetsDefinition:
    """`reports/<key>`: the page, the workbook and the PDF of a report."""

    @dg.asset(
        key=["reports", key],
        deps=[dg.AssetKey(["published", "marts"])],
        group_name="reports",
        owners=OWNERS,
        kinds={"html", "excel"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH[listed.cadence]),
        description=f"{listed.title}, {listed.cadence}: page, workbook, PDF of what is published.",
    )
    def build(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        with retry_transient(context):
            report = built(settings, key, listed)
        folder = shelf.put(
            settings,
            key,
            listed.title,
            report.info,
            {
                "index.html": page.page(report).encode(),
                _workbook(key): workbook(report),
                PDF: headlines(report),
            },
            page.at_a_glance(report),
        )
        index = shelf.write_index(settings, page.index(shelf.kept(settings)))
        context.log.info(f"{listed.title}: {folder / 'index.html'}")
        tables = [
            part for section in report.sections for part in section.parts if isinstance(part, Table)
        ]
        return dg.MaterializeResult(
            metadata={
                "preview": dg.MetadataValue.md(preview(report)),
                **_picture(report),
                "page": dg.MetadataValue.url((folder / "index.html").as_uri()),
                "folder": dg.MetadataValue.path(folder),
                "index": dg.MetadataValue.path(index),
                "as_of": report.info.as_of_date.isoformat(),
                "version": report.info.version,
                "dagster/row_count": sum(len(table.rows) for table in tables),
                "sections": len(report.sections),
            }
        )

    return build


def sent_asset(key: str, listed: Listed) -> dg.AssetsDefinition:
    """`sent/<key>`: the report at every address that is configured; without one, nothing."""

    @dg.asset(
        key=["sent", key],
        deps=[dg.AssetKey(["reports", key])],
        group_name="sent",
        owners=OWNERS,
        kinds={"email"},
        output_required=False,
        description=f"{listed.title}: sent once per as_of and address, where any is configured.",
    )
    def deliver(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        post: dg.ResourceParam[Post],
    ) -> Iterator[dg.MaterializeResult]:
        try:
            delivery = post.read()
        except ValueError as error:
            _fail(context, post, listed.title, Sent(0, 0, (str(error),)))
        if not delivery.is_configured:
            context.log.info(f"{listed.title}: no address is configured, so it is not sent")
            return
        with retry_transient(context):
            report = built(settings, key, listed)
        found = _send(settings, delivery, key, report)
        if found.problems:
            _fail(context, post, listed.title, found)
        context.log.info(f"{listed.title}: sent to {found.sent}, {found.before} had it before")
        yield dg.MaterializeResult(
            metadata={
                "as_of": report.info.as_of_date.isoformat(),
                "version": report.info.version,
                "sent": found.sent,
                "sent_before": found.before,
            }
        )

    return deliver


def _send(settings: Settings, delivery: Delivery, key: str, report: Report) -> Sent:
    """Sends what lies in the folder of a report, or says that it was built from another publish."""
    info = report.info
    folder = settings.reports / key / info.as_of_date.isoformat()
    lies = shelf.about(folder)
    if lies is None or lies.version != info.version:
        return Sent(0, 0, (f"{folder} was not built from publish {info.version}: build it first",))
    attachments = {name: (folder / name).read_bytes() for name in (_workbook(key), PDF)}
    # only where a mail is due, and once for all of them
    pictures = cache(lambda: drawn(report, charts.png))
    return send(
        settings,
        delivery,
        key,
        info.as_of_date,
        info.version,
        lambda address: mail(
            report, attachments, pictures(), delivery.sender, address, datetime.now(UTC)
        ),
        chat(report),
    )


def _fail(context: dg.AssetExecutionContext, post: Post, title: str, found: Sent) -> NoReturn:
    """Tells whoever watches, and fails; the report stays where it is.

    Raises:
        dg.Failure: always.
    """
    said = "\n".join(found.problems)
    had = f"Addresses that have it: {found.sent + found.before}."
    try:
        post.alert(f"Funnelworks: {title} was not sent to all", f"{said}\n{had}")
    except RuntimeError as error:
        context.log.error(str(error))
    raise dg.Failure(
        f"{title} was built, and not sent to all: {said}\n{had}", allow_retries=False
    ) from None


def _picture(report: Report) -> dict[str, dg.MetadataValue]:
    """The first chart of the report, drawn; a report without one has none."""
    for section in report.sections:
        for part in section.parts:
            if isinstance(part, Chart) and part.rows:
                drawn = b64encode(charts.png(part, report.info, scale=1)).decode()
                said = _plain(told(part.label, report.info.base_currency))
                title = _plain(f"{section.title}: {part.title}")
                return {
                    "chart": dg.MetadataValue.md(
                        f"**{title}**\n\n![{said}](data:image/png;base64,{drawn})\n"
                    )
                }
    return {}


def preview(report: Report) -> str:
    """The headlines as Markdown in which texts of extracts are only texts."""
    currency = report.info.base_currency
    lines = [f"**{_plain(told(words, currency))}**\n" for words in report.stale]
    lines += ["| headline | value | against what |", "|---|---:|---|"]
    for headline in report.headlines:
        value = shown(headline.number.value, headline.number.unit, currency)
        context = told(headline.context, currency)
        lines.append(f"| {_plain(headline.title)} | {_plain(value)} | {_plain(context)} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    # a backslash before every sign of Markdown, and entities for HTML
    escaped = "".join(
        f"\\{each}" if each in "\\`*_{}[]()#+!|~" else each for each in one_line(text)
    )
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _workbook(key: str) -> str:
    return f"{key}.xlsx"


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(
        assets=[
            make(key, listed)
            for make in (report_asset, sent_asset)
            for key, listed in REPORTS.items()
        ]
    )

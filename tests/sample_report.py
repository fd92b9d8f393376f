"""Reports with one of everything, and texts that want to be more than text."""

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    PublishInfo,
    Query,
    Report,
    Section,
    Table,
    Unit,
    Value,
    figures,
    words,
)

LINK = '=HYPERLINK("http://evil.example","x")'
IMAGE = "<img src=x onerror=alert(1)>"
HOSTILE = (LINK, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", IMAGE, "＝1+1")
MARKUP = "<img src=x onerror=alert(1)>\"'</script>"
LONG = "whoever asked in time what is needed, by when, and who decides, " + "W" * 60
ASKED = Query("select 1")
INFO = PublishInfo(
    "20260701T050000000000Z",
    date(2026, 6, 30),
    "Europe/Berlin",
    "EUR",
    1,
    datetime.fromisoformat("2026-07-01T05:00:00.123456"),
)


def number(value: Value, unit: Unit = "count") -> Number:
    return Number(value, unit, ASKED)


def headline(title: str, value: Number, said: str = "a year before {}") -> Headline:
    return Headline(
        title,
        value,
        words(said, number(0.2, "rate")),
        "signal",
        words("more than chance in {} deals", number(1234)),
        "deals",
        ("mart_funnel_monthly",),
        number(1234),
    )


DEALS = Table(
    "Deals",
    (
        Column("Account"),
        Column("Closed on", "date"),
        Column("Month", "month"),
        Column("Amount", "amount"),
        Column("Rate", "rate"),
        Column("Change", "points"),
        Column("Won", "flag"),
        Column("account", "count"),
    ),
    (
        *(
            (text, date(2026, 6, n), date(2026, 6, 1), 1000.5 * n, n / 10, -1.5, n % 2 == 0, n)
            for n, text in enumerate(HOSTILE, 1)
        ),
        (None,) * 8,
    ),
    ASKED,
    words("{} of all", number(9)),
    is_whole_list=True,
)
BY_MONTH = Chart(
    "Won by month",
    words("The rate climbs to {}", number(0.6, "rate")),
    {
        "mark": "line",
        "encoding": {
            "x": {"field": "month", "type": "temporal"},
            "y": {"field": "win_rate", "type": "quantitative"},
        },
    },
    {"month": Column("Month", "month"), "win_rate": Column("Win rate", "rate")},
    tuple((date(2026, month, 1), month / 10) for month in range(1, 7)),
    ASKED,
    NativeChart("line", "month", ("win_rate",)),
)
BY_STAGE = Chart(
    "Open by stage",
    ("Most are proposals",),
    {
        "mark": "bar",
        "encoding": {
            "y": {"field": "stage", "type": "nominal"},
            "x": {"field": "deals", "type": "quantitative"},
        },
    },
    {"stage": Column("Stage"), "deals": Column("Deals", "count")},
    (("Proposal", 30), (IMAGE, 7)),
    ASKED,
    NativeChart("bar", "stage", ("deals",)),
)
REPORT = Report(
    "promises",
    "Promises",
    "Which we made, and which we kept",
    INFO,
    (
        headline("Win rate", number(0.2345, "rate")),
        headline("Open amount", number(1234567.0, "amount")),
        headline(f"Of {IMAGE}", number(None, "days"), f"{LINK} {{}}"),
    ),
    (words("Look at {} deals first", number(12)), (f"and at {IMAGE}",)),
    (
        Section(
            "deals",
            "Deals: open/won",
            "Which deals are there?",
            words("{} of them", number(9)),
            (BY_MONTH, DEALS, BY_STAGE, words("{} are not shown", number(0))),
            ("fct_opportunities", "mart_funnel_monthly"),
        ),
        Section(
            "deals_again",
            "Deals: open\\won",
            "And these?",
            ("None",),
            (Table("Nothing", (Column("None", "count"),), (), ASKED),),
            ("fct_opportunities",),
            missing="The extract order_lines would bring them",
        ),
    ),
    (words("The scores are {} old", number(40, "days")),),
)


def a_report(rows: int = 120) -> Report:
    """Every form once; the texts of the list are hostile, one in ten of its numbers missing."""
    listed = tuple(
        (
            f"{MARKUP} {place}",
            place % 7 + 0.5,
            None if place % 10 == 0 else place / rows,
            1000.0 * place,
            date(2026, 1, 1 + place % 28),
            place / 4,
            None,
        )
        for place in range(rows)
    )
    whole = Table(
        "All deals",
        (
            Column("Account"),
            Column("Days", "days"),
            Column("Rate", "rate"),
            Column("Amount", "amount"),
            Column("Day", "date"),
            Column("Factor", "number"),
            Column("Why no rate"),
        ),
        listed,
        Query("select list"),
        words("{} deals in all.", number(rows)),
        is_whole_list=True,
    )
    months = tuple(
        (date(2026, month, 1), kind, month * 1.5) for month in range(1, 7) for kind in "ab"
    )
    spec = {
        "mark": "line",
        "data": {"name": "rows"},
        "encoding": {
            "x": {"field": "month", "type": "temporal"},
            "y": {"field": "value", "type": "quantitative"},
            "color": {"field": "kind", "type": "nominal"},
        },
    }
    chart = Chart(
        "By month",
        words(f"It rises to {{}} {MARKUP}", number(9.0, "number")),
        spec,
        {
            "month": Column("Month", "month"),
            "kind": Column("Kind"),
            "value": Column("Value", "number"),
        },
        months,
        Query("select months"),
        NativeChart("line", "month", ("value",)),
    )
    section = Section(
        "won",
        "What was won",
        "How many were won?",
        words("{} of {} were won, most by {}.", number(12), number(45), number(LONG, "text")),
        (chart, whole, words("The rate was {}.", number(0.2667, "rate"))),
        ("mart_sales_outcomes_monthly",),
    )
    empty = Section(
        "late",
        "What was late",
        "Which lines were late?",
        (),
        (
            replace(chart, rows=(), title="Nothing yet"),
            replace(whole, rows=(), is_whole_list=False),
        ),
        (),
        missing="No order line was delivered: deliver order_lines and shipments.",
    )
    headline = Headline(
        MARKUP,
        number(0.2667, "rate"),
        words("{} of {}", number(12), number(45)),
        "signal",
        words("above {}", number(0.2, "rate")),
        "won",
        ("mart_sales_outcomes_monthly",),
        number(45),
    )
    return Report(
        "a_report",
        "A report",
        "Of every form",
        INFO,
        (headline, replace(headline, title="Quiet", verdict="noise")),
        (words("Look at {} deals", number(3)),),
        (section, empty),
        (words("The extract of crm is {} old: deliver a newer one", number(12, "days")),),
    )


def cells(row: tuple[Any, ...]) -> list[str]:
    """A row of the list of `a_report` as its page shows it."""
    account, days, rate, amount, day, factor, _ = row
    share = "–" if rate is None else f"{100 * rate:.1f} %"
    return [account, f"{days:.1f}", share, f"{amount:,.0f}", day.isoformat(), f"{factor:,.2f}"]


def names_of_ours(report: Report) -> set[str]:
    """Texts of tables that are names of columns, methods and the like, and no words.

    Extracts and what is checked have their names, by which they are looked up.
    """
    return {
        value
        for table in figures(report)
        if isinstance(table, Table)
        for row in table.rows
        for value, column in zip(row, table.columns, strict=True)
        if column.label not in ("Extract", "What")
        and re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", str(value))
    }

"""What the tests of reports share: a report of every form, without marts."""

from dataclasses import replace
from datetime import UTC, date, datetime
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
    words,
)

HOSTILE = "<img src=x onerror=alert(1)>\"'</script>"
LONG = "whoever asked in time what is needed, by when, and who decides, " + "W" * 60
INFO = PublishInfo(
    "20260701T050000000000Z",
    date(2026, 6, 30),
    "Europe/Berlin",
    "EUR",
    1,
    datetime(2026, 7, 1, 5, tzinfo=UTC),
)


def number(value: Value, unit: Unit = "count") -> Number:
    return Number(value, unit, Query("select ? as figure", (value,)))


def a_report(rows: int = 120) -> Report:
    """Every form once; the texts of the list are hostile, one in ten of its numbers missing."""
    listed = tuple(
        (
            f"{HOSTILE} {place}",
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
        words(f"It rises to {{}} {HOSTILE}", number(9.0, "number")),
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
        HOSTILE,
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

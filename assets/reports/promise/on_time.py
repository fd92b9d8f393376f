"""Which dates were kept: asked for, first promised and last promised."""

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Words,
    words,
)
from assets.reports.monthly import counted, labelled, missing, rate, share_of
from assets.reports.promise.lines import (
    BASES,
    BASIS_LABEL,
    BASIS_ORDER,
    LINES,
    LISTED_MONTHS,
    NO_ORDERS,
    ON_TIME,
    SUMS,
    on_time,
    sums,
)
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Judged, Metric, chart, specified


def section(marts: Published, basis: str, judged: Judged | None) -> Found:
    key, title = "on_time", "On time on three bases"
    question = "Which of our dates do we keep: the customer's, the first we give, the last?"
    if not counted(marts, f"select count(*) from marts.{LINES}"):
        return missing(key, title, question, (ON_TIME,), NO_ORDERS)
    if judged is None:
        why = (
            "No line fell due in a month that is over. Once a whole month has passed, or older"
            " order_lines and shipments are delivered, the shares are here."
        )
        return missing(key, title, question, (ON_TIME,), why)
    month = judged.period
    shares = {name: share_of(marts, on_time(name), month) for name in BASES}
    finding: Words = (
        *words("Of the lines due in {}, ", month),
        *shares["first_promise"].words,
        " kept the first promise, ",
        *shares["last_promise"].words,
        " the last promise made before they fell due, and ",
        *shares["request"].words,
        " the date that the customer had asked for.",
    )
    waiting = marts.number(
        f"select coalesce(sum(not_due_count), 0) from marts.{ON_TIME}"
        " where basis = ? and basis_month = ?",
        "count",
        basis,
        month.value,
    )
    no_date = marts.number(
        f"select coalesce(sum(no_date_count), 0) from marts.{ON_TIME} where basis = ?",
        "count",
        basis,
    )
    if waiting.value:
        finding += words(
            " {} more of the month were not due yet on the as-of day and are in no share.", waiting
        )
    parts: list[Part] = [
        (
            (
                "Each planned date of an order line counts once, in the month of that date. A line"
                " that is overdue and still open has failed; one that is not due yet is left out."
            ),
        )
    ]
    if no_date.value:
        parts.append(words(f"{{}} lines have no date to hold to {BASES[basis]} at all.", no_date))
    parts += [
        _three_bases(marts, month),
        chart(
            marts,
            f"On time against {BASES[basis]}, with its limits",
            words(
                "The share of lines on time, month by month, with the limits that its own past"
                " gives; {} in {}.",
                judged.value,
                month,
            ),
            on_time(basis),
            "rate",
            "month",
            Column("On time", "rate"),
            Metric("on_time_rate", basis),
        ),
        marts.table(
            "The month by basis",
            f"select {BASIS_LABEL} as basis_label, "
            + sums(f"where basis_month = ? group by basis order by {BASIS_ORDER}"),
            (Column("Held against"), *SUMS),
            month.value,
        ),
    ]
    if counted(marts, f"select count(distinct source_system) from marts.{ON_TIME}") > 1:
        parts.append(
            marts.table(
                "The month by source system",
                f"select source_system, {BASIS_LABEL} as basis_label, "
                + sums(
                    "where basis_month = ? group by source_system, basis"
                    f" order by source_system, {BASIS_ORDER}"
                ),
                (Column("System"), Column("Held against"), *SUMS),
                month.value,
            )
        )
    parts.append(
        marts.table(
            "Month by month",
            f"select basis_month, {BASIS_LABEL} as basis_label, "
            + sums(
                f"where basis_month <= ? and basis_month > ? - interval {LISTED_MONTHS} month"
                f" group by basis_month, basis order by basis_month desc, {BASIS_ORDER}"
            ),
            (Column("Month", "month"), Column("Held against"), *SUMS),
            month.value,
            month.value,
            is_whole_list=True,
        )
    )
    shown = shares[basis]
    headline = Headline(
        title=f"On time against {BASES[basis]}",
        number=shown.rate,
        context=(
            *words("{} of {} lines due in {}; ", shown.numerator, shown.denominator, month),
            *words("{} against the last promise, ", shares["last_promise"].rate),
            *words("{} against the customer's date.", shares["request"].rate),
        ),
        verdict=judged.verdict,
        why=judged.why,
        section=key,
        marts=(ON_TIME,),
        case_count=shown.denominator,
    )
    asks = [*look(judged, f"On time against {BASES[basis]}", "high")]
    section = Section(key, title, question, finding, tuple(parts), (ON_TIME, LINES))
    return Found(section, headline, tuple(asks))


def _three_bases(marts: Published, month: Number) -> Part:
    import altair as alt

    sums = ", ".join(
        rate(
            f"sum(on_time_rate_numerator) filter (basis = '{basis}')",
            f"sum(on_time_rate_denominator) filter (basis = '{basis}')",
        )
        + f" as {basis}"
        for basis in BASES
    )
    labels = {"request": "Customer's date", "first_promise": "First promise"}
    labels["last_promise"] = "Last promise"
    base = alt.Chart(alt.NamedData("rows")).transform_fold(
        list(labels), as_=["basis", "on_time_rate"]
    )
    line = base.mark_line(point=True).encode(
        x=alt.X("basis_month:T", title=None),
        y=alt.Y("on_time_rate:Q", title="On time", axis=alt.Axis(format=".0%")),
        color=labelled("basis", labels),
        strokeDash=alt.StrokeDash("basis:N", sort=list(labels), legend=None),
        tooltip=[
            alt.Tooltip("basis_month:T", title="Month", format="%b %Y"),
            alt.Tooltip("basis:N", title="Held against"),
            alt.Tooltip("on_time_rate:Q", title="On time", format=".1%"),
        ],
    )
    return marts.chart(
        "On time by month, on three bases",
        words("The share of lines on time by month up to {}, a line for each basis.", month),
        specified(line),
        f"select basis_month, {sums} from marts.{ON_TIME} where basis_month <= ?"
        " group by basis_month",
        {
            "basis_month": Column("Month", "month"),
            **{basis: Column(label, "rate") for basis, label in labels.items()},
        },
        month.value,
        native=NativeChart("line", "basis_month", tuple(labels)),
        note=(
            (
                "Where the last promise lies far above the first, dates were moved before they were"
                " missed."
            ),
        ),
    )

"""The monthly report on promises: which dates were kept, moved and missed, and which will be.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), what is too old (`freshness`), how it looks (the renderings).

A line here is a planned date of an order line, the unit of the delivery marts: a line that is
planned in three parts is three. The month is the last one that was over by the as_of, and in which
something was due. Figures are pooled over source systems and functions by adding numerators and
denominators; shares of fewer than five lines are NULL with the reason beside them. A line that is
not due yet is in no share.
"""

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Report,
    Section,
    Value,
    Verdict,
    Words,
    words,
)
from assets.reports.freshness import AS_OF
from assets.reports.monthly import (
    WAITING,
    WORSE,
    Found,
    counted,
    labelled,
    look_at,
    missing,
    rate,
    reason,
    report_of,
    share,
    share_of,
)
from assets.reports.published import Published
from assets.reports.signals import FEWEST, Judged, chart, judge, limits, specified

KEY = "promises"
TITLE = "Promises, month by month"

ON_TIME = "mart_on_time_delivery_monthly"
LINES = "fct_order_line_deliveries"
SCORES = "fct_promise_scores"
QUOTES = "mart_promise_quotes"
PERFORMANCE = "mart_score_performance"

#: months of the lists by month
LISTED_MONTHS = 13
#: a line that is overdue for longer is old
OLD_DAYS = 90
#: a line that lacks no more than this share of its quantity is all but shipped
REST = 0.1
#: Student's t of the fewest past fits that are judged, so that the interval is never too narrow
STUDENT_T = 2.57
#: how often a date of level p80 is to be kept
LEVELS = {"p50": 0.5, "p80": 0.8, "p95": 0.95}
BASES = {
    "request": "the customer's date",
    "first_promise": "the first promise",
    "last_promise": "the last promise",
}
NO_ORDERS = (
    "No order line is published. Bring the extract order_lines, and shipments for what was"
    " delivered; promise_changes tells which dates were moved."
)

#: a line with its first promise and the last one before it fell due
MOVES = f"""
select first.basis_month, first.promised_by, first.product_family,
    first.promise_change_count, first.net_slip_days,
    first.is_eligible and last.is_eligible as is_judged,
    first.is_on_time as is_first_kept, last.is_on_time as is_last_kept,
    first.net_slip_days <> last.basis_date - first.basis_date as is_moved_too_late
from marts.{LINES} as first
inner join marts.{LINES} as last using (order_id, line_number, schedule_number)
where first.basis = 'first_promise' and last.basis = 'last_promise'
    and first.basis_date is not null
"""
#: lines that missed the first promise and kept the last one, of those that can be judged on both
RESCUED = f"""
select basis_month as period,
    count(*) filter (not is_first_kept and is_last_kept) as numerator, count(*) as denominator
from ({MOVES})
where is_judged and last_day(basis_month) <= {AS_OF}
group by basis_month
"""
MOVED = f"""
select basis_month as period,
    count(*) filter (promise_change_count > 0) as numerator, count(*) as denominator
from ({MOVES})
where last_day(basis_month) <= {AS_OF}
group by basis_month
"""
#: at each month's end the lines that were past their last promise and not complete, as known now
BACKLOG = f"""
with unit as (
    select window_end_date, completed_date, cancelled_on, deleted_at::date as deleted_on
    from marts.{LINES}
    where basis = 'last_promise' and window_end_date < {AS_OF}
        and coalesce(completed_date > window_end_date, true)
        and ineligible_reason is distinct from 'no_quantity'
), month_ends as (
    select distinct last_day(date_day) as month_end
    from marts.dim_dates
    where last_day(date_day) <= {AS_OF}
        and date_day >= (select min(basis_date) from marts.{LINES} where basis = 'last_promise')
)
select date_trunc('month', month_end)::date as period, count(window_end_date) as value
from month_ends
left join unit
    on window_end_date < month_end
    and coalesce(completed_date > month_end, true)
    and coalesce(cancelled_on > month_end, true)
    and coalesce(deleted_on > month_end, true)
group by month_end
"""
OVERDUE = f"select * from marts.{LINES} where basis = 'last_promise' and is_overdue_open"
#: open lines that fall due by the end of the month in which the report is read
THIS_MONTH = f"last_day({AS_OF} + 1)"
AT_RISK = f"select * from marts.{SCORES} where not is_overdue and due_date <= {THIS_MONTH}"
#: how often the dates of the champions held on later lines, a row per day of a past fit and level
HELD = f"""
select score_name, slice_value::date as fitted_on, method, value as held, lower_bound, upper_bound,
    case_count
from marts.{PERFORMANCE}
where is_champion and not is_after_training and slice = 'fitted_on' and measure = 'coverage'
    and method in ('p50', 'p80', 'p95') and value is not null and case_count > 0
"""


def on_time(basis: str) -> str:
    """The on-time rate by month of the date on the basis, whole months only."""
    return f"""
select basis_month as period, sum(on_time_rate_numerator) as numerator,
    sum(on_time_rate_denominator) as denominator
from marts.{ON_TIME}
where basis = '{basis}' and last_day(basis_month) <= {AS_OF}
group by basis_month
"""


def booked_late(basis: str) -> str:
    """Lines on time by the day named, not by the day on which that was recorded."""
    return f"""
select basis_month as period,
    count(*) filter (is_on_time and not is_on_time_recorded) as numerator, count(*) as denominator
from marts.{LINES}
where basis = '{basis}' and is_eligible and last_day(basis_month) <= {AS_OF}
group by basis_month
"""


def report(marts: Published) -> Report:
    """The report on the last whole month, as of the published day."""
    judged = {basis: judge(marts, on_time(basis), "rate", "month", "rate") for basis in BASES}
    # who has no promises, but requests, is held against those
    basis = next((name for name in ("first_promise", "request") if judged[name]), "first_promise")
    month = judged[basis]
    return report_of(
        marts,
        KEY,
        TITLE,
        "Which dates were kept, moved and missed, and which are at risk",
        (
            _on_time(marts, basis, month),
            _families(marts, basis, month),
            _recorded(marts, basis, month),
            _changes(marts),
            _overdue(marts),
            _at_risk(marts),
            _quotes(marts),
            _held(marts),
        ),
    )


# --- on time -------------------------------------------------------------------------------------


def _sums(rest: str) -> str:
    """What the mart of a month says when its rows are added up; `rest` is the grouping."""
    recorded = "sum(on_time_recorded_rate_numerator)"
    kept, due = "sum(on_time_rate_numerator)", "sum(on_time_rate_denominator)"
    return f"""
{due} as due_count, {kept} as kept_count, {rate(kept, due)} as on_time_rate,
    {recorded} as recorded_count, {rate(recorded, due)} as recorded_rate,
    sum(not_due_count) as not_due_count, {reason(due)} as suppressed_reason
from marts.{ON_TIME}
{rest}"""


SUMS = (
    Column("Due", "count"),
    Column("On time", "count"),
    Column("On time, share", "rate"),
    Column("On time as booked", "count"),
    Column("As booked, share", "rate"),
    Column("Not due yet", "count"),
    Column("No share because"),
)
BASIS_LABEL = (
    "case basis when 'request' then 'customer''s date' when 'first_promise' then 'first promise'"
    " else 'last promise' end"
)
BASIS_ORDER = "array_position(['request', 'first_promise', 'last_promise'], basis)"


def _on_time(marts: Published, basis: str, judged: Judged | None) -> Found:
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
        ),
        marts.table(
            "The month by basis",
            f"select {BASIS_LABEL} as basis_label, "
            + _sums(f"where basis_month = ? group by basis order by {BASIS_ORDER}"),
            (Column("Held against"), *SUMS),
            month.value,
        ),
    ]
    if counted(marts, f"select count(distinct source_system) from marts.{ON_TIME}") > 1:
        parts.append(
            marts.table(
                "The month by source system",
                f"select source_system, {BASIS_LABEL} as basis_label, "
                + _sums(
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
            + _sums(
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
    look = look_at(judged, f"On time against {BASES[basis]}", worse_when_above=False)
    section = Section(key, title, question, finding, tuple(parts), (ON_TIME, LINES))
    return Found(section, headline, tuple(look))


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


# --- product families ----------------------------------------------------------------------------

VERDICT_LABEL = (
    "case reason when 'outside' then 'signal: outside its limits'"
    " when 'three of four' then 'signal: three of four near a limit'"
    " when 'run of eight' then 'signal: eight on one side'"
    " when 'within' then 'noise' else 'too little: ' || reason end"
)
IS_SIGNAL = "reason in ('outside', 'three of four', 'run of eight')"


def _families(marts: Published, basis: str, judged: Judged | None) -> Found:
    key, title = "families", "By product family"
    question = "Which product families keep their dates, and has one of them changed?"
    if judged is None:
        why = (
            "Nothing is judged by family before a month with lines due is over: see the section"
            " on time. product_family comes with the extract products."
        )
        return missing(key, title, question, (ON_TIME,), why)
    month = judged.period
    series = f"""
select basis_month as period, product_family, sum(on_time_rate_numerator) as numerator,
    sum(on_time_rate_denominator) as denominator
from marts.{ON_TIME}
where basis = '{basis}' and last_day(basis_month) <= {AS_OF}
group by basis_month, product_family
"""
    start = marts.info.fiscal_year_start_month
    told = f"""
select * from ({limits(series, "rate", "month", start, key="product_family")})
where period = ? and is_last
"""
    found = marts.numbers(
        f"""
select count(*) as family_count, count(*) filter ({IS_SIGNAL}) as signal_count,
    string_agg(key, ', ' order by key) filter ({IS_SIGNAL} and value < centre) as lower_families,
    string_agg(key, ', ' order by key) filter ({IS_SIGNAL} and value >= centre) as higher_families,
    count(*) filter (reason like 'few%') as untold_count
from ({told})
""",
        {
            "family_count": "count",
            "signal_count": "count",
            "lower_families": "text",
            "higher_families": "text",
            "untold_count": "count",
        },
        month.value,
    )
    finding = words(
        f"{{}} product families had lines due in {{}}. Held against {BASES[basis]}, ",
        found["family_count"],
        month,
    )
    if found["signal_count"].value:
        sides = [
            words("{} for the " + word, found[name])
            for name, word in (("lower_families", "worse"), ("higher_families", "better"))
            if found[name].value
        ]
        finding += words(
            "{} of them moved more than their own past explains: ", found["signal_count"]
        )
        finding += (*sides[0], *(("; ", *sides[1]) if len(sides) > 1 else ()), ".")
    else:
        finding += ("none of them moved more than its own past explains.",)
    if found["untold_count"].value:
        finding += words(" Of {} there is too little to tell.", found["untold_count"])
    bases = "\n".join(
        f"""
    sum(on_time_rate_denominator) filter (basis = '{name}') as {name}_due,
    sum(on_time_rate_numerator) filter (basis = '{name}') as {name}_kept,"""
        for name in BASES
    )
    family = f"""
with family as (
    select product_family, {bases}
        sum(on_time_recorded_rate_numerator) filter (basis = '{basis}') as recorded_kept
    from marts.{ON_TIME}
    where basis_month = ?
    group by product_family
)
select product_family, {basis}_due as due, {basis}_kept as kept,
    {rate("request_kept", "request_due")} as request,
    {rate("first_promise_kept", "first_promise_due")} as first_promise,
    {rate("last_promise_kept", "last_promise_due")} as last_promise,
    {rate("recorded_kept", f"{basis}_due")} as recorded,
    {reason(f"{basis}_due")} as suppressed_reason
from family
"""
    parts: list[Part] = [
        _family_chart(marts, family, month),
        marts.table(
            "The month by product family",
            f"select * from ({family}) order by product_family",
            (
                Column("Product family"),
                Column("Due", "count"),
                Column("On time", "count"),
                Column("Customer's date", "rate"),
                Column("First promise", "rate"),
                Column("Last promise", "rate"),
                Column("As booked", "rate"),
                Column("No share because"),
            ),
            month.value,
            note=(f"Due, on time and as booked are against {BASES[basis]}.",),
        ),
        marts.table(
            "Each family against its own past",
            f"select key, numerator, case_count, {rate('numerator', 'case_count')} as on_time_rate,"
            f" centre, lower_limit, upper_limit, {VERDICT_LABEL} as verdict from ({told})"
            " order by key",
            (
                Column("Product family"),
                Column("On time", "count"),
                Column("Due", "count"),
                Column("On time, share", "rate"),
                Column("Usual", "rate"),
                Column("Lower limit", "rate"),
                Column("Upper limit", "rate"),
                Column("Verdict"),
            ),
            month.value,
            note=(
                (
                    f"Against {BASES[basis]}. Several families are judged at once, so now and then"
                    " one of them gives a signal by chance."
                ),
            ),
        ),
        marts.table(
            "Product families, month by month",
            f"select basis_month, product_family, {BASIS_LABEL} as basis_label, "
            + _sums(
                f"where basis_month <= ? and basis_month > ? - interval {LISTED_MONTHS} month"
                " group by basis_month, product_family, basis"
                f" order by basis_month desc, product_family, {BASIS_ORDER}"
            ),
            (Column("Month", "month"), Column("Product family"), Column("Held against"), *SUMS),
            month.value,
            month.value,
            is_whole_list=True,
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), (ON_TIME,)))


def _family_chart(marts: Published, family: str, month: Number) -> Part:
    import altair as alt

    labels = {
        "request": "Customer's date",
        "first_promise": "First promise",
        "last_promise": "Last promise",
        "recorded": "As booked",
    }
    points = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["basis", "on_time_rate"])
        .mark_point(filled=True, size=90)
        .encode(
            x=alt.X(
                "on_time_rate:Q",
                title="On time",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(zero=False),
            ),
            y=alt.Y("product_family:N", title=None),
            color=labelled("basis", labels),
            shape=alt.Shape("basis:N", sort=list(labels), legend=None),
            tooltip=[
                alt.Tooltip("product_family:N", title="Product family"),
                alt.Tooltip("basis:N", title="Held against"),
                alt.Tooltip("on_time_rate:Q", title="On time", format=".1%"),
            ],
        )
    )
    return marts.chart(
        "On time by product family",
        words("The share of lines on time in {}, by product family and basis.", month),
        specified(points),
        family,
        {
            "product_family": Column("Product family"),
            **{name: Column(label, "rate") for name, label in labels.items()},
        },
        month.value,
        native=NativeChart("bar", "product_family", tuple(labels)),
    )


# --- by recorded date ----------------------------------------------------------------------------


def _recorded(marts: Published, basis: str, judged: Judged | None) -> Found:
    key, title = "recorded", "By the day it was booked"
    question = "How much of the figure comes from deliveries that were booked later than they name?"
    if judged is None:
        why = "Nothing is judged before a month with lines due is over: see the section on time."
        return missing(key, title, question, (ON_TIME,), why)
    month = judged.period
    known = share(
        marts,
        "select sum(recorded_day_count) as numerator, sum(eligible_count) as denominator"
        f" from marts.{ON_TIME} where basis = ? and basis_month = ?",
        basis,
        month.value,
    )
    if not known.numerator.value:
        why = (
            "No delivery of the month tells when it was recorded. The column recorded_at of the"
            " extract shipments brings it, and so do extracts with a stamp that come often."
        )
        return missing(key, title, question, (ON_TIME,), why)
    gap = judge(marts, booked_late(basis), "rate", "month", "rate")
    assert gap is not None
    late = share_of(marts, booked_late(basis), month)
    told = marts.numbers(
        f"""
select {rate("sum(on_time_rate_numerator)", "sum(on_time_rate_denominator)")} as named,
    {rate("sum(on_time_recorded_rate_numerator)", "sum(on_time_recorded_rate_denominator)")}
        as booked,
    100 * (named - booked) as gap, sum(recorded_before_delivery_count) as before_count
from marts.{ON_TIME} where basis = ? and basis_month = ?
""",
        {"named": "rate", "booked": "rate", "gap": "points", "before_count": "count"},
        basis,
        month.value,
    )
    finding: Words = (
        *words("In {}, ", month),
        *late.words,
        (
            " of the lines were on time by the day that the delivery names and late by the day on"
            f" which it was booked. Against {BASES[basis]} "
        ),
        *words(
            "{} were on time by the day named, {} by the day booked: a gap of {}.",
            told["named"],
            told["booked"],
            told["gap"],
        ),
    )
    parts: list[Part] = [
        (
            (
                "A gap can be paperwork that follows the goods, or dates put right afterwards. The"
                " marts cannot tell which; whoever books the shipments can. Of "
            ),
            *known.words,
            (
                " lines it is known when every delivery was booked; the others count from the day"
                " they name, so the gap can only be larger."
            ),
        ),
        chart(
            marts,
            "On time only by the day named, with its limits",
            words(
                "The share of lines whose delivery was booked too late to be on time, by month;"
                " {} in {}.",
                gap.value,
                gap.period,
            ),
            booked_late(basis),
            "rate",
            "month",
            Column("Booked late", "rate"),
        ),
        marts.table(
            "On time by the day named and by the day booked",
            f"""
select basis_month, due_count, kept_count, on_time_rate, recorded_count, recorded_rate,
    100 * (on_time_rate - recorded_rate) as gap, suppressed_reason
from (
    select basis_month, {
                _sums(
                    "where basis = ? and basis_month <= ? and basis_month > ?"
                    f" - interval {LISTED_MONTHS} month group by basis_month"
                )
            }
)
order by basis_month desc
""",
            (
                Column("Month", "month"),
                Column("Due", "count"),
                Column("On time by day named", "count"),
                Column("Share", "rate"),
                Column("On time by day booked", "count"),
                Column("Share as booked", "rate"),
                Column("Gap", "points"),
                Column("No share because"),
            ),
            basis,
            month.value,
            month.value,
            note=(f"Against {BASES[basis]}.",),
        ),
    ]
    if told["before_count"].value:
        parts.append(
            words(
                "{} lines have a delivery that was booked before the day it names.",
                told["before_count"],
            )
        )
    headline = Headline(
        title="On time only by late booking",
        number=late.rate,
        context=words(
            "{} of {} lines due in {}: {} on time by the day named, {} by the day booked.",
            late.numerator,
            late.denominator,
            month,
            told["named"],
            told["booked"],
        ),
        verdict=gap.verdict,
        why=gap.why,
        section=key,
        marts=(ON_TIME, LINES),
        case_count=late.denominator,
    )
    section = Section(key, title, question, finding, tuple(parts), (ON_TIME, LINES))
    return Found(
        section,
        headline,
        tuple(look_at(gap, "On time only by late booking", worse_when_above=True)),
    )


# --- moved promises ------------------------------------------------------------------------------


def _changes(marts: Published) -> Found:
    key, title = "changes", "Moved promises"
    question = "How often do we move a date we gave, which way, and does it save the figure?"
    moved = judge(marts, MOVED, "rate", "month", "rate")
    if moved is None:
        if not counted(marts, f"select count(*) from marts.{LINES}"):
            return missing(key, title, question, (LINES,), NO_ORDERS)
        why = (
            "No promise of a whole month is published. The columns first_promise_date and"
            " current_promise_date of the extract order_lines bring it, and promise_changes tells"
            " every version."
        )
        return missing(key, title, question, (LINES,), why)
    month = moved.period
    part = share_of(marts, MOVED, month)
    found = marts.numbers(
        f"""
select count(*) filter (net_slip_days > 0) as later_count,
    count(*) filter (net_slip_days < 0) as earlier_count,
    count(*) filter (promise_change_count > 0 and net_slip_days = 0) as back_count,
    count(*) filter (is_moved_too_late) as too_late_count,
    sum(promise_change_count) as change_count,
    (avg(net_slip_days) filter (promise_change_count > 0))::double as slip_days
from ({MOVES}) where basis_month = ?
""",
        {
            "later_count": "count",
            "earlier_count": "count",
            "back_count": "count",
            "too_late_count": "count",
            "change_count": "count",
            "slip_days": "days",
        },
        month.value,
    )
    finding: Words = (
        *words("Of the lines first promised for {}, ", month),
        *part.words,
        " had their date moved",
    )
    if part.numerator.value:
        finding += words(
            ": {} to a later day, {} to an earlier one, {} back to where it was, on average by {}."
            " {} of them were moved only after they had fallen due, which does not count as a"
            " promise.",
            found["later_count"],
            found["earlier_count"],
            found["back_count"],
            found["slip_days"],
            found["too_late_count"],
        )
    else:
        finding += (".",)
    parts: list[Part] = [
        chart(
            marts,
            "Lines with a moved date, with its limits",
            words(
                "The share of promised lines whose date was moved, by month of the first promise;"
                " {} in {}.",
                moved.value,
                month,
            ),
            MOVED,
            "rate",
            "month",
            Column("Moved", "rate"),
        )
    ]
    by = """
count(*) as line_count, count(*) filter (promise_change_count > 0) as moved_count,
    {rate} as moved_rate, sum(promise_change_count) as change_count,
    count(*) filter (net_slip_days > 0) as later_count,
    count(*) filter (net_slip_days < 0) as earlier_count,
    count(*) filter (promise_change_count > 0 and net_slip_days = 0) as back_count,
    count(*) filter (is_moved_too_late) as too_late_count,
    (avg(net_slip_days) filter (promise_change_count > 0))::double as slip_days,
    {reason} as suppressed_reason
from ({moves})
""".format(
        rate=rate("count(*) filter (promise_change_count > 0)", "count(*)"),
        reason=reason("count(*)"),
        moves=MOVES,
    )
    columns = (
        Column("Lines", "count"),
        Column("Moved", "count"),
        Column("Moved, share", "rate"),
        Column("Changes", "count"),
        Column("Later", "count"),
        Column("Earlier", "count"),
        Column("Back", "count"),
        Column("After due", "count"),
        Column("Mean slip", "days"),
        Column("No share because"),
    )
    parts += [
        marts.table(
            "Moved dates of the month, by who promised",
            f"select promised_by, {by} where basis_month = ? group by promised_by"
            " order by promised_by",
            (Column("Promised by"), *columns),
            month.value,
            note=(
                (
                    "Promised by names the function that gave the first date. Who moved it and how"
                    " long before it fell due is in the extract promise_changes; no published mart"
                    " tells it."
                ),
            ),
        ),
        marts.table(
            "Moved dates of the month, by product family",
            f"select product_family, {by} where basis_month = ? group by product_family"
            " order by product_family",
            (Column("Product family"), *columns),
            month.value,
        ),
        marts.table(
            "Moved dates, month by month",
            f"select basis_month, {by} where basis_month <= ?"
            f" and basis_month > ? - interval {LISTED_MONTHS} month"
            " group by basis_month order by basis_month desc",
            (Column("First promised for", "month"), *columns),
            month.value,
            month.value,
        ),
    ]
    look = look_at(moved, "Lines with a moved date", worse_when_above=True)
    headline = None
    rescued = judge(marts, RESCUED, "rate", "month", "rate")
    if rescued is not None:
        saved = share_of(marts, RESCUED, rescued.period)
        finding += (
            " Because of that, ",
            *saved.words,
            (
                " of the lines that can be judged missed the first promise and still count as on"
                " time against the last one."
            ),
        )
        parts.insert(
            1,
            chart(
                marts,
                "Late for the first promise, on time for the last, with its limits",
                words(
                    "The share of lines that only a moved date makes on time, by month; {} in {}.",
                    rescued.value,
                    rescued.period,
                ),
                RESCUED,
                "rate",
                "month",
                Column("Saved by a moved date", "rate"),
            ),
        )
        headline = Headline(
            title="On time only by a moved date",
            number=saved.rate,
            context=words(
                "{} of {} lines first promised for {} missed that date and kept a later one.",
                saved.numerator,
                saved.denominator,
                rescued.period,
            ),
            verdict=rescued.verdict,
            why=rescued.why,
            section=key,
            marts=(LINES,),
            case_count=saved.denominator,
        )
        look += look_at(rescued, "On time only by a moved date", worse_when_above=True)
    section = Section(key, title, question, finding, tuple(parts), (LINES,))
    return Found(section, headline, tuple(look))


# --- overdue -------------------------------------------------------------------------------------

AGE = (
    "case when days_late <= 30 then '1–30 days' when days_late <= 90 then '31–90 days'"
    " when days_late <= 365 then '91–365 days' else 'over 365 days' end"
)


def _overdue(marts: Published) -> Found:
    key, title = "overdue", "Overdue lines"
    question = "Who waits for goods that should be there, and since when?"
    if not counted(marts, f"select count(*) from marts.{LINES}"):
        return missing(key, title, question, (LINES,), NO_ORDERS)
    if not counted(
        marts, f"select count(basis_date) from marts.{LINES} where basis='last_promise'"
    ):
        why = (
            "No line has a promise to be past. The column first_promise_date or"
            " current_promise_date of the extract order_lines brings it, or promise_changes."
        )
        return missing(key, title, question, (LINES,), why)
    found = marts.numbers(
        f"""
select count(*) as line_count, count(distinct order_id) as order_count,
    median(days_late)::double as median_days,
    count(*) filter (days_late > {OLD_DAYS}) as old_count,
    count(*) filter (
        days_late > {OLD_DAYS} and quantity_shipped >= {1 - REST} * quantity_ordered
    ) as rest_count,
    count(*) filter (days_late <= 30) as fresh_count
from ({OVERDUE})
""",
        {
            "line_count": "count",
            "order_count": "count",
            "median_days": "days",
            "old_count": "count",
            "rest_count": "count",
            "fresh_count": "count",
        },
    )
    unpromised = marts.number(
        f"select count(*) from marts.{SCORES} where is_overdue and promise_basis = 'request'",
        "count",
    )
    ends = judge(marts, BACKLOG, "value", "month", "count")
    parts: list[Part] = []
    look: list[tuple[int, Words]] = []
    if found["line_count"].value:
        finding = words(
            "{} lines of {} orders are open past the last promise; half of them for {} or longer."
            f" {{}} are overdue for {OLD_DAYS} days or less than that, {{}} for longer.",
            found["line_count"],
            found["order_count"],
            found["median_days"],
            marts.number(
                f"select count(*) from ({OVERDUE}) where days_late <= {OLD_DAYS}", "count"
            ),
            found["old_count"],
        )
        if found["rest_count"].value:
            parts.append(
                words(
                    f"Of the {{}} lines that are overdue for more than {OLD_DAYS} days, {{}} lack"
                    " no more than a tenth of their quantity: rests that somebody delivers, credits"
                    " or closes. Until then they hide the customers who really wait.",
                    found["old_count"],
                    found["rest_count"],
                )
            )
            look.append(
                (
                    WAITING,
                    words(
                        f"{{}} of {{}} overdue lines are older than {OLD_DAYS} days and lack no"
                        " more than a tenth of their quantity: deliver, credit or close the rests.",
                        found["rest_count"],
                        found["line_count"],
                    ),
                )
            )
        if found["fresh_count"].value:
            look.append(
                (
                    WAITING,
                    words(
                        "{} lines went overdue within the last thirty days and are still open: the"
                        " list of overdue lines has them at its end.",
                        found["fresh_count"],
                    ),
                )
            )
    else:
        finding = words("{} lines are open past the last promise.", found["line_count"])
    if unpromised.value:
        finding += words(
            " {} more have no promise and are past the date that the customer asked for.",
            unpromised,
        )
    if ends is not None:
        parts.append(
            chart(
                marts,
                "Overdue lines at the end of each month, with their limits",
                words(
                    "The number of lines open past the last promise at each month's end; {} in {}.",
                    ends.value,
                    ends.period,
                ),
                BACKLOG,
                "value",
                "month",
                Column("Overdue lines", "count"),
            )
        )
    if found["line_count"].value:
        parts += [_age_chart(marts), _overdue_list(marts)]
    headline = Headline(
        title="Overdue lines",
        number=found["line_count"],
        context=words(
            f"Open past the last promise, of {{}} orders; {{}} for more than {OLD_DAYS} days.",
            found["order_count"],
            found["old_count"],
        ),
        verdict="too little" if ends is None else ends.verdict,
        why=("No month is over yet.",)
        if ends is None
        else (*words("{} at the end of {}. ", ends.value, ends.period), *ends.why),
        section=key,
        marts=(LINES,),
    )
    look = [*look_at(ends, "Overdue lines", worse_when_above=True), *look]
    section = Section(key, title, question, finding, tuple(parts), (LINES, SCORES))
    return Found(section, headline, tuple(look))


def _age_chart(marts: Published) -> Part:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("line_count:Q", title="Lines", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("age:N", title="Overdue for", sort=None),
            tooltip=[
                alt.Tooltip("age:N", title="Overdue for"),
                alt.Tooltip("line_count:Q", title="Lines"),
                alt.Tooltip("rest_count:Q", title="All but a tenth shipped"),
            ],
        )
    )
    return marts.chart(
        "Overdue lines by age",
        ("How many lines are overdue, by how long they are.",),
        specified(bars),
        f"""
select {AGE} as age, count(*) as line_count,
    count(*) filter (quantity_shipped >= {1 - REST} * quantity_ordered) as rest_count
from ({OVERDUE}) group by age
""",
        {
            "age": Column("Overdue for"),
            "line_count": Column("Lines", "count"),
            "rest_count": Column("All but a tenth shipped", "count"),
        },
        native=NativeChart("bar", "age", ("line_count",)),
    )


def _overdue_list(marts: Published) -> Part:
    return marts.table(
        "Overdue lines, the whole list",
        f"""
select overdue.order_id, overdue.line_number, overdue.schedule_number, account.account_name,
    coalesce(product.product_name, overdue.product_id) as product, overdue.product_family,
    overdue.basis_date, overdue.days_late, overdue.quantity_ordered, overdue.quantity_shipped,
    overdue.promise_change_count
from ({OVERDUE}) as overdue
left join marts.dim_accounts as account using (account_id)
left join marts.dim_products as product on product.product_id = overdue.product_id
order by overdue.days_late desc, overdue.order_id, overdue.line_number, overdue.schedule_number
""",
        (
            Column("Order"),
            Column("Line"),
            Column("Part"),
            Column("Account"),
            Column("Product"),
            Column("Product family"),
            Column("Last promise", "date"),
            Column("Overdue", "days"),
            Column("Ordered", "number"),
            Column("Shipped", "number"),
            Column("Moved", "count"),
        ),
        is_whole_list=True,
    )


# --- at risk -------------------------------------------------------------------------------------


def _at_risk(marts: Published) -> Found:
    key, title = "at_risk", "At risk this month"
    question = "Which promises of this month will be broken if nothing is done?"
    if not counted(marts, f"select count(*) from marts.{SCORES}"):
        if not counted(marts, f"select count(*) from marts.{LINES}"):
            return missing(key, title, question, (SCORES,), NO_ORDERS)
        why = (
            "No line is open. Open orders come with the extract order_lines; how likely each is"
            " late is learned from delivered ones."
        )
        return missing(key, title, question, (SCORES,), why)
    found = marts.numbers(
        f"""
select date_trunc('month', {THIS_MONTH})::date as month, count(*) as line_count,
    count(late_probability) as scored_count, count(*) - count(late_probability) as unscored_count,
    sum(late_probability) as late_count,
    count(*) filter (late_probability >= 0.5) as likely_count,
    count(*) filter (late_probability >= 0.5 and due_date <= {AS_OF} + 7) as soon_count,
    count(*) filter (due_date <= {AS_OF}) as today_count
from ({AT_RISK})
""",
        {
            "month": "month",
            "line_count": "count",
            "scored_count": "count",
            "unscored_count": "count",
            "late_count": "count",
            "likely_count": "count",
            "soon_count": "count",
            "today_count": "count",
        },
    )
    marts_used = (SCORES,)
    if not found["line_count"].value:
        finding = words("No open line falls due by the end of {}.", found["month"])
        return Found(Section(key, title, question, finding, (), marts_used))
    if not found["scored_count"].value:
        finding = words(
            "{} open lines fall due by the end of {}, and of none can be said how likely it is"
            " late.",
            found["line_count"],
            found["month"],
        )
    else:
        finding = words(
            "{} open lines fall due by the end of {}. Of {} that are scored, {} are more likely"
            " late than not; added up, about {} will be late.",
            found["line_count"],
            found["month"],
            found["scored_count"],
            found["likely_count"],
            found["late_count"],
        )
    if found["today_count"].value:
        finding += words(
            " {} were due on the as-of day itself and were open at its end: they are missed, and"
            " overdue from the next day.",
            found["today_count"],
        )
    if found["unscored_count"].value:
        finding += words(
            " How likely it is late cannot be said of {} of them.", found["unscored_count"]
        )
    parts: list[Part] = []
    if found["scored_count"].value:
        parts.append(_risk_chart(marts, found["month"]))
    parts += [
        marts.table(
            "Lines due by the end of the month, the whole list",
            f"""
select risk.late_probability, risk.due_date, risk.order_id, risk.line_number, risk.schedule_number,
    coalesce(product.product_name, risk.product_id) as product, risk.product_family,
    risk.quantity_ordered, risk.promise_date, risk.promise_basis, risk.p50_finish_date,
    risk.p80_finish_date, risk.p95_finish_date, risk.score_status
from ({AT_RISK}) as risk
left join marts.dim_products as product using (product_id)
order by risk.late_probability desc nulls last, risk.due_date, risk.order_id, risk.line_number,
    risk.schedule_number
""",
            (
                Column("Chance to be late", "rate"),
                Column("Due", "date"),
                Column("Order"),
                Column("Line"),
                Column("Part"),
                Column("Product"),
                Column("Product family"),
                Column("Quantity", "number"),
                Column("Promise", "date"),
                Column("Which date"),
                Column("50 in 100 by", "date"),
                Column("80 in 100 by", "date"),
                Column("95 in 100 by", "date"),
                Column("Score"),
            ),
            note=(
                (
                    "The most likely late first, of those the one that is due first. The dates say"
                    " by when such lines, open so long, are finished 50, 80 and 95 times in 100: a"
                    " new date for the customer, if one has to be given."
                ),
            ),
            is_whole_list=True,
        ),
        marts.table(
            "At risk by product family",
            f"""
select product_family, count(*) as line_count, count(late_probability) as scored_count,
    count(*) filter (late_probability >= 0.5) as likely_count,
    sum(late_probability) as late_count
from ({AT_RISK}) group by product_family order by product_family
""",
            (
                Column("Product family"),
                Column("Lines due", "count"),
                Column("Scored", "count"),
                Column("More likely late", "count"),
                Column("Late, added up", "number"),
            ),
        ),
    ]
    if found["unscored_count"].value:
        parts.append(
            marts.table(
                "Lines of which it cannot be said how likely they are late",
                f"select score_status, count(*) as line_count from ({AT_RISK})"
                " where late_probability is null group by score_status order by score_status",
                (Column("Score"), Column("Lines", "count")),
            )
        )
    headline: Headline | None = None
    look: tuple[tuple[int, Words], ...] = ()
    if found["scored_count"].value:
        headline = Headline(
            title="Likely late this month",
            number=found["likely_count"],
            context=words(
                "of {} open lines due by the end of {}; {} of these within seven days.",
                found["scored_count"],
                found["month"],
                found["soon_count"],
            ),
            verdict="plain",
            why=(
                (
                    "A forecast line by line, not a measured month, so there is no past of it to"
                    " hold it against. How well the dates held is a section of its own."
                ),
            ),
            section=key,
            marts=marts_used,
            case_count=found["scored_count"],
        )
        if found["likely_count"].value:
            said = words(
                "{} lines due by the end of {} are more likely late than not, {} of them within"
                " seven days: the list has them first, with a date that can be told instead.",
                found["likely_count"],
                found["month"],
                found["soon_count"],
            )
            look = ((WAITING, said),)
    return Found(Section(key, title, question, finding, tuple(parts), marts_used), headline, look)


def _risk_chart(marts: Published, month: Number) -> Part:
    import altair as alt

    labels = {"late_count": "Late, added up", "on_time_count": "On time, added up"}
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["outcome", "lines"])
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(due_date):O", title="Due", axis=alt.Axis(format="%d %b")),
            y=alt.Y("lines:Q", title="Lines"),
            color=labelled("outcome", labels),
            order=alt.Order("outcome:N"),
            tooltip=[
                alt.Tooltip("due_date:T", title="Due", format="%Y-%m-%d"),
                alt.Tooltip("late_count:Q", title="Late, added up", format=".1f"),
                alt.Tooltip("scored_count:Q", title="Lines"),
            ],
        )
    )
    return marts.chart(
        "Lines due by day, and how many of them will be late",
        words(
            "Open lines by the day on which they fall due up to the end of {}, their chances to be"
            " late added up.",
            month,
        ),
        specified(bars),
        f"""
select due_date, sum(late_probability) as late_count,
    count(late_probability) - sum(late_probability) as on_time_count,
    count(late_probability) as scored_count
from ({AT_RISK}) where late_probability is not null group by due_date
""",
        {
            "due_date": Column("Due", "date"),
            "late_count": Column("Late, added up", "number"),
            "on_time_count": Column("On time, added up", "number"),
            "scored_count": Column("Lines", "count"),
        },
        native=NativeChart("column", "due_date", ("late_count", "on_time_count")),
    )


# --- dates that can be promised ------------------------------------------------------------------


def _quotes(marts: Published) -> Found:
    key, title = "quotes", "Dates that can be promised"
    question = "Which date do we keep 50, 80 and 95 times in 100, product by product?"
    used = (QUOTES,)
    if not counted(marts, f"select count(*) from marts.{QUOTES}"):
        why = (
            "No product has been ordered or made. Bring order_lines and shipments, or work_orders:"
            " dates are learned from either."
        )
        return missing(key, title, question, used, why)
    # the usual quantity: the median of what is ordered, or the percentile that it coincides with
    usual = f"""
select * from marts.{QUOTES}
where quantity_percentile <= 50
qualify row_number() over (partition by product_id order by quantity_percentile desc) = 1
"""
    found = marts.numbers(
        f"""
select any_value(ordered_date) as ordered_date, count(distinct product_id) as product_count,
    count(distinct product_id) filter (p80_days is not null) as told_count,
    median(p50_days)::double as p50_days, median(p80_days)::double as p80_days,
    median(p95_days)::double as p95_days, median(p95_days - p50_days)::double as more_days,
    count(distinct product_id) filter (lead_time_basis = 'work orders') as made_count
from ({usual})
""",
        {
            "ordered_date": "date",
            "product_count": "count",
            "told_count": "count",
            "p50_days": "days",
            "p80_days": "days",
            "p95_days": "days",
            "more_days": "days",
            "made_count": "count",
        },
    )
    parts: list[Part] = []
    if found["told_count"].value:
        finding = words(
            "For an order of {} in its usual quantity, {} of {} products have dates to promise. In"
            " the middle of them goods are there within {} 50 times in 100, within {} 80 times and"
            " within {} 95 times: a date that is all but safe costs {} more than one that is kept"
            " every other time.",
            found["ordered_date"],
            found["told_count"],
            found["product_count"],
            found["p50_days"],
            found["p80_days"],
            found["p95_days"],
            found["more_days"],
        )
        parts.append(_quote_chart(marts, usual))
    else:
        finding = words("Of {} products none has a date to promise yet.", found["product_count"])
    if found["made_count"].value:
        parts.append(
            words(
                "Of {} products the times are those of production, from release to finish: shipping"
                " is not in them.",
                found["made_count"],
            )
        )
    parts.append(
        marts.table(
            "Dates to promise, by product and quantity",
            f"""
select product_family, coalesce(product_name, product_id) as product, source_system, quantity,
    quantity_percentile, p50_days, kept_50_date, p80_days, kept_80_date, p95_days, kept_95_date,
    finished_line_count, lead_time_basis, quote_status
from marts.{QUOTES}
order by product_family, product, source_system, product_id, quantity
""",
            (
                Column("Product family"),
                Column("Product"),
                Column("System"),
                Column("Quantity", "number"),
                Column("Percentile", "count"),
                Column("50 in 100", "days"),
                Column("Date kept 50 in 100", "date"),
                Column("80 in 100", "days"),
                Column("Date kept 80 in 100", "date"),
                Column("95 in 100", "days"),
                Column("Date kept 95 in 100", "date"),
                Column("Lines behind it", "count"),
                Column("Learned from"),
                Column("Status"),
            ),
            note=(
                (
                    "Dates are working days, at the load of the day of the order. `make quote`"
                    " tells them for any product, quantity and day."
                ),
            ),
            is_whole_list=True,
        )
    )
    return Found(Section(key, title, question, finding, tuple(parts), used))


def _quote_chart(marts: Published, usual: str) -> Part:
    import altair as alt

    labels = {
        "p50_days": "50 in 100",
        "p80_days": "80 in 100",
        "p95_days": "95 in 100",
    }
    points = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["level", "days"])
        .mark_point(filled=True, size=60, opacity=0.7)
        .encode(
            x=alt.X("days:Q", title="Days from the order"),
            y=alt.Y("product_family:N", title=None),
            yOffset=alt.YOffset("level:N", sort=list(labels)),
            color=labelled("level", labels, "Kept"),
            shape=alt.Shape("level:N", sort=list(labels), legend=None),
            tooltip=[
                alt.Tooltip("product:N", title="Product"),
                *(
                    alt.Tooltip(f"{name}:Q", title=f"Days, {label}")
                    for name, label in labels.items()
                ),
            ],
        )
    )
    return marts.chart(
        "Days to promise by product family",
        ("A mark per product and level: in how many days its usual quantity is there.",),
        specified(points),
        f"select *, coalesce(product_name, product_id) as product from ({usual})"
        " where p80_days is not null",
        {
            "product_family": Column("Product family"),
            "product": Column("Product"),
            **{name: Column(label, "days") for name, label in labels.items()},
        },
        native=NativeChart("bar", "product", tuple(labels)),
    )


# --- how well the dates held ---------------------------------------------------------------------


def _held(marts: Published) -> Found:
    key, title = "held", "How well these dates held"
    question = "Is 80 times in 100 really 80 times in 100?"
    used = (PERFORMANCE,)
    scores = marts.ask(
        marts.table(
            "",
            f"""
select score_name from ({HELD}) where method = 'p80' group by score_name
order by score_name like 'promise_quote%' desc, sum(case_count) desc, score_name
""",
            (Column("Score"),),
        ).query
    )
    if not scores:
        why = (
            "No model of lead times speaks, so none could be tried on later lines. It takes a year"
            " or so of order_lines with shipments, or of finished work_orders."
        )
        return missing(key, title, question, used, why)
    [score] = scores[0]
    level = LEVELS["p80"]
    # past fits, not lines, are the independent cases: what makes lines late makes many late at once
    told = f"""
with fit as (
    select * from ({HELD}) where score_name = ? and method = 'p80'
), pooled as (
    select sum(held * case_count) / sum(case_count) as held, sum(case_count) as case_count,
        count(*) as fit_count
    from fit
), spread as (
    select sqrt(sum(((fit.held - pooled.held) * fit.case_count) ** 2)) / any_value(
        pooled.case_count
    ) * sqrt(any_value(pooled.fit_count) / nullif(any_value(pooled.fit_count) - 1, 0)) as error
    from fit cross join pooled
)
select held, case_count, fit_count, greatest(held - {STUDENT_T} * error, 0) as low,
    least(held + {STUDENT_T} * error, 1) as high,
    (select min(held) from fit) as lowest, (select max(held) from fit) as highest,
    (select arg_max(held, fitted_on) from fit) as last_held,
    (select arg_max(case_count, fitted_on) from fit) as last_count,
    (select max(fitted_on) from fit) as last_fitted_on,
    (select arg_max(upper_bound, fitted_on) from fit) as last_upper
from pooled cross join spread
"""
    found = marts.numbers(
        told,
        {
            "held": "rate",
            "case_count": "count",
            "fit_count": "count",
            "low": "rate",
            "high": "rate",
            "lowest": "rate",
            "highest": "rate",
            "last_held": "rate",
            "last_count": "count",
            "last_fitted_on": "date",
            "last_upper": "rate",
        },
        score,
    )
    name = marts.number("select any_value(score_name) from (select ? as score_name)", "text", score)
    finding = words(
        "Tried on {} lines that came after {} past fits ({}), the dates of 80 times in 100 held {}"
        " of the time. From fit to fit that went from {} to {}; after the last one, of {}, it was"
        " {} of {} lines.",
        found["case_count"],
        found["fit_count"],
        name,
        found["held"],
        found["lowest"],
        found["highest"],
        found["last_fitted_on"],
        found["last_held"],
        found["last_count"],
    )
    verdict, because = _kept_level(found, level)
    parts: list[Part] = [
        (
            (
                "Each past fit knew only what was known on its day and was tried on the lines that"
                " came after it. Lines of one quarter are late together, so the verdict takes each"
                " fit as one case."
            ),
        ),
        _held_chart(marts, score),
        marts.table(
            "How often the dates held, over all past fits",
            f"""
select score_name, method, sum(held * case_count) / sum(case_count) as held, min(held) as lowest,
    max(held) as highest, sum(case_count) as case_count, count(*) as fit_count
from ({HELD}) group by score_name, method order by score_name, method
""",
            (
                Column("Score"),
                Column("Level"),
                Column("Held", "rate"),
                Column("Lowest fit", "rate"),
                Column("Highest fit", "rate"),
                Column("Lines", "count"),
                Column("Fits", "count"),
            ),
            note=("Level p80 means: to be kept 80 times in 100.",),
        ),
        marts.table(
            "How often the dates held, by product family",
            f"""
select score_name, slice_value,
    max(case_count) filter (method = 'p80') as case_count,
    max(value) filter (method = 'p50') as p50, max(value) filter (method = 'p80') as p80,
    max(value) filter (method = 'p95') as p95
from marts.{PERFORMANCE}
where is_champion and not is_after_training and slice = 'group' and measure = 'coverage'
group by score_name, slice_value order by score_name, slice_value
""",
            (
                Column("Score"),
                Column("Family"),
                Column("Lines", "count"),
                Column("50 in 100 held", "rate"),
                Column("80 in 100 held", "rate"),
                Column("95 in 100 held", "rate"),
            ),
        ),
    ]
    headline = Headline(
        title="Dates of 80 in 100 that held",
        number=found["held"],
        context=words(
            "of {} lines after {} past fits; after the last one {}.",
            found["case_count"],
            found["fit_count"],
            found["last_held"],
        ),
        verdict=verdict,
        why=because,
        section=key,
        marts=used,
        case_count=found["case_count"],
    )
    look: list[tuple[int, Words]] = []
    if verdict == "signal":
        look.append((WORSE, (*words("Dates of 80 in 100 held {}. ", found["held"]), *because)))
    upper = found["last_upper"].value
    if isinstance(upper, float) and upper < level:
        said = words(
            "After the last fit that could be tried, of {}, dates of 80 in 100 held only {} of the"
            " time: where it matters promise the date of 95 in 100.",
            found["last_fitted_on"],
            found["last_held"],
        )
        look.append((WAITING, said))
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(look))


def _kept_level(found: dict[str, Number], level: float) -> tuple[Verdict, Words]:
    """Whether the share held differs from what was said by more than fits differ anyway."""
    fits, low, high = (found[name].value for name in ("fit_count", "low", "high"))
    if not isinstance(fits, int) or fits < FEWEST:
        why = words(f"{{}} past fits; a verdict needs {FEWEST}.", found["fit_count"])
        return "too little", why
    assert isinstance(low, float)
    assert isinstance(high, float)
    bounds = found["low"], found["high"]
    if low <= level <= high:
        why = words(
            "As fits differ anyway, it could be anything from {} to {}: 80 in 100 lies between.",
            *bounds,
        )
        return "noise", why
    why = words("Even as fits differ, it lies between {} and {}: 80 in 100 does not.", *bounds)
    return "signal", why


def _held_chart(marts: Published, score: Value) -> Part:
    import altair as alt

    labels = {"p50": "50 in 100", "p80": "80 in 100", "p95": "95 in 100"}
    base = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["level", "held"])
        .encode(x=alt.X("fitted_on:T", title="Day of the fit"))
    )
    held = base.mark_line(point=True).encode(
        y=alt.Y("held:Q", title="Held", axis=alt.Axis(format=".0%")),
        color=labelled("level", labels, "Said"),
        tooltip=[
            alt.Tooltip("fitted_on:T", title="Day of the fit", format="%Y-%m-%d"),
            alt.Tooltip("level:N", title="Said"),
            alt.Tooltip("held:Q", title="Held", format=".1%"),
            alt.Tooltip("case_count:Q", title="Lines", format=","),
        ],
    )
    said = (
        base.transform_calculate(said="{p50: 0.5, p80: 0.8, p95: 0.95}[datum.level]")
        .mark_line(strokeDash=[4, 4], opacity=0.6)
        .encode(y=alt.Y("said:Q", title="Held"), color=labelled("level", labels, "Said"))
    )
    return marts.chart(
        "How often the dates held, by day of the fit",
        ("The share of later lines that kept the date, a line per level; dashed what was said.",),
        specified(alt.layer(said, held)),
        f"""
select fitted_on, max(held) filter (method = 'p50') as p50,
    max(held) filter (method = 'p80') as p80, max(held) filter (method = 'p95') as p95,
    max(case_count) as case_count
from ({HELD}) where score_name = ? group by fitted_on
""",
        {
            "fitted_on": Column("Day of the fit", "date"),
            **{name: Column(label, "rate") for name, label in labels.items()},
            "case_count": Column("Lines", "count"),
        },
        score,
        native=NativeChart("line", "fitted_on", tuple(labels)),
        note=("Dashed: how often it was to be kept.",),
    )

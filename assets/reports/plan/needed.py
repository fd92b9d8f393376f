"""What has to begin this month for the quarter three months out, and how sure that makes it."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Verdict,
    Words,
    words,
)
from assets.reports.monthly import labelled, missing
from assets.reports.plan.quarter import (
    ENTRIES,
    LEVEL,
    MONTHLY,
    NO_TARGET,
    QUARTER,
    REQUIREMENT,
    named,
    quarter_of,
)
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found
from assets.reports.signals import specified

CONVERSIONS = "mart_lead_conversions"
USED = (REQUIREMENT, MONTHLY, CONVERSIONS)
LEVELS = {"needed_50": 0.5, "needed_80": 0.8, "needed_90": 0.9}
#: entries of the plan by kind and month, a column per confidence level
_MONTHS = f"""
select entry_kind, entry_month,
    {
    ", ".join(
        f"sum(needed_count) filter (confidence_level = {level}) as {name}"
        for name, level in LEVELS.items()
    )
},
    round(sum(usual_entries) filter (confidence_level = {LEVEL}))::bigint as usual
from ({ENTRIES})
group by entry_kind, entry_month
having sum(needed_count) > 0 or sum(usual_entries) > 0.5
"""


def section(marts: Published) -> Found:
    key, title = "needed", "What is needed now"
    question = (
        "What has to begin this month, so that the quarter three months out meets its target?"
    )
    quarter = quarter_of(marts)
    if quarter is None:
        return missing(key, title, question, USED, NO_TARGET)
    begun = marts.each(
        f"""
select entry_month, sum(needed_count) as needed, round(sum(usual_entries))::bigint as usual
from ({ENTRIES})
where confidence_level = {LEVEL} and entry_kind = ?
group by entry_month order by entry_month limit 1
""",
        {"entry_month": "month", "needed": "count", "usual": "count"},
        quarter["entry_kind"].value,
    )
    aim = words(
        "From {} to {} the target is {}: {} is booked, open deals are expected to bring {}.",
        *(quarter[name] for name in ("period_start", "period_end", "target_amount")),
        *(quarter[name] for name in ("booked_amount", "open_deals_amount")),
    )
    if quarter["needed_count"].value is None or not begun:
        finding = (*aim, *words(" There is no plan for the rest: {}.", quarter["status"]))
        return Found(Section(key, title, question, finding, (), USED))
    [month] = begun
    finding = (
        *aim,
        *words(
            " The rest takes {} wins of {} each.",
            *(quarter[name] for name in ("wins_needed_count", "mean_won_amount")),
        ),
        *(
            words(
                " Of these leads that wait now and opportunities without a lead bring {}.",
                quarter["other_wins"],
            )
            if quarter["other_wins"].value
            else ()
        ),
        *words(
            f" To meet the target in eight cases of ten {{}} {named(quarter)} have to begin by"
            " {}, {} of them in {}; usually {} do in that month.",
            *(quarter["needed_count"], quarter["last_useful_date"]),
            *(month["needed"], month["entry_month"], month["usual"]),
        ),
        *words(
            " At the usual pace the quarter is expected to bring {}, and meets the target with a"
            " chance of {}.",
            quarter["usual_expected_amount"],
            quarter["usual_success_probability"],
        ),
    )
    verdict, why = _verdict(quarter)
    headline = Headline(
        title=f"{named(quarter).capitalize()} needed next",
        number=month["needed"],
        context=words(
            "to begin in {}, where usually {} do, for the target of the quarter from {}",
            month["entry_month"],
            month["usual"],
            quarter["period_start"],
        ),
        verdict=verdict,
        why=why,
        section=key,
        marts=(REQUIREMENT, MONTHLY),
    )
    asks = (
        (
            (
                WAITING,
                words(
                    f"{{}} {named(quarter)} have to begin in {{}} for the quarter from {{}}; what"
                    " begins after {} hardly comes in time.",
                    month["needed"],
                    month["entry_month"],
                    quarter["period_start"],
                    quarter["last_useful_date"],
                ),
            ),
        )
        if verdict == "signal"
        else ()
    )
    parts: tuple[Part, ...] = (_chart(marts, quarter), *_tables(marts, quarter, month))
    return Found(Section(key, title, question, finding, parts, USED), headline, asks)


def _verdict(quarter: dict[str, Number]) -> tuple[Verdict, Words]:
    """Whether the usual pace would meet the target by more than chance, or miss it."""
    chance = quarter["usual_success_probability"]
    value = chance.value
    assert isinstance(value, float)
    if value < 0.1:
        return "signal", words("The usual pace meets the target in only {} of cases.", chance)
    if value > 0.9:
        return "signal", words("The usual pace meets the target in {} of cases.", chance)
    return "noise", words(
        "The usual pace meets the target in {} of cases: chance may decide it.", chance
    )


def _chart(marts: Published, quarter: dict[str, Number]) -> Chart:
    import altair as alt

    labels = {
        "needed_50": "Needed for one in two",
        "needed_80": "For eight in ten",
        "needed_90": "For nine in ten",
        "usual": "Usual pace",
    }
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "entries"])
        .mark_bar()
        .encode(
            x=alt.X("yearmonth(entry_month):O", title=None),
            xOffset=alt.XOffset("measure:N", sort=list(labels)),
            y=alt.Y("entries:Q", title=f"{named(quarter).capitalize()} to begin"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("entry_month:T", title="Month", format="%b %Y"),
                *(alt.Tooltip(f"{name}:Q", title=label) for name, label in labels.items()),
            ],
        )
    )
    return marts.chart(
        "To begin, month by month",
        words(
            f"{named(quarter).capitalize()} to begin in each month for the quarter from {{}}, by"
            " how surely the target is to be met, beside the usual pace.",
            quarter["period_start"],
        ),
        specified(bars),
        f"select * from ({_MONTHS}) where entry_kind = ?",
        {
            "entry_month": Column("Month", "month"),
            **{name: Column(label, "count") for name, label in labels.items()},
        },
        quarter["entry_kind"].value,
        native=NativeChart("column", "entry_month", tuple(labels)),
    )


def _tables(
    marts: Published, quarter: dict[str, Number], month: dict[str, Number]
) -> tuple[Part, ...]:
    kinds = "array_position(['lead', 'opportunity', 'qualified'], entry_kind)"
    by_month = marts.table(
        "The plan, month by month",
        f"""
select entry_month,
    case entry_kind when 'lead' then 'Leads' when 'opportunity' then 'Opportunities'
        else 'Qualified entries' end as kind,
    needed_50, needed_80, needed_90, usual
from ({_MONTHS}) order by {kinds}, entry_month
""",
        (
            Column("Month", "month"),
            Column("To begin"),
            Column("For one in two", "count"),
            Column("For eight in ten", "count"),
            Column("For nine in ten", "count"),
            Column("Usual pace", "count"),
        ),
        note=(
            (
                "Leads, opportunities and qualified entries are three views of one plan: each kind,"
                " over all its months, meets the target. Chance, what is not known for sure of"
                " conversions, and open deals are in it. Qualified entries are those that the"
                " opportunities bring."
            ),
        ),
    )
    by_source = marts.table(
        "By source and segment, next to begin",
        f"""
select monthly.source, monthly.segment, monthly.needed_count,
    round(monthly.usual_entries)::bigint as usual, monthly.last_useful_date,
    lags.reached_probability, lags.lag_p50_days, lags.lag_p90_days, lags.entry_count,
    case lags.lag_basis when 'own' then 'Its own' when 'source' then 'Its source'
        else 'All' end as basis
from ({ENTRIES}) as monthly
left join marts.{CONVERSIONS} as lags
    on monthly.source_system = lags.source_system and monthly.entry_kind = lags.entry_kind
    and lags.reached_kind = 'won' and monthly.source = lags.source
    and monthly.segment = lags.segment
where monthly.confidence_level = {LEVEL} and monthly.entry_kind = ? and monthly.entry_month = ?
order by monthly.source, monthly.segment
""",
        (
            Column("Source"),
            Column("Segment"),
            Column("To begin", "count"),
            Column("Usual pace", "count"),
            Column("Useful until", "date"),
            Column("Won in the end", "rate"),
            Column("Half of the wins within", "days"),
            Column("Nine in ten within", "days"),
            Column("Entries measured", "count"),
            Column("Lags are of"),
        ),
        quarter["entry_kind"].value,
        month["entry_month"].value,
        note=words(
            "{}, for eight cases in ten. What begins after the last useful day brings fewer than"
            " one in ten of its wins in time. Open entries count as open, not as lost.",
            month["entry_month"],
        ),
    )
    surely = marts.table(
        "How surely, and what it takes",
        f"""
select confidence_level, wins_needed_count, average_count, needed_count, capped_count, usual_count
from ({QUARTER}) order by confidence_level
""",
        (
            Column("The target is met", "rate"),
            Column("Wins needed", "count"),
            Column("Entries on average", "count"),
            Column("Entries needed", "count"),
            Column("For what can be made", "count"),
            Column("Usual pace", "count"),
        ),
    )
    return by_month, by_source, surely

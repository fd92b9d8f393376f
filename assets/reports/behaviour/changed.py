"""Which figures give a signal in their last period, and since when."""

from assets.reports.content import Column, Headline, Part, Section, Unit, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found

BEHAVIOUR = "mart_process_behaviour"
#: a series in words: `Win rate, default`, with the group where it is one
SERIES = """upper(metric[1]) || replace(metric[2:], '_', ' ')
    || case when subject = 'all' then '' else ', ' || replace(subject, '_', ' ') end
    || case when dimension = 'all' then '' else ', ' || member end"""


def section(marts: Published) -> Found:
    key, title = "changed", "What has changed"
    question = "Which figures are out of the ordinary, and since when?"
    latest = f"select * from marts.{BEHAVIOUR} where is_latest"
    found = marts.numbers(
        f"""
select count(*) filter (dimension = 'all') as whole_count,
    count(*) filter (dimension = 'all' and is_signal) as signal_count,
    count(*) filter (dimension = 'all' and is_signal is null) as untold_count,
    count(*) filter (dimension != 'all') as group_count,
    count(*) filter (dimension != 'all' and is_signal) as group_signal_count
from ({latest})
""",
        {
            "whole_count": "count",
            "signal_count": "count",
            "untold_count": "count",
            "group_count": "count",
            "group_signal_count": "count",
        },
    )
    if not found["whole_count"].value:
        why = (
            "No figure has a second whole month or week yet. They come with the extracts"
            " opportunities, order_lines and rep_objectives."
        )
        return missing(key, title, question, (BEHAVIOUR,), why)
    finding = words(
        "Of {} figures, {} are out of the ordinary in their last month or week",
        found["whole_count"],
        found["signal_count"],
    )
    if found["untold_count"].value:
        finding += words("; of {} there is too little to tell", found["untold_count"])
    finding += (". The others vary as they always do, and ask for nothing.",)
    parts: list[Part] = []
    kinds: tuple[tuple[Unit, str, str], ...] = (
        ("rate", "Shares that changed", "="),
        ("number", "Counts, amounts and days that changed", "!="),
    )
    for unit, heading, compares in kinds:
        table = marts.table(
            heading,
            f"""
select {SERIES} as series, period_start, value, centre, lower_limit, upper_limit, signal_rule,
    signal_since, baseline_state
from ({latest}) where is_signal and measure_kind {compares} 'rate'
order by dimension != 'all', signal_since, series, source_system
""",
            (
                Column("Figure"),
                Column("Month or week of", "date"),
                Column("Value", unit),
                Column("Centre", unit),
                Column("Lower limit", unit),
                Column("Upper limit", unit),
                Column("Signal"),
                Column("Since", "date"),
                Column("Baseline"),
            ),
            note=(
                ("Figures as a whole first, then by segment or product family; longest first.",)
                if unit == "rate"
                else ()
            ),
        )
        if table.rows:
            parts.append(table)
    headline = Headline(
        title="Figures out of the ordinary",
        number=found["signal_count"],
        context=words(
            "of {} figures as a whole; {} of {} by segment or product family.",
            found["whole_count"],
            found["group_signal_count"],
            found["group_count"],
        ),
        verdict="plain",
        why=("A count of signals; each is told below with the limits it broke.",),
        section=key,
        marts=(BEHAVIOUR,),
    )
    asks = []
    newest = marts.each(
        f"""
select {SERIES} as series, signal_rule, signal_since
from ({latest}) where is_signal and dimension = 'all'
order by signal_since desc, series, source_system limit 3
""",
        {"series": "text", "signal_rule": "text", "signal_since": "date"},
    )
    for row in newest:
        said = words("{}: {}, since {}.", row["series"], row["signal_rule"], row["signal_since"])
        asks.append((MOVED, said))
    return Found(
        Section(key, title, question, finding, tuple(parts), (BEHAVIOUR,)), headline, tuple(asks)
    )

"""The chart of each main figure, with a sentence that says what there is to see in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from assets.reports.behaviour.changed import BEHAVIOUR
from assets.reports.content import (
    Chart,
    Column,
    NativeChart,
    Number,
    Part,
    Section,
    Unit,
    Value,
    Words,
    words,
)
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import picture

#: what a chart shows at most: periods up to the last
MOST = 60


@dataclass(frozen=True)
class Topic:
    """`figures`: metric → (what it is called, its unit, the subject to be shown or None = each)."""

    key: str
    title: str
    question: str
    figures: dict[str, tuple[str, Unit, str | None]]


TOPICS = (
    Topic(
        "bookings",
        "Bookings",
        "Do we win more, or less, than we used to?",
        {
            "won_value": ("Won value", "amount", None),
            "won_deals": ("Won deals", "count", None),
            "win_rate": ("Win rate", "rate", None),
        },
    ),
    Topic(
        "flow",
        "Pipeline and quality of the process",
        "Does the pipeline fill, and do deals go through without turning back?",
        {
            "open_qualified_deals": ("Open qualified deals", "count", None),
            "first_pass_yield_rate": ("First-pass yield", "rate", None),
            "scrap_after_proposal_rate": ("Scrap after proposal", "rate", None),
            "close_date_pushes": ("Close dates pushed", "count", None),
        },
    ),
    Topic(
        "qualification",
        "Qualification",
        "Are deals scored in time, and is the score a steady one?",
        {
            "scored_on_time_rate": ("Scored on time", "rate", None),
            "mean_qualification_score": ("Mean score", "score", None),
        },
    ),
    Topic(
        "delivery",
        "Delivery",
        "Do we keep our dates as we used to?",
        {
            "on_time_rate": ("On time, first promise", "rate", "first_promise"),
            "on_time_recorded_rate": ("On time by recorded date", "rate", "first_promise"),
        },
    ),
    Topic(
        "objectives",
        "Objectives",
        "Do reps get more objectives, and do more of them go without attention?",
        {
            "new_objectives": ("New objectives", "count", None),
            "ignored_objective_rate": ("Ignored objectives", "rate", None),
        },
    ),
)


def sections(marts: Published) -> Iterator[Found]:
    """A section per topic that has a series."""
    for topic in TOPICS:
        parts: list[Part] = []
        unusual = 0
        series = marts.each(
            f"""
select metric, source_system, subject, is_signal
from marts.{BEHAVIOUR}
where is_latest and dimension = 'all'
    and metric in ({", ".join(f"'{metric}'" for metric in topic.figures)})
order by metric, source_system, subject
""",
            {"metric": "text", "source_system": "text", "subject": "text", "is_signal": "flag"},
        )
        for metric, (name, unit, subject) in topic.figures.items():
            of_metric = [row for row in series if row["metric"].value == metric]
            for row in of_metric:
                if subject in (None, row["subject"].value):
                    unusual += row["is_signal"].value is True
                    parts.append(_chart(marts, row, name, unit, len(of_metric) > 1))
        if parts:
            # each figure's own sentence stands under its chart; a total would say no more
            finding: Words = (
                ("Something here is out of the ordinary: the sentence under the chart says what.",)
                if unusual
                else ("Nothing unusual.",)
            )
            yield Found(
                Section(topic.key, topic.title, topic.question, finding, tuple(parts), (BEHAVIOUR,))
            )


def _chart(
    marts: Published, series: dict[str, Number], name: str, unit: Unit, is_one_of_several: bool
) -> Chart:
    key = tuple(series[part].value for part in ("metric", "source_system", "subject"))
    own = (
        f"select * from marts.{BEHAVIOUR} where metric = ? and source_system = ? and subject = ?"
        " and dimension = 'all'"
    )
    title = name
    if is_one_of_several and "first promise" not in name:
        title = f"{name}: {series['subject'].value}, {series['source_system'].value}"
    column = Column(name, unit)
    sentence = _sentence(marts, own, key, name, unit)
    return marts.chart(
        title,
        sentence,
        picture(column, "period_start", "Period", "!datum.is_signal", ("signal_rule", "Signal")),
        f"""
select period_start, value, centre, lower_limit, upper_limit, is_signal, signal_rule
from ({own}) order by period_start desc limit {MOST}
""",
        {
            "period_start": Column("Period", "date"),
            "value": column,
            "centre": Column("Centre", unit),
            "lower_limit": Column("Lower limit", unit),
            "upper_limit": Column("Upper limit", unit),
            "is_signal": Column("Signal", "flag"),
            "signal_rule": Column("Rule"),
        },
        *key,
        native=NativeChart(
            "line", "period_start", ("value", "centre", "lower_limit", "upper_limit")
        ),
        note=sentence,
    )


def _sentence(marts: Published, own: str, key: tuple[Value, ...], name: str, unit: Unit) -> Words:
    """What the chart shows: nothing unusual, or what changed since when."""
    units: dict[str, Unit] = {
        "period_start": "date",
        "value": unit,
        "centre": unit,
        "lower_limit": unit,
        "upper_limit": unit,
        "is_signal": "flag",
        "signal_rule": "text",
        "untold_reason": "text",
        "is_above_centre": "flag",
        "signal_since": "date",
        "baseline_state": "text",
        "is_below_nothing": "flag",
    }
    last = marts.numbers(
        f"select * from (select *, lower_limit < 0 and min(value) over () >= 0 as is_below_nothing"
        f" from ({own})) where is_latest",
        units,
        *key,
    )
    if last["is_below_nothing"].value:  # nobody wins fewer than no deals
        limits = words("0 to {}", last["upper_limit"])
    else:
        limits = words("{} to {}", last["lower_limit"], last["upper_limit"])
    if last["is_signal"].value is None:
        told = words(f"{name}: nothing can be told yet, {{}}.", last["untold_reason"])
    elif last["is_signal"].value:
        side = "higher" if last["is_above_centre"].value else "lower"
        told = (
            *words(
                f"{name} is {side} than its process explains since {{}} ({{}}): {{}} in the period"
                " from {}, against a centre of {} and limits of ",
                last["signal_since"],
                last["signal_rule"],
                last["value"],
                last["period_start"],
                last["centre"],
            ),
            *limits,
            ".",
        )
    else:
        told = (
            *words(
                "Nothing unusual: {} in the period from {} lies within ",
                last["value"],
                last["period_start"],
            ),
            *limits,
            ".",
        )
    if last["baseline_state"].value == "provisional":
        told += (" The limits are provisional.",)
    return told

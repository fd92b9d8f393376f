"""Rates of teams, products and work centers side by side, and what stands out beyond chance."""

from assets.reports.content import Chart, Column, NativeChart, Number, Part, Section, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

COMPARED = "mart_rate_comparisons"
METRICS = {
    "win_rate": "Win rate",
    "on_time_rate": "On time, first promise",
    "clean_operation_rate": "Operations right first time",
    "issuer_ignored_rate": "Objectives ignored",
}
DIMENSIONS = {
    "rep": "reps",
    "team": "teams",
    "product_family": "product families",
    "product": "products",
    "work_center": "work centers",
    "issuer": "issuers",
}
#: of these no member is named: people are counted
PEOPLE = ("rep", "team", "issuer")

#: what is compared, a row per rate and kind of member
_GROUPS = f"""
select metric, source_system, dimension, count(*) as member_count,
    count(*) filter (cause = 'special') as special_count,
    count(*) filter (is_outside_95) as outside_count, any_value(centre) as centre,
    any_value(dispersion_ratio) as dispersion_ratio
from marts.{COMPARED} where cause is not null
group by metric, source_system, dimension
"""


def section(marts: Published) -> Found:
    key, title = "compared", "Side by side"
    question = "Does a product, a work center or a team stand out, or do few cases look like much?"
    groups = marts.each(
        f"{_GROUPS} order by metric, source_system, dimension",
        {
            "metric": "text",
            "source_system": "text",
            "dimension": "text",
            "member_count": "count",
            "special_count": "count",
            "outside_count": "count",
        },
    )
    if not groups:
        why = (
            "There are no two members with cases in the last twelve months. They come with the"
            " extracts opportunities, order_lines and operations."
        )
        return missing(key, title, question, (COMPARED,), why)
    standing = marts.numbers(
        f"select sum(member_count) as member_count, sum(special_count) as special_count"
        f" from ({_GROUPS})",
        {"member_count": "count", "special_count": "count"},
    )
    finding = words(
        "Of {} rates side by side, {} lie outside of the limits that"
        " chance alone leaves in 998 of 1,000. What differs beyond chance differs for a reason that"
        " lies in what is sold, made and served; whom it happens to is the last place to look.",
        standing["member_count"],
        standing["special_count"],
    )
    parts: list[Part] = [
        marts.table(
            "How many stand out",
            f"""
select {_named("metric", METRICS)} as metric, {_named("dimension", DIMENSIONS)} as members,
    source_system, member_count, outside_count, special_count, centre, dispersion_ratio
from ({_GROUPS}) order by metric, members, source_system
""",
            (
                Column("Rate"),
                Column("Side by side"),
                Column("System"),
                Column("How many", "count"),
                Column("Outside 95 %", "count"),
                Column("Outside 99.8 %", "count"),
                Column("Common rate", "rate"),
                Column("Dispersion", "number"),
            ),
            note=(
                (
                    "Of twenty, one is outside of the 95 % limits by chance. Dispersion 1 is chance"
                    " alone; far above it, all differ, and one outside of them is no exception."
                ),
            ),
        )
    ]
    parts += [_chart(marts, group) for group in groups]
    things = marts.table(
        "Products and work centers that stand out",
        f"""
select {_named("metric", METRICS)} as metric, member, rate_numerator, rate_denominator, rate,
    lower_limit_998, upper_limit_998, shrunken
from marts.{COMPARED}
where cause = 'special' and dimension not in {PEOPLE}
order by metric, dimension, member, source_system
""",
        (
            Column("Rate"),
            Column("Of"),
            Column("Cases", "count"),
            Column("Of so many", "count"),
            Column("Rate", "rate"),
            Column("Lower limit", "rate"),
            Column("Upper limit", "rate"),
            Column("Shrunken", "rate"),
        ),
        note=("In the order of their names. Limits are 99.8 %, exact binomial.",),
    )
    if things.rows:
        parts.append(things)
    return Found(Section(key, title, question, finding, tuple(parts), (COMPARED,)))


def _named(column: str, names: dict[str, str]) -> str:
    whens = " ".join(f"when '{name}' then '{words_}'" for name, words_ in names.items())
    return f"case {column} {whens} else {column} end"


def _chart(marts: Published, group: dict[str, Number]) -> Chart:
    import altair as alt

    metric, system, dimension = (
        str(group[name].value) for name in ("metric", "source_system", "dimension")
    )
    rate_name, members = METRICS[metric], DIMENSIONS[dimension]
    named = dimension not in PEOPLE
    data = alt.Chart(alt.NamedData("rows"))
    x = alt.X("cases:Q", title="Cases", scale=alt.Scale(zero=False))
    limits = [
        data.mark_line(strokeDash=dash, opacity=0.6, interpolate="monotone").encode(
            x=x,
            y=alt.Y(
                f"{field}:Q",
                title=rate_name,
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(zero=False),
            ),
        )
        for field, dash in (
            ("lower_limit_95", [2, 4]),
            ("upper_limit_95", [2, 4]),
            ("lower_limit_998", [6, 4]),
            ("upper_limit_998", [6, 4]),
            ("centre", [1, 0]),
        )
    ]
    tooltip = [
        *([alt.Tooltip("member:N", title="Of")] if named else []),
        alt.Tooltip("cases:Q", title="Cases"),
        alt.Tooltip("value:Q", title=rate_name, format=".1%"),
        alt.Tooltip("cause:N", title="Cause"),
    ]
    points = data.mark_point(filled=True, size=60).encode(
        x=x,
        y=alt.Y("value:Q"),
        shape=alt.condition("datum.cause == 'special'", alt.value("diamond"), alt.value("circle")),
        tooltip=tooltip,
    )
    shown = "member" if named else "null::varchar as member"
    return marts.chart(
        f"{rate_name} of {members}" + ("" if system == "standard" else f", {system}"),
        words(
            f"{rate_name} of {{}} {members} against their number of cases: {{}} outside of the 95 %"
            " limits, {} outside of the 99.8 % limits.",
            group["member_count"],
            group["outside_count"],
            group["special_count"],
        ),
        specified(alt.layer(*limits, points)),
        f"""
select rate_denominator as cases, rate as value, {shown}, lower_limit_95, upper_limit_95,
    lower_limit_998, upper_limit_998, centre, cause
from marts.{COMPARED}
where metric = ? and source_system = ? and dimension = ? and cause is not null
    and rate is not null
""",
        {
            "cases": Column("Cases", "count"),
            "value": Column(rate_name, "rate"),
            "member": Column("Of"),
            "lower_limit_95": Column("Lower 95 %", "rate"),
            "upper_limit_95": Column("Upper 95 %", "rate"),
            "lower_limit_998": Column("Lower 99.8 %", "rate"),
            "upper_limit_998": Column("Upper 99.8 %", "rate"),
            "centre": Column("Common rate", "rate"),
            "cause": Column("Cause"),
        },
        metric,
        system,
        dimension,
        native=NativeChart("scatter", "cases", ("value",)),
        note=("Dashed: the limits; the line: the common rate; diamonds: special causes.",),
    )

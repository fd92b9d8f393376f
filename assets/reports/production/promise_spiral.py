"""Whether padding and over-promising feed each other."""

from assets.reports.content import Column, NativeChart, Part, Section, Words, words
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found
from assets.reports.signals import specified

SPIRAL = "mart_promise_spiral"
QUARTERS = "mart_padding_quarterly"
USED = (SPIRAL, QUARTERS)


def section(marts: Published) -> Found:
    key, title = "promise_spiral", "The promise spiral"
    question = "Does production pad because sales promises earlier, and sales because of padding?"
    if not counted(marts, f"select count(*) from marts.{SPIRAL}"):
        why = (
            "No order line with a date quoted by production is published. The extract"
            " promise_changes brings them, with kind quote."
        )
        return missing(key, title, question, USED, why)
    systems = marts.each(
        f"select * from marts.{SPIRAL} order by source_system, padding_basis desc",
        {
            "source_system": "text",
            "padding_basis": "text",
            "padding_effect": "number",
            "override_effect": "number",
            "spiral_index": "number",
            "spiral_index_lower": "number",
            "spiral_index_upper": "number",
            "quarter_count": "count",
            "family_count": "count",
            "verdict": "text",
            "spiral_index_suppressed_reason": "text",
        },
    )
    finding: Words = ()
    asks: list[tuple[int, Words]] = []
    for system in systems:
        said: Words = words(
            "{}, padding against the {}: ", system["source_system"], system["padding_basis"]
        )
        if system["spiral_index"].value is None:
            said += words(
                "It cannot be told: {} ({} families, {} quarters). ",
                system["spiral_index_suppressed_reason"],
                system["family_count"],
                system["quarter_count"],
            )
        else:
            said += words(
                "A day promised earlier than quoted goes with {} days more padding a quarter later,"
                " a day of padding with {} days more promised earlier. The spiral index, their"
                " product, is {}, and lies between {} and {} in 95 of 100 cases: {}. ",
                *(
                    system[name]
                    for name in (
                        "padding_effect",
                        "override_effect",
                        "spiral_index",
                        "spiral_index_lower",
                        "spiral_index_upper",
                        "verdict",
                    )
                ),
            )
            if system["verdict"].value == "spiral":
                asks.append(
                    (
                        MOVED,
                        words(
                            "The promise spiral: of a day of padding {} days come back within two"
                            " quarters. Quotes and promises can be agreed on one date per line.",
                            system["spiral_index"],
                        ),
                    )
                )
        finding += said
    parts: list[Part] = [
        _chart(marts),
        marts.table(
            "The two effects and their product",
            f"""
select source_system, padding_basis, first_quarter_start_date, last_quarter_start_date,
    family_count, quarter_count, padding_effect, override_effect, spiral_index, spiral_index_lower,
    spiral_index_upper, coalesce(verdict, spiral_index_suppressed_reason) as verdict
from marts.{SPIRAL} order by source_system, padding_basis desc
""",
            (
                Column("System"),
                Column("Padding against"),
                Column("From the quarter of", "date"),
                Column("To that of", "date"),
                Column("Families", "count"),
                Column("Quarters", "count"),
                Column("Promised earlier → padding", "number"),
                Column("Padding → promised earlier", "number"),
                Column("Spiral index", "number"),
                Column("Lower", "number"),
                Column("Upper", "number"),
                Column("Verdict"),
            ),
            note=(
                (
                    "Effects of one day a quarter later, within product families. That one follows"
                    " the other does not prove that it is caused by it."
                ),
            ),
        ),
        marts.table(
            "Padding and override, quarter by quarter",
            f"""
select quarter_start_date, product_family, source_system, padding_count, padding_days_mean,
    known_padding_days_mean,    override_count, override_days_mean, is_complete
from marts.{QUARTERS} order by quarter_start_date desc, product_family, source_system
""",
            (
                Column("Quarter from", "date"),
                Column("Product family"),
                Column("System"),
                Column("Finished lines", "count"),
                Column("Padding per line", "days"),
                Column("By what was known", "days"),
                Column("Promised lines", "count"),
                Column("Promised less quoted", "days"),
                Column("Counts", "flag"),
            ),
            note=("A quarter counts once 95 of 100 of its lines are finished.",),
            is_whole_list=True,
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), USED), look=tuple(asks))


def _chart(marts: Published) -> Part:
    import altair as alt

    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(["padding", "promised_earlier"], as_=["side", "days"])
        .mark_line(point=True)
        .encode(
            x=alt.X("quarter_start_date:T", title=None),
            y=alt.Y("days:Q", title="Days per line"),
            color=alt.Color(
                "side:N",
                title=None,
                legend=alt.Legend(
                    labelExpr="datum.value == 'padding' ? 'Padding' : 'Promised earlier'"
                ),
            ),
            tooltip=[
                alt.Tooltip("quarter_start_date:T", title="Quarter from"),
                alt.Tooltip("days:Q", title="Days per line", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Padding and days promised earlier, by quarter of the order",
        (
            (
                "Two lines over all families: the padding per finished line with a quote, and how"
                " many days earlier than quoted it was promised. Complete quarters only."
            ),
        ),
        specified(lines),
        f"""
select quarter_start_date, sum(padding_days)::double / sum(padding_count) as padding,
    -sum(override_days)::double / sum(override_count) as promised_earlier
from marts.{QUARTERS} where is_complete
group by quarter_start_date order by quarter_start_date
""",
        {
            "quarter_start_date": Column("Quarter from", "date"),
            "padding": Column("Padding", "days"),
            "promised_earlier": Column("Promised earlier", "days"),
        },
        native=NativeChart("line", "quarter_start_date", ("padding", "promised_earlier")),
    )

"""Tipping points in words and as a table, as the weekly review and the year to date tell them."""

from typing import Literal

from assets.reports.content import Column, Number, Table, Unit, Words, words
from assets.reports.published import Published

Landmark = Literal["first_complete", "stage_2_entry", "thirty_days_before_close"]
Side = Literal["lower", "upper"]

#: when a score was taken, in words
TAKEN: dict[Landmark, str] = {
    "first_complete": "when first complete",
    "stage_2_entry": "at entry to stage 2",
    "thirty_days_before_close": "30 days before the close",
}
UNITS: dict[str, Unit] = {
    "source_system": "text",
    "pipeline": "text",
    "status": "text",
    "corrected_status": "text",
    "check_status": "text",
    "tipping_point_score": "score",
    "interval_low_score": "score",
    "interval_high_score": "score",
    "corrected_tipping_point_score": "score",
    "cut_score": "score",
    "win_rate_denominator": "count",
    "below_win_rate_numerator": "count",
    "below_win_rate_denominator": "count",
    "below_win_rate_upper_bound": "rate",
    "above_win_rate_numerator": "count",
    "above_win_rate_denominator": "count",
    "above_win_rate_lower_bound": "rate",
    "more_deals_needed": "count",
}


def point(marts: Published, landmark: Landmark, side: Side) -> dict[str, Number] | None:
    """The figures of the pipeline with the most evidence; None where no deal is scored."""
    found = marts.each(
        f"""
select * from marts.mart_tipping_points
where landmark = '{landmark}' and side = '{side}'
order by win_rate_denominator desc, source_system, pipeline
limit 1
""",
        UNITS,
    )
    return found[0] if found else None


def told(figures: dict[str, Number], landmark: Landmark, side: Side) -> Words:
    """What is known of a tipping point, with its bound, and what is missing where it is not."""
    where = words(" (pipeline {} of {})", figures["pipeline"], figures["source_system"])
    above = words(
        f"{{}} of {{}} deals with a score of {{}} or more {TAKEN[landmark]} were won, at least {{}}"
        " with 95 % confidence",
        figures["above_win_rate_numerator"],
        figures["above_win_rate_denominator"],
        figures["cut_score"],
        figures["above_win_rate_lower_bound"],
    )
    below = words(
        "{} of {} below it, at most {}",
        figures["below_win_rate_numerator"],
        figures["below_win_rate_denominator"],
        figures["below_win_rate_upper_bound"],
    )
    match figures["status"].value:
        case "found":
            return (
                f"The {side} tipping point",
                *where,
                *words(" is {}: ", figures["tipping_point_score"]),
                *above,
                "; ",
                *below,
                ".",
                *_how_sure(figures),
            )
        case "no separation":
            return (
                f"There is no {side} tipping point",
                *where,
                *words(
                    ": deals on both sides of {} are won alike; ",
                    figures["cut_score"],
                ),
                *above,
                "; ",
                *below,
                ".",
            )
        case "no evidence":
            return (
                f"No {side} tipping point can be told yet",
                *where,
                f": no deal scored {TAKEN[landmark]} is won or lost.",
            )
        case _:
            return (
                f"There is no {side} tipping point yet",
                *where,
                *words(
                    ": at least {} more deals with a clear outcome are needed, and more if they"
                    " come out mixed. At the score that lacks the fewest, {}, ",
                    figures["more_deals_needed"],
                    figures["cut_score"],
                ),
                *above,
                ".",
            )


def _how_sure(figures: dict[str, Number]) -> Words:
    """Whether the point outlives the search for it, and whether later deals bear it out."""
    corrected = {
        "holds": words(" It holds although it was searched for"),
        "holds at another score": words(
            " To be safe against having been searched for, take {}",
            figures["corrected_tipping_point_score"],
        ),
    }.get(
        str(figures["corrected_status"].value),
        words(" It does not yet hold against having been searched for"),
    )
    checked = {
        "confirmed": "and deals that closed later confirm it.",
        "not contradicted": "and later deals do not contradict it; they are too few to confirm it.",
        "contradicted": "but later deals contradict it.",
    }.get(str(figures["check_status"].value), "and no later deals are there to check it.")
    return (*corrected, f"; {checked}" if checked.startswith("but") else f", {checked}")


def tipping_point_table(marts: Published, landmark: Landmark) -> Table:
    """Both sides for every pipeline."""
    return marts.table(
        f"Tipping points, deals scored {TAKEN[landmark]}",
        f"""
select source_system, pipeline, side, status, tipping_point_score, interval_low_score,
    interval_high_score, corrected_status, check_status, cut_score,
    below_win_rate_numerator, below_win_rate_denominator, below_win_rate_upper_bound,
    above_win_rate_numerator, above_win_rate_denominator, above_win_rate_lower_bound,
    more_deals_needed
from marts.mart_tipping_points
where landmark = '{landmark}'
order by source_system, pipeline, side
""",
        (
            Column("System"),
            Column("Pipeline"),
            Column("Side"),
            Column("Status"),
            Column("Tipping point", "score"),
            Column("Interval from", "score"),
            Column("Interval to", "score"),
            Column("Searched for"),
            Column("On later deals"),
            Column("Counts speak of score", "score"),
            Column("Won below", "count"),
            Column("Decided below", "count"),
            Column("At most, below", "rate"),
            Column("Won from it on", "count"),
            Column("Decided from it on", "count"),
            Column("At least, from it on", "rate"),
            Column("More deals needed", "count"),
        ),
        note=words(
            "Lower: below it at most one deal in ten is won. Upper: from it on at least eight in"
            " ten are. Bounds are exact, one-sided and hold with 95 % confidence."
        ),
    )

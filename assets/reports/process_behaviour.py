"""The monthly report on process behaviour: which figures changed, since when, and which did not.

Belongs here: what this report asks and says. Does not belong here: limits and signals, which are
those of mart_process_behaviour and mart_rate_comparisons; how it looks (the renderings).

Nobody is ranked: members of a group are compared by limits that know how few their cases are, and
people are counted, never listed.
"""

from assets.reports.behaviour import changed, charts, compared, interventions
from assets.reports.content import Report, Section, words
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "process_behaviour"
TITLE = "Process behaviour, month by month"
METHOD = Section(
    "method",
    "How signal is told from noise",
    "When does a figure mean anything?",
    words(
        "Each figure is held against the limits of its own process: the centre of a baseline, and"
        " 2.66 mean moving ranges to either side; rates in Laney's form, which knows how many cases"
        " stand behind each period. A signal is a point outside the limits, three of four nearer a"
        " limit than the centre, or eight in a row on one side. A baseline is locked once it has 15"
        " periods, and stays: only a change of the process that is written down in the seed"
        " process_changes begins another. All else is no more than chance, for which there is no"
        " single cause to look for. By chance alone a steady process gives a signal in some 3 of"
        " 100 periods, so a signal asks for a look and is no answer."
    ),
    (),
    (),
)


def report(marts: Published) -> Report:
    """The report on the last whole month and week, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "Which figures have changed, since when, and which vary as they always do",
        (
            changed.section(marts),
            *charts.sections(marts),
            compared.section(marts),
            interventions.section(marts),
        ),
        METHOD,
    )

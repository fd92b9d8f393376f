"""The monthly report on the market: why customers buy, and on how few of them that rests.

Belongs here: what this report asks and says. Does not belong here: limits and shrinkage, which are
those of the marts; how it looks (the renderings).

A reason is the word of whoever owned the deal. Owners are counted, never named and never compared.
"""

from assets.reports.content import Report, Section, words
from assets.reports.market import rests_on, why_lost, why_won
from assets.reports.published import Published
from assets.reports.review.found import report_of

KEY = "market_picture"
TITLE = "The picture of the market, month by month"
METHOD = Section(
    "method",
    "How signal is told from noise",
    "When does a difference mean anything?",
    words(
        "Propositions of a segment are held against the win rate that they have in common, and"
        " segments against the share that a reason has in all of them. Limits are exact: a common"
        " rate puts a member outside of them by chance in 2 of 1,000. What lies within differs for"
        " no cause that could be named. Shrunken rates lean on the common one as far as few cases"
        " ask, and are the better guess at what comes next. A proposition is what was written down"
        " on the deal, and may have been chosen because the deal went well: a signal asks for a"
        " trial, and is no proof."
    ),
    (),
    (),
)


def report(marts: Published) -> Report:
    """The report on the last twelve whole months, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "Why customers buy, why deals are lost, and how much of the market we know it of",
        (why_won.section(marts), why_lost.section(marts), rests_on.section(marts)),
        METHOD,
    )

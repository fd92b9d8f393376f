"""What a section hands back, how it asks to be looked at, and a report made of such sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assets.reports.content import Headline, Report, Section, Words, words
from assets.reports.freshness import stale
from assets.reports.published import Published
from assets.reports.signals import METHOD, MIN_CASES, Judged

#: how pressing: a signal for the worse, work that waits, any other signal
WORSE, WAITING, MOVED = 1, 2, 3
#: why a rate is not shown that the report itself adds up
FEW = f"fewer than {MIN_CASES} cases"


@dataclass(frozen=True)
class Found:
    """A section, the figure it sends to the first screen, and what it asks to be looked at, each
    with how pressing that is."""

    section: Section
    headline: Headline | None = None
    look: tuple[tuple[int, Words], ...] = ()


def look(
    judged: Judged | None, title: str, better: Literal["high", "low"] | None, more: Words = ()
) -> tuple[tuple[int, Words], ...]:
    """Asks to look at a figure if it gives a signal; one for the worse goes before all else.

    `better`: the side on which the figure is good; None where neither is. `more`: what is behind.
    """
    if judged is None or not judged.is_signal:
        return ()
    is_worse = better is not None and judged.is_above is (better == "low")
    said = words(f"{title}: {{}} in {judged.period_words}{{}}. ", judged.value, judged.period)
    return ((WORSE if is_worse else MOVED, (*said, *judged.why, *more)),)


def worded(name: str) -> str:
    """SQL: the value of a column that is a name of ours ("rep_commit") as words ("Rep commit")."""
    return f"upper({name}[1]) || replace({name}[2:], '_', ' ')"


def report_of(
    marts: Published,
    key: str,
    title: str,
    subtitle: str,
    found: Sequence[Found],
    method: Section = METHOD,
) -> Report:
    """The report of these sections; the most pressing is looked at first, else in their order."""
    look = sorted((item for part in found for item in part.look), key=lambda item: item[0])
    return Report(
        key=key,
        title=title,
        subtitle=subtitle,
        info=marts.info,
        headlines=tuple(part.headline for part in found if part.headline),
        look_first=tuple(said for _, said in look),
        sections=(*(part.section for part in found), method),
        stale=stale(marts),
    )

"""What leads and opportunities become, and how soon.

Belongs here: curves of small tables of counts. Which entries there were and what became of them is
decided in dbt (`int_lead_exits`); what it takes to meet a target follows in `lead_requirement`.

The Aalen–Johansen curve of reaching the next kind or the win, with entries that are still open
censored. Entries alike in source and segment have a curve of their own where it rests on
LEAST_REACHED, else that of their source, else that of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assets.scoring.competing_risks import incidences

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

#: lags are followed up to so many days
MOST_DAYS = 730
#: a curve is read as far as so many entries are still watched
LEAST_AT_RISK = 10
#: from so many that came through on, entries alike have lags of their own
LEAST_REACHED = 200
#: and the share of them that does leans on that of all as on so many that came through
PRIOR_REACHED = 30
ALL = "all"
#: `int_lead_conversions`: a row per system, entry kind, kind reached, source and segment
CONVERSIONS = pa.schema(
    [
        ("source_system", pa.string()),
        ("entry_kind", pa.string()),
        ("reached_kind", pa.string()),
        ("source", pa.string()),
        ("segment", pa.string()),
        ("entry_count", pa.int64()),
        ("reached_count", pa.int64()),
        ("ended_count", pa.int64()),
        ("open_count", pa.int64()),
        ("lag_basis", pa.string()),
        ("reached_probability", pa.float64()),
        *((f"lag_{name}_days", pa.int64()) for name in ("p10", "p50", "p90")),
    ]
)


@dataclass(frozen=True)
class Curve:
    """Of entries alike: the share that has got there, and that has ended otherwise, so many days
    after the entry (MOST_DAYS + 1,)."""

    reached: Floats
    ended: Floats

    def lag(self, share: float) -> int | None:
        """Days after which this share of those that get there has got there."""
        if self.reached[-1] <= 0:
            return None
        return int(np.searchsorted(self.reached, share * self.reached[-1] - 1e-12))

    def within(self, first: int, last: int, days: ArrayLike) -> Floats:
        """The share of what begins on each of `days` that gets there from day `first` to `last`,
        all counted from one day."""
        days = np.asarray(days, dtype=int)
        return self._by(last - days) - self._by(first - 1 - days)

    def sooner(self, days: int) -> "Curve":
        """The same with all that gets there so many days sooner."""
        later = np.minimum(np.arange(MOST_DAYS + 1) + days, MOST_DAYS)
        return replace(self, reached=self.reached[later])

    def times(self, factor: float) -> "Curve":
        """The same with so many times as many that get there."""
        return replace(self, reached=self.reached * factor)

    def _by(self, days: NDArray[np.int_]) -> Floats:
        return np.where(days < 0, 0.0, self.reached[np.clip(days, 0, MOST_DAYS)])


def curve(exits: "pd.DataFrame") -> Curve:
    """The Aalen–Johansen curves of day_number, reached_count, ended_count and open_count; what is
    still open on a day was at risk on it. They end where fewer than LEAST_AT_RISK are watched."""
    counts = np.zeros((3, MOST_DAYS + 1))
    day = np.minimum(exits["day_number"].to_numpy(int), MOST_DAYS)
    for row, name in enumerate(("reached_count", "ended_count", "open_count")):
        np.add.at(counts[row], day, exits[name].to_numpy(float))
    watched = incidences(counts, LEAST_AT_RISK)
    steps = np.minimum(np.arange(1, MOST_DAYS + 2), watched.shape[1])
    reached, ended = np.hstack([np.zeros((2, 1)), watched])[:, steps]
    return Curve(reached, ended)


@dataclass(frozen=True)
class Conversions:
    """The curves of one step: of all entries, and of each source and segment with whose lags it
    has (own, source or all)."""

    exits: "pd.DataFrame"
    pooled: Curve
    cells: Mapping[tuple[str, str], tuple[Curve, str]]

    @property
    def cases(self) -> float:
        """Entries of which the outcome would tell as much as these, open ones among them, do."""
        share = self.pooled.reached[-1]
        return float(self.exits["reached_count"].sum() / share) if share > 0 else 0.0

    def of(self, cell: tuple[str, str]) -> Curve:
        return self.cells[cell][0] if cell in self.cells else self.pooled

    def changed(self, factor: float, sooner: int) -> "Conversions":
        """The same with a factor on all that gets there, so many days sooner."""
        cells = {
            cell: (found.times(factor).sooner(sooner), basis)
            for cell, (found, basis) in self.cells.items()
        }
        return replace(self, pooled=self.pooled.times(factor).sooner(sooner), cells=cells)


def conversions(exits: "pd.DataFrame") -> Conversions:
    """Of one step of one system: source, segment, day_number and counts.

    How many get there is a cell's own, shrunken towards all as by PRIOR_REACHED; how long it takes
    them is told by the narrowest group with LEAST_REACHED: last useful days chosen from lags of few
    would favour those that came soon by chance.
    """
    pooled = curve(exits)
    by_source = {
        source: curve(group)
        for source, group in exits.groupby("source", sort=True)
        if group["reached_count"].sum() >= LEAST_REACHED
    }
    cells: dict[tuple[str, str], tuple[Curve, str]] = {}
    for (source, segment), group in exits.groupby(["source", "segment"], sort=True):
        own, reached = curve(group), group["reached_count"].sum()
        if reached >= LEAST_REACHED:
            timed, basis = own, "own"
        elif source in by_source:
            timed, basis = by_source[source], "source"
        else:
            timed, basis = pooled, "all"
        if timed.reached[-1] > 0:
            level = _shrunken(group, own, pooled)
            timed = timed.times(level / float(timed.reached[-1]))
        cells[source, segment] = (timed, basis)
    return Conversions(exits, pooled, cells)


def _shrunken(group: "pd.DataFrame", own: Curve, pooled: Curve) -> float:
    """The share of a cell that gets there: that of all, times observed ÷ expected, where as many
    as PRIOR_REACHED more are observed as expected."""
    usual, reached = float(pooled.reached[-1]), float(group["reached_count"].sum())
    if own.reached[-1] > 0:
        expected = reached * usual / float(own.reached[-1])
    else:
        counts = group[["reached_count", "ended_count", "open_count"]]
        expected = usual * float(counts.to_numpy().sum())
    return usual * (reached + PRIOR_REACHED) / (expected + PRIOR_REACHED)


# --- tables in, tables out -----------------------------------------------------------------------


def steps_of(exits: "pd.DataFrame") -> dict[tuple[str, str], Conversions]:
    """The steps of one system, rows of `int_lead_exits`."""
    return {
        step: conversions(group)
        for step, group in exits.groupby(["entry_kind", "reached_kind"], sort=True)
    }


def conversion_rows(exits: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows of CONVERSIONS from `int_lead_exits`."""
    rows = []
    for system, of_system in exits.groupby("source_system", sort=True):
        for (entry, reached), found in steps_of(of_system).items():
            cells = {(ALL, ALL): (found.pooled, "own"), **found.cells}
            for (source, segment), (through, basis) in cells.items():
                own = found.exits
                if (source, segment) != (ALL, ALL):
                    own = own[(own["source"] == source) & (own["segment"] == segment)]
                counts = {
                    name: int(own[name].sum())
                    for name in ("reached_count", "ended_count", "open_count")
                }
                lags = {
                    f"lag_{name}_days": through.lag(share)
                    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))
                }
                rows.append(
                    {
                        "source_system": system,
                        "entry_kind": entry,
                        "reached_kind": reached,
                        "source": source,
                        "segment": segment,
                        "entry_count": sum(counts.values()),
                        **counts,
                        "lag_basis": basis,
                        "reached_probability": round(float(through.reached[-1]), 9),
                        **lags,
                    }
                )
    return rows

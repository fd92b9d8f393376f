"""Baselines of process behaviour charts, locked: what limits rest on does not move by itself.

Belongs here: the log of baselines (`state/baselines`). What a series is and which of its points
make a baseline is decided in dbt (`models/intermediate/behaviour`).

A baseline is locked the first time that it has enough points. From then on it stays, whatever
becomes known of those points later, until a documented change of the process begins another.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.landing.ledger import append_state, read_state

#: what a baseline is of
KEY = (
    *("metric", "source_system", "subject", "dimension", "member", "period_kind"),
    "regime_start",
)
#: a row per baseline: `int_process_baselines` in dbt
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in KEY[:-1]),
        ("regime_start", pa.date32()),
        ("baseline_count", pa.int64()),
        ("baseline_start", pa.date32()),
        ("baseline_end", pa.date32()),
        ("centre", pa.float64()),
        ("mean_moving_range", pa.float64()),
        ("locked_on", pa.date32()),
    ]
)


def locked(home: Path, as_of: date, measured: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row of SCHEMA per baseline, in the order of KEY; those with enough points are locked.

    `locked_on` is None where there are too few points yet: such a baseline is provisional, and is
    measured anew each time.

    Args:
        measured: SCHEMA but for `locked_on`, as the points of today give it, and `is_enough`:
            whether these are points enough to lock it.

    Raises:
        DamagedError: `state/` cannot be read.
    """
    state = home / "state" / "baselines"
    standing: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(read_state(state), key=lambda row: row["locked_on"]):
        if row["locked_on"] <= as_of:
            standing.setdefault(tuple(row[name] for name in KEY), row)
    rows: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for baseline in measured:
        known = standing.get(tuple(baseline[name] for name in KEY))
        row = known or {name: baseline.get(name) for name in SCHEMA.names}
        if known is None and baseline["is_enough"]:
            row["locked_on"] = as_of
            new.append(row)
        rows.append(row)
    append_state(state, new, datetime.now(UTC))
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in KEY))

"""The files: first full extracts, deltas, and fulls that are taken again."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from assets.demo.company import DAY, iso
from assets.demo.dirt import Dirt
from assets.demo.sheets import World, sheets
from assets.systems.standard import SYSTEM

#: before anything was known
ALWAYS = -(2**60)
#: full extracts that are taken again, and every how many weeks; the others stay as they were
AGAIN = {
    "accounts": 1,
    "sales_reps": 1,
    "rep_absences": 4,
    "leads": 4,
    "opportunities": 1,
    "opportunity_lines": 4,
    "opportunity_splits": 4,
    "rep_objectives": 1,
    "product_changes": 1,
    "order_lines": 1,
    "order_schedule_lines": 2,
    "work_orders": 4,
    "work_center_calendars": 4,
    "barriers": 1,
    "pulse_invitations": 4,
    "pulse_actions": 2,
}
DAILY = (
    "opportunity_changes",
    "qualification_answers",
    "activities",
    "quotes",
    "promise_changes",
    "shipments",
    "operations",
)


def write(world: World, dirt: Dirt, say: Callable[[str], None]) -> dict[str, int]:
    """All files below `landing/standard`: first extracts, then deltas and fulls taken again.

    Returns:
        per entity the clean rows that stand at the end: those of the last full, or of all deltas.
    """
    plan, calendar = world.company.plan, world.company.calendar
    folder = plan.home / "landing" / "standard"
    folder.mkdir(parents=True, exist_ok=True)
    first = calendar.until - 7 * plan.weeks
    weekly = list(range(first + 7, calendar.until + 1, 7))
    worked = calendar.workdays
    daily = worked[(worked > first) & (worked < calendar.until)].tolist()
    daily += [calendar.until] if plan.weeks else []
    standing: dict[str, int] = {}
    for name, sheet in sheets(world):
        end = _end_of(first)
        rows = sheet.at(ALWAYS, end)
        standing[name] = len(rows)
        _file(folder, dirt, name, ".full", first, rows, "first")
        if SYSTEM.tables[name].delivery == "delta":
            for day in daily if name in DAILY else weekly:
                begin, end = end, _end_of(day)
                rows = sheet.at(begin, end)
                standing[name] += len(rows)
                if len(rows):
                    _file(folder, dirt, name, "", day, rows, "delta")
        elif name in AGAIN:
            for day in weekly:
                if (calendar.until - day) % (7 * AGAIN[name]) == 0:
                    rows = sheet.at(ALWAYS, _end_of(day))
                    standing[name] = len(rows)
                    _file(folder, dirt, name, "", day, rows, "again")
    say(f"extracts: {dirt.files} files, {sum(dirt.rows.values())} rows in {folder}")
    return standing


def _end_of(day: int) -> int:
    return (day + 1) * DAY - 1


def _file(
    folder: Path, dirt: Dirt, name: str, suffix: str, day: int, rows: pa.Table, turn: str
) -> None:
    columns = [c.name for c in SYSTEM.tables[name].columns if c.name in rows.column_names]
    dirt.write(folder / f"{name}{suffix}__{iso(day)}.csv", name, rows.select(columns), turn)

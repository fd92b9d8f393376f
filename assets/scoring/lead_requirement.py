"""How many leads and opportunities it takes, from when on, to meet a target as surely as asked.

Belongs here: the arithmetic, on small tables and arrays. Which entries there were and what became
of them, which targets there are and what the plant has room for is decided in dbt
(`models/intermediate/leads`).

- A target less what is booked and what open deals bring is to be won from deals not yet created:
  so many wins of so much each.
- What an entry (a lead, an opportunity) brings, and when, is measured (`lead_conversions`).
- A plan begins entries at one pace from tomorrow to the latest useful day of each source and
  segment, in the mix of the last twelve months: fewer than one in ten of the wins of what begins
  later come in time.
- The least number of entries is sought that meets the target as often as asked: binomial wins, over
  draws of what is not known for sure: the conversion (Beta), what open deals bring (the draws of
  the bookings forecast), how much wins are worth, and, of leads, what leads that wait and
  opportunities without a lead bring besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assets.scoring.bookings_forecast import SIMULATIONS
from assets.scoring.lead_conversions import MOST_DAYS, Conversions, steps_of

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

SEED = 20_260_701
LEVELS = (0.5, 0.8, 0.9)
#: from so many wins on there is a plan at all
LEAST_WINS = 10
#: an entry is useful while at least this share of its wins comes in time
USEFUL_SHARE = 0.1
#: more entries than this are no plan
MOST_ENTRIES = 10_000_000
#: what an entry of a kind goes on to, and what all are to reach
NEXT = {"lead": "opportunity", "opportunity": "qualified", "qualified": "won"}
WON = "won"
PLANNED = "planned"
TOO_LATE = "nothing that begins now comes in time"
NO_ENTRIES = "no entries in the last twelve months"
TOO_FEW_WINS = f"fewer than {LEAST_WINS} wins tell what an entry brings"
TOO_MANY = f"more than {MOST_ENTRIES:,} entries"


# --- plain numbers -------------------------------------------------------------------------------


def wins_needed(amount: float, mean_won_amount: float) -> int:
    """Whole wins that bring an amount; 0 where none is missing."""
    return max(ceil(round(amount / mean_won_amount, 9)), 0)


def entries_on_average(wins: float, conversion: float) -> int:
    """Whole entries that bring so many wins on average."""
    return max(ceil(round(wins / conversion, 9)), 0)


def convolved(entries: ArrayLike, reaching: ArrayLike) -> Floats:
    """What entries bring, step by step, as long as they are looked at: (n,).

    Args:
        entries: (n,) entries of each step (a day, a month).
        reaching: the share of them that gets there 0, 1, 2, … steps later.
    """
    entries = np.asarray(entries, dtype=float)
    return np.convolve(entries, np.asarray(reaching, dtype=float))[: entries.size]


def chance(entries: int, wins: ArrayLike, conversion: ArrayLike) -> float:
    """The chance that so many entries bring the wins; of several, equally likely, needs and
    conversions the mean."""
    from scipy.stats import binom

    return float(np.mean(binom.sf(np.asarray(wins) - 1, entries, conversion)))


def least_entries(level: float, wins: ArrayLike, conversion: ArrayLike) -> int | None:
    """The least number of entries that brings the wins with this chance; None beyond
    MOST_ENTRIES."""
    low, high = -1, 1  # low is too few, high enough
    if chance(0, wins, conversion) >= level:
        return 0
    while chance(high, wins, conversion) < level:
        low, high = high, high * 2
        if high > MOST_ENTRIES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if chance(middle, wins, conversion) < level:
            low = middle
        else:
            high = middle
    return high


# --- a system and a quarter ----------------------------------------------------------------------


@dataclass(frozen=True)
class Funnel:
    """What is known of how a system's deals come about.

    steps: (entry kind, kind reached) → its curves.
    paces: entry kind → (source, segment) → entries of the last twelve months.
    unled: opportunities without a lead in the last twelve months.
    waiting: (MOST_DAYS + 1,) leads that wait, by their age in days.
    """

    steps: Mapping[tuple[str, str], Conversions]
    paces: Mapping[str, Mapping[tuple[str, str], int]]
    unled: int
    waiting: Floats
    won_count: int
    mean_won_amount: float
    won_amount_deviation: float

    @property
    def kinds(self) -> list[str]:
        """Kinds that a plan can begin with."""
        return [kind for kind in ("lead", "opportunity") if self.paces.get(kind)]


@dataclass(frozen=True)
class Quarter:
    """A period and what is missing in it: `first` and `last` are days after the as_of, the first
    not before tomorrow; `open_draws` (SIMULATIONS,) what open deals bring."""

    first: int
    last: int
    target_amount: float
    booked_amount: float
    open_draws: Floats
    makeable_amount: float | None = None


@dataclass(frozen=True)
class Lever:
    """What is changed: a step's conversion by points, the pace, the days, the price."""

    name: str
    step: tuple[str, str] | None = None
    pace: float = 1.0
    days: int = 0
    price: float = 1.0


AS_IT_IS = Lever("as it is")
LEVERS = (
    AS_IT_IS,
    Lever("+1 point lead to opportunity", step=("lead", "opportunity")),
    Lever("+1 point opportunity to qualified", step=("opportunity", "qualified")),
    Lever("+1 point qualified to won", step=("qualified", "won")),
    Lever("+10 % entries", pace=1.1),
    Lever("-1 day of cycle", days=1),
    Lever("+5 % price", price=1.05),
)


@dataclass(frozen=True)
class Plan:
    """When entries of a kind are to begin: the share of all in each of `days` (after the as_of) by
    source and segment, (cells, days); `last_useful` (cells,) days after the as_of.

    usual_count: entries that the usual pace brings on those days.
    usual_wins: wins in the quarter of what it brings from tomorrow to the quarter's end.
    in_time: the share of the plan's entries that is won in the quarter.
    """

    cells: Sequence[tuple[str, str]]
    days: NDArray[np.int_]
    shares: Floats
    last_useful: NDArray[np.int_]
    usual_count: float
    usual_wins: float
    in_time: float


def last_useful_days(
    through: Conversions, cells: Sequence[tuple[str, str]], quarter: Quarter
) -> NDArray[np.int_]:
    """(cells,) the last day after the as_of from which USEFUL_SHARE of the wins come in time."""
    lags = [through.of(cell).lag(USEFUL_SHARE) for cell in cells]
    return np.array([quarter.last - (MOST_DAYS if lag is None else lag) for lag in lags], dtype=int)


def plan(funnel: Funnel, kind: str, quarter: Quarter, steps: Mapping[Any, Conversions]) -> Plan:
    """Entries at one pace from tomorrow to the latest useful day, in the usual mix; the shares are
    0 where nothing comes in time."""
    pace = funnel.paces[kind]
    cells = sorted(pace)
    days = np.arange(1, quarter.last + 1)
    each = np.zeros((len(cells), days.size))
    coming = np.zeros_like(each)
    last_useful = last_useful_days(steps[kind, WON], cells, quarter)
    for row, cell in enumerate(cells):
        found = steps[kind, WON].of(cell)
        each[row] = np.where(days <= last_useful[row], pace[cell] / 365, 0.0)
        coming[row] = found.within(quarter.first, quarter.last, days)
    total = each.sum()
    shares = each / total if total > 0 else each
    daily = np.array([[pace[cell] / 365] for cell in cells])
    return Plan(
        cells=cells,
        days=days,
        shares=shares,
        last_useful=last_useful,
        usual_count=float(total),
        usual_wins=float((daily * coming).sum()),
        in_time=float((shares * coming).sum()),
    )


def other_opportunities(funnel: Funnel, days: int, steps: Mapping[Any, Conversions]) -> Floats:
    """(days,) opportunities to come that no new lead brings: of leads that wait, and of none."""
    created = np.full(days, funnel.unled / 365)
    if ("lead", "opportunity") in steps and funnel.waiting.any():
        found = steps["lead", "opportunity"].pooled
        staying = np.maximum(1 - found.reached - found.ended, 1e-9)
        daily = np.diff(found.reached, prepend=0.0)
        for age in np.flatnonzero(funnel.waiting):
            coming = daily[age + 1 : age + 1 + days] / staying[age]
            created[: coming.size] += funnel.waiting[age] * coming
    return created


def _changed(funnel: Funnel, lever: Lever) -> Mapping[Any, Conversions]:
    """The steps with the lever pulled: a point more of a conversion lifts all that begins before it
    in proportion."""
    factors = dict.fromkeys(funnel.steps, 1.0)
    if lever.step is not None and lever.step in funnel.steps:
        now = funnel.steps[lever.step].pooled.reached[-1]
        factor = (now + 0.01) / now if now > 0 else 1.0
        kinds = list(NEXT)
        before = kinds[: kinds.index(lever.step[0]) + 1]
        for kind, reached in funnel.steps:
            if (reached == WON and kind in before) or (kind, reached) == lever.step:
                factors[kind, reached] = factor
    return {
        step: found.changed(factors[step], lever.days if step[1] == WON else 0)
        for step, found in funnel.steps.items()
    }


def requirement(funnel: Funnel, kind: str, quarter: Quarter, lever: Lever) -> dict[str, Any]:
    """What is needed of a kind of entry, figures without rounding: see `SCHEMA`; `needed` and
    `capped` by level."""
    from scipy.stats import beta, gamma, poisson

    found: dict[str, Any] = {"status": PLANNED}
    random = np.random.default_rng(SEED)
    luck, other_luck, arrival = random.random((3, SIMULATIONS))
    worth, spread = random.standard_normal((2, SIMULATIONS))
    mean = funnel.mean_won_amount * lever.price
    relative = funnel.won_amount_deviation / funnel.mean_won_amount
    mean_draws = mean * np.maximum(1 + worth * relative / np.sqrt(funnel.won_count), 0.05)

    steps = _changed(funnel, lever)
    made = plan(funnel, kind, quarter, steps)
    missing = quarter.target_amount - quarter.booked_amount - quarter.open_draws
    average = float(missing.mean())
    found["wins_needed"] = wins_needed(average, mean)
    others = np.zeros(SIMULATIONS)
    found["other_wins"] = 0.0
    if kind == "lead":
        created = other_opportunities(funnel, quarter.last, steps)
        through = steps["opportunity", WON]
        coming = through.pooled.within(quarter.first, quarter.last, np.arange(1, quarter.last + 1))
        expected = float(created @ coming)
        found["other_wins"] = expected
        if expected > 0:
            # as uncertain as the wins are few that the curve rests on
            wins = max(through.cases * expected / created.sum(), 1.0)
            others = poisson.ppf(arrival, expected / wins * gamma.ppf(other_luck, wins + 0.5))

    usual_wins = made.usual_wins * lever.pace
    found |= {"plan": made, "usual_count": made.usual_count * lever.pace, "in_time": made.in_time}
    found["expected_amount"] = (
        quarter.target_amount - average + (usual_wins + found["other_wins"]) * mean
    )
    if made.in_time <= 0:
        return found | {"status": TOO_LATE}

    cases = steps[kind, WON].cases
    conversion = beta.ppf(luck, cases * made.in_time + 0.5, cases * (1 - made.in_time) + 0.5)

    def wins_for(amount: Floats) -> Floats:
        """Wins until an amount is passed: a renewal process, by its first two moments."""
        each = np.maximum(amount, 0) / mean_draws
        passed = each + spread * relative * np.sqrt(each) + relative**2 / 2
        passed = np.maximum(np.ceil(np.round(passed, 9)), 1)
        return np.maximum(np.where(amount > 0, passed, 0) - others, 0)

    wins = wins_for(missing)
    found["success_probability"] = chance(round(usual_wins / made.in_time), wins, conversion)
    found["on_average"] = entries_on_average(
        max(found["wins_needed"] - found["other_wins"], 0), made.in_time
    )
    found["needed"] = {level: least_entries(level, wins, conversion) for level in LEVELS}
    if quarter.makeable_amount is not None:
        over = max(quarter.target_amount - quarter.makeable_amount, 0)
        capped = wins_for(missing - over) if over else wins
        found["capped"] = {level: least_entries(level, capped, conversion) for level in LEVELS}
    return found


# --- tables in, tables out -----------------------------------------------------------------------

#: `int_lead_requirement` in dbt: a row per system, quarter, entry kind, lever and confidence level
SCHEMA = pa.schema(
    [
        ("source_system", pa.string()),
        ("period_start", pa.date32()),
        ("entry_kind", pa.string()),
        ("lever", pa.string()),
        ("confidence_level", pa.float64()),
        ("status", pa.string()),
        ("open_deals_amount", pa.decimal128(18, 2)),
        ("gap_amount", pa.decimal128(18, 2)),
        ("wins_needed_count", pa.int64()),
        ("other_wins", pa.float64()),
        ("in_time_probability", pa.float64()),
        ("average_count", pa.int64()),
        ("needed_count", pa.int64()),
        ("capped_count", pa.int64()),
        ("usual_count", pa.int64()),
        ("usual_expected_amount", pa.decimal128(18, 2)),
        ("usual_success_probability", pa.float64()),
    ]
)
#: `int_lead_shares`: a row per system, quarter, entry kind, month, source and segment
SHARES = pa.schema(
    [
        ("source_system", pa.string()),
        ("period_start", pa.date32()),
        ("entry_kind", pa.string()),
        ("entry_month", pa.date32()),
        ("source", pa.string()),
        ("segment", pa.string()),
        ("last_useful_date", pa.date32()),
        ("needed_share", pa.float64()),
        ("usual_entries", pa.float64()),
    ]
)


def funnel_of(
    target: Mapping[str, Any],
    exits: "pd.DataFrame",
    paces: "pd.DataFrame",
    waiting: "pd.DataFrame",
) -> Funnel:
    """The funnel of one system: its rows of `int_lead_exits`, `int_lead_paces` and
    `int_leads_waiting`; the wins are those of its row of `int_lead_targets`."""
    by_kind: dict[str, dict[tuple[str, str], int]] = {}
    for row in paces.to_dict("records"):
        cell = (row["source"], row["segment"])
        by_kind.setdefault(row["entry_kind"], {})[cell] = int(row["entry_count"])
    ages = np.zeros(MOST_DAYS + 1)
    known = waiting[waiting["age_days"] < MOST_DAYS]
    np.add.at(ages, known["age_days"].to_numpy(int), known["lead_count"].to_numpy(float))
    return Funnel(
        steps=steps_of(exits),
        paces=by_kind,
        unled=int(paces["unled_count"].sum()),
        waiting=ages,
        won_count=int(target["won_count"]),
        mean_won_amount=float(target["mean_won_amount"] or 0),
        won_amount_deviation=float(target["won_amount_deviation"] or 0),
    )


def quarter_of(target: Mapping[str, Any], as_of: date, opened: Floats) -> Quarter:
    """The quarter of a row of `int_lead_targets`; `opened` are the draws of its open deals."""
    makeable = target["makeable_amount"]
    return Quarter(
        first=max((target["period_start"] - as_of).days, 1),
        last=(target["period_end"] - as_of).days,
        target_amount=float(target["target_amount"]),
        booked_amount=float(target["booked_amount"]),
        open_draws=opened,
        makeable_amount=None if makeable is None else float(makeable),
    )


def requirement_rows(
    target: Mapping[str, Any], as_of: date, funnel: Funnel, opened: Floats | None
) -> list[dict[str, Any]]:
    """Rows of SCHEMA for one system and quarter; `opened` None where the forecast cannot say what
    open deals bring."""
    key = {"source_system": target["source_system"], "period_start": target["period_start"]}
    blank = dict.fromkeys(SCHEMA.names) | key
    stop = None
    if opened is None:
        stop = f"open deals cannot be forecast: {target['forecast_status']}"
    elif funnel.won_count < LEAST_WINS:
        stop = TOO_FEW_WINS
    elif not funnel.kinds:
        stop = NO_ENTRIES
    if stop or opened is None:
        return [
            blank
            | {"entry_kind": "opportunity", "lever": AS_IT_IS.name, "status": stop}
            | {"confidence_level": level}
            for level in LEVELS
        ]
    quarter = quarter_of(target, as_of, opened)
    rows = []
    for kind in funnel.kinds:
        for lever in LEVERS:
            if lever.step not in (None, *_steps_ahead(kind, funnel)):
                continue
            found = requirement(funnel, kind, quarter, lever)
            rows += _rows(blank | {"entry_kind": kind, "lever": lever.name}, quarter, found)
            if kind == "opportunity" and lever is AS_IT_IS:
                rows += _qualified(blank, funnel, quarter, found)
    return rows


def _steps_ahead(kind: str, funnel: Funnel) -> list[tuple[str, str]]:
    """The steps that an entry of this kind has before it."""
    kinds = list(NEXT)
    ahead = ((each, NEXT[each]) for each in kinds[kinds.index(kind) :])
    return [step for step in ahead if step in funnel.steps]


def _rows(
    blank: Mapping[str, Any], quarter: Quarter, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    opened = float(quarter.open_draws.mean())
    gap = quarter.target_amount - quarter.booked_amount - opened
    needed, capped = found.get("needed", {}), found.get("capped", {})
    chance_now = found.get("success_probability")
    rows = []
    for level in LEVELS:
        too_many = found["status"] == PLANNED and needed.get(level) is None
        rows.append(
            {
                **blank,
                "confidence_level": level,
                "status": TOO_MANY if too_many else found["status"],
                "open_deals_amount": _cents(opened),
                "gap_amount": _cents(gap),
                "wins_needed_count": found["wins_needed"],
                "other_wins": round(found["other_wins"], 9),
                "in_time_probability": round(found["in_time"], 9),
                "average_count": found.get("on_average"),
                "needed_count": needed.get(level),
                "capped_count": capped.get(level),
                "usual_count": round(found["usual_count"]),
                "usual_expected_amount": _cents(found["expected_amount"]),
                "usual_success_probability": None if chance_now is None else round(chance_now, 9),
            }
        )
    return rows


def _cents(amount: float) -> Decimal:
    return Decimal(f"{amount:.2f}")


def _qualified(
    blank: Mapping[str, Any], funnel: Funnel, quarter: Quarter, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What the opportunities of a plan bring to the qualified stage by the end of the quarter."""
    if not _has_qualified(funnel):
        return []
    share = qualified_plan(funnel, found["plan"]).sum()
    counts = ("average_count", "needed_count", "capped_count", "usual_count")
    return [
        row
        | {"in_time_probability": round(row["in_time_probability"] / share, 9) if share else None}
        | {
            name: None if row[name] is None else ceil(round(row[name] * share, 9))
            for name in counts
        }
        for row in _rows(
            {**blank, "entry_kind": "qualified", "lever": AS_IT_IS.name}, quarter, found
        )
    ]


def _has_qualified(funnel: Funnel) -> bool:
    return {("opportunity", "qualified"), ("qualified", WON)} <= funnel.steps.keys()


def qualified_plan(funnel: Funnel, made: Plan) -> Floats:
    """(cells, days): qualified entries per opportunity of a plan, by cell and day."""
    step = funnel.steps["opportunity", "qualified"]
    return np.stack(
        [
            convolved(shares, np.diff(step.of(cell).reached, prepend=0.0))
            for cell, shares in zip(made.cells, made.shares, strict=True)
        ]
    )


def share_rows(target: Mapping[str, Any], as_of: date, funnel: Funnel) -> list[dict[str, Any]]:
    """Rows of SHARES for one system and quarter: which part of a plan falls into which month,
    source and segment, and what the usual pace brings there."""
    quarter = quarter_of(target, as_of, np.zeros(0))
    rows: list[dict[str, Any]] = []
    for kind in funnel.kinds:
        made = plan(funnel, kind, quarter, funnel.steps)
        found = {kind: (made.shares, made.last_useful)}
        if kind == "opportunity" and _has_qualified(funnel):
            through = funnel.steps["qualified", WON]
            found["qualified"] = (
                qualified_plan(funnel, made),
                last_useful_days(through, made.cells, quarter),
            )
        month = np.array([(as_of + timedelta(int(day))).replace(day=1) for day in made.days])
        for entry_kind, (shares, last_useful) in found.items():
            total = shares.sum()
            for place, (source, segment) in enumerate(made.cells):
                for start in sorted(set(month)):
                    share = shares[place, month == start].sum()
                    rows.append(
                        {
                            "source_system": target["source_system"],
                            "period_start": target["period_start"],
                            "entry_kind": entry_kind,
                            "entry_month": start,
                            "source": source,
                            "segment": segment,
                            "last_useful_date": as_of + timedelta(int(last_useful[place])),
                            "needed_share": round(float(share / total), 9) if total > 0 else None,
                            "usual_entries": round(float(share * made.usual_count), 9),
                        }
                    )
    return rows

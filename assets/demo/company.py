"""Who and what the demo company is: what was asked for, calendar, accounts, products, people."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from assets.demo.columns import NEVER, NONE

DAY = 86_400
MONTHS = 30
TRUTHS = (
    "tipping_point",
    "severity",
    "objectives",
    "padding",
    "capacity",
    "drains",
    "shift",
    "value_proposition",
    "coaching",
)

SEGMENTS = ("Enterprise", "Mid-market", "Small")
INDUSTRIES = ("Food", "Chemicals", "Water", "Energy", "Pharma", "Machinery")
REGIONS = ("Americas", "EMEA", "APAC")
CHANNELS = ("Direct", "Distributor")
CURRENCIES = ("USD", "EUR", "GBP", "MXN")
#: what one unit of a currency was worth in USD on the first day
FX_START = np.array([1.0, 1.085, 1.265, 0.0575])
FAMILIES = ("Valves", "Pumps", "Actuators", "Sensors", "Manifolds", "Seals")
PRODUCTS = 60
MANAGERS = 6
_FIRST = (
    "Harbor Ridge Lakeside Northern Summit Cedar Granite Delta Falcon Meridian Pioneer Union "
    "Sterling Crescent Atlas Boreal Copper Evergreen Müller Café Señor Ångström"
).split()
_SECOND = "Foods Chemical Waterworks Energy Pharma Machines Process Dairy Mills Refining".split()
_THIRD = "Inc GmbH Ltd Group Works SA".split()
_GIVEN = "Ana Ben Chloë Dai Eva Finn Gül Hugo Ines José Kim Lea Max Nora Ola Per".split()
_FAMILY = "Adams Berg Costa Dietz Evans Fischer García Hansen Ito Jones Keller Lund Moreau".split()


@dataclass(frozen=True)
class Plan:
    """What was asked for. `weeks` = weeks of deltas after the first full extracts."""

    home: Path
    seed: int = 7
    scale: float = 1.0
    until: date = date(2026, 6, 30)
    weeks: int = 8
    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        unknown = sorted(self.without - set(TRUTHS))
        if unknown:
            raise ValueError(f"no truth is called {', '.join(unknown)}; there are {TRUTHS}")
        if self.scale <= 0 or not 0 <= self.weeks <= 8:
            raise ValueError("scale must be above 0, weeks between 0 and 8")

    def has(self, truth: str) -> bool:
        return truth not in self.without

    def draw(self, subject: str) -> np.random.Generator:
        """A stream of its own per subject, so that a switch leaves the others' draws alone."""
        return np.random.default_rng([self.seed, zlib.crc32(subject.encode())])

    def count(self, at_one: int, least: int = 1) -> int:
        """How many of what there are `at_one` of at scale 1."""
        return max(least, round(at_one * self.scale))

    def heads(self, at_one: int, least: int = 1) -> int:
        """The same for people and accounts, which thin out more slowly in a small company."""
        return max(least, round(at_one * (self.scale if self.scale > 1 else self.scale**0.5)))


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Calendar:
    """Working days from the first of the month 30 months back; time is counted in working days."""

    start: int
    until: int
    workdays: np.ndarray

    @classmethod
    def up_to(cls, until: date) -> "Calendar":
        months = until.year * 12 + until.month - MONTHS
        start = date(months // 12, months % 12 + 1, 1)
        span = (date(start.year - 1, 12, 1) + timedelta(n) for n in range(MONTHS * 31 + 700))
        work = [
            day_number(day)
            for day in span
            if day >= start and day.weekday() < 5 and not (day.month == 12 and day.day > 23)
        ]
        return cls(day_number(start), day_number(until), np.array(work))

    @property
    def days(self) -> int:
        """Working days up to and with `until`."""
        return int(np.searchsorted(self.workdays, self.until, "right"))

    @property
    def end(self) -> int:
        """The last second of `until`."""
        return (self.until + 1) * DAY - 1

    def moment(self, position: np.ndarray, opens: int = 8, hours: int = 9) -> np.ndarray:
        """Working days since the start → seconds; a working day has `hours` from `opens` on."""
        whole = np.floor(position).astype(np.int64)
        inside = ((position - whole) * hours * 3600).astype(np.int64)
        last = len(self.workdays) - 1
        return self.workdays[np.minimum(whole, last)] * DAY + opens * 3600 + inside

    def position(self, day: np.ndarray | int) -> np.ndarray:
        """The first working day on or after a day, as its number."""
        return np.searchsorted(self.workdays, day)

    def later(self, day: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """The day `steps` working days after a day."""
        last = len(self.workdays) - 1
        return self.workdays[np.minimum(self.position(day) + steps, last)]

    def months(self) -> np.ndarray:
        """The first day of every month up to `until`."""
        return first_day(np.arange(int(month_of(self.start)), int(month_of(self.until)) + 1))

    def third(self, month: np.ndarray) -> np.ndarray:
        """Which third of the years a month (since 1970) lies in: 0, 1 or 2."""
        return (month - month_of(self.start)) * 3 // MONTHS


def month_of(day: ArrayLike) -> np.ndarray:
    """Months since 1970."""
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def first_day(month: ArrayLike) -> np.ndarray:
    """Months since 1970 → their first days."""
    return np.asarray(month).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def quarter_of(day: ArrayLike) -> np.ndarray:
    """Quarters since 1970."""
    return month_of(day) // 3


def iso(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(int(day))).isoformat()


@dataclass
class Company:
    """Accounts, products and people; every field has one value per row of its entity."""

    plan: Plan
    calendar: Calendar
    account_name: list[str] = field(default_factory=list)
    account: dict[str, np.ndarray] = field(default_factory=dict)
    product: dict[str, np.ndarray] = field(default_factory=dict)
    rep: dict[str, np.ndarray] = field(default_factory=dict)
    rep_name: list[str] = field(default_factory=list)
    routing: dict[str, np.ndarray] = field(default_factory=dict)

    def owner(self, rep: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The rep, or who stands in where the rep was not yet or no more employed that day."""
        employed = (self.rep["hired"][rep] <= day) & (day < self.rep["left"][rep])
        return np.where(employed, rep, self.rep["stand_in"][rep])


def _names(draw: np.random.Generator, count: int, *parts: Iterable[str]) -> list[str]:
    columns = [draw.choice(np.array(list(part)), count) for part in parts]
    return [" ".join(words) for words in zip(*columns, strict=True)]


def found(plan: Plan) -> Company:
    """The company before its first day."""
    company = Company(plan, Calendar.up_to(plan.until))
    _reps(company)
    _accounts(company)
    _products(company)
    return company


def _reps(company: Company) -> None:
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("reps")
    count = plan.heads(40, least=8)
    movers = max(1, count // 8)
    hired = calendar.start - draw.integers(60, 2500, count)
    left = np.full(count, NEVER)
    # the last `movers` joined during these years, the `movers` before them left
    hired[-movers:] = calendar.start + np.sort(draw.integers(100, 600, movers))
    left[-2 * movers : -movers] = calendar.start + np.sort(draw.integers(200, 840, movers))
    permanent = count - 2 * movers
    stand_in = np.arange(count) % permanent
    severity = np.zeros(count)
    if plan.has("severity"):
        raters = draw.permutation(permanent)
        few = max(1, count // 10)
        severity[raters[:few]] = -8.0
        severity[raters[few : 2 * few]] = 8.0
    company.rep_name = _names(draw, count, _GIVEN, _FAMILY)
    company.rep = {
        "manager": np.arange(count) // 10,
        "territory": np.arange(count) // 10 % 4,
        "hired": hired,
        "left": left,
        "stand_in": stand_in,
        "severity": severity,
        "forecast_bias": draw.normal(0.06, 0.08, count),
    }


def _accounts(company: Company) -> None:
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("accounts")
    count = plan.heads(300, least=40)
    names = _names(draw, count, _FIRST, _SECOND, _THIRD)
    names[3] = "<img src=x onerror=alert(1)>"
    names[4] = '=HYPERLINK("http://x","y")'
    names[5] = "Two Rivers\nSupply, Inc"
    region = draw.choice(3, count, p=[0.55, 0.33, 0.12])
    abroad = draw.random(count)
    currency = np.where(region == 1, np.where(abroad < 0.75, 1, 2), np.where(abroad < 0.9, 0, 3))
    currency[region == 2] = 0
    # chain: the last account was merged into the one before it, that one into the one before
    merged_into = np.full(count, NONE)
    merged_at = np.full(count, NEVER)
    quarter = (calendar.until - calendar.start) // 4
    for step, (gone, into) in enumerate([(count - 1, count - 2), (count - 2, 10), (count - 3, 11)]):
        merged_into[gone] = into
        merged_at[gone] = (calendar.start + (step + 1) * quarter) * DAY + 11 * 3600
    parent = np.where(draw.random(count) < 0.1, draw.integers(0, 30, count), NONE)
    parent[:30] = NONE
    company.account_name = names
    company.account = {
        "parent": parent,
        "segment": draw.choice(3, count, p=[0.2, 0.4, 0.4]),
        "industry": draw.integers(0, len(INDUSTRIES), count),
        "region": region,
        "channel": (draw.random(count) < 0.3).astype(int),
        "currency": currency,
        "merged_into": merged_into,
        "merged_at": merged_at,
        "rep": draw.integers(0, len(company.rep["hired"]), count),
        "weight": draw.permutation(1 / (np.arange(count) + 8.0)),
        # calendar days from the first sale to the first contact of operations with the customer
        "operations_contact": draw.choice([10, 30, 150, 300], count),
    }


def _products(company: Company) -> None:
    plan = company.plan
    draw = plan.draw("products")
    row = np.arange(PRODUCTS)
    step = row % 10
    difficulty = np.clip((step + 0.5) / 10 + draw.normal(0, 0.04, PRODUCTS), 0.02, 0.99)
    price = np.round(60 * np.exp(1.9 * difficulty) * draw.lognormal(0, 0.2, PRODUCTS), 2)
    variable = np.round(price * (0.42 + 0.12 * draw.random(PRODUCTS)), 2)
    weight = draw.lognormal(0, 0.35, PRODUCTS) * (0.7 + difficulty)
    # every fifth product sells little: those are the ones that objectives push
    pushed = step % 3 == 1
    weight[pushed] *= 0.18
    company.product = {
        "family": row // 10,
        "manager": row // 10 % MANAGERS,
        "difficulty": difficulty,
        "price": price,
        "variable_cost": variable,
        "standard_cost": np.round(variable * 1.35, 2),
        "tightness": np.round(1 + 9 * difficulty, 1),
        "weight": weight / weight.sum(),
        "pushed": pushed,
        "stocked": (difficulty < 0.6) & ~pushed,
        "first_pass_yield": np.round(0.995 - 0.13 * difficulty**1.5, 4),
        "lot": np.where(difficulty > 0.6, 8, np.where(difficulty > 0.3, 20, 50)),
    }

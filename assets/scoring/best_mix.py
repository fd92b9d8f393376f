"""The mix that earns most on the hours there are: a linear programme, and what it says in words.

Belongs here: the programme, on arrays, and the rows of `int_best_mix`. What a product takes, earns,
may and must sell is decided in dbt (`models/intermediate/mix`).

For each period: maximise Σ throughput × quantity, with Σ hours per good unit × quantity within the
hours of every work centre and each quantity between its least and its most. Solved by HiGHS (Q.
Huangfu and J. A. J. Hall, Mathematical Programming Computation 10 (2018)). The throughput of a
product counts against the scarce hour, as E. M. Goldratt has it (The Haystack Syndrome, 1990).

It recommends and rejects nothing: what is agreed, sold or excepted is a least quantity. Where the
least quantities alone want more hours than there are, it says where and how many, and goes on as if
those hours were worked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OPTIMAL = "optimal"
SHORT = "least quantities do not fit"
#: hours and quantities closer than this are the same
CLOSE = 1e-7
#: the marginal of a constraint says what a small piece of an hour earns; so many hours are added
#: to say what a whole one does
ONE_HOUR = 1.0

#: rows of `int_best_mix`: a product or a work centre (`row_kind`) of a period
SCHEMA = pa.schema(
    [
        ("source_system", pa.string()),
        ("period_start", pa.date32()),
        ("row_kind", pa.string()),
        ("product_id", pa.string()),
        ("work_center_id", pa.string()),
        ("best_quantity", pa.decimal128(18, 4)),
        ("available_hours", pa.float64()),
        ("least_hours", pa.float64()),
        ("best_hours", pa.float64()),
        ("short_hours", pa.float64()),
        ("shadow_price", pa.float64()),
        ("one_more_hour_amount", pa.decimal128(18, 2)),
        ("in_words", pa.string()),
        ("mix_status", pa.string()),
    ]
)


@dataclass(frozen=True)
class Programme:
    """A period's programme: n products, m work centres.

    throughput: (n,) per good unit, in the base currency.
    hours: (m, n) per good unit, 0 where a product does not pass.
    available: (m,) hours.
    least, most: (n,) quantities; most may be infinite.

    Raises:
        ValueError: shapes do not fit, a figure is missing or below 0 (throughput may be), or a
            least quantity is above its most.
    """

    throughput: Floats
    hours: Floats
    available: Floats
    least: Floats
    most: Floats

    def __post_init__(self) -> None:
        m, n = self.hours.shape
        for name, shape in (
            ("throughput", (n,)),
            ("available", (m,)),
            ("least", (n,)),
            ("most", (n,)),
        ):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}, not {shape}")
        for name in ("throughput", "hours", "available", "least"):
            values = getattr(self, name)
            if not np.isfinite(values).all() or (name != "throughput" and (values < 0).any()):
                raise ValueError(f"{name} holds a figure that is missing, infinite or below 0")
        if not (self.least <= self.most).all():  # NaN in `most` is caught here
            raise ValueError("a least quantity is above the most that may be sold")


@dataclass(frozen=True)
class Mix:
    """What is best.

    quantity: (n,). worth: Σ throughput × quantity. used: (m,) hours.
    short: (m,) hours by which the least quantities alone are above what is available.
    shadow_price: (m,) what a small piece of an hour more would earn, per hour.
    one_more_hour: (m,) what a whole hour more would earn: less than the shadow price where
        something else becomes scarce within it.
    """

    quantity: Floats
    worth: float
    used: Floats
    short: Floats
    shadow_price: Floats
    one_more_hour: Floats

    @property
    def status(self) -> str:
        return SHORT if self.short.any() else OPTIMAL


def best_mix(programme: Programme) -> Mix:
    """The quantities that earn most.

    A unit takes hours and never gives any. So every work centre needs least where every product is
    at its least: that point tells at once whether the programme can be met, and by how many hours
    it cannot; no other point needs fewer at any work centre. Those hours are added before the rest
    is optimised, which is the elastic programme with its penalties beyond any throughput.
    """
    least_hours = programme.hours @ programme.least
    short = np.maximum(least_hours - programme.available, 0.0)
    short[short < CLOSE] = 0.0
    room = np.maximum(programme.available, least_hours)
    quantity, shadow_price = _solved(programme, room)
    worth = float(programme.throughput @ quantity)
    one_more_hour = np.zeros(len(room))
    # where hours are left over, more of them earn nothing
    for scarce in np.flatnonzero(shadow_price > CLOSE):
        more = room.copy()
        # an hour short has to be worked before one more earns anything
        more[scarce] += ONE_HOUR
        one_more_hour[scarce] = float(programme.throughput @ _solved(programme, more)[0]) - worth
    return Mix(
        quantity, worth, programme.hours @ quantity, short, shadow_price, np.round(one_more_hour, 9)
    )


def _solved(programme: Programme, room: Floats) -> tuple[Floats, Floats]:
    """Quantities (n,) and shadow prices (m,) with so many hours. A least quantity always fits."""
    from scipy.optimize import linprog

    # without a most, what needs no hours and earns could be sold without end
    free = (
        np.isinf(programme.most) & (programme.throughput > 0) & ~(programme.hours > 0).any(axis=0)
    )
    if free.any():
        raise ValueError(
            f"{int(free.sum())} products earn, need no hours and have no most: name the demand"
        )
    if not len(programme.throughput):
        return np.zeros(0), np.zeros(len(room))
    found = linprog(
        -programme.throughput,
        A_ub=programme.hours if len(room) else None,
        b_ub=room if len(room) else None,
        bounds=np.column_stack([programme.least, programme.most]),
        method="highs-ds",  # a vertex, and always the same one
    )
    if found.status != 0:
        raise RuntimeError(f"HiGHS found no mix: {found.message}")
    # rounded off the bounds by the solver
    quantity = np.clip(np.round(found.x, 9), programme.least, programme.most)
    prices = -found.ineqlin.marginals if len(room) else np.zeros(0)
    return quantity, np.round(np.maximum(prices, 0.0), 9)


# --- periods -------------------------------------------------------------------------------------


def mixes(
    products: Iterable[Mapping[str, Any]],
    hours: Iterable[Mapping[str, Any]],
    capacities: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Rows of SCHEMA: the best mix of every system and period.

    Args:
        products: source_system, period_start, product_id, throughput_amount, least_quantity,
            most_quantity; every figure known.
        hours: source_system, period_start, product_id, work_center_id, hours_per_good_unit.
        capacities: source_system, period_start, work_center_id, work_center_name,
            available_hours. A work centre without a row limits nothing.

    In the order of their ids, whatever the order of the arguments: the same rows give the same mix.
    """
    programmes: dict[tuple[str, Any], tuple[dict[str, Any], dict[str, Any], dict[Any, float]]] = {}
    for row in products:
        of_period = programmes.setdefault(_period(row), ({}, {}, {}))
        of_period[0][row["product_id"]] = row
    for row in capacities:
        if _period(row) in programmes:
            programmes[_period(row)][1][row["work_center_id"]] = row
    for row in hours:
        if _period(row) in programmes:
            needed = programmes[_period(row)][2]
            needed[row["work_center_id"], row["product_id"]] = float(row["hours_per_good_unit"])
    return [
        row | {"source_system": system, "period_start": period}
        for (system, period), parts in sorted(programmes.items())
        for row in _period_rows(*parts)
    ]


def _period(row: Mapping[str, Any]) -> tuple[str, Any]:
    return row["source_system"], row["period_start"]


def _period_rows(
    products: Mapping[str, Mapping[str, Any]],
    centers: Mapping[str, Mapping[str, Any]],
    needed: Mapping[tuple[str, str], float],
) -> Iterable[dict[str, Any]]:
    product_ids, center_ids = sorted(products), sorted(centers)

    def numbers(rows: Mapping[str, Mapping[str, Any]], ids: Sequence[str], name: str) -> Floats:
        return np.array([float(rows[each][name]) for each in ids])

    programme = Programme(
        throughput=numbers(products, product_ids, "throughput_amount"),
        hours=np.array(
            [[needed.get((c, p), 0.0) for p in product_ids] for c in center_ids]
        ).reshape(len(center_ids), len(product_ids)),
        available=numbers(centers, center_ids, "available_hours"),
        least=numbers(products, product_ids, "least_quantity"),
        most=numbers(products, product_ids, "most_quantity"),
    )
    mix = best_mix(programme)
    for product, quantity in zip(product_ids, mix.quantity, strict=True):
        yield {
            "row_kind": "product",
            "product_id": product,
            "best_quantity": Decimal(f"{quantity:.4f}"),
            "mix_status": mix.status,
        }
    least_hours = programme.hours @ programme.least
    for number, center in enumerate(center_ids):
        name = centers[center]["work_center_name"] or center
        yield {
            "row_kind": "work_center",
            "work_center_id": center,
            "available_hours": _rounded(programme.available[number]),
            "least_hours": _rounded(least_hours[number]),
            "best_hours": _rounded(mix.used[number]),
            "short_hours": _rounded(mix.short[number]),
            "shadow_price": _rounded(mix.shadow_price[number]),
            "one_more_hour_amount": Decimal(f"{mix.one_more_hour[number]:.2f}"),
            "in_words": in_words(name, mix, number),
            "mix_status": mix.status,
        }


def in_words(work_center: str, mix: Mix, number: int) -> str:
    """What a planner wants to know of a work centre, the `number`th of the mix."""
    if mix.short[number]:
        return (
            f"what has to be made needs {mix.short[number]:,.1f} hours more than there are at"
            f" {work_center}"
        )
    if mix.one_more_hour[number] <= CLOSE:
        return f"one more hour at {work_center} is worth nothing"
    return f"one more hour at {work_center} is worth {mix.one_more_hour[number]:,.0f}"


def _rounded(value: float) -> float:
    return round(float(value), 9)

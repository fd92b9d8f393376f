"""The plant: routings, work orders, and operations through queues at 12 work centres.

Planted here: capacity and mix. Hard products need grinding and milling; grinding is the
constraint until, in a known quarter, it gains a machine that milling loses.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

from assets.demo.columns import NONE
from assets.demo.company import DAY, PRODUCTS, Company, first_day, quarter_of

WORK_CENTERS = (
    "Sawing",
    "Laser cutting",
    "Turning",
    "Milling",
    "Drilling",
    "Deburring",
    "Grinding",
    "Heat treatment",
    "Coating",
    "Assembly",
    "Testing",
    "Packing",
)
MILLING, GRINDING = 3, 6
MACHINES = np.array([3, 3, 4, 4, 3, 3, 3, 3, 3, 5, 3, 3])
#: share of the available hours that orders need, per work centre, before the shift
LOAD = np.array([0.62, 0.55, 0.70, 0.68, 0.6, 0.5, 0.95, 0.65, 0.6, 0.75, 0.7, 0.55])
LOAD_EASED = np.full(12, 0.55)
#: first day of the quarter of the shift, in quarters before the quarter of the last day
SHIFT_QUARTERS_AGO = 4
PLANT_OPENS, PLANT_HOURS = 6, 16
SETUP_RATE = 0.6


@dataclass
class Plant:
    """Rows of `work_order` point to order lines, those of `operation` to work orders (`job`)."""

    routing: dict[str, np.ndarray]
    work_order: dict[str, np.ndarray]
    operation: dict[str, np.ndarray]
    #: per work centre, before and after the first day of the shift
    machines: np.ndarray
    machines_shifted: np.ndarray
    shift_day: int


def run(company: Company, line: dict[str, np.ndarray]) -> Plant:
    """What the plant made of the order lines; sets the day on which each could ship."""
    shift_day = _shift_day(company)
    routing = _routings(company)
    work_order = _work_orders(company, line)
    machines, machines_shifted = _machines(company)
    _set_pace(company, routing, work_order, machines)
    operation = _make(company, routing, work_order, machines, machines_shifted, shift_day)
    _ready(company, line, work_order)
    return Plant(routing, work_order, operation, machines, machines_shifted, shift_day)


def _shift_day(company: Company) -> int:
    quarter = quarter_of(company.calendar.until) - SHIFT_QUARTERS_AGO
    return int(first_day(quarter * 3))


def _routings(company: Company) -> dict[str, np.ndarray]:
    """The steps of each product: the harder, the more of them, and through grinding and milling.

    Without the truth `capacity` every product has the same chance of every step.
    """
    draw = company.plan.draw("routings")
    capacity = company.plan.has("capacity")
    rows: list[tuple[int, int, int, float, float]] = []
    for product, difficulty in enumerate(company.product["difficulty"]):
        effort = difficulty if capacity else 0.5
        chance = np.hstack(
            (
                [0.2, 0.25, 0.3, 0.2 + 0.5 * effort, 0.15, 0.15, 1.2 * effort - 0.3, 0.3 * effort],
                [0.2, 0.4, 0.1 + 0.4 * effort, 0.5],
            )
        )
        steps = np.flatnonzero(draw.random(12) < chance)
        if capacity and difficulty > 0.6:
            steps = np.union1d(steps, [MILLING, GRINDING])
        steps = np.union1d(steps, [int(draw.integers(0, 3))])
        for number, center in enumerate(steps, start=1):
            setup = 10 + 35 * effort * draw.uniform(0.6, 1.4)
            run = (0.6 + 2.4 * effort) * draw.uniform(0.7, 1.3)
            if center in (MILLING, GRINDING):
                run *= 1 + effort
            rows.append((product, number * 10, int(center), setup, run))
    columns = (np.array(column) for column in zip(*rows, strict=True))
    routing = dict(zip(("product", "number", "center", "setup", "run"), columns, strict=True))
    return routing | {
        "first": np.searchsorted(routing["product"], np.arange(PRODUCTS)),
        "steps": np.bincount(routing["product"], minlength=PRODUCTS),
    }


def _work_orders(company: Company, line: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One per line of a product that is made to order; weekly lots for the stocked ones."""
    calendar = company.calendar
    draw = company.plan.draw("work orders")
    stocked = company.product["stocked"]
    made = np.flatnonzero(~stocked[line["product"]])
    released_w = _plant_position(line["ordered_w"][made]) + draw.uniform(0.8, 2.5, len(made))
    from_stock = np.flatnonzero(stocked[line["product"]])
    week = (line["ordered_w"][from_stock] // 5).astype(int)
    demand = np.zeros((calendar.days // 5 + 1, PRODUCTS))
    np.add.at(demand, (week, line["product"][from_stock]), line["quantity"][from_stock])
    lot_week, lot_product = np.nonzero(demand)
    lot_w = lot_week * 5 + draw.uniform(0.1, 2, len(lot_week))
    product = np.concatenate([line["product"][made], lot_product])
    needed = np.concatenate([line["quantity"][made], demand[lot_week, lot_product]])
    release = np.concatenate([released_w, lot_w])
    source = np.concatenate([made, np.full(len(lot_week), NONE)])
    order = np.argsort(release, kind="stable")
    quantity = np.ceil(needed / company.product["first_pass_yield"][product])
    return {
        "product": product[order],
        "line": source[order],
        "quantity": quantity[order],
        "needed": needed[order],
        "released_w": release[order],
    }


def _plant_position(office_w: np.ndarray) -> np.ndarray:
    """A moment of the office's day (8 to 17) as a moment of the plant's (6 to 22)."""
    whole = np.floor(office_w)
    return whole + (8 - PLANT_OPENS + 9 * (office_w - whole)) / PLANT_HOURS


def _machines(company: Company) -> tuple[np.ndarray, np.ndarray]:
    """Machines per work centre before and after the shift: grinding gains, milling loses."""
    plan = company.plan
    before = np.maximum(1, np.rint(MACHINES * plan.scale).astype(int))
    after = before.copy()
    if plan.has("capacity") and before[GRINDING] > 1:
        moved = max(1, before[GRINDING] // 3)
        after[GRINDING] += moved
        after[MILLING] -= moved
    return before, after


def _set_pace(
    company: Company,
    routing: dict[str, np.ndarray],
    work_order: dict[str, np.ndarray],
    machines: np.ndarray,
) -> None:
    """Scales the routing times of each work centre so that the orders load it as planned."""
    load = LOAD if company.plan.has("capacity") else LOAD_EASED
    quantity = np.bincount(work_order["product"], work_order["quantity"], PRODUCTS)
    orders = np.bincount(work_order["product"], minlength=PRODUCTS)
    product, center = routing["product"], routing["center"]
    minutes = orders[product] * routing["setup"] * SETUP_RATE + quantity[product] * routing["run"]
    needed = np.bincount(center, minutes, len(WORK_CENTERS)) / 60
    available = machines * PLANT_HOURS * company.calendar.days
    factor = np.clip(load * available / np.maximum(needed, 1), 0.05, 4.0)
    routing["setup"] = np.maximum(2.0, np.round(routing["setup"] * factor[center], 1))
    routing["run"] = np.maximum(0.01, np.round(routing["run"] * factor[center], 3))


def _make(
    company: Company,
    routing: dict[str, np.ndarray],
    work_order: dict[str, np.ndarray],
    machines: np.ndarray,
    machines_shifted: np.ndarray,
    shift_day: int,
) -> dict[str, np.ndarray]:
    """Every step of every work order, through first-come-first-served queues.

    Sets `finished_w` of the work orders. Memory and time grow with the operations: about 3 µs
    and 150 bytes each.
    """
    draw = company.plan.draw("making")
    product = work_order["product"]
    steps = routing["steps"][product]
    job = np.repeat(np.arange(len(product)), steps)
    first = np.cumsum(steps) - steps
    route = routing["first"][product][job] + np.arange(len(job)) - first[job]
    # work of one kind is lined up: some operations find the machine as they need it
    setup_w = routing["setup"][route] / 60 / PLANT_HOURS * (draw.random(len(job)) < SETUP_RATE)
    run_w = routing["run"][route] * work_order["quantity"][job] / 60 / PLANT_HOURS
    run_w *= draw.lognormal(-0.0072, 0.12, len(job))
    broken_w = np.where(draw.random(len(job)) < 0.01, draw.uniform(0.02, 0.4, len(job)), 0.0)
    begin, end = _queue(
        work_order["released_w"].tolist(),
        first.tolist(),
        (first + steps).tolist(),
        routing["center"][route].tolist(),
        (setup_w + run_w + broken_w).tolist(),
        draw.uniform(0.8, 2.0, len(job)).tolist(),
        machines.tolist(),
        machines_shifted.tolist(),
        float(company.calendar.position(shift_day)),
    )
    work_order["started_w"] = begin[first]
    work_order["finished_w"] = end[first + steps - 1]
    scrap_rate = 1 - company.product["first_pass_yield"][product[job]] ** (1 / steps[job])
    scrapped = np.rint(work_order["quantity"][job] * scrap_rate * draw.uniform(0, 2, len(job)))
    return {
        "job": job,
        "number": routing["number"][route],
        "center": routing["center"][route],
        "begin_w": begin,
        "setup_w": setup_w,
        "broken_w": broken_w,
        "end_w": end,
        "scrapped": scrapped,
        "reworked": np.where(draw.random(len(job)) < 0.04, np.ceil(scrapped / 2 + 0.1), 0.0),
        "worker": draw.integers(0, 60, len(job)),
    }


def _queue(
    release: list[float],
    first: list[int],
    last: list[int],
    center: list[int],
    duration: list[float],
    transfer: list[float],
    machines: list[int],
    machines_shifted: list[int],
    shift: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Begin and end of each operation (in plant days), each work centre first come, first served.

    `first` and `last` (exclusive) are the operations of each job; at `shift` the machines change.
    """
    free = [[0.0] * count for count in machines]
    begin = np.zeros(len(center))
    end = np.zeros(len(center))
    arrivals = [(moment, job, first[job]) for job, moment in enumerate(release)]
    heapify(arrivals)
    shifted = False
    while arrivals:
        now, job, step = heappop(arrivals)
        if not shifted and now >= shift:
            shifted = True
            for slots, before, after in zip(free, machines, machines_shifted, strict=True):
                for _ in range(after - before):
                    heappush(slots, now)
                for _ in range(before - after):
                    heappop(slots)
        slots = free[center[step]]
        start = max(now, slots[0])
        finish = start + duration[step]
        heapreplace(slots, finish)
        begin[step], end[step] = start, finish
        if step + 1 < last[job]:
            heappush(arrivals, (finish + transfer[step], job, step + 1))
    return begin, end


def _ready(
    company: Company, line: dict[str, np.ndarray], work_order: dict[str, np.ndarray]
) -> None:
    """The day on which each line could be shipped: made, or taken from stock."""
    calendar = company.calendar
    draw = company.plan.draw("ready")
    count = len(line["order"])
    order_day = line["ordered"] // DAY
    out_of_stock = draw.random(count) < 0.04
    pick = draw.integers(1, 5, count) + np.where(out_of_stock, draw.integers(4, 15, count), 0)
    ready = calendar.later(order_day, pick)
    made = work_order["line"] >= 0
    finished = calendar.moment(work_order["finished_w"][made], PLANT_OPENS, PLANT_HOURS) // DAY
    lag = draw.integers(0, 3, made.sum())
    ready[work_order["line"][made]] = calendar.later(finished, lag)
    line["ready"] = ready
    line["made_to_order"] = ~company.product["stocked"][line["product"]]

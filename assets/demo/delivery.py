"""What was asked, quoted, promised, cancelled, shipped and sent back.

Planted here: padding and over-promising that feed each other. Production quotes what comparable
orders took lately, plus padding; sales promises the quote less its override. The plant does not
know what was promised.
"""

from dataclasses import dataclass

import numpy as np

from assets.demo.columns import NEVER, NONE
from assets.demo.company import (
    DAY,
    FAMILIES,
    FX_START,
    PRODUCTS,
    Company,
    quarter_of,
)
from assets.demo.funnel import Funnel

#: days of padding and of override: next quarter's = own mean + effect × this quarter's other one
PADDING_MEAN, OVERRIDE_MEAN = 1.5, 0.8
PADDING_FROM_OVERRIDE, OVERRIDE_FROM_PADDING = 0.7, 0.6
SPIRAL_NOISE = 0.9
CUSTOMER, LATE, OTHER = 0, 1, 2
FUNCTIONS = ("sales", "production", "customer", "system")
PROMISE_REASONS = ("Capacity", "Customer asked", "Material", "Quality")
RETURN_REASONS = ("Damaged", "Wrong item", "Quality", "Too many")


@dataclass
class Delivery:
    """Rows point to order lines, those of `quote` to deals; `spiral` is families × quarters."""

    spiral: dict[str, np.ndarray]
    schedule: dict[str, np.ndarray]
    promise: dict[str, np.ndarray]
    shipment: dict[str, np.ndarray]
    returned: dict[str, np.ndarray]
    quote: dict[str, np.ndarray]


def run(
    company: Company, funnel: Funnel, line: dict[str, np.ndarray], steps: np.ndarray
) -> Delivery:
    """`steps`: operations per product; adds to `line` what was quoted, promised and cancelled."""
    spiral = _spiral(company)
    _quote_and_promise(company, line, steps, spiral)
    _cancel(company, line)
    schedule = _schedule_lines(company, line)
    shipment = _ship(company, line, schedule)
    promise = _promise_log(company, line, schedule)
    returned = _returns(company, line, shipment)
    return Delivery(spiral, schedule, promise, shipment, returned, _quotes(company, funnel, spiral))


def _spiral(company: Company) -> dict[str, np.ndarray]:
    """Padding and override in days, families × quarters."""
    draw = company.plan.draw("spiral")
    calendar = company.calendar
    quarters = int(quarter_of(calendar.until) - quarter_of(calendar.start)) + 1
    padding = np.zeros((len(FAMILIES), quarters))
    override = np.zeros((len(FAMILIES), quarters))
    lean = draw.uniform(-0.5, 0.7, (2, len(FAMILIES)))
    noise = draw.normal(0, SPIRAL_NOISE, (2, len(FAMILIES), quarters))
    if company.plan.has("padding"):
        padding[:, 0], override[:, 0] = 1.0 + noise[0, :, 0], 0.5 + noise[1, :, 0]
        for now in range(1, quarters):
            padding[:, now] = PADDING_MEAN + lean[0] + PADDING_FROM_OVERRIDE * override[:, now - 1]
            override[:, now] = OVERRIDE_MEAN + lean[1] + OVERRIDE_FROM_PADDING * padding[:, now - 1]
            padding[:, now] += noise[0, :, now]
            override[:, now] += noise[1, :, now]
    return {"padding": padding, "override": override}


def _quote_and_promise(
    company: Company,
    line: dict[str, np.ndarray],
    steps: np.ndarray,
    spiral: dict[str, np.ndarray],
) -> None:
    """What the customer asked, production quoted and sales promised, as days."""
    draw = company.plan.draw("promises")
    calendar = company.calendar
    count = len(line["order"])
    order_day = line["ordered"] // DAY
    expected = _recent_lead(line, steps, order_day)
    family = company.product["family"][line["product"]]
    quarter = (quarter_of(order_day) - quarter_of(calendar.start)).astype(int)
    padding = spiral["padding"][family, quarter] + draw.normal(0, 1.0, count)
    override = spiral["override"][family, quarter] + draw.normal(0, 0.8, count)
    quoted = np.maximum(2, np.rint(expected + padding)).astype(int)
    promised = np.maximum(1, np.rint(quoted - override)).astype(int)
    asked = np.maximum(1, np.rint((expected + 1) * draw.lognormal(0.05, 0.3, count))).astype(int)
    stock_asked = draw.integers(2, 16, count)
    made = line["made_to_order"]
    requested = order_day + np.where(made, asked, stock_asked)
    from_stock = np.maximum(requested, order_day + draw.integers(4, 8, count))
    promise = np.where(made, order_day + promised, from_stock)
    line["quoted"] = np.where(made, order_day + quoted, NEVER)
    line["requested"] = np.where(draw.random(count) < 0.02, NEVER, requested)
    line["promised"] = np.where(draw.random(count) < 0.03, NEVER, promise)
    line["expected"] = expected
    # what lies in stock waits for the day it is asked for
    waits = np.maximum(line["ready"], requested - draw.integers(0, 4, count))
    line["ready"] = np.where(made, line["ready"], calendar.later(waits, np.zeros(count, int)))


def _recent_lead(
    line: dict[str, np.ndarray], steps: np.ndarray, order_day: np.ndarray
) -> np.ndarray:
    """Mean days from order to shipping of the product's lines of the last 45 days, as known then;
    from the routing where there are fewer than three."""
    expected = 5 + 2.2 * steps[line["product"]].astype(float)
    for product in range(PRODUCTS):
        rows = np.flatnonzero(line["product"] == product)
        done = rows[np.argsort(line["ready"][rows], kind="stable")]
        total = np.r_[0, np.cumsum(line["ready"][done] - order_day[done])]
        newest = np.searchsorted(line["ready"][done], order_day[rows])
        oldest = np.searchsorted(line["ready"][done], order_day[rows] - 45)
        known = newest - oldest
        enough = known >= 3
        expected[rows[enough]] = ((total[newest] - total[oldest]) / np.maximum(known, 1))[enough]
    return expected


def _cancel(company: Company, line: dict[str, np.ndarray]) -> None:
    """Lines cancelled before they ship: by the customer, for being late, for other reasons."""
    draw = company.plan.draw("cancellations")
    count = len(line["order"])
    order_day = line["ordered"] // DAY
    lottery = draw.random(count)
    wait = line["ready"] - order_day
    some_day = order_day + 1 + np.floor(draw.random(count) * np.maximum(wait - 1, 0)).astype(int)
    by = np.full(count, NONE)
    on = np.full(count, NEVER)
    early = (lottery < 0.02) & (wait > 2)
    by[early] = np.where(lottery < 0.015, CUSTOMER, OTHER)[early]
    on[early] = some_day[early]
    promised = line["promised"]
    overdue = (promised < NEVER) & (line["ready"] - np.minimum(promised, 10**6) > 4)
    overdue &= (lottery >= 0.02) & (lottery < 0.08)
    by[overdue], on[overdue] = LATE, promised[overdue] + 2
    by[on > company.calendar.until], on[on > company.calendar.until] = NONE, NEVER
    line["cancelled_by"], line["cancelled_on"] = by, on


def _schedule_lines(company: Company, line: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """5 % of the larger lines are delivered in two or three parts, two weeks apart."""
    draw = company.plan.draw("schedule lines")
    count = len(line["order"])
    large = (line["quantity"] >= 20) & (line["cancelled_on"] == NEVER)
    large &= (line["promised"] < NEVER) & (line["requested"] < NEVER)
    chosen = np.flatnonzero(large & (draw.random(count) < 0.1))
    parts = draw.integers(2, 4, len(chosen))
    owner = np.repeat(chosen, parts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts) + 1
    even = np.floor(line["quantity"][owner] / np.repeat(parts, parts))
    rest = line["quantity"][chosen] - even[np.cumsum(parts) - parts] * parts
    quantity = even + np.where(number == 1, np.repeat(rest, parts), 0)
    line["has_schedule"] = np.isin(np.arange(count), chosen)
    return {
        "line": owner,
        "number": number,
        "quantity": quantity,
        "requested": line["requested"][owner] + 14 * (number - 1),
        "promised": line["promised"][owner] + 14 * (number - 1),
        "ready": company.calendar.later(
            line["ready"][owner] + 14 * (number - 1), draw.integers(-1, 2, len(owner)).clip(0)
        ),
    }


def _promise_log(
    company: Company, line: dict[str, np.ndarray], schedule: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Quotes, promises and their changes; sets `promised_last` (the last one recorded before its
    forerunner fell due) per line and schedule line.

    No change is recorded on the very day its forerunner falls due, so that "before it fell due"
    has one meaning; a change after that day is the last one of its line.
    15 % of the lines keep no log: their promise never moves.
    """
    draw = company.plan.draw("promise log")
    calendar = company.calendar
    plain = np.flatnonzero(~line["has_schedule"])
    owner = np.concatenate([plain, schedule["line"]])
    number = np.concatenate([np.full(len(plain), NONE), schedule["number"]])
    promised = np.concatenate([line["promised"][plain], schedule["promised"]])
    ready = np.concatenate([line["ready"][plain], schedule["ready"]])
    count = len(owner)
    entered = line["entered"][owner]
    entry_day = entered // DAY
    logged = (promised < NEVER) & (draw.random(len(line["order"])) < 0.85)[owner]
    quoted = logged & (line["quoted"][owner] < NEVER) & (number <= 1)
    rows = [np.flatnonzero(quoted), np.flatnonzero(logged)]
    at = [entered[rows[0]] + 900, entered[rows[1]] + 3600]
    date = [line["quoted"][owner[rows[0]]], promised[rows[1]]]
    function = [np.full(len(rows[0]), 1), np.zeros(len(rows[1]), int)]
    kind = [np.zeros(len(rows[0]), int), np.ones(len(rows[1]), int)]
    reason = [np.full(len(rows[0]), NONE), np.full(len(rows[1]), NONE)]

    current, in_time = promised.copy(), promised.copy()
    last_day = entry_day
    stop = np.minimum(ready, line["cancelled_on"][owner])
    frozen = ~logged
    for turn in range(2):
        late = ready > current
        hour = draw.integers(9 * 3600, 16 * 3600, count)
        notice = draw.integers(1, 8, count)
        before = current - notice
        change = late & (draw.random(count) < (0.5 if turn == 0 else 0.3))
        # customers move dates too, and now and then production notices only afterwards
        other = ~late & (draw.random(count) < 0.04)
        after = late & ~change & (draw.random(count) < 0.12)
        day = np.where(after, current + notice, before)
        to = np.where(
            other, current + draw.integers(3, 15, count), ready + draw.integers(-1, 4, count)
        )
        wanted = (change | other | after) & ~frozen & (to > current)
        wanted &= (day > last_day) & (day < stop) & (day <= calendar.until) & (to > day)
        wanted &= np.isin(day, calendar.workdays)
        last_day = np.where(wanted, day, entry_day)
        chosen = np.flatnonzero(wanted)
        rows.append(chosen)
        at.append(day[chosen] * DAY + hour[chosen])
        date.append(to[chosen])
        function.append(
            np.where(other[chosen], 2, draw.choice([0, 1, 3], len(chosen), p=[0.3, 0.6, 0.1]))
        )
        kind.append(np.ones(len(chosen), int))
        reason.append(np.where(other[chosen], 1, draw.choice([0, 2, 3], len(chosen))))
        current = np.where(wanted, to, current)
        in_time = np.where(wanted & ~after, to, in_time)
        frozen |= ~wanted | after
    unit, at_, date_, function_, kind_, reason_ = (
        np.concatenate(x) for x in (rows, at, date, function, kind, reason)
    )
    line["promised_last"] = line["promised"].copy()
    line["promised_last"][plain] = in_time[: len(plain)]
    schedule["promised_last"] = in_time[len(plain) :]
    order = np.lexsort((number[unit], owner[unit], at_))
    unit = unit[order]
    return {
        "line": owner[unit],
        "number": number[unit],
        "unit": unit,
        "at": at_[order],
        "date": date_[order],
        "function": function_[order],
        "kind": kind_[order],
        "reason": reason_[order],
    }


def _ship(
    company: Company, line: dict[str, np.ndarray], schedule: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Shipments: whole, in two, a little over or short; some recorded days after the fact."""
    calendar = company.calendar
    draw = company.plan.draw("shipments")
    plain = np.flatnonzero((line["cancelled_on"] == NEVER) & ~line["has_schedule"])
    unit_line = np.concatenate([plain, schedule["line"]])
    ready = np.concatenate([line["ready"][plain], schedule["ready"]])
    ordered = np.concatenate([line["quantity"][plain], schedule["quantity"]])
    count = len(unit_line)
    is_plain = np.arange(count) < len(plain)
    lottery = draw.random(count)
    total = ordered.copy()
    total[is_plain & (lottery < 0.015) & (ordered >= 20)] -= 1
    over = is_plain & (lottery > 0.98)
    total[over] += np.ceil(ordered[over] * 0.03)
    split = is_plain & (draw.random(count) < 0.1) & (total >= 4)
    head = np.where(split, np.ceil(total * draw.uniform(0.4, 0.8, count)), total)
    tail_day = calendar.later(ready, draw.integers(1, 9, count))
    shipped_line = np.concatenate([unit_line, unit_line[split]])
    quantity = np.concatenate([head, (total - head)[split]])
    shipped = np.concatenate([ready, tail_day[split]])
    keep = quantity > 0
    shipped_line, quantity, shipped = shipped_line[keep], quantity[keep], shipped[keep]
    rows = len(quantity)
    transit = draw.integers(1, 4, rows) + company.account["region"][line["account"][shipped_line]]
    same_day = shipped * DAY + 15 * 3600 + draw.integers(0, 7000, rows)
    backdated = draw.random(rows) < 0.12
    delay = draw.integers(1, 7, rows)
    recorded = np.where(backdated, calendar.later(shipped, delay) * DAY + 10 * 3600, same_day)
    hurried = np.where(line["is_drain"][shipped_line], 0.45, 0.03)
    expedited = draw.random(rows) < hurried
    value = quantity * line["price"][shipped_line]
    base = 18 + 0.01 * value * FX_START[line["currency"][shipped_line]]
    freight = np.round(base * draw.lognormal(0, 0.3, rows) * np.where(expedited, 4, 1), 2)
    order = np.lexsort((shipped_line, recorded))
    return {
        "line": shipped_line[order],
        "quantity": quantity[order],
        "shipped": shipped[order],
        "delivered": (shipped + transit)[order],
        "recorded": recorded[order],
        "freight": freight[order],
        "expedited": expedited[order],
    }


def _returns(
    company: Company, line: dict[str, np.ndarray], shipment: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    draw = company.plan.draw("returns")
    rows = len(shipment["line"])
    chance = np.where(line["is_drain"][shipment["line"]], 0.15, 0.012)
    chosen = np.flatnonzero(draw.random(rows) < chance)
    returned = shipment["delivered"][chosen] + draw.integers(2, 30, len(chosen))
    quantity = np.ceil(shipment["quantity"][chosen] * draw.uniform(0.2, 1, len(chosen)))
    of = shipment["line"][chosen]
    credit = np.round(quantity * line["price"][of] * (1 - line["discount"][of]), 2)
    order = np.argsort(returned, kind="stable")
    return {
        "line": of[order],
        "quantity": quantity[order],
        "returned": returned[order],
        "credit": credit[order],
        "reason": draw.integers(0, len(RETURN_REASONS), len(chosen))[order],
    }


def _quotes(
    company: Company, funnel: Funnel, spiral: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Deals that reach the proposal: a date by production, padded, and one by sales, earlier."""
    draw = company.plan.draw("quotes")
    calendar = company.calendar
    deal = funnel.deal
    asked_w = deal["enter_w"][:, 2] + 0.2
    quoted = (deal["reach"] >= 2) & (asked_w < np.minimum(deal["end_w"], calendar.days - 1))
    deals = np.flatnonzero(quoted)
    day = calendar.moment(asked_w[deals]) // DAY
    family = company.product["family"][deal["product"][deals]]
    quarter = (quarter_of(day) - quarter_of(calendar.start)).astype(int)
    lead = np.where(company.product["stocked"][deal["product"][deals]], 6, 15)
    production = day + np.maximum(
        2, np.rint(lead + draw.normal(0, 1.5, len(deals)) + spiral["padding"][family, quarter])
    ).astype(int)
    sales = np.maximum(
        day + 1, production - np.rint(spiral["override"][family, quarter]).astype(int)
    )
    main = deal["first_line"][deals]
    at = np.concatenate([calendar.moment(asked_w[deals]), calendar.moment(asked_w[deals] + 0.7)])
    order = np.lexsort((np.tile(deals, 2), at))
    pairs = np.tile(np.arange(len(deals)), 2)[order]
    function = np.repeat([1, 0], len(deals))[order]
    return {
        "opportunity": deals[pairs],
        "product": deal["product"][deals][pairs],
        "quantity": funnel.lines["quantity"][main][pairs],
        "at": at[order],
        "date": np.where(function == 1, production[pairs], sales[pairs]),
        "function": function,
        "amount": deal["amount"][deals][pairs],
        "currency": deal["currency"][deals][pairs],
    }

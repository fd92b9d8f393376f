"""Exchange rates by day and the cost ledger by month, pool and driver.

Each pool of the ledger is what its driver was worth that month: count × rate, give or take a few
per cent. Drains cost more than they earn because they use more of every driver.
"""

import numpy as np

from assets.demo.company import DAY, FX_START, PRODUCTS, Company, month_of
from assets.demo.delivery import Delivery
from assets.demo.people import People
from assets.demo.plant import Plant

#: pool, driver, USD per unit of the driver, stated accuracy of the pool
POOLS = (
    ("order processing", "order", 24.0, 0.05),
    ("order processing", "order_line", 6.0, 0.05),
    ("logistics", "shipment", 19.0, 0.10),
    ("logistics", "expedited_shipment", 85.0, 0.15),
    ("service", "return", 130.0, 0.20),
    ("sales time", "sales_hour", 62.0, 0.25),
    ("changeover", "setup_hour", 55.0, 0.10),
    ("product upkeep", "product", 900.0, 0.30),
    ("site overhead", "", 40_000.0, 0.50),
)


def rates(company: Company) -> dict[str, np.ndarray]:
    """USD per EUR, GBP and MXN on working days, from a week before the first day on."""
    calendar = company.calendar
    draw = company.plan.draw("fx")
    day = np.arange(calendar.start - 10, calendar.until + 1)
    day = day[(day + 3) % 7 < 5]
    steps = draw.normal(0, 0.004, (3, len(day)))
    rate = FX_START[1:, None] * np.exp(np.cumsum(steps, 1) - 0.5 * np.cumsum(steps, 1) ** 3)
    return {
        "day": np.repeat(day, 3),
        "currency": np.tile([1, 2, 3], len(day)),
        "rate": rate.T.ravel(),
        "known": np.repeat(day, 3) * DAY + 17 * 3600,
    }


def ledger(
    company: Company,
    line: dict[str, np.ndarray],
    plant: Plant,
    delivery: Delivery,
    people: People,
) -> dict[str, np.ndarray]:
    """The finished months of the cost ledger; booked on the third day of the month after."""
    calendar = company.calendar
    draw = company.plan.draw("ledger")
    months = month_of(calendar.months())
    shipment, operation = delivery.shipment, plant.operation

    def monthly(day: np.ndarray, size: np.ndarray | None = None) -> np.ndarray:
        at = month_of(day) - months[0]
        inside = (at >= 0) & (at < len(months))
        return np.bincount(at[inside], None if size is None else size[inside], len(months))

    ordered = line["ordered"] // DAY
    setup_day = calendar.moment(operation["begin_w"], 6, 16) // DAY
    units = {
        "order": monthly(ordered[line["number"] == 1]),
        "order_line": monthly(ordered),
        "shipment": monthly(shipment["shipped"]),
        "expedited_shipment": monthly(shipment["shipped"][shipment["expedited"]]),
        "return": monthly(delivery.returned["returned"]),
        "sales_hour": monthly(people.activity["at"] // DAY, people.activity["minutes"] / 60),
        "setup_hour": monthly(setup_day, operation["setup_w"] * 16),
        "product": np.full(len(months), PRODUCTS),
        "": np.full(len(months), max(company.plan.scale, 0.05)),
    }
    first = calendar.months()
    close = np.r_[first[1:], calendar.until + 1]
    booked = calendar.later(close, np.full(len(first), 2)) * DAY + 12 * 3600
    month, pool = np.divmod(np.arange(len(months) * len(POOLS)), len(POOLS))
    rate = np.array([entry[2] for entry in POOLS])[pool]
    count = np.array([units[entry[1]] for entry in POOLS])[pool, month]
    amount = np.round(count * rate * draw.normal(1, 0.03, len(month)), 2)
    accuracy = np.array([entry[3] for entry in POOLS])[pool]
    return {
        "month": first[month],
        "pool": pool,
        "amount": amount,
        "accuracy": accuracy,
        "known": booked[month],
    }

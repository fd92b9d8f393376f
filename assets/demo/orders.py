"""Orders: from won deals, repeat orders, and the small hurried lots of the planted drains."""

from dataclasses import dataclass

import numpy as np

from assets.demo.columns import NONE
from assets.demo.company import DAY, FX_START, PRODUCTS, Company, month_of
from assets.demo.funnel import WON, Funnel

DRAINS = 12
#: share of all order lines
DRAIN_SHARE = 0.015
DRAIN_DISCOUNT = 0.22
#: groups of lines are orders: those of a deal, of a repeat order, of a drain, in this order
FIRST_DRAIN = 10**9


@dataclass
class Orders:
    """Order lines in order of entry, and the pairs (rows of accounts, of products) that drain.

    Later steps add to `line`: `ready`, the day on which it could ship, and what was quoted,
    promised and cancelled.
    """

    line: dict[str, np.ndarray]
    drains: dict[str, np.ndarray]


def run(company: Company, funnel: Funnel, attended: np.ndarray | None) -> Orders:
    """`attended`: the products that each rep pushes, reps × thirds of the years × 3."""
    drains = _drains(company)
    return Orders(_order_lines(company, funnel, attended, drains), drains)


def _drains(company: Company) -> dict[str, np.ndarray]:
    """Account × product pairs that eat what they earn; none without the truth."""
    draw = company.plan.draw("drains")
    pairs = company.plan.heads(DRAINS, least=3) if company.plan.has("drains") else 0
    easy = np.flatnonzero(company.product["stocked"])
    accounts = 12 + draw.permutation(len(company.account_name) - 20)[:pairs]
    return {"account": accounts, "product": draw.choice(easy, pairs)}


def _order_lines(
    company: Company, funnel: Funnel, attended: np.ndarray | None, drains: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Orders from won deals, repeat orders, and the small hurried lots of the drains."""
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("orders")
    deal, offered = funnel.deal, funnel.lines
    ordered_w = deal["final_w"] + draw.uniform(0.3, 5, len(deal["score"]))
    won = (deal["stage"] == WON) & (deal["outcome"] == WON) & (ordered_w < calendar.days)
    won &= funnel.history("is_deleted").as_of(calendar.end) == 0
    from_deal = np.flatnonzero(won[offered["opportunity"]])
    opportunity = offered["opportunity"][from_deal]

    target = plan.count(60_000, least=600)
    small = round(target * DRAIN_SHARE) if len(drains["account"]) else 0
    repeats = max(target - len(from_deal) - small, target // 10)
    per_order = draw.choice([1, 2, 3, 4, 5], repeats, p=[0.4, 0.28, 0.17, 0.1, 0.05])
    per_order = per_order[: np.searchsorted(np.cumsum(per_order), repeats) + 1]
    orders = len(per_order)
    day = np.arange(calendar.days)
    week_noise = draw.lognormal(0, 0.06, len(day) // 5 + 1)[day // 5]
    busy = (1 + 0.07 * np.sin(2 * np.pi * day / 250)) * week_noise
    repeat_w = draw.choice(day, orders, p=busy / busy.sum()) + draw.random(orders)
    weight = company.account["weight"] / company.account["weight"].sum()
    repeat_account = draw.choice(len(company.account_name), orders, p=weight)
    repeat_of = np.repeat(np.arange(orders), per_order)
    repeat_product = draw.choice(PRODUCTS, len(repeat_of), p=company.product["weight"])
    hard = company.product["difficulty"][repeat_product] > 0.6
    repeat_quantity = draw.lognormal(np.where(hard, np.log(16), np.log(34)), 0.7)

    pair = draw.integers(0, max(1, len(drains["account"])), small)
    small_w = draw.uniform(0, calendar.days, small)

    number_in = [
        offered["number"][from_deal],
        np.arange(len(repeat_of)) - (np.cumsum(per_order) - per_order)[repeat_of] + 1,
        np.ones(small, int),
    ]
    when = np.concatenate([ordered_w[opportunity], repeat_w[repeat_of], small_w])
    account = np.concatenate(
        [deal["account"][opportunity], repeat_account[repeat_of], drains["account"][pair]]
        if small
        else [deal["account"][opportunity], repeat_account[repeat_of]]
    )
    product = np.concatenate(
        [offered["product"][from_deal], repeat_product, drains["product"][pair]]
        if small
        else [offered["product"][from_deal], repeat_product]
    )
    quantity = np.concatenate(
        [offered["quantity"][from_deal], repeat_quantity, draw.integers(1, 4, small)]
    )
    source = np.concatenate([opportunity, np.full(len(repeat_of), NONE), np.full(small, NONE)])
    group = np.concatenate(
        [opportunity, len(deal["score"]) + repeat_of, FIRST_DRAIN + np.arange(small)]
    )
    number = np.concatenate(number_in)
    order = np.lexsort((number, group, when))
    when, account, product, quantity, source, group, number = (
        x[order] for x in (when, account, product, quantity, source, group, number)
    )
    ordered = calendar.moment(when)
    order_day = ordered // DAY
    new_order = np.r_[True, group[1:] != group[:-1]]
    owner = np.where(
        source >= 0,
        funnel.history("owner_id").as_of(calendar.end)[source],
        company.account["rep"][account],
    )
    rep = company.owner(owner, order_day)
    # a rep pushes the products of the objectives that he or she attends to
    pushes = (draw.random(len(rep)) < 0.1) & (source < 0) & (group < FIRST_DRAIN)
    choice = draw.integers(0, 3, len(rep))
    if attended is not None:
        third = calendar.third(month_of(order_day))
        product = np.where(pushes, attended[rep, third, choice], product)
    quantity = np.maximum(1, np.rint(quantity))
    currency = company.account["currency"][account]
    is_drain = group >= FIRST_DRAIN
    discount = np.where(is_drain, DRAIN_DISCOUNT, draw.choice([0, 0, 0.02, 0.05, 0.08], len(rep)))
    price = np.round(
        company.product["price"][product] * draw.lognormal(0, 0.03, len(rep)) / FX_START[currency],
        2,
    )
    late_entry = draw.random(len(rep)) < 0.03
    entered = np.where(
        late_entry,
        calendar.later(order_day, draw.integers(1, 6, len(rep))) * DAY + 9 * 3600,
        ordered + 60,
    )
    return {
        "order": np.cumsum(new_order) - 1,
        "number": number,
        "account": account,
        "product": product,
        "rep": rep,
        "opportunity": source,
        "ordered_w": when,
        "ordered": ordered,
        "quantity": quantity,
        "price": price,
        "discount": np.round(discount, 2),
        "currency": currency,
        "is_drain": is_drain,
        "entered": entered[np.flatnonzero(new_order)[np.cumsum(new_order) - 1]],
    }

"""The steps of the simulation in their order."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from assets.demo import company as companies
from assets.demo import delivery, extracts, funnel, money, orders, people, plant, truth
from assets.demo.company import Plan
from assets.demo.dirt import Dirt
from assets.demo.sheets import World


def simulate(
    home: Path,
    *,
    seed: int = 7,
    scale: float = 1.0,
    until: date = date(2026, 6, 30),
    without: frozenset[str] = frozenset(),
    weeks: int = 8,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Writes `home/landing/standard/` and `home/demo/truth.json`; gives the path of the latter.

    `until` is the last day of the world (the as_of of a run on it), `weeks` the weeks of deltas
    before it, `say` hears a line per step. A unit of scale costs about 5 CPU seconds and 200 MB:
    the queues of the plant, the log of answers and the text of the largest entity are held whole.

    Where the same company already lies in `home` nothing is written again.

    Raises:
        ValueError: a truth in `without` that there is not; a scale or weeks out of range;
            other extracts of `standard` already lie in `home`.
    """
    plan = Plan(Path(home), seed, scale, until, weeks, without)
    folder = plan.home / "landing" / "standard"
    if folder.exists() and any(folder.iterdir()):
        if truth.is_of(plan):
            say(f"this company is already there: {folder}")
            return truth.path_of(plan)
        raise ValueError(
            f"{folder} already holds other extracts: choose another home, or move them away first"
        )
    company = companies.found(plan)
    say(f"company: {len(company.account_name)} accounts, {len(company.rep_name)} reps")
    sales = funnel.run(company)
    say(f"funnel: {len(sales.deal['score'])} opportunities")
    held = people.objectives(company)
    pushed, chosen = people.attend(company, held)
    sold = orders.run(company, sales, pushed)
    say(f"orders: {len(sold.line['order'])} order lines")
    made = plant.run(company, sold.line)
    say(f"plant: {len(made.operation['job'])} operations")
    sent = delivery.run(company, sales, sold.line, made.routing["steps"])
    say(f"delivery: {len(sent.shipment['line'])} shipments")
    staff = people.run(company, sales, held, chosen)
    say(f"people: {len(staff.activity['at'])} activities")
    rates = money.rates(company)
    ledger = money.ledger(company, sold.line, made, sent, staff)
    world = World(company, sales, sold, made, sent, staff, rates, ledger)
    dirt = Dirt()
    standing = extracts.write(world, dirt, say)
    path = truth.write(world, dirt, standing)
    say(f"truths: {path}")
    return path

"""What was planted, and what an honest reader of the extracts should find.

The planted parameters are constants of the modules that plant them. What a mart can be checked
against is counted here from the simulated events by plain Python, apart from the line and its
SQL: win rates by score, objectives per rep and month, on-time delivery by METRICS §3 under the
default policy (never too late, nothing short, early and over not evaluated, shipping counts).
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from assets.demo import coaching as ch
from assets.demo import delivery as de
from assets.demo import funnel as fu
from assets.demo import people as pe
from assets.demo import plant as pl
from assets.demo.columns import NEVER, NONE, Encode
from assets.demo.company import (
    DAY,
    FAMILIES,
    SEGMENTS,
    TRUTHS,
    Plan,
    first_day,
    iso,
    month_of,
    quarter_of,
)
from assets.demo.dirt import Dirt
from assets.demo.scorecard import SHARE, TOP_RATING
from assets.demo.sheets import CENTER, OBJECTIVE, PRODUCT, World

#: a score is complete from this share of the weights on
COMPLETE = 0.7


def path_of(plan: Plan) -> Path:
    return plan.home / "demo" / "truth.json"


def is_of(plan: Plan) -> bool:
    """Whether the truths in the plan's home are those of this plan; they are written last."""
    path = path_of(plan)
    return path.exists() and json.loads(path.read_text())["plan"] == _told(plan)


def _told(plan: Plan) -> dict[str, Any]:
    return {
        "seed": plan.seed,
        "scale": plan.scale,
        "as_of": plan.until.isoformat(),
        "weeks": plan.weeks,
        "without": sorted(plan.without),
    }


def write(world: World, dirt: Dirt, standing: dict[str, int]) -> Path:
    """Writes `home/demo/truth.json`; `standing` are the clean rows per entity at the end."""
    plan = world.company.plan
    truth = {
        "plan": _told(plan),
        "planted": [name for name in TRUTHS if plan.has(name)],
        "tipping_point": tipping_point(world),
        "severity": severity(world),
        "hindsight": {"points": 100 * fu.HINDSIGHT},
        "objectives": objectives(world),
        "padding": padding(world),
        "capacity": capacity(world),
        "drains": drains(world),
        "shift": shift(world),
        "value_proposition": value_proposition(world),
        "coaching": coached(world),
        "operations_contact": {"effect": 0.0},
        "on_time": on_time(world),
        "opportunities": opportunities(world),
        "extracts": {
            "files": dirt.files,
            "rows": dict(dirt.rows),
            "standing_rows": standing,
            "quarantined": {entity: dict(why) for entity, why in dirt.quarantined.items()},
            "exact_duplicates": dict(dirt.exact_duplicates),
            "odd_files": dirt.odd_files,
        },
    }
    path = path_of(plan)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(truth, indent=1, default=_plain) + "\n")
    return path


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"no JSON for {type(value)}")


def _text(encode: Encode, rows: Iterable[int]) -> list[str]:
    texts: list[str] = encode(np.asarray(list(rows))).to_pylist()
    return texts


def _rate(numerator: int, denominator: int) -> dict[str, Any]:
    rate = round(numerator / denominator, 9) if denominator else None
    return {"numerator": numerator, "denominator": denominator, "rate": rate}


def _resolved(world: World) -> np.ndarray:
    """Deals that count for a win rate: won or lost at the end, neither deleted nor merged."""
    funnel, end = world.funnel, world.company.calendar.end
    stage = funnel.deal["stage"]
    whole = funnel.history("is_deleted").as_of(end) == 0
    whole &= funnel.history("merged_into_opportunity_id").as_of(end) == NONE
    return whole & np.isin(stage, (fu.WON, fu.LOST))


def opportunities(world: World) -> dict[str, Any]:
    """How many there are in each state at the end, and what happened to them on the way."""
    funnel, end = world.funnel, world.company.calendar.end
    deal = funnel.deal
    deleted = funnel.history("is_deleted").as_of(end) == 1
    merged = funnel.history("merged_into_opportunity_id").as_of(end) != NONE
    gone = deal["gone"] <= end
    plain = ~deleted & ~merged & ~gone
    by_stage = np.bincount(deal["stage"][plain], minlength=len(fu.STAGES))
    shared = funnel.splits["opportunity"]
    return {
        "created": len(deal["score"]),
        "by_stage": dict(zip(fu.STAGES, by_stage, strict=True)),
        "deleted": deleted.sum(),
        "merged": merged.sum(),
        "vanished": _text(fu.OPPORTUNITY, np.flatnonzero(gone)),
        "shared": len(np.unique(shared)),
        "win_rate": _rate(int(by_stage[fu.WON]), int(by_stage[fu.WON] + by_stage[fu.LOST])),
        "changes": {history.field: len(history.at) for history in funnel.histories},
    }


def tipping_point(world: World) -> dict[str, Any]:
    """Wins below and above the planted point, by the true score and by what was rated in time.

    `expected` is the sum of the planted chances of the same deals, so that wins − expected is
    chance alone, whatever raters and gaps do to the scores.
    """
    deal = world.funnel.deal
    resolved = _resolved(world)
    first = first_complete_scores(world)
    rated = resolved & ~np.isnan(first)

    def halves(score: np.ndarray, counted: np.ndarray) -> dict[str, Any]:
        found = {}
        for side, half in (
            ("below", counted & (score < fu.TIPPING_POINT)),
            ("above", counted & (score >= fu.TIPPING_POINT)),
        ):
            won = int((deal["stage"][half] == fu.WON).sum())
            chance = float(deal["win_chance"][half].sum())
            found[side] = _rate(won, int(half.sum())) | {"expected": round(chance, 6)}
        return found

    planted = world.company.plan.has("tipping_point")
    return {
        "point": fu.TIPPING_POINT if planted else None,
        "side": "lower" if planted else None,
        "base_win_rate": None if planted else fu.BASE_WIN_RATE,
        "score_mean": round(float(deal["score"].mean()), 6),
        "score_standard_deviation": round(float(deal["score"].std()), 6),
        "by_true_score": halves(deal["score"], resolved),
        "by_first_complete_score": halves(first, rated),
    }


def first_complete_scores(world: World) -> np.ndarray:
    """METRICS §2: the score when the answers of all raters first cover 70 % of the weights.

    Per attribute the owner's answer, without one the median of the others; NaN where the answers
    never sufficed, or only after the deal was closed.
    """
    funnel, calendar = world.funnel, world.company.calendar
    answer, owners = funnel.answers, funnel.history("owner_id")
    handovers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for deal, at, rep in zip(owners.record, owners.at, owners.value, strict=True):
        handovers[int(deal)].append((int(at), int(rep)))
    stage = funnel.history("stage")
    closed = np.full(len(stage.start), NEVER)
    closes = stage.value >= fu.WON
    closed[stage.record[closes]] = stage.at[closes]

    scores = np.full(len(stage.start), np.nan)
    order = np.lexsort((answer["at"], answer["opportunity"]))
    columns = [
        answer[name][order].tolist()
        for name in ("opportunity", "at", "attribute", "rater", "rating")
    ]
    for deal, sittings in _sittings(zip(*columns, strict=True)):
        known: dict[int, dict[int, int]] = defaultdict(dict)
        for at, ratings in sittings:
            for attribute, rater, rating in ratings:
                known[attribute][rater] = rating
            if sum(SHARE[attribute] for attribute in known) < COMPLETE - 1e-9:
                continue
            owner = int(owners.start[deal])
            for since, rep in handovers[deal]:
                owner = rep if since <= at else owner
            if at < closed[deal] and at <= calendar.end:
                scores[deal] = _score(known, owner)
            break
    return scores


def _sittings(
    rows: Iterable[tuple[int, int, int, int, int]],
) -> Iterator[tuple[int, list[tuple[int, list[tuple[int, int, int]]]]]]:
    """Answers in order of deal and time → per deal the answers of each second."""
    deal: int | None = None
    sittings: list[tuple[int, list[tuple[int, int, int]]]] = []
    for record, at, attribute, rater, rating in rows:
        if record != deal:
            if deal is not None:
                yield deal, sittings
            deal, sittings = record, []
        if not sittings or sittings[-1][0] != at:
            sittings.append((at, []))
        sittings[-1][1].append((attribute, rater, rating))
    if deal is not None:
        yield deal, sittings


def _score(known: dict[int, dict[int, int]], owner: int) -> float:
    total = weight = 0.0
    for attribute, by_rater in known.items():
        value = by_rater[owner] if owner in by_rater else median(by_rater.values())
        total += SHARE[attribute] * value / TOP_RATING
        weight += SHARE[attribute]
    return round(100 * total / weight, 9)


def severity(world: World) -> dict[str, Any]:
    """Points that a rep adds to every score; everybody else adds none."""
    points = world.company.rep["severity"]
    rows = np.flatnonzero(points)
    return {"points": dict(zip(_text(fu.REP, rows), points[rows].tolist(), strict=True))}


def objectives(world: World) -> dict[str, Any]:
    """Active objectives per rep and day of employment, by month; and what each rep attends to.

    `present` leaves out the days of an absence. An objective that was replaced ends when its
    successor begins, whether or not anybody wrote that down.
    """
    company, held, calendar = world.company, world.people.assignment, world.company.calendar
    absence = world.people.absence
    starts = [*calendar.months().tolist(), calendar.until + 1]
    hired, left = company.rep["hired"].tolist(), company.rep["left"].tolist()
    assignments: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for rep, since, to in zip(*(held[x].tolist() for x in ("rep", "from", "to")), strict=True):
        assignments[rep].append((since, to))
    away: dict[int, set[int]] = defaultdict(set)
    for rep, since, to in zip(*(absence[x].tolist() for x in ("rep", "start", "end")), strict=True):
        away[rep].update(range(since, to))
    names = _text(fu.REP, range(len(hired)))
    by_rep, by_month = [], []
    for first, after in itertools.pairwise(starts):
        employed, present = [0, 0], [0, 0]
        for rep, name in enumerate(names):
            days = range(max(first, hired[rep]), min(after, left[rep]))
            if not days:
                continue
            active = {day: sum(since <= day < to for since, to in assignments[rep]) for day in days}
            there = [count for day, count in active.items() if day not in away[rep]]
            total = sum(active.values())
            employed = [employed[0] + total, employed[1] + len(active)]
            present = [present[0] + sum(there), present[1] + len(there)]
            by_rep.append(
                {"rep_id": name, "month": iso(first)}
                | _rate(total, len(active))
                | {"present": _rate(sum(there), len(there))}
            )
        by_month.append({"month": iso(first)} | _rate(*employed) | {"present": _rate(*present)})
    planted = company.plan.has("objectives")
    thirds = calendar.months()[:: len(calendar.months()) // 3].tolist()
    return {
        "first": pe.FIRST_OBJECTIVES,
        "last": pe.LAST_OBJECTIVES if planted else pe.FIRST_OBJECTIVES,
        "attended": pe.ATTENDED if planted else None,
        "attainment": {"attended": _attained(*pe.MUCH), "ignored": _attained(*pe.LITTLE)}
        if planted
        else None,
        "attended_first_versions": {
            rep: {
                iso(begin): sorted(_text(OBJECTIVE, chosen))
                for begin, chosen in zip(thirds, thrice, strict=True)
            }
            for rep, thrice in zip(names, world.people.attended, strict=True)
        }
        if planted
        else {},
        "by_month": by_month,
        "by_rep_and_month": by_rep,
    }


def _attained(low: float, high: float) -> float:
    """The mean share of a target of 100 that is reached, evenly between the two, at most 1."""
    below = min(high, 100)
    return round(((below**2 - low**2) / 2 + 100 * (high - below)) / (high - low) / 100, 6)


def padding(world: World) -> dict[str, Any]:
    """Days by product family and quarter; what each does to the other a quarter later."""
    spiral, company = world.delivery.spiral, world.company
    planted = company.plan.has("padding")
    first = int(quarter_of(company.calendar.start))
    quarters = range(first, first + spiral["padding"].shape[1])
    return {
        "padding_from_override": de.PADDING_FROM_OVERRIDE if planted else 0.0,
        "override_from_padding": de.OVERRIDE_FROM_PADDING if planted else 0.0,
        "quarters": [f"{1970 + quarter // 4}-Q{quarter % 4 + 1}" for quarter in quarters],
        "padding_days": dict(zip(FAMILIES, np.round(spiral["padding"], 6).tolist(), strict=True)),
        "override_days": dict(zip(FAMILIES, np.round(spiral["override"], 6).tolist(), strict=True)),
    }


def capacity(world: World) -> dict[str, Any]:
    """Machines, the shift, how loaded each work centre was by quarter, and which was busiest.

    A company too small for a second machine (scale below .5) has no shift.
    """
    company, plant = world.company, world.plant
    calendar, operation = company.calendar, world.plant.operation
    shifts = (plant.machines != plant.machines_shifted).any()
    centers = _text(CENTER, range(1, len(pl.WORK_CENTERS) + 1))
    begin = operation["begin_w"]
    inside = begin < calendar.days
    day = calendar.workdays[np.minimum(begin.astype(int), len(calendar.workdays) - 1)]
    first = int(quarter_of(calendar.start))
    quarters = int(quarter_of(calendar.until)) - first + 1
    busy = np.zeros((quarters, len(centers)))
    place = (quarter_of(day[inside]) - first, operation["center"][inside])
    np.add.at(busy, place, (operation["end_w"] - begin)[inside])
    worked = np.bincount(quarter_of(calendar.workdays[: calendar.days]) - first, minlength=quarters)
    loads = []
    for quarter in range(quarters):
        start = (first + quarter) * 3
        shifted = start >= month_of(plant.shift_day)
        machines = plant.machines_shifted if shifted else plant.machines
        load = np.round(busy[quarter] / (worked[quarter] * machines), 6)
        name = f"{1970 + start // 12}-Q{start % 12 // 3 + 1}"
        loads.append(
            {
                "quarter": name,
                "busiest": centers[int(load.argmax())],
                "load": dict(zip(centers, load.tolist(), strict=True)),
            }
        )
    return {
        "constraint_before": centers[pl.GRINDING] if shifts else None,
        "constraint_after": centers[pl.MILLING] if shifts else None,
        "shift_on": iso(plant.shift_day) if shifts else None,
        "machines": dict(zip(centers, plant.machines.tolist(), strict=True)),
        "machines_after": dict(zip(centers, plant.machines_shifted.tolist(), strict=True)),
        "difficulty": dict(
            zip(
                _text(PRODUCT, range(len(company.product["difficulty"]))),
                np.round(company.product["difficulty"], 6).tolist(),
                strict=True,
            )
        ),
        "loads": loads,
    }


def drains(world: World) -> dict[str, Any]:
    """The pairs, and how much of each cost driver their planted lines used."""
    line, drains = world.orders.line, world.orders.drains
    shipment, returned = world.delivery.shipment, world.delivery.returned
    pairs = []
    accounts = _text(fu.ACCOUNT, drains["account"])
    products = _text(PRODUCT, drains["product"])
    for row, (account, product) in enumerate(zip(accounts, products, strict=True)):
        mine = line["is_drain"] & (line["account"] == drains["account"][row])
        mine &= line["product"] == drains["product"][row]
        shipped = mine[shipment["line"]]
        pairs.append(
            {
                "account_id": account,
                "product_id": product,
                "order_lines": mine.sum(),
                "shipments": shipped.sum(),
                "expedited_shipments": (shipped & shipment["expedited"]).sum(),
                "returns": mine[returned["line"]].sum(),
            }
        )
    return {"pairs": pairs}


def shift(world: World) -> dict[str, Any]:
    """The step Qualified → Proposal of resolved deals, by whether Qualified was entered before."""
    company, deal = world.company, world.funnel.deal
    calendar = company.calendar
    entered_w = deal["enter_w"][:, 1]
    reached = (deal["reach"] >= 1) & (deal["born"] <= 1) & (deal["skipped"] != 1)
    resolved = _resolved(world) & reached & (entered_w < calendar.days)
    day = int(calendar.workdays[fu.SHIFT_AT])
    found = {}
    for name, part in (("before", entered_w < fu.SHIFT_AT), ("after", entered_w >= fu.SHIFT_AT)):
        counted = resolved & part
        found[name] = _rate(int((deal["reach"][counted] >= 2).sum()), int(counted.sum()))
    planted = company.plan.has("shift")
    return {
        "week": iso(day - (day + 3) % 7) if planted else None,
        "day": iso(day) if planted else None,
        "chance_to_lose_at_qualified": [
            fu.LOSS_HAZARD[1],
            fu.LOSS_HAZARD_SHIFTED if planted else fu.LOSS_HAZARD[1],
        ],
        "qualified_to_proposal": found,
    }


def value_proposition(world: World) -> dict[str, Any]:
    """Wins of each proposition in the segment in which one wins, and in all others."""
    company, deal = world.company, world.funnel.deal
    resolved = _resolved(world)
    inside = company.account["segment"][deal["account"]] == fu.WINNING_SEGMENT
    found: dict[str, dict[str, Any]] = {}
    for name, part in (("inside", resolved & inside), ("outside", resolved & ~inside)):
        found[name] = {}
        for place, proposition in enumerate(fu.PROPOSITIONS):
            offered = part & (deal["proposition"] == place)
            won = int((deal["stage"][offered] == fu.WON).sum())
            found[name][proposition] = _rate(won, int(offered.sum()))
    planted = company.plan.has("value_proposition")
    return {
        "segment": SEGMENTS[fu.WINNING_SEGMENT] if planted else None,
        "proposition": fu.PROPOSITIONS[fu.WINNING_PROPOSITION] if planted else None,
        "win_rates": found,
    }


def coached(world: World) -> dict[str, Any]:
    """What coaching on quotations did to the step after the proposal, of resolved deals."""
    deal, calendar = world.funnel.deal, world.company.calendar
    counted = _resolved(world) & (deal["enter_w"][:, 2] < calendar.days)

    def passed(part: np.ndarray) -> dict[str, Any]:
        return _rate(int((deal["reach"][part] == 3).sum()), int(part.sum()))

    proposed = counted & (deal["reach"] >= 2) & (deal["born"] <= 2) & (deal["skipped"] != 2)
    carried = counted & deal["is_carried"]
    total = int((counted & deal["is_coached"]).sum())
    return {
        "step": fu.STAGES[2],
        "working_days": ch.HELPS_FOR,
        "chance_to_get_over": ch.HELPS if world.company.plan.has("coaching") else 0.0,
        "effect": round(int(carried.sum()) / total, 9) if total else None,
        "proposal_to_negotiation": {
            "coached": passed(counted & deal["is_coached"]),
            "not_coached": passed(proposed & ~deal["is_coached"]),
        },
    }


def on_time(world: World) -> dict[str, Any]:
    """On-time delivery per basis, overall and by month of the basis date; as known at the end."""
    calendar = world.company.calendar
    as_of = calendar.until
    shipped: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    sent = world.delivery.shipment
    for line, day, recorded, quantity in zip(
        *(sent[name].tolist() for name in ("line", "shipped", "recorded", "quantity")), strict=True
    ):
        if day <= as_of and recorded <= calendar.end:
            shipped[line].append((day, recorded // DAY, quantity))
    found = {}
    for basis, column in (
        ("request", "requested"),
        ("first_promise", "promised"),
        ("last_promise", "promised_last"),
    ):
        outcome: dict[str, int] = defaultdict(int)
        months: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for due, verdict, recorded_verdict in _judged(world, shipped, column, as_of):
            if isinstance(verdict, str):
                outcome[verdict] += 1
                continue
            month = months[due]
            month[0], month[1], month[2] = (
                month[0] + verdict,
                month[1] + 1,
                month[2] + recorded_verdict,
            )
        totals = [sum(month[place] for month in months.values()) for place in range(3)]
        found[basis] = (
            _rate(totals[0], totals[1])
            | {"recorded": _rate(totals[2], totals[1]), "left_out": dict(sorted(outcome.items()))}
            | {
                "by_month": [
                    {"month": iso(int(first_day(month)))} | _rate(counts[0], counts[1])
                    for month, counts in sorted(months.items())
                ]
            }
        )
    return found


def _judged(
    world: World, shipped: dict[int, list[tuple[int, int, float]]], column: str, as_of: int
) -> Iterator[tuple[int, bool | str, bool]]:
    """Per planned date: its month, on time or why it is left out, on time by recorded date."""
    calendar = world.company.calendar
    line, schedule = world.orders.line, world.delivery.schedule
    parts: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for of, due, quantity in zip(
        *(schedule[name].tolist() for name in ("line", column, "quantity")), strict=True
    ):
        parts[of].append((due, quantity))
    dues = line[column].tolist()
    quantities = line["quantity"].tolist()
    cancelled_on, cancelled_by = line["cancelled_on"].tolist(), line["cancelled_by"].tolist()
    months = month_of(np.arange(calendar.start - 10, as_of + 2000)).tolist()
    never = int(NEVER)
    for row, entered in enumerate(line["entered"].tolist()):
        if entered > calendar.end:
            continue
        sent = sorted(shipped.get(row, ()))
        before = 0.0
        # what is due first is filled first
        for due, quantity in sorted(parts.get(row) or [(dues[row], quantities[row])]):
            if due == never:
                yield 0, "no_date", False
                continue
            month = months[due - calendar.start + 10]
            by = cancelled_by[row] if cancelled_on[row] <= as_of else NONE
            needed = before + quantity
            before = needed
            if by == de.CUSTOMER and cancelled_on[row] <= due:
                yield month, "cancelled_by_customer", False
            elif by == de.OTHER:
                yield month, "cancelled_other", False
            elif due >= as_of and sum(q for _, _, q in sent) < needed:
                yield month, "not_due", False
            else:
                in_time = sum(q for day, _, q in sent if day <= due) >= needed
                recorded = sum(q for _, day, q in sent if day <= due) >= needed
                yield month, in_time and by != de.LATE, recorded and by != de.LATE

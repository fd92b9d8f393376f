"""Leads and opportunities: how they are scored, move, slip, are lost or won.

Planted here: the tipping point, rater severity, the shift in the step Qualified → Proposal, what
coaching does to the step after it, and the value proposition for which small customers buy.
What a deal becomes is drawn first, from its true score; its path to there second. Deals whose
end lies after the last day are open.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assets.demo import coaching
from assets.demo.columns import NEVER, NONE, Encode, History, days, flags, ids, labels, numbers
from assets.demo.company import (
    CURRENCIES,
    DAY,
    FX_START,
    PRODUCTS,
    SEGMENTS,
    Company,
    month_of,
)
from assets.demo.scorecard import SHARE, TOP_RATING

TIPPING_POINT = 60.0
BASE_WIN_RATE = 0.2
#: by so much of the scale some owners move answers towards an outcome they know or foresee
HINDSIGHT = 0.15
#: chance to lose a losing deal at Prospect, Qualified, Proposal (else at Negotiation)
LOSS_HAZARD = (0.3, 0.5, 0.45)
#: the chance at Qualified from the shift on
LOSS_HAZARD_SHIFTED = 0.22
#: working days from the first day to the shift
SHIFT_AT = 430
STAGES = (
    "Prospect",
    "Qualified",
    "Proposal",
    "Negotiation",
    "Won",
    "Lost",
    "Disqualified",
    "Duplicate",
)
WON, LOST, DISQUALIFIED, DUPLICATE = 4, 5, 6, 7
PROBABILITY = np.array([0.1, 0.25, 0.5, 0.75, 1.0, 0.0, 0.0, 0.0])
FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")
CATEGORY = np.array([0, 0, 1, 2, 3, 4, 4, 4])
LOSS_REASONS = (
    "Price",
    "Delivery date",
    "Budget",
    "Competitor",
    "No decision",
    "Product fit",
    "Relationship",
)
REASONS = (*LOSS_REASONS, "Not qualified", "Other")
PROPOSITIONS = ("Uptime", "Total cost", "Fast delivery", "Engineering support", "Compliance")
#: what wins in one segment, and nowhere else
WINNING_SEGMENT, WINNING_PROPOSITION = SEGMENTS.index("Small"), PROPOSITIONS.index("Fast delivery")
#: of the deals there that are won, and offered something else, so many were offered it; of those
#: that are lost with it, as many something else
WINNING_SHARE = 0.35
SOURCES = ("Web", "Trade show", "Referral", "Partner", "Outbound")
OPPORTUNITY_TYPES = ("New business", "Expansion", "Replacement")

REP = ids("R", 4)
ACCOUNT = ids("A", 5)
OPPORTUNITY = ids("OP", 7)
#: field, its text, start per deal, and per change its deal, working day and value → what is logged
Log = Callable[[str, Encode, np.ndarray, np.ndarray, np.ndarray, np.ndarray], History]


@dataclass
class Funnel:
    """Opportunities in order of creation; times ending in `_w` count working days."""

    deal: dict[str, np.ndarray]
    histories: list[History]
    lines: dict[str, np.ndarray]
    splits: dict[str, np.ndarray]
    answers: dict[str, np.ndarray]
    leads: dict[str, np.ndarray]

    def history(self, field: str) -> History:
        return next(history for history in self.histories if history.field == field)


def run(company: Company) -> Funnel:
    """Every deal from its creation to its end, and what was logged about it."""
    deal = _deals(company)
    _outcomes(company, deal)
    _propositions(company, deal)
    _paths(company, deal)
    _coached(company, deal)
    lines = _lines(company, deal)
    histories = _histories(company, deal)
    stage = histories[0]
    end = company.calendar.end
    deal["stage"] = stage.as_of(end)
    deal["usd"] = histories[3].as_of(end) * FX_START[histories[4].as_of(end)]
    _reasons(company, deal)
    return Funnel(
        deal,
        histories,
        lines,
        _splits(company, deal),
        _answers(company, deal, histories[5]),
        _leads(company, deal),
    )


def _deals(company: Company) -> dict[str, np.ndarray]:
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("deals")
    count = plan.count(20_000, least=200)
    day = np.arange(calendar.days)
    busy = 1 + 0.15 * day / len(day) + 0.08 * np.sin(day / 40)
    created_w = np.sort(draw.choice(day, count, p=busy / busy.sum()) + draw.random(count))
    created = calendar.moment(created_w)
    account = draw.choice(
        len(company.account_name),
        count,
        p=company.account["weight"] / company.account["weight"].sum(),
    )
    rep = np.where(
        draw.random(count) < 0.85,
        company.account["rep"][account],
        draw.integers(0, len(company.rep_name), count),
    )
    quality = draw.normal(52, 17.6, count)
    latent = quality[:, None] / 100 + draw.normal(0, 0.13, (count, len(SHARE)))
    rating = np.rint(np.clip(latent, 0, 1) * TOP_RATING)
    lead_source = draw.choice(len(SOURCES), count, p=[0.3, 0.2, 0.15, 0.15, 0.2])
    currency = company.account["currency"][account]
    return {
        "created_w": created_w,
        "created": created,
        "account": account,
        "owner": company.owner(rep, created // DAY),
        "latent": latent,
        "score": np.round(rating @ SHARE * 100 / TOP_RATING, 9),
        "lead_source": lead_source,
        "proposition": draw.integers(0, len(PROPOSITIONS), count),
        "type": draw.choice(3, count, p=[0.4, 0.4, 0.2]),
        "currency": currency,
    }


def _outcomes(company: Company, deal: dict[str, np.ndarray]) -> None:
    """What each deal will become, and the stage in which it ends.

    `win_chance` is the planted chance of winning given that the deal is won or lost.
    """
    draw = company.plan.draw("outcomes")
    count = len(deal["score"])
    above = deal["score"] >= TIPPING_POINT
    #: sources differ a little on either side of the tipping point
    lean = np.array([-1.0, -0.5, 1.0, 0.5, 0.0])[deal["lead_source"]]
    if company.plan.has("tipping_point"):
        chance = np.where(above, 0.555 + 0.045 * lean, 0.012 + 0.012 * lean)
        unfit = np.where(above, 0.01, 0.08)
    else:
        chance = np.full(count, BASE_WIN_RATE)
        unfit = np.full(count, 0.05)
    outcome = np.where(draw.random(count) < chance, WON, LOST)
    outcome[draw.random(count) < unfit] = DISQUALIFIED
    outcome[draw.random(count) < 0.008] = DUPLICATE
    deal["win_chance"], deal["outcome"] = chance, outcome


def _propositions(company: Company, deal: dict[str, np.ndarray]) -> None:
    """What was offered, so that the winning proposition wins; who wins stays as it was."""
    if not company.plan.has("value_proposition"):
        return
    draw = company.plan.draw("value propositions")
    count = len(deal["score"])
    others = np.delete(np.arange(len(PROPOSITIONS)), WINNING_PROPOSITION)
    is_moved = draw.random(count) < WINNING_SHARE
    is_moved &= company.account["segment"][deal["account"]] == WINNING_SEGMENT
    is_offered = deal["proposition"] == WINNING_PROPOSITION
    other = draw.choice(others, count)
    lost = is_moved & is_offered & (deal["outcome"] == LOST)
    deal["proposition"][lost] = other[lost]
    won = is_moved & ~is_offered & (deal["outcome"] == WON)
    deal["proposition"][won] = WINNING_PROPOSITION


def _paths(company: Company, deal: dict[str, np.ndarray]) -> None:
    """When each stage is entered (`enter_w`, deals × 4), where the deal ends and when."""
    draw = company.plan.draw("paths")
    count = len(deal["score"])
    outcome = deal["outcome"]
    stay = draw.lognormal(np.log([8, 11, 13, 10]), 0.7, (count, 4))
    born = draw.choice(3, count, p=[0.95, 0.03, 0.02])
    for stage in range(4):
        stay[born > stage, stage] = 0.0
    # a click through two stages: both are entered in one second
    click = draw.random(count) < 0.02
    stay[click, 2] = 0.0
    hasty = draw.random((count, 3))
    reach = np.full(count, 3)
    shift = SHIFT_AT if company.plan.has("shift") else np.inf
    for stage in (2, 1, 0):
        hazard = np.full(count, LOSS_HAZARD[stage])
        if stage == 1:
            qualified_w = deal["created_w"] + stay[:, 0]
            hazard[qualified_w >= shift] = LOSS_HAZARD_SHIFTED
        reach[hasty[:, stage] < hazard] = stage
    reach[outcome == WON] = 3
    unfit = np.isin(outcome, (DISQUALIFIED, DUPLICATE))
    reach[unfit] = np.minimum(reach, 1)[unfit]
    reach = np.maximum(reach, born)
    # whoever ends in a stage has spent time there
    at_end = np.take_along_axis(stay, reach[:, None], 1)[:, 0]
    stay[np.arange(count), reach] = np.maximum(at_end, 1.0) * np.where(outcome == LOST, 0.8, 1.0)
    enter = deal["created_w"][:, None] + np.cumsum(stay, 1) - stay
    end = enter[np.arange(count), reach] + stay[np.arange(count), reach]
    skipped = np.where(draw.random(count) < 0.08, draw.integers(1, 3, count), 0)
    skipped[(skipped <= born) | (skipped >= reach)] = 0
    back = (draw.random(count) < 0.07) & (reach > born) & (reach - 1 != skipped)
    reopened = (draw.random(count) < 0.025) & np.isin(outcome, (WON, LOST))
    gap = draw.uniform(3, 20, (2, count))
    deal |= {
        "born": born,
        "reach": reach,
        "enter_w": enter,
        "end_w": end,
        "skipped": skipped,
        "back": back,
        "reopened": reopened,
        "first_outcome": np.where(draw.random(count) < 0.5, WON, LOST),
        "reopened_w": end + gap[0],
        "final_w": np.where(reopened, end + gap[0] + gap[1], end),
    }


def _coached(company: Company, deal: dict[str, np.ndarray]) -> None:
    """Some deals that coached reps would have lost at the proposal are lost in the negotiation, at
    the same time.

    `is_coached`: entered the proposal with a coached rep; `is_carried`: got over it by that.
    """
    count = len(deal["score"])
    lottery = company.plan.draw("coaching effect").random(count)
    proposed_w, end_w = deal["enter_w"][:, 2], deal["end_w"]
    is_coached = (deal["reach"] >= 2) & (deal["born"] <= 2) & (deal["skipped"] != 2)
    is_coached &= coaching.is_helped(company, deal["owner"], proposed_w)
    is_carried = is_coached & (deal["reach"] == 2) & (deal["outcome"] == LOST)
    is_carried &= lottery < (coaching.HELPS if company.plan.has("coaching") else 0.0)
    deal["enter_w"][is_carried, 3] = (0.4 * proposed_w + 0.6 * end_w)[is_carried]
    deal["reach"][is_carried] = 3
    deal |= {"is_coached": is_coached, "is_carried": is_carried}


def _lines(company: Company, deal: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The products of each deal; sets the deal's amount (first and last) and main product."""
    draw = company.plan.draw("opportunity lines")
    count = len(deal["score"])
    per_deal = draw.choice([1, 2, 3, 4], count, p=[0.55, 0.3, 0.1, 0.05])
    opportunity = np.repeat(np.arange(count), per_deal)
    first = np.cumsum(per_deal) - per_deal
    number = np.arange(len(opportunity)) - first[opportunity] + 1
    product = draw.choice(PRODUCTS, len(opportunity), p=company.product["weight"])
    quantity = np.maximum(1, np.rint(draw.lognormal(np.log(28), 0.8, len(opportunity))))
    discount = np.round(draw.choice([0, 0.02, 0.05, 0.08, 0.1], len(opportunity)), 2)
    price = np.round(company.product["price"][product] / FX_START[deal["currency"][opportunity]], 2)
    amount = np.bincount(opportunity, quantity * price * (1 - discount), count)
    requested = deal["created"] // DAY + draw.integers(60, 200, count)
    deal |= {
        "amount": np.round(amount, 2),
        "product": product[first],
        "requested": np.where(draw.random(count) < 0.7, requested, NEVER),
        "first_line": first,
        "line_count": per_deal,
    }
    return {
        "opportunity": opportunity,
        "number": number,
        "product": product,
        "quantity": quantity,
        "price": price,
        "discount": discount,
    }


def _histories(company: Company, deal: dict[str, np.ndarray]) -> list[History]:
    """Every field that changes, from birth to the last day; the log is these and nothing else."""
    calendar = company.calendar
    draw = company.plan.draw("histories")
    count = len(deal["score"])
    every = np.arange(count)
    enter, end, final = deal["enter_w"], deal["end_w"], deal["final_w"]
    reach, born = deal["reach"], deal["born"]
    merged = draw.random(count) < 0.007
    merged_w = np.where(merged, deal["created_w"] + draw.uniform(1, 25, count), np.inf)
    merged &= merged_w < end
    deleted = (draw.random(count) < 0.005) & ~merged
    deleted_w = np.where(deleted, deal["created_w"] + draw.uniform(1, 200, count), np.inf)
    halted_w = np.minimum(np.where(merged, merged_w, np.inf), deleted_w)

    moves: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def move(which: np.ndarray, when: np.ndarray, to: np.ndarray | int) -> None:
        rows = every[which]
        stage = np.full(count, to)[rows] if isinstance(to, int) else to[rows]
        moves.append((rows, when[rows], stage))

    for stage in (1, 2, 3):
        passed = (born < stage) & (stage <= reach) & (deal["skipped"] != stage)
        move(passed, enter[:, stage], stage)
    last_stay = end - enter[every, reach]
    move(deal["back"], end - 0.6 * last_stay, reach - 1)
    move(deal["back"], end - 0.3 * last_stay, reach)
    move(~deal["reopened"], end, deal["outcome"])
    move(deal["reopened"], end, deal["first_outcome"])
    move(deal["reopened"], deal["reopened_w"], reach)
    move(deal["reopened"], final, deal["outcome"])
    rows, when, to = (np.concatenate(column) for column in zip(*moves, strict=True))

    def logged(
        field: str,
        encode: Encode,
        start: np.ndarray,
        record: np.ndarray,
        when_w: np.ndarray,
        value: np.ndarray,
    ) -> History:
        """Changes up to the last day and the deal's merge or deletion."""
        seen = (when_w <= halted_w[record]) & (when_w < calendar.days)
        at = calendar.moment(when_w[seen])
        return History.of(field, encode, start, record[seen], at, value[seen])

    stage_history = logged("stage", labels(STAGES), born, rows, when, to)
    histories = [stage_history]
    for field, encode, follows in (
        ("probability", lambda x: numbers(x, 2), PROBABILITY),
        ("forecast_category", labels(FORECAST_CATEGORIES), CATEGORY),
    ):
        histories.append(
            History.of(
                field,
                encode,
                follows[born],
                stage_history.record,
                stage_history.at,
                follows[stage_history.value],
            )
        )

    # amount: re-priced at the proposal, discounted in the negotiation
    repriced = (draw.random(count) < 0.35) & (reach >= 2) & (born < 2)
    cut = (draw.random(count) < 0.25) & (reach == 3) & (born < 3)
    proposed = np.round(deal["amount"] * draw.lognormal(0, 0.15, count), 2)
    after_proposal = np.where(repriced, proposed, deal["amount"])
    discounted = np.round(after_proposal * draw.uniform(0.85, 0.97, count), 2)
    # a few deals turn out to be in another currency: both fields change in the same second
    recoded = (draw.random(count) < 0.003) & (deal["currency"] == 0)
    recoded_w = deal["created_w"] + 0.4
    in_euro = np.round(deal["amount"] / FX_START[1], 2)
    recoded &= ~repriced & ~cut & (recoded_w < end)
    amount_w = np.concatenate(
        [
            enter[repriced, 2] + 0.01,
            enter[cut, 3] + 0.5 * (end - enter[:, 3])[cut],
            recoded_w[recoded],
        ]
    )
    amount_rows = np.concatenate([every[repriced], every[cut], every[recoded]])
    amounts = np.concatenate([proposed[repriced], discounted[cut], in_euro[recoded]])
    histories.append(
        logged("amount", lambda x: numbers(x, 2), deal["amount"], amount_rows, amount_w, amounts)
    )
    histories.append(
        logged(
            "currency",
            labels(CURRENCIES),
            deal["currency"],
            every[recoded],
            recoded_w[recoded],
            np.ones(recoded.sum(), int),
        )
    )
    histories.append(_owners(company, deal, draw, logged))
    histories.append(_pushes(company, deal, draw, logged))
    moved_account = (draw.random(count) < 0.005) & (deal["created_w"] + 2 < end)
    histories.append(
        logged(
            "account_id",
            ACCOUNT,
            deal["account"],
            every[moved_account],
            deal["created_w"][moved_account] + 2,
            draw.integers(0, 30, moved_account.sum()),
        )
    )
    histories.append(
        logged(
            "is_deleted",
            flags,
            np.zeros(count, int),
            every[deleted],
            deleted_w[deleted],
            np.ones(deleted.sum(), int),
        )
    )
    # into an older deal; the chain of two is resolved by whoever reads
    into = np.maximum(every - draw.integers(1, 40, count), 0)
    merged[:1] = False
    histories.append(
        logged(
            "merged_into_opportunity_id",
            OPPORTUNITY,
            np.full(count, NONE),
            every[merged],
            merged_w[merged],
            into[merged],
        )
    )
    deal |= {
        "is_deleted": deleted,
        "is_merged": merged,
        "deleted": calendar.moment(np.where(deleted, deleted_w, 0)),
        "merged": calendar.moment(np.where(merged, merged_w, 0)),
    }
    return histories


def _reasons(company: Company, deal: dict[str, np.ndarray]) -> None:
    """Why a deal ended, for each stage it might end in; and the deals that just disappear.

    A handful of open deals is deleted for good in the last days: the extracts no more hold them.
    """
    calendar = company.calendar
    draw = company.plan.draw("reasons")
    count = len(deal["score"])
    reason = np.full((count, len(STAGES)), NONE)
    reason[:, LOST] = draw.choice(
        len(LOSS_REASONS), count, p=[0.25, 0.15, 0.1, 0.2, 0.15, 0.1, 0.05]
    )
    reason[:, DISQUALIFIED] = REASONS.index("Not qualified")
    reason[:, DUPLICATE] = REASONS.index("Other")
    deal["reason"] = reason
    deal["gone"] = np.full(count, NEVER)
    old = deal["created"] < calendar.end - 70 * DAY
    untouched = (deal["stage"] < WON) & ~deal["is_deleted"] & ~deal["is_merged"]
    vanishing = np.flatnonzero(untouched & old)[: company.plan.count(4)]
    if company.plan.weeks:
        # some between the last two weekly fulls, some between the two before them
        turn = np.arange(len(vanishing)) % min(company.plan.weeks, 2)
        deal["gone"][vanishing] = calendar.end - (3 + 7 * turn) * DAY


def _owners(
    company: Company, deal: dict[str, np.ndarray], draw: np.random.Generator, logged: Log
) -> History:
    """Deals of those who leave go to the stand-in that day; a few change hands at other times."""
    calendar = company.calendar
    count = len(deal["score"])
    every = np.arange(count)
    left_w = calendar.position(np.minimum(company.rep["left"], 10**6)).astype(float) + 0.5
    leaves_w = np.where(company.rep["left"] < NEVER, left_w, np.inf)[deal["owner"]]
    orphaned = (leaves_w > deal["created_w"]) & (leaves_w < deal["final_w"])
    heir = company.rep["stand_in"][deal["owner"]]
    handed_w = deal["created_w"] + draw.uniform(2, 40, count)
    permanent = company.rep["stand_in"].max() + 1
    handed = (draw.random(count) < 0.03) & ~orphaned & (handed_w < deal["final_w"])
    other = draw.integers(0, permanent, count)
    rows = np.concatenate([every[orphaned], every[handed]])
    when = np.concatenate([leaves_w[orphaned], handed_w[handed]])
    to = np.concatenate([heir[orphaned], other[handed]])
    return logged("owner_id", REP, deal["owner"], rows, when, to)


def _pushes(
    company: Company, deal: dict[str, np.ndarray], draw: np.random.Generator, logged: Log
) -> History:
    """The expected close date, pushed when it comes near; sometimes twice on one day."""
    calendar = company.calendar
    count = len(deal["score"])
    every = np.arange(count)
    expected = deal["created"] // DAY + draw.integers(45, 110, count)
    at_month_end = draw.random(count) < 0.4
    month_end = (month_of(expected) + 1).astype("datetime64[M]").astype("datetime64[D]")
    expected = np.where(at_month_end, month_end.astype(np.int64) - 1, expected)
    start = expected.copy()
    rows, when, to = [], [], []
    for _ in range(6):
        push_w = calendar.position(expected) - draw.integers(0, 5, count) + draw.random(count)
        push_w = np.maximum(push_w, deal["created_w"] + 0.5)
        pushed = (push_w < deal["end_w"]) & (draw.random(count) < 0.8)
        later = expected + draw.integers(10, 50, count)
        hesitant = pushed & (draw.random(count) < 0.1)
        rows += [every[hesitant], every[pushed]]
        when += [push_w[hesitant], push_w[pushed] + 0.01]
        to += [later[hesitant] + 7, later[pushed]]
        expected = np.where(pushed, later, expected)
    return logged(
        "expected_close_date",
        days,
        start,
        np.concatenate(rows),
        np.concatenate(when),
        np.concatenate(to),
    )


def _splits(company: Company, deal: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """5 % of the deals are shared by two or three reps; the shares add to 1."""
    draw = company.plan.draw("splits")
    count = len(deal["score"])
    shared = np.flatnonzero(draw.random(count) < 0.05)
    three = draw.random(len(shared)) < 0.2
    permanent = company.rep["stand_in"].max() + 1
    second = (deal["owner"][shared] + draw.integers(1, permanent - 1, len(shared))) % permanent
    second = np.where(second == deal["owner"][shared], (second + 1) % permanent, second)
    third = (np.maximum(deal["owner"][shared], second) + 1) % permanent
    third = np.where(
        third == np.minimum(deal["owner"][shared], second), (third + 1) % permanent, third
    )
    share = np.where(three, 0.5, draw.choice([0.5, 0.6, 0.7, 0.8], len(shared)))
    opportunity = np.concatenate([shared, shared, shared[three]])
    rep = np.concatenate([deal["owner"][shared], second, third[three]])
    part = np.concatenate([share, np.where(three, 0.3, 1 - share), np.full(three.sum(), 0.2)])
    order = np.lexsort((rep, opportunity))
    return {"opportunity": opportunity[order], "rep": rep[order], "share": part[order]}


def _answers(
    company: Company, deal: dict[str, np.ndarray], owners: History
) -> dict[str, np.ndarray]:
    """Who rated which attribute how and when.

    The owner rates shortly after creation (all, most, or too few attributes) and fills the gaps
    after Qualified; 15 % of the deals are rated by a second person too; some owners move their
    ratings towards what they already know, just before or after the end.
    """
    calendar = company.calendar
    draw = company.plan.draw("answers")
    count, wide = deal["latent"].shape
    severity = company.rep["severity"]
    pieces: list[tuple[np.ndarray, ...]] = []

    def rate(
        which: np.ndarray,
        asked: np.ndarray,
        rater: np.ndarray,
        when_w: np.ndarray,
        extra: np.ndarray,
    ) -> None:
        """`asked` deals × attributes; `extra` is added to the latent quality."""
        ask = asked & which[:, None] & (when_w < calendar.days)[:, None]
        record, attribute = np.nonzero(ask)
        shift = severity[rater[record]] / 100
        latent = deal["latent"][record, attribute] + shift + extra[record, attribute]
        rating = np.rint(np.clip(latent, 0, 1) * TOP_RATING).astype(int)
        pieces.append((record, attribute, rating, calendar.moment(when_w)[record], rater[record]))

    nothing = np.zeros((count, wide))
    first_w = np.minimum(
        deal["created_w"] + draw.uniform(0.05, 3, count),
        deal["created_w"] * 0.1 + deal["end_w"] * 0.9,
    )
    owner = deal["owner"]
    habit = draw.random(len(owner))  # < .06 never scores, < .14 too little, < .3 most, else all
    asked = np.ones((count, wide), bool)
    asked[habit < 0.3] = draw.random((count, wide))[habit < 0.3] < 0.85
    asked[habit < 0.14] = draw.random((count, wide))[habit < 0.14] < 0.4
    scorer = habit >= 0.06
    rate(scorer, asked, owner, first_w, nothing)
    late_w = deal["enter_w"][:, 1] + draw.uniform(0.2, 2, count)
    filled = scorer & (deal["reach"] >= 1) & (late_w < deal["end_w"]) & (late_w > first_w + 0.2)
    rate(filled, ~asked, owner, late_w, nothing)

    seconded = scorer & (draw.random(count) < 0.16)
    permanent = company.rep["stand_in"].max() + 1
    second = (owner + 1 + draw.integers(0, permanent - 1, count)) % permanent
    second = np.where(second == owner, (second + 1) % permanent, second)
    rate(
        seconded & (second != owner),
        np.ones((count, wide), bool),
        second,
        first_w + draw.uniform(0.1, 4, count),
        draw.normal(0, 0.09, (count, wide)),
    )
    knowing = scorer & (draw.random(count) < 0.12) & np.isin(deal["outcome"], (WON, LOST))
    before = draw.random(count) < 0.8
    knowing_w = deal["end_w"] + np.where(before, -draw.uniform(0.1, 0.9, count), 2.0)
    knowing &= knowing_w > first_w + 0.5
    lean = np.where(deal["outcome"] == WON, HINDSIGHT, -HINDSIGHT)[:, None] + nothing
    rate(knowing, draw.random((count, wide)) < 0.5, owner, knowing_w, lean)

    record, attribute, rating, at, rater = (np.concatenate(x) for x in zip(*pieces, strict=True))
    order = np.lexsort((rater, attribute, record, at))
    return {
        "opportunity": record[order],
        "attribute": attribute[order],
        "rating": rating[order],
        "at": at[order],
        "rater": rater[order],
    }


def _leads(company: Company, deal: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """60 % of the deals come from a lead, with a lag of weeks; most leads come to nothing."""
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("leads")
    count = len(deal["score"])
    source = np.flatnonzero(draw.random(count) < 0.6)
    lag = draw.gamma(1.6, 14, len(source))
    begun_w = deal["created_w"][source] - lag
    kept = begun_w > 0
    source, begun_w = source[kept], begun_w[kept]
    others = plan.count(27_000, least=270) - len(source)
    idle_w = draw.uniform(0, calendar.days, others)
    given_up_w = idle_w + draw.gamma(2, 12, others)
    qualified_too = draw.random(others) < 0.08
    dropped = (draw.random(others) < 0.8) & ~qualified_too
    begun = np.concatenate([begun_w, idle_w])
    order = np.argsort(begun, kind="stable")
    created = calendar.moment(begun)
    rep = company.owner(
        draw.integers(0, len(company.rep_name), others), created[len(source) :] // DAY
    )

    def join(converted: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.concatenate([converted, other])[order]

    return {
        "created": created[order],
        "source": join(
            deal["lead_source"][source],
            draw.choice(len(SOURCES), others, p=[0.4, 0.25, 0.05, 0.1, 0.2]),
        ),
        "segment": join(
            company.account["segment"][deal["account"][source]], draw.integers(0, 3, others)
        ),
        "owner": join(deal["owner"][source], rep),
        "qualified": join(
            np.maximum(deal["created"][source] - 600, calendar.moment(begun_w)),
            np.where(qualified_too, calendar.moment(given_up_w), NEVER),
        ),
        "disqualified": join(
            np.full(len(source), NEVER), np.where(dropped, calendar.moment(given_up_w), NEVER)
        ),
        "opportunity": join(source, np.full(others, NONE)),
    }

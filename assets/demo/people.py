"""What people do beside the deals: objectives, activities, absences, coaching, barriers, the pulse.

Planted here: objectives growing from 6 to 18 per rep, one more with each product change, and
attention on three of them, different ones for each rep.
"""

from dataclasses import dataclass

import numpy as np

from assets.demo import coaching
from assets.demo.columns import NEVER, NONE
from assets.demo.company import DAY, MONTHS, Company, first_day, month_of, quarter_of
from assets.demo.funnel import WON, Funnel

FIRST_OBJECTIVES, LAST_OBJECTIVES = 6, 18
ATTENDED = 3
#: what is reached in a month of a target of 100, where attended and where not
MUCH, LITTLE = (30, 110), (0, 7)
#: working days between the product changes that only replace an objective
REPLACING_EVERY = 31
CHANGE_TYPES = ("New version", "New option", "Material change", "Phase-out")
SIZES = ("S", "M", "L")
ACTIVITY_TYPES = ("call", "meeting", "email", "visit", "demo", "proposal work")
FUNCTIONS = ("purchasing", "engineering", "management", "operations")
CAUSES = ("process", "tool", "information", "person")
PULSE_FUNCTIONS = ("sales", "production", "engineering", "quality", "logistics", "finance")
PULSE_HEADCOUNT = (40, 60, 18, 9, 12, 4)
PULSE_MEAN = (7.4, 4.6, 6.0, 6.4, 5.5, 7.0)
PULSE_QUESTIONS = ("alignment", "promises_kept", "information")
GAP_REASONS = ("Earlier involvement", "Fewer changes", "Honest dates", "Clear priorities")


@dataclass
class People:
    """One dictionary of arrays per entity."""

    change: dict[str, np.ndarray]
    objective: dict[str, np.ndarray]
    assignment: dict[str, np.ndarray]
    #: reps × thirds of the years × 3: the objectives (first versions) attended to
    attended: np.ndarray
    result: dict[str, np.ndarray]
    absence: dict[str, np.ndarray]
    activity: dict[str, np.ndarray]
    coaching: dict[str, np.ndarray]
    barrier: dict[str, np.ndarray]
    invitation: dict[str, np.ndarray]
    response: dict[str, np.ndarray]
    action: dict[str, np.ndarray]
    quota: dict[str, np.ndarray]
    forecast: dict[str, np.ndarray]


def objectives(company: Company) -> dict[str, dict[str, np.ndarray]]:
    """Product changes, the objectives they bring, who holds them, and what each rep attends to."""
    plan, calendar = company.plan, company.calendar
    draw = plan.draw("objectives")
    growing = plan.has("objectives")
    pushed = draw.permutation(np.flatnonzero(company.product["pushed"]))
    extra = LAST_OBJECTIVES - FIRST_OBJECTIVES
    # the count grows by one at evenly spread changes; the others replace an objective
    adding = calendar.start + (np.arange(extra) + 0.5) * (MONTHS / extra) * 30.4
    replacing = calendar.workdays[20 : calendar.days - 10 : REPLACING_EVERY] + 1
    day = np.concatenate([adding.astype(int), replacing])
    adds = np.r_[np.ones(extra, bool), np.zeros(len(replacing), bool)]
    order = np.argsort(day, kind="stable")
    day, adds = day[order], adds[order]
    adds &= growing
    product = pushed[np.arange(FIRST_OBJECTIVES + len(day)) % len(pushed)]
    since = np.r_[np.full(FIRST_OBJECTIVES, calendar.start), day]
    until = np.full(len(since), NEVER)
    replaces = np.full(len(since), NONE)
    for change in np.flatnonzero(~adds):
        now = FIRST_OBJECTIVES + change
        held = np.flatnonzero((since < since[now]) & (until == NEVER))
        old = held[draw.integers(0, len(held))]
        until[old], replaces[now] = since[now], old
        product[now] = product[old]
    issuer = company.product["manager"][product]
    lag = draw.integers(5, 40, (2, len(day)))
    change_rows = {
        "product": product[FIRST_OBJECTIVES:],
        "manager": issuer[FIRST_OBJECTIVES:],
        "type": draw.integers(0, 4, len(day)),
        "size": draw.choice(3, len(day), p=[0.5, 0.35, 0.15]),
        "effective": day,
        "operations_signed": np.where(draw.random(len(day)) < 0.6, day - lag[0], day + lag[0]),
        "sales_signed": np.where(draw.random(len(day)) < 0.8, day - lag[1], day + lag[1]),
    }
    objective_rows = {
        "product": product,
        "issuer": issuer,
        "change": np.r_[np.full(FIRST_OBJECTIVES, NONE), np.arange(len(day))],
        "since": since,
        "until": until,
        "replaces": replaces,
        "weight": np.r_[np.full(FIRST_OBJECTIVES, 0.16), draw.choice([0.05, 0.08, 0.1], len(day))],
        "bonus": np.round(draw.uniform(400, 2500, len(since)), -1),
    }
    reps = len(company.rep_name)
    # nobody wrote down the end of some replaced versions: their successor still ends them
    written_until = until.copy()
    written_until[np.flatnonzero(until < NEVER)[3::7]] = NEVER
    rep = np.repeat(np.arange(reps), len(since))
    objective = np.tile(np.arange(len(since)), reps)
    held_from = np.maximum(since[objective], company.rep["hired"][rep])
    held_to = np.minimum(until[objective], company.rep["left"][rep])
    written_to = np.minimum(written_until[objective], company.rep["left"][rep])
    held = held_from < held_to
    assignment = {
        "rep": rep[held],
        "objective": objective[held],
        "from": held_from[held],
        "to": held_to[held],
        "written_to": written_to[held],
    }
    return {
        "change": change_rows,
        "objective": objective_rows,
        "assignment": assignment,
    }


def lineages(objective: dict[str, np.ndarray]) -> np.ndarray:
    """The first version of each objective: what replaces it is the same thing to a rep."""
    root = np.arange(len(objective["since"]))
    for row, old in enumerate(objective["replaces"]):
        if old != NONE:
            root[row] = root[old]
    return root


def attend(
    company: Company, rows: dict[str, dict[str, np.ndarray]]
) -> tuple[np.ndarray | None, np.ndarray]:
    """What each rep attends to: as products, and as objectives (first versions).

    Both are reps × thirds of the years × 3: every rep picks anew at the beginning of each third,
    among what is active then. Without the truth `objectives` nobody pushes any product.
    """
    calendar = company.calendar
    draw = company.plan.draw("attention")
    objective = rows["objective"]
    roots = np.flatnonzero(objective["replaces"] == NONE)
    begins = calendar.months()[:: MONTHS // 3]
    chosen = np.array(
        [
            [draw.permutation(roots[objective["since"][roots] <= day])[:ATTENDED] for day in begins]
            for _ in company.rep_name
        ]
    )
    return (objective["product"][chosen] if company.plan.has("objectives") else None), chosen


def run(
    company: Company,
    funnel: Funnel,
    rows: dict[str, dict[str, np.ndarray]],
    chosen: np.ndarray,
) -> People:
    root = lineages(rows["objective"])
    held = rows["assignment"]
    month = _held_months(company, held)
    row = month["row"]
    picked = chosen[held["rep"][row], company.calendar.third(month["month"])]
    month["attended"] = (root[held["objective"][row]][:, None] == picked).any(1)
    invitation, response, action = _pulse(company)
    quota = _quotas(company, funnel)
    return People(
        rows["change"],
        rows["objective"],
        held,
        chosen,
        _results(company, month),
        _absences(company),
        _activities(company, funnel, held, month),
        coaching.sessions(company),
        _barriers(company, funnel),
        invitation,
        response,
        action,
        _further_quotas(company, quota),
        _forecasts(company, funnel, quota),
    )


def _held_months(company: Company, held: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Assignment × month held: the row of the assignment and the month (since 1970)."""
    first = np.maximum(month_of(held["from"]), month_of(company.calendar.start))
    last = month_of(np.minimum(held["to"] - 1, company.calendar.until))
    span = last - first + 1
    row = np.repeat(np.arange(len(span)), span)
    return {"row": row, "month": first[row] + np.arange(len(row)) - (np.cumsum(span) - span)[row]}


def _results(company: Company, held_month: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per month what was reached of a target of 100: much where attended, next to nothing else."""
    draw = company.plan.draw("objective results")
    done = first_day(held_month["month"] + 1) <= company.calendar.until + 1
    row, month, attended = (held_month[name][done] for name in ("row", "month", "attended"))
    much = draw.uniform(*MUCH, len(row))
    little = draw.uniform(*LITTLE, len(row))
    even = draw.uniform(0, 9.5, len(row))
    attentive = np.where(attended, much, little)
    return {
        "assignment": row,
        "month": first_day(month),
        "actual": np.round(attentive if company.plan.has("objectives") else even, 1),
        "known": first_day(month + 1) * DAY + 7 * 3600,
    }


def _absences(company: Company) -> dict[str, np.ndarray]:
    """Up to six per rep; `end` is the first day back."""
    draw = company.plan.draw("absences")
    calendar = company.calendar
    reps = len(company.rep_name)
    rep = np.repeat(np.arange(reps), 6)
    start = calendar.workdays[draw.integers(5, calendar.days + 20, len(rep))]
    length = draw.choice([1, 2, 5, 10, 15], len(rep), p=[0.25, 0.25, 0.3, 0.15, 0.05])
    there = (company.rep["hired"][rep] <= start) & (start < company.rep["left"][rep])
    _, once = np.unique(rep * 10**6 + start, return_index=True)
    keep = np.intersect1d(once, np.flatnonzero(there))
    return {
        "rep": rep[keep],
        "start": start[keep],
        "end": calendar.later(start[keep], length[keep]),
        "known": (start[keep] - 20) * DAY,
    }


def _activities(
    company: Company,
    funnel: Funnel,
    held: dict[str, np.ndarray],
    held_month: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Work on deals, on the objectives attended to, and operations' contacts with customers."""
    draw = company.plan.draw("activities")
    calendar = company.calendar
    deal = funnel.deal
    owners = funnel.history("owner_id").as_of(calendar.end)
    end_w = np.minimum(deal["end_w"], calendar.days - 0.01)
    per_deal = np.minimum(draw.poisson(1.5 + 0.07 * (end_w - deal["created_w"])), 25)
    on_deal = np.repeat(np.arange(len(per_deal)), per_deal)
    deal_w = (
        deal["created_w"][on_deal]
        + draw.random(len(on_deal)) ** 1.2 * (end_w - deal["created_w"])[on_deal]
    )

    row, month = held_month["row"], held_month["month"]
    # attended objectives get 3 to 6 activities in a full month, the others hardly any
    if company.plan.has("objectives"):
        effort = np.where(
            held_month["attended"], 3 + draw.integers(0, 4, len(row)), draw.random(len(row)) < 0.08
        )
    else:
        effort = (draw.random(len(row)) < 0.35).astype(int)
    named = np.repeat(np.arange(len(row)), effort)
    low = np.maximum(first_day(month), held["from"][row])
    high = np.minimum(np.minimum(first_day(month + 1), held["to"][row]), calendar.until + 1)
    day = np.floor(low[named] + draw.random(len(named)) * (high - low)[named]).astype(int)
    named_w = np.minimum(calendar.position(day), calendar.days - 1) + draw.random(len(named))

    accounts = np.arange(len(company.account_name))
    contact_w = (
        calendar.position(calendar.start + company.account["operations_contact"])
        + 20 * np.arange(12)[:, None]
        + draw.random((12, len(accounts)))
    ).ravel()
    contact_account = np.tile(accounts, 12)
    reached = contact_w < calendar.days
    contact_w, contact_account = contact_w[reached], contact_account[reached]
    contact_day = calendar.moment(contact_w) // DAY
    contact_rep = company.owner(company.account["rep"][contact_account], contact_day)

    sizes = (len(on_deal), len(named), len(contact_w))

    def three(deals: np.ndarray, objectives_: np.ndarray, contacts: np.ndarray) -> np.ndarray:
        return np.concatenate([deals, objectives_, contacts])

    when = three(deal_w, named_w, contact_w)
    order = np.argsort(when, kind="stable")
    total = len(when)
    kind = draw.integers(0, len(ACTIVITY_TYPES), total)
    function = draw.choice(len(FUNCTIONS), total, p=[0.45, 0.3, 0.2, 0.05])
    function[sizes[0] + sizes[1] :] = FUNCTIONS.index("operations")
    account = three(deal["account"][on_deal], np.full(sizes[1], NONE), contact_account)
    columns = {
        "at": calendar.moment(when),
        "rep": three(owners[on_deal], held["rep"][row][named], contact_rep),
        "type": kind,
        "opportunity": three(on_deal, *(np.full(size, NONE) for size in sizes[1:])),
        "account": account,
        "objective": three(
            np.full(sizes[0], NONE), held["objective"][row][named], np.full(sizes[2], NONE)
        ),
        "function": function,
        "minutes": draw.choice([10, 15, 30, 45, 60, 90], total),
    }
    return {name: column[order] for name, column in columns.items()}


def _barriers(company: Company, funnel: Funnel) -> dict[str, np.ndarray]:
    draw = company.plan.draw("barriers")
    calendar = company.calendar
    count = company.plan.heads(600, least=40)
    raised_w = np.sort(draw.uniform(0, calendar.days, count))
    response_w = raised_w + draw.gamma(1.2, 2.0, count)
    removed_w = response_w + draw.gamma(1.1, 14, count)
    answered = draw.random(count) < 0.92
    removed = answered & (draw.random(count) < 0.85)
    rep = company.owner(
        draw.integers(0, len(company.rep_name), count), calendar.moment(raised_w) // DAY
    )
    some_deal = draw.integers(0, len(funnel.deal["score"]), count)
    existing = (funnel.deal["created_w"][some_deal] < raised_w) & (draw.random(count) < 0.4)
    return {
        "raised": calendar.moment(raised_w),
        "rep": rep,
        "step": draw.integers(0, len(coaching.STEPS), count),
        "cause": draw.choice(4, count, p=[0.5, 0.2, 0.2, 0.1]),
        "response": np.where(answered, calendar.moment(response_w), NEVER),
        "removed": np.where(removed, calendar.moment(removed_w), NEVER),
        "manager": company.rep["manager"][rep],
        "hours": np.round(draw.gamma(1.5, 3, count), 1),
        "opportunity": np.where(existing, some_deal, NONE),
    }


def _pulse(
    company: Company,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A wave in the second month of each quarter; finance is too few to be shown."""
    draw = company.plan.draw("pulse")
    calendar = company.calendar
    months = calendar.months()
    waves = months[1::3]
    waves = waves[waves + 14 <= calendar.until]
    wave = np.repeat(np.arange(len(waves)), len(PULSE_FUNCTIONS))
    function = np.tile(np.arange(len(PULSE_FUNCTIONS)), len(waves))
    invited = np.array(PULSE_HEADCOUNT)[function]
    person = np.repeat(np.arange(len(wave)), invited)
    person = person[draw.random(len(person)) < 0.7]
    asked = len(PULSE_QUESTIONS)
    row = np.repeat(person, asked)
    mood = np.repeat(draw.normal(0, 1.2, len(person)), asked)
    score = np.rint(np.array(PULSE_MEAN)[function[row]] + mood + draw.normal(0, 0.8, len(row)))
    score = np.clip(score, 0, 10)
    respondent = np.repeat(np.arange(len(person)), asked)
    question = np.tile(np.arange(asked), len(person))
    known = waves[wave[row]] * DAY + np.repeat(draw.integers(9, 13 * 24, len(person)), asked) * 3600
    actions = len(waves) * 3
    agreed = np.repeat(waves, 3) + draw.integers(16, 30, actions)
    done = agreed + draw.integers(10, 70, actions)
    return (
        {"wave": wave, "function": function, "invited": invited, "known": waves[wave] * DAY},
        {
            "wave": wave[row],
            "respondent": respondent,
            "question": question,
            "function": function[row],
            "score": score.astype(int),
            "reason": np.where(score <= 6, draw.integers(0, 4, len(row)), NONE),
            "known": known,
        },
        {
            "wave": np.repeat(np.arange(len(waves)), 3),
            "function": draw.integers(0, len(PULSE_FUNCTIONS), actions),
            "agreed": agreed,
            "done": np.where(draw.random(actions) < 0.8, done, NEVER),
            "step": draw.integers(0, len(coaching.STEPS), actions),
        },
    )


def _won_by_week(company: Company, funnel: Funnel) -> np.ndarray:
    """Won value in USD by owner and week since the start."""
    calendar = company.calendar
    stage = funnel.history("stage")
    owners = funnel.history("owner_id").as_of(calendar.end)
    won = np.zeros((len(company.rep_name), (calendar.until - calendar.start) // 7 + 1))
    closes = stage.value == WON
    record, at = stage.record[closes], stage.at[closes]
    week = (at // DAY - calendar.start) // 7
    np.add.at(won, (owners[record], week), funnel.deal["usd"][record])
    return won


def _quotas(company: Company, funnel: Funnel) -> dict[str, np.ndarray]:
    """A quota per rep and quarter, also of the next one, around what such a quarter brings."""
    draw = company.plan.draw("quotas")
    calendar = company.calendar
    quarters = np.arange(int(quarter_of(calendar.start)), int(quarter_of(calendar.until)) + 2)
    first = first_day(quarters * 3)
    end = first_day(month_of(first) + 3) - 1
    reps = len(company.rep_name)
    rep = np.repeat(np.arange(reps), len(first))
    start, stop = np.tile(first, reps), np.tile(end, reps)
    typical = _won_by_week(company, funnel).sum(1) / (len(first) - 1)
    there = (company.rep["hired"][rep] < stop) & (start < company.rep["left"][rep])
    amount = (typical[rep] * draw.uniform(0.9, 1.3, len(rep)) + 20_000)[there]
    return {
        "rep": rep[there],
        "start": start[there],
        "end": stop[there],
        "amount": np.round(amount, -3),
    }


def _further_quotas(company: Company, quota: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The quotas with those of one more quarter, about as high as of the last."""
    draw = company.plan.draw("further quotas")
    last = quota["start"] == quota["start"].max()
    start = first_day(month_of(quota["start"].max()) + 3)
    stays = last & (start < company.rep["left"][quota["rep"]])
    count = int(stays.sum())
    more = {
        "rep": quota["rep"][stays],
        "start": np.full(count, start),
        "end": np.full(count, first_day(month_of(start) + 3) - 1),
        "amount": np.round(quota["amount"][stays] * draw.uniform(0.95, 1.1, count), -3),
    }
    return {name: np.concatenate([quota[name], more[name]]) for name in quota}


def _forecasts(
    company: Company, funnel: Funnel, quota: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Each Monday a commit for the quarter: what is closed, and a biased view of the rest."""
    draw = company.plan.draw("forecasts")
    calendar = company.calendar
    won = np.c_[np.zeros(len(company.rep_name)), np.cumsum(_won_by_week(company, funnel), 1)]
    monday = calendar.start + (-(calendar.start + 3)) % 7
    mondays = np.arange(monday, calendar.until + 1, 7)
    row, week = np.nonzero(
        (quota["start"][:, None] <= mondays) & (mondays <= quota["end"][:, None])
    )
    rep, day = quota["rep"][row], mondays[week]
    there = (company.rep["hired"][rep] <= day) & (day < company.rep["left"][rep])
    row, rep, day = row[there], rep[there], day[there]
    last = won.shape[1] - 1
    so_far = won[rep, np.minimum((day - calendar.start) // 7, last)]
    at_start = won[rep, np.minimum((quota["start"][row] - calendar.start) // 7, last)]
    at_end = won[rep, np.minimum((quota["end"][row] - calendar.start) // 7 + 1, last)]
    noise = draw.lognormal(0, 0.35, len(row)) * (1 + company.rep["forecast_bias"][rep])
    commit = so_far - at_start + (at_end - so_far) * noise
    order = np.lexsort((rep, day))
    return {
        "rep": rep[order],
        "at": (day * DAY + 9 * 3600 + draw.integers(0, 3600, len(row)))[order],
        "start": quota["start"][row][order],
        "end": quota["end"][row][order],
        "amount": np.round(np.maximum(commit, 0), -2)[order],
    }

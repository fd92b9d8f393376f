"""The world as its systems would export it: one `Sheet` per entity of `standard`.

A sheet says which rows there are, since when the source knows them, and how they stood at any
moment; `extracts` cuts them into files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assets.demo import coaching as ch
from assets.demo import company as co
from assets.demo import delivery as de
from assets.demo import funnel as fu
from assets.demo import money
from assets.demo import orders as om
from assets.demo import people as pe
from assets.demo import plant as pl
from assets.demo.columns import NEVER, NONE, History, days, flags, ids, instants, labels, numbers
from assets.demo.company import DAY, Company
from assets.demo.scorecard import ATTRIBUTES, answer_texts

PRODUCT, MANAGER, ISSUER = ids("P", 3), ids("M", 2), ids("PM", 1)
ORDER, WORK_ORDER, CHANGE, OBJECTIVE = ids("SO", 7), ids("WO", 7), ids("PC", 3), ids("OBJ", 3)
CENTER, PLAIN = ids("WC", 2), ids("", 1)
USD = labels(co.CURRENCIES)


@dataclass(frozen=True)
class Sheet:
    """The rows of one entity.

    `known`: the second at which the source has the row. `changing`: the columns that depend on
    when one looks. `gone`: the second from which on the row is no more exported.
    """

    known: np.ndarray
    columns: dict[str, pa.Array]
    changing: Callable[[int], dict[str, pa.Array]] | None = None
    gone: np.ndarray | None = None

    def at(self, after: int, until: int) -> pa.Table:
        """The rows that became known in (after, until], as they stood at the end of `until`."""
        taken = (self.known > after) & (self.known <= until)
        if self.gone is not None:
            taken &= self.gone > until
        columns = self.columns | (self.changing(until) if self.changing else {})
        return pa.table(columns).filter(pa.array(taken))


def _seen(at: np.ndarray, now: int) -> np.ndarray:
    """An instant or day-end that has come by `now`, else NEVER."""
    return np.where(at <= now, at, NEVER)


def _seen_day(day: np.ndarray, now: int) -> np.ndarray:
    return np.where(np.minimum(day, 10**6) * DAY <= now, day, NEVER)


@dataclass
class World:
    """Everything simulated."""

    company: Company
    funnel: fu.Funnel
    orders: om.Orders
    plant: pl.Plant
    delivery: de.Delivery
    people: pe.People
    rates: dict[str, np.ndarray]
    ledger: dict[str, np.ndarray]


def sheets(world: World) -> Iterator[tuple[str, Sheet]]:
    """Every entity of `standard` by name."""
    yield from _master_data(world)
    yield from _sales(world)
    yield from _orders(world)
    yield from _making(world)
    yield from _around(world)


def _always(rows: int) -> np.ndarray:
    return np.zeros(rows, np.int64)


def _master_data(world: World) -> Iterator[tuple[str, Sheet]]:
    company = world.company
    account, product, rep = company.account, company.product, company.rep
    accounts = np.arange(len(company.account_name))
    yield (
        "accounts",
        Sheet(
            _always(len(accounts)),
            {
                "account_id": fu.ACCOUNT(accounts),
                "account_name": pa.array(company.account_name),
                "parent_account_id": fu.ACCOUNT(account["parent"]),
                "segment": labels(co.SEGMENTS)(account["segment"]),
                "industry": labels(co.INDUSTRIES)(account["industry"]),
                "region": labels(co.REGIONS)(account["region"]),
                "channel": labels(co.CHANNELS)(account["channel"]),
            },
            lambda now: {
                "merged_into_account_id": fu.ACCOUNT(
                    np.where(account["merged_at"] <= now, account["merged_into"], NONE)
                ),
                "merged_at": instants(_seen(account["merged_at"], now)),
            },
        ),
    )
    products = np.arange(co.PRODUCTS)
    family = labels(co.FAMILIES)(product["family"])
    yield (
        "products",
        Sheet(
            _always(co.PRODUCTS),
            {
                "product_id": PRODUCT(products),
                "product_name": pa.array(
                    [
                        f"{co.FAMILIES[row // 10][:-1]} {chr(65 + row // 10)}{100 + row % 10 * 25}"
                        for row in products
                    ]
                ),
                "product_family": family,
                "product_manager_id": ISSUER(product["manager"] + 1),
                "list_price_amount": numbers(product["price"]),
                "variable_cost_amount": numbers(product["variable_cost"]),
                "standard_cost_amount": numbers(product["standard_cost"]),
                "currency": USD(np.zeros(co.PRODUCTS, int)),
                "specification_tightness": numbers(product["tightness"]),
            },
        ),
    )
    yield (
        "sales_reps",
        Sheet(
            rep["hired"] * DAY,
            {
                "rep_id": fu.REP(np.arange(len(rep["hired"]))),
                "rep_name": pa.array(company.rep_name),
                "manager_id": MANAGER(rep["manager"] + 1),
                "territory": labels(("North", "South", "East", "West"))(rep["territory"]),
                "hired_on": days(rep["hired"]),
            },
            lambda now: {"left_on": days(_seen_day(rep["left"], now))},
        ),
    )
    absence = world.people.absence
    yield (
        "rep_absences",
        Sheet(
            absence["known"],
            {
                "rep_id": fu.REP(absence["rep"]),
                "starts_on": days(absence["start"]),
                "ends_on": days(absence["end"]),
            },
        ),
    )
    change = world.people.change
    yield (
        "product_changes",
        Sheet(
            (change["effective"] - 45) * DAY,
            {
                "product_change_id": CHANGE(np.arange(len(change["effective"]))),
                "product_id": PRODUCT(change["product"]),
                "product_manager_id": ISSUER(change["manager"] + 1),
                "change_type": labels(pe.CHANGE_TYPES)(change["type"]),
                "size_class": labels(pe.SIZES)(change["size"]),
                "effective_on": days(change["effective"]),
            },
            lambda now: {
                "operations_signed_off_on": days(_seen_day(change["operations_signed"], now)),
                "sales_signed_off_on": days(_seen_day(change["sales_signed"], now)),
            },
        ),
    )


def _sales(world: World) -> Iterator[tuple[str, Sheet]]:
    funnel = world.funnel
    deal, lead = funnel.deal, funnel.leads
    created = deal["created"]
    yield (
        "leads",
        Sheet(
            lead["created"],
            {
                "lead_id": ids("LD", 7)(np.arange(len(lead["created"]))),
                "created_at": instants(lead["created"]),
                "source": labels(fu.SOURCES)(lead["source"]),
                "segment": labels(co.SEGMENTS)(lead["segment"]),
                "owner_id": fu.REP(lead["owner"]),
            },
            lambda now: {
                "qualified_at": instants(_seen(lead["qualified"], now)),
                "disqualified_at": instants(_seen(lead["disqualified"], now)),
                "opportunity_id": fu.OPPORTUNITY(
                    np.where(created[lead["opportunity"]] <= now, lead["opportunity"], NONE)
                ),
            },
        ),
    )

    closed = _closings(funnel)
    reason = deal["reason"]

    def opportunity_state(now: int) -> dict[str, pa.Array]:
        now_is = {history.field: history.as_of(now) for history in funnel.histories}
        is_closed = now_is["stage"] >= fu.WON
        columns = {
            history.field: history.encode(now_is[history.field]) for history in funnel.histories
        }
        return columns | {
            "closed_at": instants(np.where(is_closed, closed.as_of(now), NEVER)),
            "outcome_reason": labels(fu.REASONS)(
                np.where(is_closed, reason[np.arange(len(reason)), now_is["stage"]], NONE)
            ),
            "merged_at": instants(
                np.where(now_is["merged_into_opportunity_id"] >= 0, deal["merged"], NEVER)
            ),
            "deleted_at": instants(np.where(now_is["is_deleted"] == 1, deal["deleted"], NEVER)),
        }

    opportunities = np.arange(len(created))
    yield (
        "opportunities",
        Sheet(
            created,
            {
                "opportunity_id": fu.OPPORTUNITY(opportunities),
                "pipeline": labels(("default",))(np.zeros(len(created), int)),
                "created_at": instants(created),
                "value_proposition": labels(fu.PROPOSITIONS)(deal["proposition"]),
                "lead_source": labels(fu.SOURCES)(deal["lead_source"]),
                "opportunity_type": labels(fu.OPPORTUNITY_TYPES)(deal["type"]),
                "product_id": PRODUCT(deal["product"]),
                "requested_delivery_date": days(deal["requested"]),
            },
            opportunity_state,
            deal["gone"],
        ),
    )
    yield "opportunity_changes", _change_log(funnel)
    line = funnel.lines
    yield (
        "opportunity_lines",
        Sheet(
            created[line["opportunity"]],
            {
                "opportunity_id": fu.OPPORTUNITY(line["opportunity"]),
                "line_number": PLAIN(line["number"]),
                "product_id": PRODUCT(line["product"]),
                "quantity": numbers(line["quantity"]),
                "unit_price_amount": numbers(line["price"]),
                "discount_rate": numbers(line["discount"]),
                "requested_delivery_date": days(deal["requested"][line["opportunity"]]),
            },
            gone=deal["gone"][line["opportunity"]],
        ),
    )
    split = funnel.splits
    yield (
        "opportunity_splits",
        Sheet(
            created[split["opportunity"]],
            {
                "opportunity_id": fu.OPPORTUNITY(split["opportunity"]),
                "rep_id": fu.REP(split["rep"]),
                "split_share": numbers(split["share"]),
            },
            gone=deal["gone"][split["opportunity"]],
        ),
    )
    answer = funnel.answers
    yield (
        "qualification_answers",
        Sheet(
            answer["at"],
            {
                "opportunity_id": fu.OPPORTUNITY(answer["opportunity"]),
                "attribute_id": labels(ATTRIBUTES)(answer["attribute"]),
                "rating": labels(answer_texts())(answer["attribute"] * 6 + answer["rating"]),
                "assessed_at": instants(answer["at"]),
                "assessed_by": fu.REP(answer["rater"]),
            },
        ),
    )
    quote = world.delivery.quote
    yield (
        "quotes",
        Sheet(
            quote["at"],
            {
                "quote_id": ids("Q", 7)(np.arange(len(quote["at"]))),
                "opportunity_id": fu.OPPORTUNITY(quote["opportunity"]),
                "product_id": PRODUCT(quote["product"]),
                "quantity": numbers(quote["quantity"]),
                "quoted_at": instants(quote["at"]),
                "quoted_delivery_date": days(quote["date"]),
                "quoted_by_function": labels(("sales", "production"))(quote["function"]),
                "amount": numbers(quote["amount"]),
                "currency": USD(quote["currency"]),
            },
        ),
    )
    quota, forecast = world.people.quota, world.people.forecast
    yield (
        "quotas",
        Sheet(
            _always(len(quota["rep"])),
            {
                "rep_id": fu.REP(quota["rep"]),
                "period_start": days(quota["start"]),
                "period_end": days(quota["end"]),
                "amount": numbers(quota["amount"]),
                "currency": USD(np.zeros(len(quota["rep"]), int)),
            },
        ),
    )
    yield (
        "forecast_submissions",
        Sheet(
            forecast["at"],
            {
                "rep_id": fu.REP(forecast["rep"]),
                "submitted_at": instants(forecast["at"]),
                "period_start": days(forecast["start"]),
                "period_end": days(forecast["end"]),
                "commit_amount": numbers(forecast["amount"]),
                "currency": USD(np.zeros(len(forecast["rep"]), int)),
            },
        ),
    )


def _closings(funnel: fu.Funnel) -> History:
    """The instant of the last closing, per deal."""
    stage = funnel.history("stage")
    closes = stage.value >= fu.WON
    return History(
        "closed_at",
        instants,
        np.full(len(stage.start), NEVER),
        stage.record[closes],
        stage.at[closes],
        stage.at[closes],
    )


def _change_log(funnel: fu.Funnel) -> Sheet:
    """All histories as one log, numbered per opportunity in order of time."""
    sizes = [len(history.at) for history in funnel.histories]
    record = np.concatenate([history.record for history in funnel.histories])
    at = np.concatenate([history.at for history in funnel.histories])
    kind = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((np.arange(len(at)), kind, at, record))
    start = np.searchsorted(record[order], np.arange(record.max() + 1))
    sequence = np.arange(len(at)) - start[record[order]] + 1
    in_time = np.lexsort((sequence, record[order], at[order]))
    taken = order[in_time]

    def texts(of: Callable[[History], np.ndarray]) -> pa.Array:
        pieces = [history.encode(of(history)).cast(pa.string()) for history in funnel.histories]
        return pa.concat_arrays(pieces).take(pa.array(taken))

    owner = funnel.history("owner_id").start[record[taken]]
    return Sheet(
        at[taken],
        {
            "opportunity_id": fu.OPPORTUNITY(record[taken]),
            "changed_at": instants(at[taken]),
            "field": labels([history.field for history in funnel.histories])(kind[taken]),
            "old_value": texts(lambda history: history.before()),
            "new_value": texts(lambda history: history.value),
            "sequence": PLAIN(sequence[in_time]),
            "changed_by": fu.REP(owner),
        },
    )


def _orders(world: World) -> Iterator[tuple[str, Sheet]]:
    line, delivery = world.orders.line, world.delivery
    schedule, promise = delivery.schedule, delivery.promise
    entered = line["entered"]
    is_promise = promise["kind"] == 1
    plain = is_promise & (promise["number"] == NONE)
    current = _current_promise(line["promised"], promise, promise["line"], plain)
    parts = np.full(len(line["order"]), 0)
    first_part = np.flatnonzero(schedule["number"] == 1)
    parts[schedule["line"][first_part]] = first_part
    in_parts = is_promise & (promise["number"] > 0)
    unit = parts[promise["line"]] + promise["number"] - 1
    current_part = _current_promise(schedule["promised"], promise, unit, in_parts)
    cancelled = line["cancelled_on"]

    def line_state(now: int) -> dict[str, pa.Array]:
        gone = _seen_day(cancelled, now)
        return {
            "current_promise_date": days(current.as_of(now)),
            "cancelled_on": days(gone),
            "cancelled_by": labels(("customer", "late", "other"))(
                np.where(gone < NEVER, line["cancelled_by"], NONE)
            ),
        }

    yield (
        "order_lines",
        Sheet(
            entered,
            {
                "order_id": ORDER(line["order"]),
                "line_number": PLAIN(line["number"]),
                "account_id": fu.ACCOUNT(line["account"]),
                "product_id": PRODUCT(line["product"]),
                "rep_id": fu.REP(line["rep"]),
                "opportunity_id": fu.OPPORTUNITY(line["opportunity"]),
                "ordered_at": instants(line["ordered"]),
                "quantity": numbers(line["quantity"]),
                "unit_price_amount": numbers(line["price"]),
                "discount_rate": numbers(line["discount"]),
                "currency": USD(line["currency"]),
                "requested_date": days(line["requested"]),
                "first_promise_date": days(line["promised"]),
                "recorded_at": instants(entered),
            },
            line_state,
        ),
    )
    yield (
        "order_schedule_lines",
        Sheet(
            entered[schedule["line"]],
            {
                "order_id": ORDER(line["order"][schedule["line"]]),
                "line_number": PLAIN(line["number"][schedule["line"]]),
                "schedule_number": PLAIN(schedule["number"]),
                "quantity": numbers(schedule["quantity"]),
                "requested_date": days(schedule["requested"]),
                "first_promise_date": days(schedule["promised"]),
            },
            lambda now: {"current_promise_date": days(current_part.as_of(now))},
        ),
    )
    yield (
        "promise_changes",
        Sheet(
            promise["at"],
            {
                "order_id": ORDER(line["order"][promise["line"]]),
                "line_number": PLAIN(line["number"][promise["line"]]),
                "schedule_number": PLAIN(promise["number"]),
                "changed_at": instants(promise["at"]),
                "promise_date": days(promise["date"]),
                "changed_by_function": labels(de.FUNCTIONS)(promise["function"]),
                "kind": labels(("quote", "promise"))(promise["kind"]),
                "reason": labels(de.PROMISE_REASONS)(promise["reason"]),
            },
        ),
    )
    shipment = delivery.shipment
    yield (
        "shipments",
        Sheet(
            shipment["recorded"],
            {
                "shipment_id": ids("SH", 7)(np.arange(len(shipment["line"]))),
                "order_id": ORDER(line["order"][shipment["line"]]),
                "line_number": PLAIN(line["number"][shipment["line"]]),
                "quantity": numbers(shipment["quantity"]),
                "shipped_on": days(shipment["shipped"]),
                "delivered_on": days(shipment["delivered"]),
                "freight_amount": numbers(shipment["freight"]),
                "currency": USD(np.zeros(len(shipment["line"]), int)),
                "is_expedited": flags(shipment["expedited"]),
                "recorded_at": instants(shipment["recorded"]),
            },
        ),
    )
    returned = delivery.returned
    yield (
        "returns",
        Sheet(
            returned["returned"] * DAY + 12 * 3600,
            {
                "return_id": ids("RT", 6)(np.arange(len(returned["line"]))),
                "order_id": ORDER(line["order"][returned["line"]]),
                "line_number": PLAIN(line["number"][returned["line"]]),
                "quantity": numbers(returned["quantity"]),
                "returned_on": days(returned["returned"]),
                "credit_amount": numbers(returned["credit"]),
                "reason": labels(de.RETURN_REASONS)(returned["reason"]),
            },
        ),
    )


def _current_promise(
    start: np.ndarray, promise: dict[str, np.ndarray], unit: np.ndarray, which: np.ndarray
) -> History:
    return History.of(
        "current_promise_date",
        days,
        start,
        unit[which],
        promise["at"][which],
        promise["date"][which],
    )


def _making(world: World) -> Iterator[tuple[str, Sheet]]:
    company, plant = world.company, world.plant
    calendar = company.calendar
    line, order, routing = world.orders.line, plant.work_order, plant.routing

    def moment(position: np.ndarray) -> np.ndarray:
        return calendar.moment(position, pl.PLANT_OPENS, pl.PLANT_HOURS)

    released, started, finished = (
        moment(order[name]) for name in ("released_w", "started_w", "finished_w")
    )
    planned = moment(order["released_w"] + 0.5)
    planned_end = moment(order["released_w"] + 1 + 1.5 * routing["steps"][order["product"]])
    on_line = order["line"] >= 0

    def order_state(now: int) -> dict[str, pa.Array]:
        status = np.where(finished <= now, 2, np.where(started <= now, 1, 0))
        return {
            "started_at": instants(_seen(started, now), "Z"),
            "finished_at": instants(_seen(finished, now), "Z"),
            "status": labels(("released", "started", "finished"))(status),
        }

    yield (
        "work_orders",
        Sheet(
            released,
            {
                "work_order_id": WORK_ORDER(np.arange(len(released))),
                "product_id": PRODUCT(order["product"]),
                "order_id": ORDER(np.where(on_line, line["order"][order["line"]], NONE)),
                "line_number": PLAIN(np.where(on_line, line["number"][order["line"]], NONE)),
                "quantity": numbers(order["quantity"]),
                "released_at": instants(released, "Z"),
                "planned_start_at": instants(planned, "Z"),
                "planned_end_at": instants(planned_end, "Z"),
            },
            order_state,
        ),
    )
    yield "operations", _operations(company, plant, moment)
    steps = len(routing["product"])
    yield (
        "routings",
        Sheet(
            _always(steps),
            {
                "product_id": PRODUCT(routing["product"]),
                "operation_number": PLAIN(routing["number"]),
                "work_center_id": CENTER(routing["center"] + 1),
                "setup_minutes": numbers(routing["setup"], 1),
                "run_minutes_per_unit": numbers(routing["run"], 3),
                "lot_size": numbers(company.product["lot"][routing["product"]]),
            },
        ),
    )
    centers = np.arange(len(pl.WORK_CENTERS))
    week_hours = pl.PLANT_HOURS * 5.0
    yield (
        "work_centers",
        Sheet(
            _always(len(centers)),
            {
                "work_center_id": CENTER(centers + 1),
                "work_center_name": pa.array(pl.WORK_CENTERS),
                "available_hours_per_week": numbers(plant.machines * week_hours),
            },
        ),
    )
    first_monday = calendar.start - (calendar.start + 3) % 7
    mondays = np.arange(first_monday, calendar.until + 28, 7)
    worked = calendar.workdays
    in_week = np.searchsorted(worked, mondays + 7) - np.searchsorted(worked, mondays)
    week = np.repeat(mondays, len(centers))
    center = np.tile(centers, len(mondays))
    machines = np.where(
        week >= plant.shift_day, plant.machines_shifted[center], plant.machines[center]
    )
    hours = machines * np.repeat(in_week, len(centers)) * float(pl.PLANT_HOURS)
    yield (
        "work_center_calendars",
        Sheet(
            (week - 28) * DAY,
            {
                "work_center_id": CENTER(center + 1),
                "week_start": days(week),
                "available_hours": numbers(hours),
                "overtime_hours": numbers(np.zeros(len(week))),
            },
        ),
    )


def _operations(
    company: Company, plant: pl.Plant, moment: Callable[[np.ndarray], np.ndarray]
) -> Sheet:
    """A setup and a run report per operation, and one for each breakdown; filed when it ends."""
    operation = plant.operation
    begin = operation["begin_w"]
    run = begin + operation["setup_w"]
    broken = run + operation["broken_w"]
    down = operation["broken_w"] > 0
    every = np.arange(len(begin))
    set_up = operation["setup_w"] > 0
    row = np.concatenate([every[set_up], every, every[down]])
    kind = np.repeat([0, 1, 2], [set_up.sum(), len(every), down.sum()])
    # a machine that breaks down does so before the run
    start = moment(np.concatenate([begin[set_up], broken, run[down]]))
    end = moment(np.concatenate([run[set_up], operation["end_w"], broken[down]]))
    start[kind == 1] += 1  # a run never starts in the second in which its setup did
    end = np.maximum(end, start)
    known = end <= company.calendar.end
    order = np.lexsort((kind, row, end))
    order = order[known[order]]
    row, kind, start, end = row[order], kind[order], start[order], end[order]
    job = operation["job"][row]
    runs = kind == 1
    quantity = plant.work_order["quantity"][job]
    scrapped = np.minimum(operation["scrapped"][row], quantity - 1)
    return Sheet(
        end,
        {
            "work_order_id": WORK_ORDER(job),
            "operation_number": PLAIN(operation["number"][row]),
            "work_center_id": CENTER(operation["center"][row] + 1),
            "started_at": instants(start, "Z"),
            "finished_at": instants(end, "Z"),
            "report_type": labels(("setup", "run", "breakdown"))(kind),
            "quantity_good": numbers(np.where(runs, quantity - scrapped, np.nan)),
            "quantity_scrapped": numbers(np.where(runs, scrapped, np.nan)),
            "quantity_reworked": numbers(np.where(runs, operation["reworked"][row], np.nan)),
            "worker_id": ids("W", 3)(operation["worker"][row]),
        },
    )


def _around(world: World) -> Iterator[tuple[str, Sheet]]:
    """People's other doings, money, the pulse."""
    people = world.people
    objective, held, result = people.objective, people.assignment, people.result
    name = [f"Push {co.FAMILIES[p // 10][:-1]} {p:02d}" for p in objective["product"]]
    row = held["objective"]
    yield (
        "rep_objectives",
        Sheet(
            held["from"] * DAY,
            {
                "objective_id": OBJECTIVE(row),
                "rep_id": fu.REP(held["rep"]),
                "objective_name": pa.array(name).take(pa.array(row)),
                "issued_by": ISSUER(objective["issuer"][row] + 1),
                "product_id": PRODUCT(objective["product"][row]),
                "product_change_id": CHANGE(objective["change"][row]),
                "weight": numbers(objective["weight"][row]),
                "bonus_amount": numbers(objective["bonus"][row]),
                "target": numbers(np.full(len(row), 100.0)),
                "valid_from": days(held["from"]),
                "replaces_objective_id": OBJECTIVE(objective["replaces"][row]),
            },
            lambda now: {"valid_to": days(_seen_day(held["written_to"], now))},
        ),
    )
    yield (
        "objective_results",
        Sheet(
            result["known"],
            {
                "objective_id": OBJECTIVE(row[result["assignment"]]),
                "rep_id": fu.REP(held["rep"][result["assignment"]]),
                "period_start": days(result["month"]),
                "actual": numbers(result["actual"]),
            },
        ),
    )
    activity = people.activity
    yield (
        "activities",
        Sheet(
            activity["at"],
            {
                "activity_id": ids("AC", 7)(np.arange(len(activity["at"]))),
                "occurred_at": instants(activity["at"]),
                "rep_id": fu.REP(activity["rep"]),
                "activity_type": labels(pe.ACTIVITY_TYPES)(activity["type"]),
                "opportunity_id": fu.OPPORTUNITY(activity["opportunity"]),
                "account_id": fu.ACCOUNT(activity["account"]),
                "objective_id": OBJECTIVE(activity["objective"]),
                "participant_function": labels(pe.FUNCTIONS)(activity["function"]),
                "duration_minutes": numbers(activity["minutes"]),
            },
        ),
    )
    coaching = people.coaching
    yield (
        "coaching_sessions",
        Sheet(
            coaching["at"],
            {
                "session_id": ids("CS", 5)(np.arange(len(coaching["at"]))),
                "held_at": instants(coaching["at"]),
                "manager_id": MANAGER(world.company.rep["manager"][coaching["rep"]] + 1),
                "rep_id": fu.REP(coaching["rep"]),
                "duration_minutes": numbers(coaching["minutes"]),
                "process_step": labels(ch.STEPS)(coaching["step"]),
            },
        ),
    )
    barrier = people.barrier
    yield (
        "barriers",
        Sheet(
            barrier["raised"],
            {
                "barrier_id": ids("B", 5)(np.arange(len(barrier["raised"]))),
                "raised_at": instants(barrier["raised"]),
                "raised_by": fu.REP(barrier["rep"]),
                "process_step": labels(ch.STEPS)(barrier["step"]),
                "cause": labels(pe.CAUSES)(barrier["cause"]),
                "manager_id": MANAGER(barrier["manager"] + 1),
                "hours_lost": numbers(barrier["hours"]),
                "opportunity_id": fu.OPPORTUNITY(barrier["opportunity"]),
            },
            lambda now: {
                "first_response_at": instants(_seen(barrier["response"], now)),
                "removed_at": instants(_seen(barrier["removed"], now)),
            },
        ),
    )
    invitation, response, action = people.invitation, people.response, people.action
    waves = max(int(invitation["wave"].max(initial=-1)), 0) + 1
    wave_name = labels([f"wave {number + 1:02d}" for number in range(waves)])
    function = labels(pe.PULSE_FUNCTIONS)
    yield (
        "pulse_invitations",
        Sheet(
            invitation["known"],
            {
                "wave": wave_name(invitation["wave"]),
                "function": function(invitation["function"]),
                "invited_count": PLAIN(invitation["invited"]),
            },
        ),
    )
    yield (
        "pulse_responses",
        Sheet(
            response["known"],
            {
                "wave": wave_name(response["wave"]),
                "respondent_key": ids("x", 5)(response["respondent"]),
                "question_id": labels(pe.PULSE_QUESTIONS)(response["question"]),
                "function": function(response["function"]),
                "score": PLAIN(response["score"]),
                "gap_reason": labels(pe.GAP_REASONS)(response["reason"]),
            },
        ),
    )
    yield (
        "pulse_actions",
        Sheet(
            action["agreed"] * DAY,
            {
                "action_id": ids("PA", 4)(np.arange(len(action["agreed"]))),
                "wave": wave_name(action["wave"]),
                "function": function(action["function"]),
                "agreed_on": days(action["agreed"]),
                "process_step": labels(ch.STEPS)(action["step"]),
            },
            lambda now: {"done_on": days(_seen_day(action["done"], now))},
        ),
    )
    rate, entry = world.rates, world.ledger
    yield (
        "fx_rates",
        Sheet(
            rate["known"],
            {
                "rate_date": days(rate["day"]),
                "currency": USD(rate["currency"]),
                "rate_to_base": numbers(rate["rate"], 6),
            },
        ),
    )
    yield (
        "cost_entries",
        Sheet(
            entry["known"],
            {
                "month": days(entry["month"]),
                "cost_pool": labels([pool[0] for pool in money.POOLS])(entry["pool"]),
                "driver": labels([pool[1] or None for pool in money.POOLS])(entry["pool"]),
                "amount": numbers(entry["amount"]),
                "currency": USD(np.zeros(len(entry["pool"]), int)),
                "accuracy_rate": numbers(entry["accuracy"]),
            },
        ),
    )

"""A large company's extracts of `standard`, written by DuckDB itself: as many rows as wanted, soon.

Belongs here: what lies in landing when the line is timed. Does not belong here: a company with
truths to find again (`assets/demo`), damaged extracts.

Every value is a function of its row's number: the same scale gives the same bytes. A deal, an order
line and a work order each have a whole life, of which an extract shows what has happened by then.
The base shows four years up to the end of 2026-06-29; the increment is what a hundredth of that
time would bring next, told as if all of it had happened on 2026-07-01. So the logs grow by 1 %, and
the increment holds new keys and changes of old ones, in the measure in which lives overlap.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

import duckdb

#: rows at scale 1; the changes are as many as lives of about six changes bring
OPPORTUNITIES = 2_000_000
ORDER_LINES = 5_000_000
WORK_ORDERS = 4_000_000
#: lines of an order are 3 and 2 by turns, reports of a work order 4, 5 and 6
LINES_PER_ORDER, REPORTS_PER_WORK_ORDER = 2.5, 5
YEARS_IN_DAYS = 1460
#: the days (ends of which are the stamps) of the base and of the increment
BASE_DAY, NEXT_DAY = "2026-06-30", "2026-07-01"
#: the landing folder holds these by default as full extracts; the increment sends only what changed
CURRENT_ROWS = ("opportunities", "order_lines", "work_orders")


@dataclass(frozen=True)
class Company:
    """How many there are of what, at a scale; people and places thin out more slowly."""

    scale: float

    @property
    def numbers(self) -> dict[str, int]:
        return {
            "deals": max(200, round(OPPORTUNITIES * self.scale)),
            "lines": max(500, round(ORDER_LINES * self.scale)),
            "work_orders": max(400, round(WORK_ORDERS * self.scale)),
            "accounts": max(50, round(100_000 * self.scale)),
            "products": max(40, round(2_000 * self.scale**0.5)),
            "reps": max(8, round(500 * self.scale**0.5)),
            "workers": max(10, round(400 * self.scale**0.5)),
            "work_centers": 40,
        }


# Instants are seconds since 1970. `known` is the time of the company's own life before which an
# extract tells of everything, `since` that from which an increment does; told() is the time that
# the extract gives for it.
MACROS = """
-- one argument, since the hash of two is that of the first with bits flipped by the second
create or replace macro chance(n, salt) as (hash(n * 4096 + salt) >> 11) / 9007199254740992.0;
create or replace macro below(size, n, salt) as cast(floor(chance(n, salt) * size) as bigint);
create or replace macro one_of(choices, n, salt) as choices[1 + below(len(choices), n, salt)];
create or replace macro started() as epoch(timestamp '$first_day')::bigint;
create or replace macro known() as epoch(timestamp '$base_day')::bigint + $window;
create or replace macro since() as $since;
create or replace macro is_told(instant) as instant >= since() and instant < known();
create or replace macro told(instant) as
    case
        when instant < epoch(timestamp '$base_day')::bigint then instant
        else epoch(timestamp '$next_day')::bigint
            + (instant - epoch(timestamp '$base_day')::bigint) // 15
    end;
create or replace macro instant_of(second) as make_timestamp(told(second) * 1000000);
create or replace macro day_of(second) as cast(instant_of(second) as date);
create or replace macro name_of(letter, n) as letter || lpad(cast(n as varchar), 8, '0');
create or replace macro account_of(n, salt) as
    cast(floor(power(chance(n, salt), 1.4) * $accounts) as bigint);
create or replace macro currency_of(account) as
    case when account % 10 < 7 then 'USD' when account % 10 < 9 then 'EUR' else 'GBP' end;
"""

#: stages that a deal will run through → how many of 100 deals do so
PATHS = {
    "Prospect Qualified Proposal Negotiation Won": 20,
    "Prospect Qualified Proposal Won": 4,
    "Prospect Qualified Proposal Qualified Proposal Negotiation Won": 2,
    "Prospect Qualified Proposal Lost Proposal Negotiation Won": 1,
    "Prospect Qualified Proposal Negotiation Lost": 12,
    "Prospect Qualified Proposal Negotiation Proposal Lost": 2,
    "Prospect Qualified Proposal Lost": 16,
    "Prospect Qualified Lost": 10,
    "Prospect Lost": 5,
    "Prospect Disqualified": 15,
    "Prospect Qualified Disqualified": 12,
    "Prospect Duplicate": 1,
}
_HUNDRED = [path.split() for path, share in PATHS.items() for _ in range(share)]

# The lives of deals, as lists: the values of each field, and the instants at which they changed.
DEALS = f"""
create or replace table paths as
select unnest(range(100)) as number, unnest({_HUNDRED}::varchar[][]) as path;

create or replace table deals as
with
    drawn as (
        select
            deal,
            path,
            started() + deal * ({YEARS_IN_DAYS} * 86400) // $deals as created,
            list_transform(
                range(1, len(path)),
                lambda step: cast(
                    (0.2 - 60 * ln(1 - chance(deal, 10 + step))) * 86400 as bigint
                )
            ) as stays,
            one_of([0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5], deal, 20) as pushes,
            one_of([0, 0, 1, 1, 1, 2, 2, 3], deal, 30) as repricings,
            one_of([0, 0, 0, 0, 0, 0, 0, 1, 1, 2], deal, 40) as handovers,
        from range($all_deals) as numbers(deal)
        inner join paths on paths.number = below(100, deal, 1)
    ),
    walked as (
        select
            *,
            list_transform(
                range(1, len(path)), lambda step: created + cast(list_sum(stays[:step]) as bigint)
            ) as stage_at,
            created + cast(list_sum(stays) as bigint) as ended,
        from drawn
    )
select
    deal,
    path as stages,
    created,
    stage_at,
    account_of(deal, 2) as account,
    list_transform(
        range(1, pushes + 1),
        lambda turn: created
        + cast((ended - created) * (turn - 0.95 + 0.9 * chance(deal, 20 + turn)) / pushes as bigint)
    ) as push_at,
    list_transform(
        range(0, pushes + 1),
        lambda turn: cast(created // 86400 + 30 + below(240, deal, 3) as bigint)
        + turn * one_of([7, 14, 30, 30, 61, 91, -5], deal, 4)
    ) as close_days,
    list_transform(
        range(1, repricings + 1),
        lambda turn: created
        + cast(
            (ended - created) * (turn - 0.95 + 0.9 * chance(deal, 30 + turn)) / repricings as bigint
        )
    ) as amount_at,
    list_transform(
        range(0, repricings + 1),
        lambda turn: cast(
            500 * exp(5 * chance(deal, 5)) * (1 + turn * (0.8 * chance(deal, 6) - 0.31))
            as decimal(18, 2)
        )
    ) as amounts,
    list_transform(
        range(1, handovers + 1),
        lambda turn: created
        + cast(
            (ended - created) * (turn - 0.95 + 0.9 * chance(deal, 40 + turn)) / handovers as bigint
        )
    ) as owner_at,
    list_transform(
        range(0, handovers + 1),
        lambda turn: (below($reps, deal, 7) + turn * (1 + below($reps // 3, deal, 8))) % $reps
    ) as owners,
from walked;
"""

OPPORTUNITIES_SQL = """
with
    standing as (
        select
            deal,
            account,
            created,
            stages[1 + len(list_filter(stage_at, lambda moment: moment < known()))] as stage,
            list_max(list_filter(stage_at, lambda moment: moment < known())) as moved,
            close_days[1 + len(list_filter(push_at, lambda moment: moment < known()))] as close_day,
            amounts[1 + len(list_filter(amount_at, lambda moment: moment < known()))] as amount,
            owners[1 + len(list_filter(owner_at, lambda moment: moment < known()))] as owner,
        from deals
        where
            is_told(created)
            or len(
                list_filter(
                    stage_at || push_at || amount_at || owner_at, lambda moment: is_told(moment)
                )
            ) > 0
    )
select
    name_of('O', deal) as opportunity_id,
    name_of('A', account) as account_id,
    name_of('R', owner) as owner_id,
    'default' as pipeline,
    stage,
    instant_of(created) as created_at,
    case when is_closed then instant_of(moved) end as closed_at,
    date '1970-01-01' + cast(close_day as integer) as expected_close_date,
    amount,
    currency_of(account) as currency,
    case stage
        when 'Prospect' then 0.1 when 'Qualified' then 0.25 when 'Proposal' then 0.5
        when 'Negotiation' then 0.75 when 'Won' then 1.0 else 0.0
    end as probability,
    case when is_closed then 'closed' else one_of(['pipeline', 'best case', 'commit'], deal, 50) end
        as forecast_category,
    case
        when stage = 'Disqualified' then 'Not qualified'
        when stage = 'Lost'
        then
            one_of(
                ['Price', 'Price', 'Delivery date', 'Competitor', 'No decision', 'Timing'], deal, 51
            )
    end as outcome_reason,
    one_of(['Uptime', 'Cost of ownership', 'Compliance', 'Lead time'], deal, 52)
        as value_proposition,
    one_of(['Referral', 'Web', 'Fair', 'Campaign', 'Existing customer'], deal, 53) as lead_source,
    one_of(['New business', 'Repeat', 'Repeat', 'Service'], deal, 54) as opportunity_type,
    name_of('P', below($products, deal, 55)) as product_id,
    false as is_deleted,
from (
    select *, stage in ('Won', 'Lost', 'Disqualified', 'Duplicate') as is_closed, from standing
)
order by deal
"""

CHANGES_SQL = """
select
    name_of('O', deal) as opportunity_id,
    instant_of(changed) as changed_at,
    field,
    old_value,
    new_value,
    turn as sequence,
    name_of('R', owners[1]) as changed_by,
from (
    select
        deal, owners, 'stage' as field,
        unnest(stage_at) as changed,
        unnest(stages[:-2]) as old_value,
        unnest(stages[2:]) as new_value,
        unnest(range(1, len(stages))) as turn,
    from deals
    union all
    select
        deal, owners, 'expected_close_date' as field,
        unnest(push_at) as changed,
        cast(date '1970-01-01' + cast(unnest(close_days[:-2]) as integer) as varchar) as old_value,
        cast(date '1970-01-01' + cast(unnest(close_days[2:]) as integer) as varchar) as new_value,
        unnest(range(1, len(close_days))) as turn,
    from deals
    union all
    select
        deal, owners, 'amount' as field,
        unnest(amount_at) as changed,
        cast(unnest(amounts[:-2]) as varchar) as old_value,
        cast(unnest(amounts[2:]) as varchar) as new_value,
        unnest(range(1, len(amounts))) as turn,
    from deals
    union all
    select
        deal, owners, 'owner_id' as field,
        unnest(owner_at) as changed,
        name_of('R', unnest(owners[:-2])) as old_value,
        name_of('R', unnest(owners[2:])) as new_value,
        unnest(range(1, len(owners))) as turn,
    from deals
)
where is_told(changed)
order by changed, deal, field
"""

ANSWERS_SQL = """
with
    scored as (
        select
            deal, owners[1] as rater, created, stage_at,
            0.15 + 0.45 * cast(list_contains(stages, 'Won') as integer) as latent,
            6 + below(3, deal, 60) as answer_count,
            below(9, deal, 61) as skipped,
        from deals
        where chance(deal, 62) < 0.1
    ),
    -- when the deal is new; again before the second step, for some; by a second rater, for few
    assessed as (
        select *, 0 as turn, created + (stage_at[1] - created) // 3 as assessed, from scored
        union all
        select *, 1 as turn, stage_at[2] - 3600 as assessed, from scored
        where len(stage_at) >= 2 and chance(deal, 63) < 0.3
        union all
        select *, 2 as turn, created + (stage_at[1] - created) // 2 as assessed, from scored
        where chance(deal, 64) < 0.05
    ),
    answered as (
        select
            assessed.*, attributes.name, attributes.answers,
            least(0.999, latent + 0.4 * chance(deal * 16 + attributes.number, 65 + turn)) as value,
        from assessed
        inner join attributes on (attributes.number + skipped) % 9 < answer_count
    )
select
    name_of('O', deal) as opportunity_id,
    name as attribute_id,
    answers[1 + cast(floor(value * len(answers)) as bigint)] as rating,
    instant_of(assessed) as assessed_at,
    name_of('R', (rater + turn // 2) % $reps) as assessed_by,
from answered
where is_told(assessed)
order by assessed, deal, name, turn
"""

# A rep's work on deals, and on objectives: what is told of one deal in two, a few times each.
ACTIVITIES_SQL = """
with
    happened as (
        select
            'V' as kind,
            deal * 8 + turn as number,
            created + cast((stage_at[-1] - created) * chance(deal * 8 + turn, 70) as bigint)
                as happened,
            owners[1] as rep,
            name_of('O', deal) as opportunity_id,
            name_of('A', account) as account_id,
            null as objective_id,
        from deals
        cross join range(3) as turns(turn)
        where chance(deal * 8 + turn, 71) < 0.17
        union all
        select
            'X' as kind,
            (rep * 50 + objective) * 4 + turn as number,
            begins * 86400 + 86400 * below(30, rep * 100 + objective, 72 + turn) as happened,
            rep,
            null as opportunity_id,
            null as account_id,
            objective_id,
        from objectives
        cross join range(4) as turns(turn)
        where objective % 3 = rep % 3
    )
select
    name_of(kind, number) as activity_id,
    instant_of(happened) as occurred_at,
    name_of('R', rep) as rep_id,
    one_of(['call', 'meeting', 'email', 'visit'], number, 73) as activity_type,
    opportunity_id,
    account_id,
    objective_id,
    one_of(['purchasing', 'engineering', 'management'], number, 74) as participant_function,
    15 * (1 + below(8, number, 75)) as duration_minutes,
from happened
where is_told(happened)
order by happened, kind, number
"""

# The lives of order lines; only those young enough can have news in an increment.
LINES = f"""
create or replace view lines as
with
    numbered as (
        select
            line,
            2 * line // 5 as "order",
            line - (5 * (2 * line // 5) + 1) // 2 + 1 as number,
            started()
            + (2 * line // 5) * cast({LINES_PER_ORDER * YEARS_IN_DAYS * 86400} as bigint) // $lines
                as ordered,
        from range($first_line, $all_lines) as numbers(line)
    ),
    planned as (
        select
            *,
            account_of("order", 100) as account,
            below($reps, "order", 101) as rep,
            below($products, line, 102) as product,
            1 + below(60, line, 103) as quantity,
            ordered // 86400 + 7 + below(50, line, 104) as requested_day,
            chance(line, 105) < 0.02 as is_cancelled,
            one_of([0, 0, 0, 7, 14], line, 106) as promised_after,
            case
                when chance(line, 107) < 0.75 then -below(6, line, 108)
                else 1 + below(25, line, 108)
            end as days_late,
        from numbered
    )
select
    *,
    requested_day + promised_after as first_promise,
    -- who sees that it will be late says so once or twice before the promise is due
    case
        when days_late <= 2 or chance(line, 109) < 0.3 then 0
        when chance(line, 110) < 0.25 then 2
        else 1
    end as promise_moves,
    (requested_day + promised_after - 4) * 86400 + 30000 + line % 3600 as first_moved,
    (requested_day + promised_after - 2) * 86400 + 30000 + line % 3600 as last_moved,
    case when is_cancelled then (ordered // 86400 + 5) * 86400 + 40000 end as cancelled,
    case when not is_cancelled then (requested_day + promised_after + days_late) * 86400 + 50000 end
        as shipped,
    (1 + below(6, line, 111)) * 86400 as travelled,
    case
        when quantity > 3 and chance(line, 112) < 0.07 then quantity // 2
        when quantity > 30 and chance(line, 112) < 0.1 then quantity - 1
        else quantity
    end as first_quantity,
    chance(line, 112) < 0.07 and quantity > 3 as is_split,
from planned;
"""

ORDER_LINES_SQL = """
select
    name_of('S', "order") as order_id,
    number as line_number,
    name_of('A', account) as account_id,
    name_of('P', product) as product_id,
    name_of('R', rep) as rep_id,
    instant_of(ordered) as ordered_at,
    quantity,
    cast(10 + 490 * chance(product, 120) as decimal(18, 2)) as unit_price_amount,
    one_of([0.0, 0.0, 0.02, 0.05], line, 121) as discount_rate,
    currency_of(account) as currency,
    date '1970-01-01' + cast(requested_day as integer) as requested_date,
    date '1970-01-01' + cast(first_promise as integer) as first_promise_date,
    date '1970-01-01'
    + cast(
        first_promise
        + case
            when promise_moves >= 1 and last_moved < known() then days_late
            when promise_moves = 2 and first_moved < known() then 2
            else 0
        end as integer
    ) as current_promise_date,
    case when cancelled < known() then day_of(cancelled) end as cancelled_on,
    case
        when cancelled < known() then one_of(['customer', 'customer', 'late', 'other'], line, 122)
    end as cancelled_by,
from lines
where
    is_told(ordered)
    or coalesce(is_told(cancelled), false)
    or (promise_moves = 2 and is_told(first_moved) and ordered < known())
    or (promise_moves >= 1 and is_told(last_moved) and ordered < known())
"""

# The log holds the lines whose promise moved, from their first promise on.
PROMISES_SQL = """
select
    name_of('S', "order") as order_id,
    number as line_number,
    instant_of(moved) as changed_at,
    date '1970-01-01' + cast(promise_day as integer) as promise_date,
    one_of(['sales', 'production', 'production'], line, 130 + turn) as changed_by_function,
    'promise' as kind,
    case when turn > 0 then one_of(['material', 'capacity', 'quality'], line, 133) end as reason,
from (
    select
        *,
        [ordered + 600, first_moved, last_moved][1 + turn] as moved,
        first_promise + [0, 2, days_late][1 + turn] as promise_day,
    from (
        select
            "order", number, line, ordered, first_promise, first_moved, last_moved, days_late,
            unnest(case promise_moves when 1 then [0, 2] when 2 then [0, 1, 2] end) as turn,
        from lines
    )
)
where is_told(moved)
"""

SHIPMENTS_SQL = """
select
    name_of('D', line * 2 + part) as shipment_id,
    name_of('S', "order") as order_id,
    number as line_number,
    case when part = 0 then first_quantity else quantity - first_quantity end as quantity,
    day_of(left_at) as shipped_on,
    case when left_at + travelled < known() then day_of(left_at + travelled) end as delivered_on,
    cast(5 + quantity * chance(line, 140) as decimal(18, 2)) as freight_amount,
    currency_of(account) as currency,
    days_late > 10 and chance(line, 141) < 0.4 as is_expedited,
from (
    select *, shipped + part * 3 * 86400 as left_at,
    from (select *, unnest(range(if(is_split, 2, 1))) as part, from lines)
)
where left_at < known() and (is_told(left_at) or is_told(left_at + travelled))
"""

RETURNS_SQL = """
select
    name_of('B', line) as return_id,
    name_of('S', "order") as order_id,
    number as line_number,
    1 as quantity,
    day_of(shipped + 20 * 86400) as returned_on,
    cast(10 + 200 * chance(line, 150) as decimal(18, 2)) as credit_amount,
    one_of(['damaged', 'wrong item', 'late'], line, 151) as reason,
from lines
where chance(line, 152) < 0.01 and is_told(shipped + 20 * 86400)
"""

WORKS = f"""
create or replace view works as
select
    *,
    4 + "work" % 3 as report_count,
    started() + "work" * ({YEARS_IN_DAYS} * 86400) // $work_orders as released,
    cast("work" * ($lines::double / $work_orders) as bigint) as line,
    20 + below(180, "work", 201) as quantity,
    below($products, "work", 202) as product,
from range($first_work, $all_work_orders) as numbers("work");

create or replace view reports as
select
    *,
    released + report * 43200 + below(28800, "work" * 8 + report, 203) as started,
    600 + below(13000, "work" * 8 + report, 204) as lasted,
from (select *, unnest(range(1, report_count + 1)) as report, from works);
"""

WORK_ORDERS_SQL = """
with
    standing as (
        select
            *,
            released + 43200 + below(28800, "work" * 8 + 1, 203) as started,
            released
            + report_count * 43200
            + below(28800, "work" * 8 + report_count, 203)
            + 600
            + below(13000, "work" * 8 + report_count, 204) as finished,
        from works
    )
select
    name_of('W', "work") as work_order_id,
    name_of('P', product) as product_id,
    name_of('S', 2 * line // 5) as order_id,
    line - (5 * (2 * line // 5) + 1) // 2 + 1 as line_number,
    quantity,
    instant_of(released) as released_at,
    instant_of(released) + interval 12 hour as planned_start_at,
    instant_of(released) + interval 72 hour as planned_end_at,
    case when started < known() then instant_of(started) end as started_at,
    case when finished < known() then instant_of(finished) end as finished_at,
    case
        when finished < known() then 'finished' when started < known() then 'started'
        else 'released'
    end as status,
from standing
where is_told(released) or (released < known() and (is_told(started) or is_told(finished)))
"""

REPORTS_SQL = """
select
    name_of('W', "work") as work_order_id,
    report * 10 as operation_number,
    name_of('C', (product + report * 7) % $work_centers) as work_center_id,
    instant_of(started) as started_at,
    case when started + lasted < known() then instant_of(started + lasted) end as finished_at,
    case
        when report = 1 then 'setup' when chance("work" * 8 + report, 205) < 0.02 then 'breakdown'
        else 'run'
    end as report_type,
    case when report > 1 and started + lasted < known() then quantity - scrapped end
        as quantity_good,
    case when report > 1 and started + lasted < known() then scrapped end as quantity_scrapped,
    name_of('H', below($workers, "work" * 8 + report, 206)) as worker_id,
from (
    select
        *,
        case when chance("work" * 8 + report, 207) < 0.1 then 1 + below(5, "work", 208) else 0 end
            as scrapped,
    from reports
)
where is_told(started) or (started < known() and is_told(started + lasted))
"""

FX_RATES_SQL = """
select
    day as rate_date,
    currency,
    round(middle * (1 + 0.08 * sin(epoch(day) / 86400 / 90 + middle)), 6) as rate_to_base,
from (
    select
        unnest(generate_series(date '$first_rate', date '$last_rate', interval 1 day))::date as day
)
cross join (values ('EUR', 1.09), ('GBP', 1.27)) as currencies(currency, middle)
where isodow(day) < 6
order by rate_date, currency
"""

#: what changes rarely: whole in the base, not in the increment
SMALL = {
    "accounts": """
        select
            name_of('A', account) as account_id,
            'Account ' || account as account_name,
            case when account % 20 = 19 then name_of('A', account - 19) end as parent_account_id,
            one_of(['Enterprise', 'Mid-market', 'Small'], account, 300) as segment,
            one_of(['Food', 'Chemicals', 'Water', 'Energy', 'Pharma'], account, 301) as industry,
            one_of(['Americas', 'EMEA', 'APAC'], account, 302) as region,
            one_of(['Direct', 'Distributor'], account, 303) as channel,
        from range($accounts) as numbers(account)
    """,
    "products": """
        select
            name_of('P', product) as product_id,
            'Product ' || product as product_name,
            one_of(['Valves', 'Pumps', 'Actuators', 'Sensors', 'Seals'], product, 310)
                as product_family,
            'M' || product % 9 as product_manager_id,
            cast(10 + 490 * chance(product, 120) as decimal(18, 2)) as list_price_amount,
            cast(4 + 190 * chance(product, 120) as decimal(18, 2)) as variable_cost_amount,
            'USD' as currency,
        from range($products) as numbers(product)
    """,
    "sales_reps": """
        select
            name_of('R', rep) as rep_id,
            'Rep ' || rep as rep_name,
            name_of('R', rep // 10 * 10) as manager_id,
            one_of(['North', 'South', 'East', 'West'], rep, 320) as territory,
            date '2018-01-01' + cast(below(1600, rep, 321) as integer) as hired_on,
        from range($reps) as numbers(rep)
    """,
    "rep_absences": """
        select
            name_of('R', rep) as rep_id,
            date '2022-08-01' + cast(year * 365 + below(300, rep * 9 + year, 330) as integer)
                as starts_on,
            starts_on + 14 as ends_on,
        from range($reps) as numbers(rep)
        cross join range(4) as years(year)
        where starts_on < date '2026-06-01'
    """,
    "opportunity_splits": """
        select
            name_of('O', deal) as opportunity_id,
            name_of('R', (owners[1] + partner * ($reps // 2)) % $reps) as rep_id,
            [0.6, 0.4][1 + partner] as split_share,
        from deals
        cross join range(2) as partners(partner)
        where deal % 50 = 0 and created < known()
    """,
    "product_changes": """
        select
            'PC' || lpad(change::varchar, 3, '0') as product_change_id,
            name_of('P', change * 7 % $products) as product_id,
            'M' || change * 7 % $products % 9 as product_manager_id,
            one_of(['New version', 'New option', 'Phase-out'], change, 340) as change_type,
            one_of(['S', 'M', 'L'], change, 341) as size_class,
            date '2022-07-01' + cast(change * 24 as integer) as effective_on,
            effective_on - 10 as operations_signed_off_on,
            effective_on - 5 as sales_signed_off_on,
        from range(60) as numbers(change)
    """,
    "rep_objectives": """
        select
            objective_id,
            name_of('R', rep) as rep_id,
            'Objective ' || objective as objective_name,
            'M' || objective % 9 as issued_by,
            name_of('P', objective * 7 % $products) as product_id,
            'PC' || lpad(objective::varchar, 3, '0') as product_change_id,
            one_of([0.1, 0.15, 0.2, 0.3], objective, 350) as weight,
            100 * (4 + below(20, objective, 351)) as bonus_amount,
            50000 as target,
            date '1970-01-01' + cast(begins as integer) as valid_from,
            date '1970-01-01' + cast(ends as integer) as valid_to,
        from objectives
        order by objective, rep
    """,
    "objective_results": """
        select
            objective_id,
            name_of('R', rep) as rep_id,
            date_trunc('month', date '1970-01-01' + cast(begins as integer) + 31 * month::integer)
                ::date as period_start,
            below(9000, rep * 1000 + objective, 360 + month) as actual,
        from objectives
        cross join range(3) as months(month)
        where begins + 31 * month < known() // 86400
        order by objective, rep, month
    """,
    "work_centers": """
        select
            name_of('C', work_center) as work_center_id,
            'Work centre ' || work_center as work_center_name,
            80 as available_hours_per_week,
        from range($work_centers) as numbers(work_center)
    """,
}

#: three objectives a quarter, and two that last
OBJECTIVES = """
create or replace table objectives as
select
    rep,
    objective,
    'OBJ' || lpad(objective::varchar, 3, '0') as objective_id,
    epoch(
        case
            when objective >= 48 then date '2022-07-01'
            else date '2022-07-01' + to_months(cast(objective // 3 * 3 as integer))
        end
    )::bigint // 86400 as begins,
    case
        when objective < 48
        then
            epoch(date '2022-07-01' + to_months(cast(objective // 3 * 3 + 3 as integer)))::bigint
            // 86400
    end as ends,
from range($reps) as reps(rep)
cross join range(50) as numbers(objective);

create or replace table attributes as
select
    unnest(range(9)) as number,
    unnest([
        'need', 'budget', 'authority', 'timing', 'capability_fit', 'competition', 'relationship',
        'decision_process', 'delivery_fit'
    ]) as name,
    case unnest(range(9))
        when 3
        then
            [
                'no date', 'some day', 'next fiscal year', 'this fiscal year', 'this quarter',
                'date fixed'
            ]
        when 5
        then
            [
                'incumbent preferred', 'specified for a rival', 'several equal',
                'we are among two', 'we are preferred', 'no rival'
            ]
        else ['0', '1', '2', '3', '4', '5']
    end as answers;
"""

EXTRACTS = {
    "opportunities": OPPORTUNITIES_SQL,
    "opportunity_changes": CHANGES_SQL,
    "qualification_answers": ANSWERS_SQL,
    "activities": ACTIVITIES_SQL,
    "order_lines": ORDER_LINES_SQL,
    "promise_changes": PROMISES_SQL,
    "shipments": SHIPMENTS_SQL,
    "returns": RETURNS_SQL,
    "work_orders": WORK_ORDERS_SQL,
    "operations": REPORTS_SQL,
    "fx_rates": FX_RATES_SQL,
}


def write_base(landing: Path, scale: float) -> dict[str, int]:
    """Writes `standard/<entity>__2026-06-30.csv` of all entities; returns their rows."""
    return _write(landing / "standard", scale, is_increment=False)


def write_increment(landing: Path, scale: float) -> dict[str, int]:
    """Writes `standard/<entity>.delta__2026-07-01.csv` of what changed; returns their rows."""
    return _write(landing / "standard", scale, is_increment=True)


def _write(folder: Path, scale: float, is_increment: bool) -> dict[str, int]:
    """
    Raises:
        duckdb.Error: the disk is full; what was written so far stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = Company(scale).numbers
    window = YEARS_IN_DAYS * 86400 // 100 if is_increment else 0
    grown = 1.01 if is_increment else 1
    known = {
        **numbers,
        **{f"all_{name}": round(numbers[name] * grown) for name in ("deals", "lines")},
        "all_work_orders": round(numbers["work_orders"] * grown),
        # a line lives 130 days at most, a work order 4
        "first_line": round(numbers["lines"] * 0.9) if is_increment else 0,
        "first_work": round(numbers["work_orders"] * 0.99) if is_increment else 0,
        "window": window,
        "since": f"epoch(timestamp '{BASE_DAY}')::bigint" if is_increment else 0,
        "first_day": "2022-07-01",
        "base_day": BASE_DAY,
        "next_day": NEXT_DAY,
        "first_rate": "2026-06-30" if is_increment else "2022-06-20",
        "last_rate": NEXT_DAY if is_increment else "2026-06-29",
    }
    rows: dict[str, int] = {}
    scratch = folder.parent / ".generating"
    extracts = EXTRACTS if is_increment else EXTRACTS | SMALL
    try:
        with duckdb.connect(str(scratch)) as connection:
            connection.execute("set memory_limit = '4GB'")
            for script in (MACROS, OBJECTIVES, DEALS, LINES, WORKS):
                connection.execute(Template(script).substitute(known))
            for entity, query in extracts.items():
                kind = ".delta" if is_increment else ""
                file = folder / f"{entity}{kind}__{NEXT_DAY if is_increment else BASE_DAY}.csv"
                [(rows[entity],)] = connection.execute(
                    f"copy ({Template(query).substitute(known)}) to '{file}' (header)"
                ).fetchall()
    finally:
        scratch.unlink(missing_ok=True)
        scratch.with_name(scratch.name + ".wal").unlink(missing_ok=True)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.company", description=__doc__)
    parser.add_argument("what", choices=("base", "increment"))
    parser.add_argument("landing", type=Path)
    parser.add_argument("scale", type=float)
    asked = parser.parse_args()
    write = write_base if asked.what == "base" else write_increment
    print(json.dumps(write(asked.landing, asked.scale)))

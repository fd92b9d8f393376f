"""Account × product profit: cents that all come home, drains that were planted, real freight.

The property runs the SQL of the models themselves, rendered as dbt would, on random ledgers.
"""

import os
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
import yaml

from tests.line import PROJECT

DBT = PROJECT / "dbt_project"
LEDGERS = 1_000
DRIVERS = ("shipments", "orders", "sales_minutes", "returns")
ENTRY = "source_system, cost_month, cost_pool, ledger_driver"


def sql_of(model: str) -> str:
    """The SQL of a model, each `ref` being a table of that name."""
    [path] = DBT.glob(f"models/**/{model}.sql")
    variables = yaml.safe_load((DBT / "dbt_project.yml").read_text())["vars"]
    source = (DBT / "macros/rates.sql").read_text() + path.read_text()
    return jinja2.Template(source).render(ref=str, var=variables.__getitem__)


def build(marts: duckdb.DuckDBPyConnection, *models: str) -> None:
    for model in models:
        marts.execute(f"create or replace table {model} as {sql_of(model)}")


def amount(draw: random.Random) -> Decimal:
    """Cents of any size, sometimes taken back, sometimes none."""
    size = draw.choice((0, 1, 7, 100, 99_999, 10**9, 10**14))
    return Decimal(draw.randint(-size if draw.random() < 0.2 else 0, size)) / 100


def quantity(draw: random.Random) -> Decimal:
    """Whole drivers, thirds of orders, minutes; now and then next to nothing, or very much."""
    return draw.choice(
        (
            Decimal(draw.randint(1, 9)),
            Decimal(draw.randint(1, 10**6)) / 3,
            Decimal(1) / draw.randint(1, 10**6),
            Decimal(draw.randint(1, 10**11)),
        )
    ).quantize(Decimal("0.000001"))


@pytest.fixture(scope="module")
def ledgers() -> duckdb.DuckDBPyConnection:
    """A thousand companies, each a source system, with what the allocation makes of them."""
    draw = random.Random(6)
    entries: list[tuple[Any, ...]] = []
    driven: list[tuple[Any, ...]] = []
    for company in range(LEDGERS):
        system = f"company {company}"
        for pool in range(draw.randint(1, 4)):
            # not in the seed, kept whole, or shared out
            driver = draw.choice((None, "none", *DRIVERS, *DRIVERS))
            month = f"2026-0{draw.randint(1, 2)}-01"
            entries.append(
                (system, month, f"pool {pool}", "none", "order", driver, amount(draw), 0, 0.1, True)
            )
        pairs = [(f"a{n % 4}", f"p{n // 4}") for n in range(draw.randint(0, 9))]
        for driver in DRIVERS:
            for month in ("2026-01-01", "2026-02-01"):
                if draw.random() < 0.3:
                    continue
                driven += [
                    (driver, month, *pair, system, quantity(draw))
                    for pair in (*pairs, *([(None, None)] if draw.random() < 0.2 else []))
                ]
    marts = duckdb.connect()
    marts.execute("set threads = 1")
    marts.execute(
        "create table int_cost_entries_priced (source_system varchar, cost_month date, cost_pool"
        " varchar, ledger_driver varchar, cost_class varchar, driver varchar, ledger_amount"
        " decimal(18, 2), unpriced_count bigint, accuracy_rate double, is_accuracy_stated boolean)"
    )
    marts.execute(
        "create table int_cost_driver_quantities (driver varchar, cost_month date, account_id"
        " varchar, product_id varchar, source_system varchar, quantity decimal(24, 6))"
    )
    for table, rows in (
        ("int_cost_entries_priced", entries),
        ("int_cost_driver_quantities", driven),
    ):
        values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
        marts.execute(f"insert into {table} values {values}")
    build(marts, "int_cost_allocations", "mart_profit_reconciliation")
    return marts


def literal(value: Any) -> str:
    if value is None:
        return "null"
    return f"'{value}'" if isinstance(value, str) else str(value)


def test_every_ledger_comes_home_to_the_cent(ledgers: duckdb.DuckDBPyConnection) -> None:
    [found] = ledgers.execute(
        "select count(distinct source_system), count(*) filter (residual_amount <> 0),"
        " count(*) filter (allocated_amount <> 0 and unallocated_amount = 0),"
        " count(*) filter (allocated_amount <> 0 and unallocated_amount <> 0),"
        " count(*) filter (allocated_amount < 0) from mart_profit_reconciliation"
    ).fetchall()
    companies, unequal, *kinds = found
    assert (companies, unequal) == (LEDGERS, 0)
    # the ledgers hold what could go wrong: whole, in part, taken back
    assert min(kinds) > 30, kinds


def test_what_is_left_has_its_reason(ledgers: duckdb.DuckDBPyConnection) -> None:
    wrong = ledgers.execute(
        """
        select * from mart_profit_reconciliation
        where (unallocated_amount <> 0 and unallocated_reason is null)
            or (driver = 'unknown') <> (
                coalesce(unallocated_reason, '') = 'the pool is not in cost_drivers'
            )
            or (driver = 'none') <> (coalesce(unallocated_reason, '') = 'kept whole')
            or (unallocated_reason = 'nothing drove it this month') <> (
                driver not in ('unknown', 'none') and not exists (
                    from int_cost_driver_quantities as driven
                    where driven.source_system = mart_profit_reconciliation.source_system
                        and driven.cost_month = mart_profit_reconciliation.cost_month
                        and driven.driver = mart_profit_reconciliation.driver
                )
            )
        """
    ).fetchall()
    assert wrong == []


def test_no_share_is_a_cent_off(ledgers: duckdb.DuckDBPyConnection) -> None:
    """Against largest remainders by plain Python: the whole cents, then one each by remainder."""
    driven: dict[tuple[Any, ...], dict[tuple[Any, ...], Decimal]] = defaultdict(dict)
    for *key, account, product, part in ledgers.execute(
        "select source_system, cost_month, driver, account_id, product_id, quantity"
        " from int_cost_driver_quantities"
    ).fetchall():
        driven[tuple(key)][account, product] = part
    given: dict[tuple[Any, ...], dict[tuple[Any, ...], Decimal]] = defaultdict(dict)
    for *key, account, product, cents in ledgers.execute(
        f"select {ENTRY}, account_id, product_id, amount from int_cost_allocations"
    ).fetchall():
        given[tuple(key)][account, product] = cents
    judged = 0
    for *key, driver, total in ledgers.execute(
        f"select {ENTRY}, driver, ledger_amount from int_cost_entries_priced"
    ).fetchall():
        shares = driven.get((key[0], key[1], driver))
        if shares:
            assert given[tuple(key)] == largest_remainders(total, shares), key
            judged += 1
    assert judged > LEDGERS / 2


def largest_remainders(
    total: Decimal, shares: dict[tuple[Any, ...], Decimal]
) -> dict[tuple[Any, ...], Decimal]:
    cents, whole = abs(int(total * 100)), sum(int(part * 10**6) for part in shares.values())
    parts = {pair: divmod(cents * int(part * 10**6), whole) for pair, part in shares.items()}
    first = sorted(
        parts, key=lambda pair: (-parts[pair][1], pair[0] is None, pair[0] or "", pair[1] or "")
    )
    left = cents - sum(full for full, _ in parts.values())
    sign = -1 if total < 0 else 1
    return {
        pair: Decimal(sign * (parts[pair][0] + (place < left))) / 100
        for place, pair in enumerate(first)
    }

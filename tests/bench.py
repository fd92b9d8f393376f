"""`make bench SCALE=…`: what each part of the line costs on a demo company of that scale.

Seconds depend on the machine; the ratios are taken in one run and are what to compare: landing
against DuckDB's bare read_csv of the same files, the checks against the rest of the line.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from assets.dbt import build
from assets.demo import simulate
from assets.landing.land import land, prepare
from assets.publish import publish
from assets.settings import Settings
from assets.systems import all_systems
from expectations.checks import systems
from expectations.suites.entry import with_ledger
from expectations.suites.marts import mart_gates
from expectations.validation import Gate, keep, validate
from orchestration.resources import name_warehouse

seconds: dict[str, float] = {}


@contextmanager
def timed(part: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - started
    print(f"  {part:<32}{seconds[part]:>9.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 = 20,000 opportunities")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(Path(home), date(2026, 6, 30))
        name_warehouse(settings)
        with timed("making the extracts"):
            simulate(settings.home, scale=scale)
        files = [str(file) for file in settings.landing.glob("*/*.csv")]
        with timed("bare read_csv of them"), duckdb.connect() as connection:
            for number, file in enumerate(files):
                connection.execute(
                    f"create table t{number} as select * from read_csv(?, all_varchar = true,"
                    " ignore_errors = true)",
                    [file],
                )
        with timed("landing"):
            prepare(settings)
            for system in all_systems().values():
                land(system, settings)
        entry = [
            Gate(
                f"raw_{system}",
                entity,
                f'select * from raw_{system}."{entity}"',
                with_ledger(system, entity, suite),
                system,
            )
            for system, entities in systems().items()
            for entity, suite in entities.items()
        ]
        with timed("entry checks"):
            keep(settings.warehouse, "entry", "bench", validate(settings.warehouse, entry))
        with timed("dbt build"):
            build(settings, ["fqn:*"])
        with timed("exit checks"):
            keep(
                settings.warehouse,
                "exit",
                "bench",
                validate(settings.warehouse, mart_gates(settings)),
            )
        with timed("publish"):
            rows = sum(mart["rows"] for mart in publish(settings, "bench")["marts"].values())
    bare = seconds["bare read_csv of them"] / seconds["landing"]
    checks = seconds["entry checks"] + seconds["exit checks"]
    line = seconds["landing"] + seconds["dbt build"] + seconds["publish"]
    own, child = (
        resource.getrusage(who).ru_maxrss / 2**20
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        f"\n  bare read_csv ÷ landing         {bare:>9.2f}"
        f"\n  checks ÷ the line without them  {checks / line:>9.2f}"
        f"\n  peak memory, GB: {own:.2f} own, {child:.2f} dbt; {rows:,} rows published"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Readers of the published file, as BI tools are: they ask, wait, and ask again, all day.

Sixteen processes together ask eight queries a second, half of them aggregates and half look-ups of
one key. Each holds the file open and opens it anew when another lies in its place.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

READERS = 16
QUERIES_A_SECOND = 8
#: asked in turn; the numbered keys are those of rows which every scale has
QUERIES = """
    select close_month, sum(won_count), sum(win_rate_numerator) / sum(win_rate_denominator)
    from mart_sales_outcomes_monthly group by close_month order by close_month;

    select * from fct_opportunities where opportunity_id = 'O00000{number:03}';

    select stage, count(*), sum(amount_base) from fct_opportunities group by stage;

    select * from fct_order_line_deliveries where order_id = 'S00000{number:03}';

    select segment, sum(amount_base) from fct_pipeline_snapshots
    where snapshot_date = (select max(snapshot_date) from fct_pipeline_snapshots) group by segment;

    select * from fct_operations where work_order_id = 'W00000{number:03}'
""".split(";")


@dataclass
class Heard:
    """What the readers have lived to see: a latency per query, in milliseconds."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def reading(database: Path, folder: Path) -> Iterator[Heard]:
    """Has the readers ask, all of them from the beginning to the end; then tells."""
    heard = Heard()
    stop = folder / "stop-reading"
    stop.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.bench.readers", str(database), str(stop)]
    readers = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(READERS)
    ]
    try:
        for reader in readers:
            assert reader.stdout, "it was asked for"
            reader.stdout.readline()
        yield heard
    finally:
        stop.touch()
        for reader in readers:
            said = json.loads(reader.communicate()[0])
            heard.milliseconds += said["milliseconds"]
            heard.errors += said["errors"]
            heard.versions |= set(said["versions"])
        stop.unlink()


def read(database: Path, stop: Path, reader: int) -> dict[str, Any]:
    """One reader, until the file `stop` is there."""
    connection, inode = _open(database), database.stat().st_ino
    print("ready", flush=True)
    heard = Heard()
    between = READERS / QUERIES_A_SECOND
    due = time.perf_counter() + between * reader / READERS
    asked = reader
    while not stop.exists():
        # who is late because the answer before took so long has waited since it was due
        started = due
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
            started = time.perf_counter()
        query = QUERIES[asked % len(QUERIES)].format(number=asked * 37 % 200)
        try:
            if database.stat().st_ino != inode:
                connection.close()
                connection, inode = _open(database), database.stat().st_ino
            connection.execute(query).fetchall()
        except (duckdb.Error, OSError) as error:
            heard.errors.append(str(error))
        heard.milliseconds.append((time.perf_counter() - started) * 1000)
        versions = connection.execute("select version from publish_info").fetchall()
        heard.versions |= {version for (version,) in versions}
        asked += 1
        due += between
    return asdict(heard) | {"versions": sorted(heard.versions)}


def _open(database: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"attach '{database}' as published (read_only)")
    connection.execute("use published.marts")
    return connection


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.readers", description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("stop", type=Path)
    parser.add_argument("reader", type=int)
    print(json.dumps(read(**vars(parser.parse_args()))))

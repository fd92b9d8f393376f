"""What is timed in a process of its own and is no command of the product."""

import argparse
import time
from datetime import date
from pathlib import Path

import duckdb

from assets.settings import Settings
from tests.bench import scores


def read_csv(settings: Settings) -> None:
    """DuckDB's bare read_csv of every extract, with its defaults, into a database file."""
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        for file in sorted(settings.landing.glob("*/*.csv")):
            connection.execute(f"create table \"{file.stem}\" as from read_csv('{file}')")


def landing(settings: Settings) -> None:
    from assets.landing.land import land, prepare
    from assets.systems import all_systems

    prepare(settings)
    for system in all_systems().values():
        land(system, settings)


def publish(settings: Settings) -> None:
    from assets.publish import publish

    publish(settings, "bench")


def make_deals(settings: Settings) -> None:
    scores.write(settings.home)


def train_score(settings: Settings) -> None:
    """Says what came of it, so that a model which was not fitted is no quick one."""
    fitted = scores.train(settings.home / scores.RESOLVED)
    print(fitted.status, fitted.report.validation)


def apply_score(settings: Settings) -> None:
    """Says when the model was there, which is not part of scoring, and how much it then said."""
    fitted = scores.train(settings.home / scores.FEW)
    print(time.time())
    probabilities, reasons = scores.apply(fitted, settings.home / scores.OPEN)
    print(len(probabilities), reasons.num_rows)


PARTS = {
    part.__name__: part
    for part in (read_csv, landing, publish, make_deals, train_score, apply_score)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("home", type=Path)
    parser.add_argument("as_of", type=date.fromisoformat)
    asked = parser.parse_args()
    PARTS[asked.part](Settings(asked.home, asked.as_of))

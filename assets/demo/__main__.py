"""`python -m assets.demo --home data`: makes the demo company's extracts."""

import argparse
import sys
import time
from datetime import date
from pathlib import Path

from assets.demo.company import TRUTHS
from assets.demo.simulation import simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m assets.demo", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a FUNNELWORKS_HOME")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="1 = 20,000 opportunities")
    parser.add_argument("--until", type=date.fromisoformat, default=date(2026, 6, 30))
    parser.add_argument("--weeks", type=int, default=8, help="weeks of deltas at the end")
    parser.add_argument(
        "--without", default="", help=f"truths to leave out, by comma: {', '.join(TRUTHS)}"
    )
    given = parser.parse_args()
    begun = time.perf_counter()

    def say(line: str) -> None:
        print(f"[{time.perf_counter() - begun:6.1f} s] {line}", flush=True)

    try:
        simulate(
            given.home,
            seed=given.seed,
            scale=given.scale,
            until=given.until,
            weeks=given.weeks,
            without=frozenset(filter(None, given.without.split(","))),
            say=say,
        )
    except ValueError as wrong:
        sys.exit(f"demo: {wrong}")


if __name__ == "__main__":
    main()

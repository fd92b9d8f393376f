"""`make bench SCALE=…`: what each part of the line costs, beside what it could cost.

SCALE=1 is 2 million opportunities with 12 million changes, 5 million order lines and 20 million
operations. Seconds depend on the machine and on who else uses it; the ratios are of one run. Every
part is a process of its own and leaves its memory behind. Which part is measured against what:

floor      one DuckDB script that makes the same marts from the same files (`tests/bench/floor.py`)
read_csv   DuckDB's bare read_csv of the same files, and landing alone beside it
line       `python -m orchestration run`, divided at its steps
dbt        bare `dbt build` on what was landed, beside the line's step
again      the line once more, with nothing new in landing
increment  the line on 1 % more, and whether it gives the bytes of a full build of both
readers    sixteen readers of the published file while another version is published
demo       the line on the demo company, and once more with nothing new
scores     training on 200,000 resolved deals, and scoring 1,000,000 open ones, at any scale
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from tests.bench import company, floor, scores
from tests.bench.measure import NOTHING, Cost, Measured, run
from tests.bench.readers import READERS, reading
from tests.line import PROJECT, Line

BASE, NEXT = date.fromisoformat(company.BASE_DAY), date.fromisoformat(company.NEXT_DAY)
GB = 2**30
#: models that a Markdown report names
DEAREST = 20


@dataclass(frozen=True)
class Row:
    """A line of the table; a part of a part is indented. Rows and bytes as far as they matter."""

    part: str
    cost: Cost
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Target:
    """`figure` by the clock, `cpu_figure` by CPU seconds where it is a ratio of two.

    `is_reached` None = nothing is wanted of it.
    """

    name: str
    wanted: str
    figure: str
    cpu_figure: str
    is_reached: bool | None

    @property
    def verdict(self) -> str:
        return {True: "yes", False: "NO", None: ""}[self.is_reached]


@dataclass
class Bench:
    """The folder of everything that is made, and what was found."""

    folder: Path
    scale: float
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    costs: dict[str, Cost] = field(default_factory=dict)
    #: model, or "publish" and mart → CPU seconds in the floor
    models: dict[str, float] = field(default_factory=dict)
    #: of the line's runs: part of the line → its cost
    steps: dict[str, dict[str, Cost]] = field(default_factory=dict)

    def note(self, part: str, cost: Cost, rows: int | None = None, size: int | None = None) -> None:
        self.costs[part.strip()] = cost
        self.rows.append(Row(part, cost, rows, size))
        print(_row_text(self.rows[-1]), flush=True)

    def home(self, name: str, *landings: str) -> Path:
        """A fresh home whose landing folder holds these extracts, as links."""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        for landing in landings:
            self.deliver(home, landing)
        return home

    def deliver(self, home: Path, landing: str) -> None:
        folder = home / "landing" / "standard"
        folder.mkdir(parents=True, exist_ok=True)
        for file in (self.extracts(landing) / "standard").iterdir():
            os.link(file, folder / file.name)

    def extracts(self, name: str) -> Path:
        return self.folder / f"{name}-{self.scale:g}"

    def part(self, name: str, home: Path, as_of: date) -> Cost:
        """One of `tests/bench/parts.py`."""
        return self.process("tests.bench.parts", name, str(home), str(as_of)).cost

    def process(self, *command: str, line: Line | None = None) -> Measured:
        line = line or Line(self.folder)
        return run([sys.executable, "-m", *command], line.environment(), PROJECT)

    def run_line(self, part: str, home: Path, as_of: date = BASE) -> Line:
        """The line as its user runs it, and the cost of its steps."""
        line = Line(home, str(as_of))
        measured = self.process("orchestration", "run", line=line)
        marts = line.manifest()["marts"].values()
        self.note(part, measured.cost, sum(m["rows"] for m in marts), _size(home / "published"))
        self.steps[part] = _divided(measured, home)
        for step, cost in self.steps[part].items():
            self.note(f"    {part}: {step}", cost)
        return line

    def without_checks(self, part: str) -> tuple[Cost, Cost]:
        """A run of the line without its checks, and its checks."""
        checks = sum((c for step, c in self.steps[part].items() if "checks" in step), NOTHING)
        whole = self.costs[part]
        rest = Cost(
            whole.seconds - checks.seconds,
            whole.cpu_seconds - checks.cpu_seconds,
            whole.peak_bytes,
        )
        return rest, checks

    def ratio(
        self,
        name: str,
        wanted: str,
        is_reached: Callable[[float], bool | None],
        one: Cost,
        other: Cost,
    ) -> None:
        by_clock = one.seconds / other.seconds
        by_cpu = one.cpu_seconds / other.cpu_seconds
        self.targets.append(
            Target(name, wanted, f"{by_clock:.2f}", f"{by_cpu:.2f}", is_reached(by_clock))
        )


def make_extracts(bench: Bench) -> None:
    for name in ("base", "increment"):
        folder = bench.extracts(name)
        if not folder.exists():
            made = bench.process("tests.bench.company", name, str(folder), str(bench.scale))
            counts = json.loads(made.output)
            bench.note(f"making the {name}", made.cost, sum(counts.values()), _size(folder))


def time_floor(bench: Bench) -> None:
    home = bench.home("floor", "base")
    floor.plan(home, BASE)
    made = bench.process("tests.bench.floor", str(home), str(BASE))
    bench.note("floor", made.cost, None, _size(home / "published"))
    costs = json.loads((home / floor.COSTS).read_text())
    bench.models = dict(sorted(costs.items(), key=lambda cost: -cost[1]))


def time_read_csv(bench: Bench) -> None:
    size = _size(bench.extracts("base"))
    bare = bench.part("read_csv", bench.home("bare", "base"), BASE)
    bench.note("bare read_csv", bare, None, size)
    landing = bench.part("landing", bench.home("landed", "base"), BASE)
    bench.note("landing alone", landing, None, size)
    bench.ratio("bare read_csv ÷ landing", "at least 0.60", lambda r: r >= 0.6, bare, landing)


def time_line(bench: Bench) -> None:
    bench.run_line("line", bench.home("line", "base"))
    rest, checks = bench.without_checks("line")
    bench.ratio("checks ÷ line without them", "at most 0.40", lambda r: r <= 0.4, checks, rest)
    if "floor" in bench.costs:
        under = bench.costs["floor"]
        bench.ratio("line without checks ÷ floor", "at most 1.50", lambda r: r <= 1.5, rest, under)


def time_dbt(bench: Bench) -> None:
    """On the warehouse of `landing alone`."""
    from assets.dbt import dbt_command

    line = Line(bench.folder / "landed")
    settings = line.environment(FUNNELWORKS_WAREHOUSE=str(line.home / "warehouse/warehouse.duckdb"))
    target = str(line.home / "dbt")
    command = dbt_command("build", "--quiet", "--exclude-resource-type", "unit_test")
    built = run([*command, "--target-path", target, "--log-path", target], settings, PROJECT)
    bench.note("bare dbt build", built.cost)
    step = bench.steps["line"]["build"]
    bench.ratio("line's build ÷ bare dbt build", "said only", lambda r: None, step, built.cost)


def time_again(bench: Bench) -> None:
    bench.run_line("again", bench.folder / "line")


def time_increment(bench: Bench) -> None:
    home = bench.folder / "line"
    bench.deliver(home, "increment")
    grown = bench.run_line("increment", home, NEXT).checksums(of_extracts_alone=True)
    whole = bench.run_line("full build of both", bench.home("whole", "base", "increment"), NEXT)
    built = whole.checksums(of_extracts_alone=True)
    found = {name for name, checksum in built.items() if grown[name] != checksum}
    shutil.rmtree(whole.home)
    costs = bench.costs["increment"], bench.costs["full build of both"]
    bench.ratio("increment ÷ full run", "at most 0.10", lambda r: r <= 0.1, *costs)
    others = (
        f"{len(found)} marts differ: {', '.join(sorted(found))}" if found else "all marts equal"
    )
    bench.targets.append(Target("increment = full build", "the same bytes", others, "", not found))


def time_readers(bench: Bench) -> None:
    """The version before the increment is put back, so that all that changed is published again."""
    line = Line(bench.folder / "line", str(NEXT))
    rolled_back = line.run("rollback")
    if rolled_back.returncode:
        raise RuntimeError(rolled_back.stderr)
    with reading(line.home / "published" / "marts.duckdb", bench.folder) as heard:
        bench.note("publish, being read", bench.part("publish", line.home, NEXT))
    told = f"p50 {heard.quantile(0.5):.0f} ms, p95 {heard.quantile(0.95):.0f} ms"
    told += f", longest {max(heard.milliseconds):.0f} ms of {len(heard.milliseconds):,} queries"
    bench.targets.append(
        Target(f"{READERS} readers, p95", "under 150 ms", told, "", heard.quantile(0.95) < 150)
    )
    errors = f"{len(heard.errors)} errors, {len(heard.versions)} versions read"
    bench.targets.append(
        Target("readers' errors", "none", errors, "", not heard.errors and len(heard.versions) == 2)
    )


def time_demo(bench: Bench) -> None:
    home = bench.home("demo")
    made = bench.process("assets.demo", "--home", str(home))
    bench.note("making the demo company", made.cost)
    bench.run_line("demo", home)
    bench.run_line("demo again", home)
    seconds = bench.costs["demo again"].seconds
    cpu = bench.costs["demo again"].cpu_seconds
    bench.targets.append(
        Target("demo, nothing new", "under 45 s", f"{seconds:.0f} s", f"{cpu:.0f} s", seconds < 45)
    )


def time_scores(bench: Bench) -> None:
    home = bench.home("scores")
    made = bench.part("make_deals", home, BASE)
    bench.note("making simulated deals", made, sum(scores.DEALS.values()), _size(home))
    trained = bench.process("tests.bench.parts", "train_score", str(home), str(BASE))
    resolved = scores.DEALS[scores.RESOLVED]
    bench.note("training a score", trained.cost, resolved)
    is_fitted = trained.output.strip() == "fitted forward in time"
    seconds = trained.cost.seconds
    bench.targets.append(
        Target(
            f"training on {resolved:,} deals",
            "within 180 s",
            f"{seconds:.0f} s ({trained.output.strip()})",
            f"{trained.cost.cpu_seconds:.0f} s",
            is_fitted and seconds <= 180,
        )
    )
    applied = bench.process("tests.bench.parts", "apply_score", str(home), str(BASE))
    start, said, reasons = map(float, applied.output.split())
    cost = applied.cost_between(start, applied.looks[-1][0])
    bench.note("scoring, with reasons", cost, int(reasons))
    bench.targets.append(
        Target(
            f"scoring {int(said):,} deals",
            "within 60 s, 4 GB",
            f"{cost.seconds:.0f} s, {cost.peak_bytes / GB:.2f} GB",
            f"{cost.cpu_seconds:.0f} s",
            cost.seconds <= 60 and cost.peak_bytes <= 4 * GB,
        )
    )


PARTS: dict[str, Callable[[Bench], None]] = {
    "floor": time_floor,
    "read_csv": time_read_csv,
    "line": time_line,
    "dbt": time_dbt,
    "again": time_again,
    "increment": time_increment,
    "readers": time_readers,
    "demo": time_demo,
    "scores": time_scores,
}
#: what a part needs to have run before it
NEEDS = {
    "dbt": ("read_csv", "line"),
    "again": ("line",),
    "increment": ("line",),
    "readers": ("line", "increment"),
}


def _divided(measured: Measured, home: Path) -> dict[str, Cost]:
    """What a run of the line spent on which part, by Dagster's record of its steps."""
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(home / "dagster")  # which its configuration asks for
    with dg.DagsterInstance.get() as instance:
        [record] = instance.get_run_records(limit=1)
        steps = instance.get_run_step_stats(record.dagster_run.run_id)
    spent: dict[str, Cost] = {}
    for start, end, name in sorted((s.start_time or 0, s.end_time or 0, s.step_key) for s in steps):
        part = _part_of(name)
        spent[part] = spent.get(part, NOTHING) + measured.cost_between(start, end)
    known = sum(spent.values(), NOTHING)
    whole = measured.cost
    spent["starting, stopping, between"] = Cost(
        whole.seconds - known.seconds, whole.cpu_seconds - known.cpu_seconds, 0
    )
    return spent


def _part_of(step: str) -> str:
    match step.partition("_")[0]:
        case "land" | "landing":
            return "landing"
        case "check":
            return "exit checks" if step == "check_marts" else "entry checks"
        case "dbt":
            return "build"
        case "published":
            return "publish"
        case _:
            return step


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, each once however many names it has."""
    found = {entry.stat().st_ino: entry.stat().st_size for entry in folder.rglob("*")}
    return sum(found.values())


def _row_text(row: Row) -> str:
    cost = row.cost
    peak = f"{cost.peak_bytes / GB:.2f}" if cost.peak_bytes else ""
    rows = f"{row.rows:,}" if row.rows is not None else ""
    size = f"{row.bytes / GB:.2f}" if row.bytes is not None else ""
    return f"{row.part:<46}{cost.seconds:>9.1f}{cost.cpu_seconds:>9.1f}{peak:>9}{rows:>15}{size:>9}"


HEAD = f"{'':<46}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'rows':>15}{'GB':>9}"


def _target_lines(targets: list[Target]) -> Iterator[str]:
    yield f"{'':<32}{'wanted':<18}{'by CPU':>8}  reached  by the clock"
    for target in targets:
        yield (
            f"{target.name:<32}{target.wanted:<18}{target.cpu_figure:>8}  {target.verdict:<7}  "
            f"{target.figure}"
        )


def write_report(bench: Bench, file: Path) -> None:
    """As JSON where the file is called so, else as Markdown."""
    if file.suffix == ".json":
        found = {
            "scale": bench.scale,
            "processors": os.cpu_count(),
            "parts": [asdict(row) for row in bench.rows],
            "targets": [asdict(target) for target in bench.targets],
            "models": bench.models,
        }
        file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    lines = [
        f"At scale {bench.scale:g}, {os.cpu_count()} processors.\n",
        "| part | seconds | CPU seconds | peak GB | rows | GB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in bench.rows:
        name = row.part.strip() if row.part == row.part.strip() else f"… {row.part.strip()}"
        peak = f"{row.cost.peak_bytes / GB:.2f}" if row.cost.peak_bytes else ""
        rows = f"{row.rows:,}" if row.rows is not None else ""
        size = f"{row.bytes / GB:.2f}" if row.bytes is not None else ""
        lines.append(
            f"| {name} | {row.cost.seconds:.1f} | {row.cost.cpu_seconds:.1f} | {peak} | {rows} |"
            f" {size} |"
        )
    lines += ["\n| target | wanted | by the clock | by CPU | reached |", "|---|---|---|---|---|"]
    lines += [
        f"| {target.name} | {target.wanted} | {target.figure} | {target.cpu_figure} |"
        f" {target.verdict} |"
        for target in bench.targets
    ]
    lines += ["\n| dearest in the floor | CPU seconds |", "|---|---:|"]
    lines += [f"| {name} | {cpu:.2f} |" for name, cpu in list(bench.models.items())[:DEAREST]]
    file.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--report", type=Path, help="a .json or .md file")
    parser.add_argument("--folder", type=Path, help="work here, and keep it; else a temporary one")
    asked = parser.parse_args()
    needed = {need for part in asked.only for need in NEEDS.get(part, ())}
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench((asked.folder or Path(temporary)).resolve(), asked.scale)
        print(HEAD, flush=True)
        make_extracts(bench)
        for name, time_part in PARTS.items():
            if name in asked.only or name in needed:
                time_part(bench)
    runs = [cost.peak_bytes for part, cost in bench.costs.items() if part in bench.steps]
    if runs:
        peak = max(runs) / GB
        target = Target("peak memory of the line", "under 8 GB", f"{peak:.2f} GB", "", peak < 8)
        bench.targets.append(target)
    print("\n" + "\n".join(_target_lines(bench.targets)))
    if asked.report:
        write_report(bench, asked.report)


if __name__ == "__main__":
    main()

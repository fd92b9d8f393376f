"""The commands behind the Makefile: run, retrain, demo, status, rollback and the others.

Each speaks plain words and ends with exit status 0 only when what it was asked for is done.
"""

import argparse
import json
import logging
import os
import re
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assets.settings import DamagedError, Settings
from orchestration import history
from orchestration.resources import (
    PROJECT,
    SettingError,
    dagster_home,
    read_settings,
    set_as_of,
    setting,
    wipe_runs,
)
from orchestration.turns import turn, under_way

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

#: the commands that change a home, and so wait for their turn
ALONE = ("run", "retrain", "demo", "rollback", "forget", "rebuild", "reports")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m orchestration", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the line on what lies in landing")
    commands.add_parser("retrain", help="the same, with every score trained anew")
    commands.add_parser("demo", help="the same, and say what was built")
    commands.add_parser("status", help="what is published, what waits, what the last run said")
    commands.add_parser("rollback", help="put the previous publish back")
    allowing = commands.add_parser("allow", help="let one refused file or drifted mart through")
    target = allowing.add_mutually_exclusive_group(required=True)
    target.add_argument("--file", help="the file's path below landing/")
    target.add_argument("--drift", help="the mart's name")
    allowing.add_argument("--reason", required=True)
    forgetting = commands.add_parser("forget", help="pseudonymise or erase a person everywhere")
    forgetting.add_argument("--person", required=True, help="the id as the source has it")
    forgetting.add_argument("--system", default="", help="the source system, or all")
    forgetting.add_argument("--mode", default="pseudonymise", help="pseudonymise or erase")
    forgetting.add_argument("--reason", required=True)
    quoting = commands.add_parser("quote", help="the dates that can be promised for an order")
    quoting.add_argument("--product", required=True, help="its id or name")
    quoting.add_argument("--quantity", required=True, help="how many")
    quoting.add_argument("--day", default="", help="the day of the order, as an ISO date")
    asking = commands.add_parser("metrics", help="metrics of what is published, by month and group")
    asking.add_argument("--metric", default="", help="names with commas between; none lists all")
    asking.add_argument("--by", default="", help="metric_time__month, segment, …")
    asking.add_argument("--where", action="append", default=[], help="<group>=<value>, repeatable")
    asking.add_argument("--since", type=date.fromisoformat, help="the first day, as an ISO date")
    asking.add_argument("--until", type=date.fromisoformat, help="the last day, as an ISO date")
    commands.add_parser("rebuild", help="make the warehouse anew from landing and state, and run")
    commands.add_parser("reports", help="build the reports of what is published; send nothing")
    commands.add_parser("ui", help="the web UI and the daemon on 127.0.0.1")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a wish to stop, like Ctrl-C
    try:
        settings = read_settings()
        if asked.command in ALONE:
            with turn(settings.home, _say):
                return _obey(asked, settings)
        return _obey(asked, settings)
    except (SettingError, DamagedError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped before it was done. What is published: make status", file=sys.stderr)
        return 130


def _obey(asked: argparse.Namespace, settings: Settings) -> int:
    match asked.command:
        case "run":
            return run(settings)
        case "retrain":
            return run(settings, "retrain")
        case "demo":
            return demo(settings)
        case "status":
            return status(settings)
        case "rollback":
            return put_back(settings)
        case "allow":
            return allow(settings, asked.file, asked.drift, asked.reason)
        case "forget":
            return forget(settings, asked.person, asked.system, asked.mode, asked.reason)
        case "quote":
            return quote(settings, asked.product, asked.quantity, asked.day)
        case "metrics":
            return metrics(settings, asked)
        case "rebuild":
            return rebuild(settings)
        case "reports":
            return reports(settings)
        case _:
            return ui(settings)


def _say(words: str) -> None:
    print(words, flush=True)


def run(settings: Settings, job: str = "refresh") -> int:
    """The job `refresh` or `retrain`, in this process; 0 = published."""
    started = time.monotonic()
    _say(f"Funnelworks: running the line on {settings.landing}")
    from assets.publish import current, withdraw

    run_id = str(uuid.uuid4())
    result, failures = _carried_out(settings, job, run_id)
    seconds = time.monotonic() - started
    published = current(settings)
    if published and published["run_id"] == run_id:
        for words in failures:  # of what came after
            print(words, file=sys.stderr)
        if failures:
            withdraw_served(settings)
        times = _where_the_time_went(result, seconds) if result else ""
        print(f"Published in {seconds:.0f} s{times}: {settings.published / 'marts.duckdb'}")
        return 0
    before = "is untouched"
    if withdraw(settings):
        before = "names people who are forgotten, and was taken away"
    withdraw_served(settings)
    print(
        f"\nNOT PUBLISHED (run {run_id}, {seconds:.0f} s). What was published before {before}.",
        file=sys.stderr,
    )
    _tell_ways_out(failures)
    return 1


def _carried_out(
    settings: Settings, job: str, run_id: str
) -> "tuple[dg.ExecuteInProcessResult | None, list[str]]":
    """Carries a job out in this process; its result where it began, and what failed, in words."""
    import dagster as dg
    import sqlalchemy as sa

    # what Dagster logs of its own steps is kept in its home; the console is for the line's words
    logging.getLogger("dagster").setLevel(logging.ERROR)
    result = None
    failures: list[str] = []
    try:
        home = dagster_home(settings)
        if aside := history.put_damaged_aside(home):
            _say(f"The history of runs was damaged and begun anew; what is left of it: {aside}")
            dagster_home(settings)
        from orchestration.definitions import defs

        with turn(settings.home, _say) as mine, dg.DagsterInstance.get() as instance:
            mine.begin(run_id, instance, settings)
            result = defs.resolve_job_def(job).execute_in_process(
                run_id=run_id,
                instance=instance,
                run_config={"loggers": {"console": {}}},
                raise_on_error=False,
            )
        failures += dict.fromkeys(_what_failed(result))
    except sa.exc.DBAPIError as error:
        failures.append(f"The history of runs cannot be used: {error.orig}")
    except OSError as error:
        failures.append(str(error))
    return result, failures


def _tell_ways_out(failures: list[str]) -> None:
    said = "\n".join(failures)
    ways_out = (way for what, way in WAYS_OUT.items() if re.search(what, said) and way not in said)
    for words in (*failures, *ways_out):
        print(words, file=sys.stderr)


def reports(settings: Settings) -> int:
    """Builds every report from what is published; 0 = all of them."""
    started = time.monotonic()
    _say(f"Funnelworks: building reports from {settings.published / 'marts.duckdb'}")
    result, failures = _carried_out(settings, "reports", str(uuid.uuid4()))
    if result is None or not result.success:
        print("\nNOT ALL REPORTS BUILT. Those of before are kept.", file=sys.stderr)
        _tell_ways_out(failures)
        return 1
    print(
        f"Reports in {time.monotonic() - started:.0f} s: {settings.reports / 'index.html'}"
        "  (open it in a browser)"
    )
    return 0


def withdraw_served(settings: Settings) -> bool:
    """Takes what names people who are forgotten off the server, too; False: it could not."""
    if settings.postgres is None:
        return True
    from assets.serving import ServingError, withdraw

    try:
        for version in withdraw(settings):
            print(f"PostgreSQL: version {version} names people who are forgotten: taken away")
    except ServingError as error:
        print(
            f"What PostgreSQL serves may still name people who are forgotten: {error}",
            file=sys.stderr,
        )
        return False
    return True


def _where_the_time_went(result: "dg.ExecuteInProcessResult", seconds: float) -> str:
    """In brackets, by the part of the line; `start` is Python and Dagster getting ready."""
    parts = {"landing": "landing", "land": "landing", "check": "checks", "dbt": "models"}
    spent = dict.fromkeys(("start", "landing", "checks", "models", "publish"), 0.0)
    for event in result.all_events:
        if event.is_step_success:
            part = parts.get(str(event.step_key).split("_")[0], "publish")
            spent[part] += event.step_success_data.duration_ms / 1000
    spent["start"] = seconds - sum(spent.values())
    return f" ({', '.join(f'{part} {took:.0f}' for part, took in spent.items())})"


def _what_failed(result: "dg.ExecuteInProcessResult") -> Iterator[str]:
    """In plain words and without stack traces; those are kept in Dagster's home."""
    blocked = [check for check in result.get_asset_check_evaluations() if not check.passed]
    for check in blocked:
        yield check.description or f"{check.asset_key.to_user_string()}: {check.check_name} failed"
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                yield failure.user_failure_data.description
            elif not (blocked and str(event.step_key).startswith("check_")):
                yield f"{event.step_key}: {_root_cause(failure.error)}"
        elif event.is_run_failure and not result.get_failed_step_keys():
            yield _root_cause(event.job_failure_data.error)


#: what DuckDB, SQLite and the system say of damage and of a full disk → what to do
WAYS_OUT = {
    "Corrupt database|not a valid DuckDB|Could not read enough|WAL file": (
        "If the warehouse is damaged, make it anew from landing and state: make rebuild"
    ),
    "No space left|disk is full|disk I/O error": "If the disk is full, make room and run again",
    "history of runs cannot be used: (?!database or disk is full|disk I/O error)": (
        "Nothing of the line is kept in it: delete history/ in Dagster's home and run again"
    ),
}
#: what Python puts before the words of an error that speaks for itself
PREFIX = re.compile(r"^(_duckdb\.\w+|[\w.]*(Damaged|Runtime|Setting|Value)Error): ")


def _root_cause(error: "SerializableErrorInfo | None") -> str:
    while error and error.cause and error.cls_name != DamagedError.__name__:  # which says it all
        error = error.cause
    if error is None:
        return "no reason was given"
    if error.cls_name == "DagsterExecutionInterruptedError":
        return "it was stopped from outside, by Ctrl-C or a signal"
    return PREFIX.sub("", error.message.strip())


def rebuild(settings: Settings) -> int:
    """Makes the warehouse anew: what was there is moved away at once, and nothing of it is left."""
    from assets.landing.land import discard

    discard(settings)
    return run(settings)


def demo(settings: Settings) -> int:
    """Makes the demo company's extracts, unless this home has them, and runs the line on them.

    The demo's world ends on a day of its own, so that it is the same company on every machine.
    """
    from assets.demo import simulate

    truth = settings.home / "demo" / "truth.json"
    until = setting("AS_OF", "2026-06-30")
    if truth.exists():
        until = json.loads(truth.read_text())["plan"]["as_of"]
        print(f"The demo company is there already: {settings.landing / 'standard'}")
    else:
        print(f"Making the demo company's extracts, up to {until}", flush=True)
        try:
            simulate(
                settings.home,
                until=date.fromisoformat(until),
                say=lambda line: print(f"  {line}", flush=True),
            )
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
    return run(set_as_of(until)) or show_demo(settings) or reports(settings)


def show_demo(settings: Settings) -> int:
    """What was built, how many rows, what was set aside, where to look."""
    import duckdb

    with duckdb.connect(str(settings.published / "marts.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name, estimated_size from duckdb_tables() where schema_name = 'marts'"
            " order by 1"
        ).fetchall()
        reasons = connection.execute(
            "select reason, count(*) from marts.marts.quarantined_rows"
            " group by 1 order by 2 desc, 1"
        ).fetchall()
    print("\nBuilt and published:")
    for name, rows in tables:
        print(f"  {name:<40}{rows:>12,} rows")
    print("\nSet aside (marts.quarantined_rows, readable in quarantine/):")
    for reason, rows in reasons:
        print(f"  {reason:<40}{rows:>12,} rows")
    print(
        f"\nWhere to look:\n  {settings.published / 'marts.duckdb'}  (schema marts; DuckDB ≥ 1.2)\n"
        f"  {settings.reports / 'data_quality' / 'index.html'}  (every check, in a browser)\n"
        "  make ui      the line and its runs on http://127.0.0.1:3000"
    )
    return 0


def status(settings: Settings) -> int:
    """Waits for nothing: while a run is under way it leaves the warehouse alone."""
    from assets.landing.land import waiting
    from assets.publish import current, versions

    try:
        manifest = current(settings)
    except DamagedError as error:
        manifest = None
        print(f"Published: {error}")
    else:
        if not manifest:
            print("Published: nothing yet")
    if manifest:
        age = datetime.now(UTC) - datetime.fromisoformat(manifest["published_at"])
        rows = sum(mart["rows"] for mart in manifest["marts"].values())
        print(
            f"Published: version {manifest['version']}, as of {manifest['as_of']}, "
            f"{len(manifest['marts'])} tables, {rows:,} rows, "
            f"{age.total_seconds() / 3600:.1f} h old"
        )
        print(f"Kept for rollback: {', '.join(versions(settings))}")
    if settings.postgres:
        from assets.serving import ServingError, served_version

        try:
            print(f"Served by PostgreSQL: version {served_version(settings) or 'none yet'}")
        except ServingError as error:
            print(f"Served by PostgreSQL: not known. {error}")
    if holder := under_way(settings.home):
        print(f"A run is under way: {holder}. What waits in landing is known when it has ended.")
    else:
        files = waiting(settings)
        print(f"Waiting in landing: {len(files)} files")
        for waits in files[:20]:
            print(f"  {waits.file} ({waits.state})")
    home = dagster_home(settings)
    import dagster as dg

    if history.is_damaged(home):
        print("Last run: the history of runs is damaged; the next run begins a new one")
        return 0
    with dg.DagsterInstance.get() as instance:
        for record in instance.get_run_records(limit=1):
            ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None
            said = record.dagster_run.status.value
            if not ended and not holder:
                said = "ended without a word: it was killed, or the machine went down"
            print(
                f"Last run: {record.dagster_run.job_name} {said}"
                + (f", ended {ended:%Y-%m-%d %H:%M} UTC" if ended else "")
            )
    return 0


def put_back(settings: Settings) -> int:
    from assets.publish import rollback, settle

    settle(settings)
    try:
        print(f"Published again: version {rollback(settings)}")
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    if settings.postgres:
        from assets.serving import ServingError, serve

        try:
            print(f"Served by PostgreSQL: version {serve(settings).version}")
        except ServingError as error:
            print(f"PostgreSQL serves what it did: {error}", file=sys.stderr)
            return 1
    return 0


def allow(settings: Settings, file: str | None, drift: str | None, reason: str) -> int:
    from assets.landing.land import allow as allow_file
    from assets.landing.ledger import record_override
    from assets.publish import current

    try:
        if not reason.strip():
            raise ValueError("say why: make allow DRIFT=… REASON='…'")
        if file:
            allow_file(settings, file, reason)
        else:
            published = current(settings)
            if published is None or drift not in published["marts"]:
                raise ValueError(f"no mart {drift} is published: there is nothing to let through")
            # it speaks of the step from this version to the next, and of no later one
            record_override(settings, "drift", str(drift), published["version"], reason)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Allowed: {file or drift}. It takes effect with the next run.")
    return 0


def quote(settings: Settings, product: str, quantity: str, day: str) -> int:
    """The dates that can be promised for a product, quantity and day (the as_of where none is
    given), from what is published; waits for nothing."""
    from assets.scoring import promises

    try:
        ordered = date.fromisoformat(day) if day else settings.as_of
        amount = float(quantity)
    except ValueError as error:
        print(f"Quantities are numbers, days dates like 2026-06-30: {error}", file=sys.stderr)
        return 2
    published = settings.published / "marts.duckdb"
    try:
        found = promises.quote(published, settings.home / "models", product, amount, ordered)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 1
    by_route = f" by {found.route}" if found.route else ""
    print(f"{amount:g} × {found.product_id}{by_route}, ordered on {ordered}:")
    for times, kept in zip((50, 80, 95), found.dates, strict=True):
        words = kept or "beyond the plant's calendar (dim_dates)"
        print(f"  kept {times} times in 100: {words}")
    print(
        f"By {found.lead_time_basis}, {found.finished_line_count:,} of them of this product;"
        f" model {found.model_version}."
    )
    return 0


def metrics(settings: Settings, asked: argparse.Namespace) -> int:
    """Metrics of what is published as CSV, or which there are; waits for nothing."""
    from assets import semantic_layer

    names, by = (re.split(r"[,\s]+", text.strip(" ,")) for text in (asked.metric, asked.by))
    if names == [""]:
        for metric in semantic_layer.metrics().values():
            per = f" By {' and '.join(metric.told_per)}." if metric.told_per else ""
            print(f"{metric.name} ({metric.unit}): {metric.definition}{per}")
        print(f"\nGroups: metric_time__<grain>, {', '.join(semantic_layer.groups())}")
        return 0
    try:
        where = dict(condition.split("=", 1) for condition in asked.where)
        groups = [name for name in by if name]
        found = semantic_layer.query(settings, names, groups, where, asked.since, asked.until)
    except (LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    import pyarrow.csv

    pyarrow.csv.write_csv(found, sys.stdout.buffer)
    return 0


def forget(settings: Settings, person: str, system: str, mode: str, reason: str) -> int:
    """Makes all anew without a person, and says which files in landing still name people."""
    import duckdb

    from assets.landing import people
    from assets.landing.land import gone, unclaimed
    from assets.publish import outdated, withdraw
    from assets.reports import shelf

    try:
        if lost := gone(settings):
            raise ValueError(
                f"{len(lost):,} files that were taken in lie in landing no more (such as"
                f" {', '.join(lost[:3])}), so that the warehouse cannot be made anew from landing:"
                " put them back; or give them up by make rebuild, and forget then"
            )
        sought = people.forget(settings, person, system, mode, reason)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    except duckdb.IOException as error:
        print(f"The warehouse is in use, so nothing was changed: {error}", file=sys.stderr)
        return 1
    for (source, place), rows in sorted(sought.found.items()):
        print(f"Named in {source}, {place}: {rows:,} rows")
    if not (sought.is_new or sought.found or outdated(settings)):
        print("Forgotten already: no raw row and no publish names this person.")
        return 0 if withdraw_served(settings) else 1
    wipe_runs(settings)
    had_reports = bool(shelf.kept(settings))
    try:
        exit_status = run(settings)
    finally:
        withdraw(settings)
        is_withdrawn = withdraw_served(settings)
    if exit_status == 0 and had_reports:
        exit_status = reports(settings)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        files = connection.execute(
            "select file, names_forgotten from landing.deliveries"
            " where coalesce(names_forgotten, true) order by file"
        ).fetchall()
    files += [(file, None) for file in unclaimed(settings)]
    if files:
        print("Yours to clean, as backups are: files in landing that name people forgotten")
        for file, was_read in files:
            print(f"  {settings.landing / file}{'' if was_read else ' (not read: look yourself)'}")
    if not is_withdrawn:
        print("When PostgreSQL can be reached again: give the same command", file=sys.stderr)
        return 1
    return exit_status


def ui(settings: Settings) -> int:
    dagster_home(settings)
    os.chdir(PROJECT)
    command = ["dagster", "dev", "-h", "127.0.0.1", "-w", "workspace.yaml"]
    os.execv(Path(sys.executable).with_name("dagster"), command)


if __name__ == "__main__":
    sys.exit(main())

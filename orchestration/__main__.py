"""The commands behind the Makefile: run, demo, status, rollback, allow, rebuild, ui.

Each speaks plain words and ends with exit status 0 only when what it was asked for is done.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assets.settings import Settings
from orchestration.resources import (
    PROJECT,
    SettingError,
    dagster_home,
    read_settings,
    set_as_of,
    setting,
)

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m orchestration", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the line on what lies in landing")
    commands.add_parser("demo", help="the same, and say what was built")
    commands.add_parser("status", help="what is published, what waits, what the last run said")
    commands.add_parser("rollback", help="put the previous publish back")
    allowing = commands.add_parser("allow", help="let one refused file or drifted mart through")
    target = allowing.add_mutually_exclusive_group(required=True)
    target.add_argument("--file", help="the file's path below landing/")
    target.add_argument("--drift", help="the mart's name")
    allowing.add_argument("--reason", required=True)
    commands.add_parser("rebuild", help="make the warehouse anew from landing and state, and run")
    commands.add_parser("ui", help="the web UI and the daemon on 127.0.0.1")
    asked = parser.parse_args(arguments)
    try:
        settings = read_settings()
        match asked.command:
            case "run":
                return run(settings)
            case "demo":
                return demo(settings)
            case "status":
                return status(settings)
            case "rollback":
                return put_back(settings)
            case "allow":
                return allow(settings, asked.file, asked.drift, asked.reason)
            case "rebuild":
                shutil.rmtree(settings.warehouse.parent, ignore_errors=True)
                return run(settings)
            case _:
                return ui(settings)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2


def run(settings: Settings) -> int:
    """The job `refresh`, in this process; 0 = published."""
    started = time.monotonic()
    dagster_home(settings)
    print(f"Funnelworks: running the line on {settings.landing}", flush=True)
    import dagster as dg

    from orchestration.definitions import defs

    # what Dagster logs of its own steps is kept in its home; the console is for the line's words
    logging.getLogger("dagster").setLevel(logging.ERROR)
    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {}}},
            raise_on_error=False,
        )
    seconds = time.monotonic() - started
    if result.success:
        print(f"Published in {seconds:.0f} s: {settings.published / 'marts.duckdb'}")
        return 0
    print(
        f"\nNOT PUBLISHED (run {result.run_id}, {seconds:.0f} s). What was published before is"
        " untouched.",
        file=sys.stderr,
    )
    for words in dict.fromkeys(_what_failed(result)):
        print(words, file=sys.stderr)
    return 1


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


def _root_cause(error: "SerializableErrorInfo | None") -> str:
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else "no reason was given"


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
    return run(set_as_of(until)) or show_demo(settings)


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
    from assets.landing.land import waiting
    from assets.publish import current, versions

    manifest = current(settings)
    if manifest:
        age = datetime.now(UTC) - datetime.fromisoformat(manifest["published_at"])
        rows = sum(mart["rows"] for mart in manifest["marts"].values())
        print(
            f"Published: version {manifest['version']}, as of {manifest['as_of']}, "
            f"{len(manifest['marts'])} tables, {rows:,} rows, "
            f"{age.total_seconds() / 3600:.1f} h old"
        )
        print(f"Kept for rollback: {', '.join(versions(settings))}")
    else:
        print("Published: nothing yet")
    files = waiting(settings)
    print(f"Waiting in landing: {len(files)} files")
    for waits in files[:20]:
        print(f"  {waits.file} ({waits.state})")
    dagster_home(settings)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        for record in instance.get_run_records(limit=1):
            ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None
            print(
                f"Last run: {record.dagster_run.job_name} {record.dagster_run.status.value}"
                + (f", ended {ended:%Y-%m-%d %H:%M} UTC" if ended else "")
            )
    return 0


def put_back(settings: Settings) -> int:
    from assets.publish import rollback

    try:
        print(f"Published again: version {rollback(settings)}")
    except LookupError as error:
        print(error, file=sys.stderr)
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


def ui(settings: Settings) -> int:
    dagster_home(settings)
    os.chdir(PROJECT)
    command = ["dagster", "dev", "-h", "127.0.0.1", "-w", "workspace.yaml"]
    os.execv(Path(sys.executable).with_name("dagster"), command)


if __name__ == "__main__":
    sys.exit(main())

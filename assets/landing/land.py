"""Takes extracts in: prepares the warehouse, lands what is new, says what waits.

Each file goes in with its ledger row in one transaction, or stays out whole. A killed run is
mended by the next one.
"""

import csv
import difflib
import re
import shlex
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from assets.landing import checking, history, ledger
from assets.landing.checking import Source, literal, normalised, quoted
from assets.landing.files import ClaimedFile, claim, walk
from assets.landing.ledger import Delivery
from assets.landing.reading import FileRefusedError, Reading, read
from assets.settings import Settings
from assets.systems import Entity, System, all_systems

CASTS = Path(__file__).with_name("casts.sql")
#: what landing knows of each raw row, behind the columns of the extract
ROW_COLUMNS = {
    "_file": "varchar",
    "_row_number": "bigint",
    "_delivery_id": "varchar",
    "_recorded_at": "timestamp",
    "_is_first_extract": "boolean",
    "_is_exact_duplicate": "boolean",
    "_valid_from": "timestamp",
    "_valid_to": "timestamp",
}
UNKNOWN = "unknown: another process is using the warehouse"
#: how long to wait for another process to let go of the warehouse
LOCK_SECONDS = 15.0
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class EntityLanding:
    """What one call of `land` did for one entity; the counts are of the files it took."""

    system: str
    entity: str
    files: list[str] = field(default_factory=list)
    rows_in: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    exact_duplicates: int = 0
    #: file → why it is refused and the way out
    refused: dict[str, str] = field(default_factory=dict)
    #: file → why it could not be taken, though it was let through
    set_aside: dict[str, str] = field(default_factory=dict)
    #: columns seen for the first time that the table list does not have
    extra_columns: list[str] = field(default_factory=list)
    #: optional columns that a file taken does not have
    missing_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class WaitingFile:
    """A claimed file that is not taken in yet."""

    file: str
    system: str
    entity: str
    state: str  # new, refused, or UNKNOWN


def prepare(settings: Settings) -> None:
    """Makes folders, warehouse, macros and every raw table that is not there yet. Idempotent.

    Raises:
        ValueError: the warehouse was built for another business zone.
    """
    for folder in (settings.landing, settings.warehouse.parent, settings.state):
        folder.mkdir(parents=True, exist_ok=True)
    with _connect(settings) as connection, _transaction(connection):
        connection.execute(ledger.TABLES)
        _create_macros(connection, settings.timezone)
        built_for = connection.execute(
            "select business_timezone from landing.run_settings where business_timezone <> $1",
            [settings.timezone],
        ).fetchone()
        if built_for:
            raise ValueError(
                f"the warehouse was built for the business zone {built_for[0]}, not"
                f" {settings.timezone}: set FUNNELWORKS_TIMEZONE back, or delete"
                f" {settings.warehouse} and let it be built again from landing"
            )
        connection.execute("delete from landing.run_settings")
        connection.execute(
            "insert into landing.run_settings"
            " values ($1, business_day_end(cast($1 as date)), $2, $3, $4)",
            [
                settings.as_of,
                settings.timezone,
                settings.base_currency,
                settings.fiscal_year_start_month,
            ],
        )
        _create_raw_tables(connection)


def land(system: System, settings: Settings) -> list[EntityLanding]:
    """Takes in whatever is new in `landing/<system>/`; call `prepare` first.

    Refused files are in the result and in the ledger; they raise nothing.
    """
    with _connect(settings) as connection:
        deliveries = ledger.identify(connection, _claimed(settings, [system]), settings)
        overridden = ledger.overridden(settings)
        return [
            _EntityLander(connection, system, entity, settings, overridden).land(
                [found for found in deliveries if found.claimed.entity.name == entity.name]
            )
            for entity in system.entities
        ]


def unclaimed(settings: Settings) -> list[str]:
    """Files in the landing folder that no entity claims; they are left alone."""
    systems = all_systems()
    return [
        path.relative_to(settings.landing).as_posix()
        for path in walk(settings.landing)
        if claim(path, settings.landing, systems) is None
    ]


def waiting(settings: Settings) -> list[WaitingFile]:
    """Claimed files that are not taken in yet, without touching anything.

    While another process holds the warehouse every file is of unknown state.
    """
    claimed = _claimed(settings, all_systems().values())
    ledger_rows: list[tuple[str, str, int, int, str]] = []
    if settings.warehouse.exists():
        try:
            with _connect(settings, read_only=True) as connection:
                ledger_rows = connection.execute(
                    "select delivery_id, file, size_bytes, modified_at_ns, status"
                    " from landing.deliveries"
                ).fetchall()
        except duckdb.IOException:
            return [
                WaitingFile(file.file, file.system.name, file.entity.name, UNKNOWN)
                for file in claimed
            ]
        except duckdb.CatalogException:
            pass  # made, but not prepared yet
    # A file that looks as it did when it was taken is not read again only to say so.
    by_looks = {(file, size, modified): status for _, file, size, modified, status in ledger_rows}
    by_content = {delivery_id: status for delivery_id, *_, status in ledger_rows}
    status_of = {
        file: by_looks.get((file.file, looks.st_size, looks.st_mtime_ns))
        for file in claimed
        for looks in [file.path.stat()]
    }
    unknown = [file for file, status in status_of.items() if status is None]
    with duckdb.connect() as connection:
        _create_macros(connection, settings.timezone)
        for delivery in ledger.identify(connection, unknown, settings, remember=False):
            status_of[delivery.claimed] = by_content.get(delivery.delivery_id, "new")
    return [
        WaitingFile(file.file, file.system.name, file.entity.name, status)
        for file, status in status_of.items()
        if status in ("new", "refused")
    ]


def allow(settings: Settings, file: str, reason: str) -> None:
    """Lets one refused file through: its content, under whatever name.

    Args:
        file: path below landing/, or any path to a file in it.

    Raises:
        FileNotFoundError: there is no such file in the landing folder.
        ValueError: no reason is given, or no entity claims the file.
    """
    if not reason.strip():
        raise ValueError("say why: make allow FILE=… REASON='…'")
    landing = settings.landing.resolve()
    path = next(
        (found for found in (landing / file, Path(file).resolve()) if found.is_file()), None
    )
    if path is None or not path.resolve().is_relative_to(landing):
        raise FileNotFoundError(f"there is no file {file} in {settings.landing}")
    below = path.resolve().relative_to(landing).as_posix()
    if claim(landing / below, landing, all_systems()) is None:
        raise ValueError(f"no entity of any system claims {below}: there is nothing to let through")
    ledger.record_override(settings, "file", below, ledger.content_hash(path), reason)


class _EntityLander:
    """Lands the deliveries of one entity, in stamp order."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        system: System,
        entity: Entity,
        settings: Settings,
        overridden: set[str],
    ) -> None:
        self.connection = connection
        self.system = system
        self.entity = entity
        self.settings = settings
        self.overridden = overridden
        self.table = _raw_table(system, entity)
        self.done = EntityLanding(system.name, entity.name)
        self.is_changed = False

    def land(self, deliveries: list[Delivery]) -> EntityLanding:
        """Takes what is new, and judges again what may look different in its light."""
        # A run that was killed may have left a delivery in raw without its consequences.
        self.is_changed = was_unsettled = self._is_unsettled()
        present = {delivery.delivery_id: delivery for delivery in deliveries}
        self._forget_refusals_of_files_gone(present)
        in_raw = self._in_raw()
        new = (
            (delivery.stamp, delivery.claimed.delivery, delivery.sha256, key)
            for key, delivery in present.items()
            if key not in in_raw
        )
        known = ((*found, key) for key, found in in_raw.items())
        in_order = sorted(
            [*new, *known], key=lambda found: (found[0], found[1] != "full", *found[2:])
        )
        for _, kind, _, delivery_id in in_order:
            delivery = present.get(delivery_id)
            if delivery is None:
                continue  # its file has left the folder: nobody could mend or allow it any more
            if delivery_id not in in_raw:
                self.is_changed |= self._take(delivery)
            elif self.is_changed and kind == "full":
                self._judge_again(delivery)
        if was_unsettled or self._is_unsettled():
            with _transaction(self.connection):
                history.settle(self.connection, self.system, self.entity)
        self._write_copies()
        return self.done

    def _take(self, delivery: Delivery) -> bool:
        """Loads one file or refuses it; says whether it was loaded."""
        file = delivery.claimed.file
        promised = [normalised(column.header or column.name) for column in self.entity.columns]
        try:
            with tempfile.TemporaryDirectory(dir=self.settings.warehouse.parent) as scratch:
                claimed = delivery.claimed
                reading = read(
                    self.connection, claimed.path, claimed.extension, promised, Path(scratch)
                )
            source, extra, missing = self._columns_of(reading)
            checking.set_aside(self.connection, source)
            known = _column_names(self.connection, self.table)
            new = [name for name in extra if name not in known]
            with _transaction(self.connection):
                for name in new:
                    column = f"{quoted(name)} varchar"
                    self.connection.execute(f"alter table {self.table} add column {column}")
                counts = self._load(delivery, reading, source, extra, missing)
                self._require_unchanged(delivery)
                self._require_no_shrinkage(delivery)
        except FileRefusedError as refusal:
            self._refuse(delivery, str(refusal), is_readable=isinstance(refusal, ShrinkageError))
            return False
        done = self.done
        done.files.append(file)
        done.rows_in += reading.rows_in
        done.rows_loaded += counts[0]
        done.rows_quarantined += counts[1]
        done.exact_duplicates += counts[2]
        done.extra_columns += new
        done.missing_columns += [name for name in missing if name not in done.missing_columns]
        return True

    def _columns_of(self, reading: Reading) -> tuple[Source, dict[str, str], list[str]]:
        """Matches headers to columns by name.

        Returns:
            the promised columns and their places; the extra ones (name in raw → place); the names
            of optional columns that the file lacks.

        Raises:
            FileRefusedError: two headers are one, or a required column is missing.
        """
        said: dict[str, str] = {}
        places: dict[str, str] = {}
        for position, header in enumerate(reading.headers):
            name = normalised(header)
            if name in said:
                raise FileRefusedError(
                    f"has two columns of one name: {said[name]!r} and {header!r}"
                )
            if name:
                said[name] = header
                places[name] = f"c{position}"
        columns = {
            column.name: places.get(normalised(column.header or column.name))
            for column in self.entity.columns
        }
        unused = {
            place: header
            for position, header in enumerate(reading.headers)
            if (place := f"c{position}") not in columns.values()
        }
        lacking = [
            column.header or column.name
            for column in self.entity.columns
            if column.required and columns[column.name] is None
        ]
        if lacking:
            headers = [header for header in unused.values() if header.strip()] or reading.headers
            nearest = (
                f"{name!r} (the nearest header is"
                f" {max(headers, key=lambda header: _likeness(name, header))!r})"
                for name in lacking
            )
            raise FileRefusedError(f"lacks the required column {', '.join(nearest)}")
        extra: dict[str, str] = {}
        for place, header in unused.items():
            stem = re.sub(r"[\W_]+", "_", header.casefold()).strip("_")
            stem = stem or f"column_{int(place[1:]) + 1}"
            taken = {*columns, *extra, "rowid"}
            candidates = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
            extra[next(name for name in candidates if name not in taken)] = place
        missing = [name for name, place in columns.items() if place is None]
        return Source(self.entity, columns, reading.headers), extra, missing

    def _load(
        self,
        delivery: Delivery,
        reading: Reading,
        source: Source,
        extra: dict[str, str],
        missing: list[str],
    ) -> tuple[int, int, int]:
        """Moves what was read into raw, the quarantine and the ledger.

        Returns:
            the numbers of rows loaded, of rows quarantined, and of exact duplicates among the
            rows loaded.
        """
        is_first = not self._in_raw()
        problems, repeats = self._count("problems"), self._count("repeats")
        is_kept = "_row_number not in (select _row_number from problems)" if problems else "true"
        is_repeat = "_row_number in (select _row_number from repeats)" if repeats else "false"
        values = {name: place for name, place in source.columns.items() if place} | extra
        stamp = f"timestamp {literal(delivery.stamp.isoformat(sep=' '))}"
        values |= {
            "_file": literal(delivery.claimed.file),
            "_row_number": "_row_number",
            "_delivery_id": literal(delivery.delivery_id),
            "_recorded_at": stamp,
            "_is_first_extract": str(is_first),
            "_is_exact_duplicate": is_repeat,
            "_valid_from": f"case when not {is_repeat} then {stamp} end" if repeats else stamp,
        }
        loaded = self._execute_counting(
            f"insert into {self.table} ({', '.join(map(quoted, values))})"
            f" select {', '.join(values.values())} from incoming where {is_kept}"
        )
        quarantined = self._execute_counting(
            """
            insert into landing.quarantined_rows
            select $1, $2, $3, _row_number, $4, reason, column_name, value, raw_text, row_key, $5
            from problems
            """,
            [
                self.system.name,
                self.entity.name,
                delivery.claimed.file,
                delivery.delivery_id,
                delivery.stamp,
            ],
        )
        duplicates = repeats and self._count(f"repeats where {is_kept}")
        self._record(
            delivery,
            status="loaded",
            read_as=reading.read_as,
            rows_in=reading.rows_in,
            rows_loaded=loaded,
            rows_quarantined=quarantined,
            exact_duplicates=duplicates,
            extra_columns=list(extra),
            missing_columns=missing,
            is_settled=is_first,
        )
        return loaded, quarantined, duplicates

    def _require_unchanged(self, delivery: Delivery) -> None:
        status = delivery.claimed.path.stat()
        if (status.st_size, status.st_mtime_ns) != (delivery.size_bytes, delivery.modified_at_ns):
            raise FileRefusedError("changed while it was read: run again when it is complete")

    def _require_no_shrinkage(self, delivery: Delivery) -> None:
        """Raises ShrinkageError where a full extract would delete too many keys, unasked."""
        is_allowed = delivery.sha256 in self.overridden
        if delivery.claimed.delivery != "full" or is_allowed or len(self._in_raw()) == 1:
            return
        present, known, lost, examples = history.shrinkage(
            self.connection, self.system, self.entity, delivery.delivery_id
        )
        if lost <= history.SHRINK_LIMIT * known:
            return
        if present == 0:
            raise ShrinkageError(f"has no rows, and {known:,} keys are known")
        raise ShrinkageError(
            f"would delete {lost:,} of the {known:,} keys known before it"
            f" ({lost / known:.0%}; such as {'; '.join(examples)}), more than"
            f" {history.SHRINK_LIMIT:.0%}"
        )

    def _judge_again(self, delivery: Delivery) -> None:
        """Takes a full extract out of raw again where, as is known now, it deletes too much."""
        try:
            self._require_no_shrinkage(delivery)
        except ShrinkageError as refusal:
            with _transaction(self.connection):
                for table in (self.table, "landing.quarantined_rows"):
                    key = "_delivery_id" if table == self.table else "delivery_id"
                    self.connection.execute(
                        f"delete from {table} where {key} = $1", [delivery.delivery_id]
                    )
                self._refuse(delivery, str(refusal), is_readable=True, is_settled=False)

    def _refuse(
        self, delivery: Delivery, message: str, is_readable: bool, is_settled: bool = True
    ) -> None:
        file = delivery.claimed.file
        if delivery.sha256 in self.overridden and not is_readable:
            message = f"{file} {message}. It was let through, so the run goes on without it."
            self.done.set_aside[file] = message
            self._record(delivery, status="set_aside", message=message)
            return
        effect = "take it as it is" if is_readable else "go on without it"
        message = (
            f"{file} {message}. Mend the file or take it out of landing, or {effect}:"
            f" make allow FILE={shlex.quote(file)} REASON='…'"
        )
        self.done.refused[file] = message
        self._record(delivery, status="refused", message=message, is_settled=is_settled)

    def _record(self, delivery: Delivery, **found: object) -> None:
        """Writes the ledger row of a delivery anew."""
        claimed = delivery.claimed
        row = {
            "delivery_id": delivery.delivery_id,
            "source_system": self.system.name,
            "entity": self.entity.name,
            "file": claimed.file,
            "sha256": delivery.sha256,
            "stamp": delivery.stamp,
            "is_stamp_first_seen": claimed.stamp is None,
            "delivery": claimed.delivery,
            "size_bytes": delivery.size_bytes,
            "modified_at_ns": delivery.modified_at_ns,
            "is_settled": True,
        } | found
        self.connection.execute(
            "delete from landing.deliveries where delivery_id = $1", [delivery.delivery_id]
        )
        self.connection.execute(
            f"insert into landing.deliveries ({', '.join(row)})"
            f" values ({', '.join('?' for _ in row)})",
            list(row.values()),
        )

    def _forget_refusals_of_files_gone(self, present: Iterable[str]) -> None:
        self.connection.execute(
            "delete from landing.deliveries where source_system = $1 and entity = $2"
            " and status <> 'loaded' and not list_contains($3::varchar[], delivery_id)",
            [self.system.name, self.entity.name, list(present)],
        )

    def _in_raw(self) -> dict[str, tuple[object, str, str]]:
        """The loaded deliveries: id → stamp, full or delta, checksum."""
        rows = self.connection.execute(
            "select delivery_id, stamp, delivery, sha256 from landing.deliveries"
            " where source_system = $1 and entity = $2 and status = 'loaded'",
            [self.system.name, self.entity.name],
        ).fetchall()
        return {delivery_id: (stamp, kind, sha256) for delivery_id, stamp, kind, sha256 in rows}

    def _is_unsettled(self) -> bool:
        return bool(
            self._count(
                f"landing.deliveries where source_system = {literal(self.system.name)}"
                f" and entity = {literal(self.entity.name)} and not is_settled"
            )
        )

    def _count(self, relation: str) -> int:
        return self._execute_counting(f"select count(*) from {relation}")

    def _execute_counting(self, sql: str, parameters: Iterable[object] = ()) -> int:
        """Runs a statement whose one value is a number of rows."""
        found = self.connection.execute(sql, list(parameters)).fetchone()
        assert found is not None
        return int(found[0])

    def _write_copies(self) -> None:
        """Keeps `quarantine/<system>/<entity>/<file>.csv` in step with the quarantined rows.

        A cell that a spreadsheet would take for a formula gets a leading '.
        """
        folder = self.settings.quarantine / self.system.name / self.entity.name
        files = self.connection.execute(
            "select distinct file from landing.quarantined_rows"
            " where source_system = $1 and entity = $2 order by file",
            [self.system.name, self.entity.name],
        ).fetchall()
        wanted = {Path(file).name + ".csv": file for (file,) in files}
        for path in folder.glob("*.csv"):
            if path.name not in wanted:
                path.unlink()
        for name, file in wanted.items():
            if (folder / name).exists() and not self.is_changed:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            rows = self.connection.execute(
                "select reason, column_name, row_number, value, raw_text"
                " from landing.quarantined_rows where file = $1 order by delivery_id, row_number",
                [file],
            )
            growing = folder / (name + ".tmp")
            with growing.open("w", encoding="utf-8", newline="") as target:
                writer = csv.writer(target)
                writer.writerow([column[0] for column in rows.description])
                while batch := rows.fetchmany(10_000):
                    writer.writerows([_without_formula(cell) for cell in row] for row in batch)
            growing.replace(folder / name)


class ShrinkageError(FileRefusedError):
    """The file is readable, but would delete more keys than a full extract may unasked."""


def _without_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _likeness(name: str, header: str) -> float:
    return difflib.SequenceMatcher(None, normalised(name), normalised(header)).ratio()


def _claimed(settings: Settings, systems: Iterable[System]) -> list[ClaimedFile]:
    by_name = {system.name: system for system in systems}
    found = (claim(path, settings.landing, by_name) for path in walk(settings.landing))
    return [file for file in found if file is not None]


def _raw_table(system: System, entity: Entity) -> str:
    return f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"


def _column_names(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in connection.execute(f"describe {table}").fetchall()}


def _create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """One table per entity of every system, with the columns of its table list today."""
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns()"
        " where database_name = current_database()"
    ).fetchall():
        found.setdefault((schema, table), set()).add(column)
    for system in all_systems().values():
        connection.execute(f"create schema if not exists {quoted('raw_' + system.name)}")
        for entity in system.entities:
            table = _raw_table(system, entity)
            columns = {column.name: "varchar" for column in entity.columns} | ROW_COLUMNS
            existing = found.get(("raw_" + system.name, entity.name))
            if existing is None:
                listed = ", ".join(f"{quoted(name)} {type_}" for name, type_ in columns.items())
                connection.execute(f"create table {table} ({listed})")
                continue
            for name in columns.keys() - existing:
                connection.execute(f"alter table {table} add column {quoted(name)} varchar")


def _create_macros(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    connection.execute(CASTS.read_text(encoding="utf-8").replace("$timezone", timezone))


@contextmanager
def _connect(settings: Settings, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, waiting a little where another process still holds it. Offline, in UTC."""
    give_up_at = time.monotonic() + (0 if read_only else LOCK_SECONDS)
    while True:
        try:
            connection = duckdb.connect(str(settings.warehouse), read_only=read_only)
            break
        except duckdb.IOException:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.2)
    try:
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        if not read_only:
            # one checkpoint at the end instead of one per file
            connection.execute("set checkpoint_threshold = '1GB'")
        yield connection
    finally:
        connection.close()


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()

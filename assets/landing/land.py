"""Takes extracts in: prepares the warehouse, lands what is new, says what waits.

Each file goes in with its ledger row in one transaction, alone or with others of its entity, or
stays out whole. A killed run is mended by the next one.
"""

import csv
import difflib
import hashlib
import os
import re
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from assets.landing import checking, history, ledger, people
from assets.landing.checking import Source, literal, normalised, quoted, shown
from assets.landing.files import ClaimedFile, claim, walk
from assets.landing.ledger import Delivery
from assets.landing.reading import FileRefusedError, Reading, nothing_added, read
from assets.landing.withholding import withhold
from assets.settings import DamagedError, Settings
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
    "_landing_number": "bigint",
    "_key_hash": "ubigint",
}
UNKNOWN = "unknown: another process is using the warehouse"
#: how long to wait for another process to let go of the warehouse
LOCK_SECONDS = 15.0
#: entities of a system that are landed at the same time, on a machine with as many processors
MOST_AT_ONCE = 4
#: files of no more than this together are checked and loaded together: a statement costs as much
#: as some ten thousand rows
BATCH_BYTES = 4 * 2**20
#: two entities that empty `landing.builds` at the same time would be in conflict
FORGETTING_BUILDS = threading.Lock()
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: characters of the name that an extra column gets from its header
LONGEST_COLUMN = 60
#: bytes of a file's name, on nearly every file system
LONGEST_NAME = 255


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
        DamagedError: the warehouse, or what landing remembers in `state/`, cannot be read.
        ValueError: the warehouse was built for another business zone.
    """
    _forget_the_forgotten(settings)
    for folder in (settings.landing, settings.warehouse.parent, settings.state):
        folder.mkdir(parents=True, exist_ok=True)
    for scratch in settings.warehouse.parent.glob("*tmp*"):  # of a run that was killed
        shutil.rmtree(scratch)
    with _connect(settings) as connection, _transaction(connection):
        connection.execute(ledger.TABLES)
        people.refresh(connection, settings)
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
        landing_number = 1 + _landing_number(connection)
        connection.execute("delete from landing.run_settings")
        connection.execute(
            "insert into landing.run_settings"
            " values ($1, business_day_end(cast($1 as date)), $2, $3, $4, $5)",
            [
                settings.as_of,
                settings.timezone,
                settings.base_currency,
                settings.fiscal_year_start_month,
                landing_number,
            ],
        )
        _create_raw_tables(connection)
        _renew_key_hashes(connection)


def discard(settings: Settings) -> None:
    """Removes the warehouse, for landing to make it anew. Killed, it leaves no half of one."""
    folder, discarded = settings.warehouse.parent, _discarded(settings)
    if discarded.exists():
        shutil.rmtree(discarded)
    if folder.exists():
        folder.rename(discarded)
        shutil.rmtree(discarded)


def _discarded(settings: Settings) -> Path:
    return settings.warehouse.parent.with_name(f".{settings.warehouse.parent.name}-discarded")


def _forget_the_forgotten(settings: Settings) -> None:
    """Removes a warehouse that was made before somebody was forgotten, and what it wrote."""
    if settings.warehouse.exists() and people.is_anybody_forgotten(settings):
        with _connect(settings) as connection:
            is_made_since = people.is_known_to(connection, settings)
        if not is_made_since:
            for written in (settings.quarantine, settings.reports):
                if written.exists():
                    shutil.rmtree(written)
            discard(settings)
    if _discarded(settings).exists():  # by a process that was killed
        shutil.rmtree(_discarded(settings))


def land(system: System, settings: Settings) -> list[EntityLanding]:
    """Takes in whatever is new in `landing/<system>/`; call `prepare` first.

    Refused files are in the result and in the ledger; they raise nothing.
    """
    with _connect(settings) as connection:
        deliveries = ledger.identify(connection, _claimed(settings, [system]), settings)
        overridden = ledger.overridden(settings)
        of_entity: dict[str, list[Delivery]] = {entity.name: [] for entity in system.entities}
        for delivery in deliveries:
            of_entity[delivery.claimed.entity.name].append(delivery)

        def land_entity(entity: Entity) -> EntityLanding:
            with _session(connection) as session:
                return _EntityLander(session, system, entity, settings, overridden).land(
                    of_entity[entity.name]
                )

        # Entities share nothing but the tables of the ledger, where each has rows of its own. The
        # largest goes first, so that nobody waits for it in the end.
        largest_first = sorted(
            system.entities,
            key=lambda entity: -sum(delivery.size_bytes for delivery in of_entity[entity.name]),
        )
        with ThreadPoolExecutor(min(MOST_AT_ONCE, os.cpu_count() or 1)) as pool:
            landings = {entity.name: pool.submit(land_entity, entity) for entity in largest_first}
            try:
                return [landings[entity.name].result() for entity in system.entities]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def unclaimed(settings: Settings) -> list[str]:
    """Files in the landing folder that no entity claims; they are left alone.

    A name that cannot be printed comes as Python would write it.
    """
    systems = all_systems()
    return [
        _printable(path.relative_to(settings.landing).as_posix())
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
    status_of: dict[ClaimedFile, str | None] = {}
    for file in claimed:
        try:
            status_of[file] = by_looks.get((file.file, *ledger.looks(file.path)))
        except OSError:
            status_of[file] = None
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


def gone(settings: Settings) -> list[str]:
    """Files taken in that landing holds no more: a warehouse made anew would lack them."""
    if not settings.warehouse.exists():
        return []
    with _connect(settings, read_only=True) as connection:
        taken = connection.execute(
            "select delivery_id, file from landing.deliveries where status = 'loaded'"
        ).fetchall()
        claimed = _claimed(settings, all_systems().values())
        present = ledger.identify(connection, claimed, settings, remember=False)
    known = {delivery.delivery_id for delivery in present}
    return sorted(file for delivery_id, file in taken if delivery_id not in known)


def allow(settings: Settings, file: str, reason: str) -> None:
    """Lets one refused file through: its content, under whatever name.

    Args:
        file: path below landing/, or any path to a file in it.

    Raises:
        FileNotFoundError: there is no such file in the landing folder.
        ValueError: no reason is given, no entity claims the file, or it cannot be read.
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
    try:
        sha256 = ledger.content_hash(path)
    except OSError as error:
        raise ValueError(
            f"{below} cannot be read ({error.strerror}): make it readable first"
        ) from error
    ledger.record_override(settings, "file", below, sha256, reason)


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
        #: the deliveries in raw, and where they stand
        self.loaded = self._in_raw()

    def land(self, deliveries: list[Delivery]) -> EntityLanding:
        """Takes what is new, and judges again what may look different in its light."""
        # A run that was killed may have left a delivery in raw without its consequences.
        self.is_changed = self._settle()
        present = {delivery.delivery_id: delivery for delivery in deliveries}
        self._forget_refusals_of_files_gone(present)
        order = self.loaded | {key: _place(delivery) for key, delivery in present.items()}
        self._expire(order, present)
        new: list[Delivery] = []
        for delivery_id in sorted(order, key=order.__getitem__):
            delivery = present.get(delivery_id)
            if delivery is None:
                continue  # its file has left the folder: nobody could mend or allow it any more
            if delivery_id not in self.loaded:
                new.append(delivery)
            elif delivery.claimed.delivery == "full" and (new or self.is_changed):
                self._take(new)
                new = []
                self._judge_again(delivery)
        self._take(new)
        self._settle()
        self._expire_quarantined()
        self._write_copies()
        return self.done

    def _take(self, deliveries: list[Delivery]) -> None:
        """Loads or refuses files, in stamp order."""
        for batch in _batches(deliveries):
            files: list[_FileRead] = []
            for delivery in batch:
                try:
                    file = self._read(delivery, is_alone=len(batch) == 1)
                except FileRefusedError as refusal:
                    self._refuse(delivery, str(refusal), is_readable=False)
                    continue
                if files and files[0].reading.headers != file.reading.headers:
                    self._load(files)
                    files = []
                files.append(file)
                checking.gather(self.connection, len(files), is_alone=len(batch) == 1)
            if files:
                self._load(files)

    def _read(self, delivery: Delivery, is_alone: bool) -> "_FileRead":
        """Leaves the file in the tables of `reading`, or raises FileRefusedError.

        One that comes alone is judged while it is read; the others are judged together.
        """
        claimed = delivery.claimed
        if delivery.unreadable:
            raise FileRefusedError(f"cannot be read ({delivery.unreadable})")
        promised = [normalised(name) for column in self.entity.columns for name in column.called]

        def judged(headers: tuple[str, ...], relation: str) -> str:
            source, _, _ = self._columns_of(headers)
            return checking.judged(source, relation)

        with tempfile.TemporaryDirectory(dir=self.settings.warehouse.parent) as scratch:
            reading = read(
                self.connection,
                claimed.path,
                claimed.extension,
                promised,
                Path(scratch),
                judged if is_alone else nothing_added,
            )
        if ledger.looks(claimed.path) != (delivery.size_bytes, delivery.modified_at_ns):
            raise FileRefusedError("changed while it was read: run again when it is complete")
        return _FileRead(delivery, reading, is_alone, *self._columns_of(reading.headers))

    def _columns_of(self, headers: tuple[str, ...]) -> tuple[Source, dict[str, str], list[str]]:
        """Matches headers to columns by name.

        Returns:
            the promised columns and their places; the extra ones (name in raw → place); the names
            of optional columns that the file lacks.

        Raises:
            FileRefusedError: two headers are one, or a required column is missing.
        """
        said: dict[str, str] = {}
        places: dict[str, str] = {}
        for position, header in enumerate(headers):
            name = normalised(header)
            if name in said:
                raise FileRefusedError(
                    f"has two columns of one name: {shown(said[name])} and {shown(header)}"
                )
            if name:
                said[name] = header
                places[name] = f"c{position}"
        columns = {
            column.name: next(
                (place for name in column.called if (place := places.get(normalised(name)))), None
            )
            for column in self.entity.columns
        }
        unused = {
            place: header
            for position, header in enumerate(headers)
            if (place := f"c{position}") not in columns.values()
        }
        lacking = [
            column.called[0]
            for column in self.entity.columns
            if column.required and columns[column.name] is None
        ]
        if lacking:
            if len(headers) == 1 < len(lacking) + sum(map(bool, columns.values())):
                raise FileRefusedError(
                    f"lacks the required column {lacking[0]!r}, and has only one column,"
                    f" {shown(headers[0])}: in a CSV, divide columns by , ; or tab"
                )
            candidates = [header for header in unused.values() if header.strip()] or headers
            nearest = (
                f"{name!r} (the nearest header is"
                f" {shown(max(candidates, key=lambda header: _likeness(name, header)))})"
                for name in lacking
            )
            raise FileRefusedError(f"lacks the required column {', '.join(nearest)}")
        extra: dict[str, str] = {}
        for place, header in unused.items():
            stem = re.sub(r"[\W_]+", "_", header.casefold()).strip("_")[:LONGEST_COLUMN]
            stem = stem or f"column_{int(place[1:]) + 1}"
            taken = {*columns, *extra, "rowid"}
            candidates = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
            extra[next(name for name in candidates if name not in taken)] = place
        missing = [name for name, place in columns.items() if place is None]
        return Source(self.entity, columns, headers), extra, missing

    def _load(self, batch: list["_FileRead"]) -> None:
        """Moves the files gathered, which have the same headers, into raw, quarantine and ledger.

        A full extract that would delete too much is refused, and the others are kept.
        """
        source, extra = batch[0].source, batch[0].extra
        naming = withhold(self.connection, self.system, source, extra)
        if naming or not batch[0].is_judged:
            checking.judge(self.connection, source)
        checking.set_aside(self.connection, source)
        known = _column_names(self.connection, self.table)
        new = [name for name in extra if name not in known]
        refusals: dict[str, ShrinkageError] = {}
        try:
            with _transaction(self.connection):
                for name in new:
                    column = f"{quoted(name)} varchar"
                    self.connection.execute(f"alter table {self.table} add column {column}")
                counts = self._move(batch, naming)
                for file in batch:
                    try:
                        self._require_no_shrinkage(file.delivery)
                    except ShrinkageError as refusal:
                        refusals[file.delivery.delivery_id] = refusal
                        self._take_out(file.delivery)
                if len(refusals) == len(batch):
                    raise _NothingLeftError  # not even a new column
        except _NothingLeftError:
            pass
        done = self.done
        for file, (loaded, quarantined, duplicates) in zip(batch, counts, strict=True):
            delivery = file.delivery
            if delivery.delivery_id in refusals:
                self._refuse(delivery, str(refusals[delivery.delivery_id]), is_readable=True)
                continue
            self.is_changed = True
            done.files.append(delivery.claimed.file)
            done.rows_in += file.reading.rows_in
            done.rows_loaded += loaded
            done.rows_quarantined += quarantined
            done.exact_duplicates += duplicates
            done.missing_columns += [
                name for name in file.missing if name not in done.missing_columns
            ]
        if len(refusals) < len(batch):
            done.extra_columns += new

    def _move(self, batch: list["_FileRead"], naming: set[int]) -> list[tuple[int, int, int]]:
        """Writes rows, rows set aside and ledger rows.

        `naming` are the numbers of the files that name people who are forgotten.

        Returns:
            of each file the numbers of rows loaded, of rows quarantined, and of exact duplicates
            among the rows loaded.
        """
        source, extra = batch[0].source, batch[0].extra
        is_only = not self.loaded and len(batch) == 1
        self.loaded |= {file.delivery.delivery_id: _place(file.delivery) for file in batch}
        first_stamp = min(self.loaded.values())[0]
        facts = ", ".join(
            f"({number}, {literal(file.delivery.claimed.file)},"
            f" {literal(file.delivery.delivery_id)},"
            f" timestamp {literal(file.delivery.stamp.isoformat(sep=' '))},"
            f" {file.delivery.stamp == first_stamp})"
            for number, file in enumerate(batch, 1)
        )
        self.connection.execute(
            f"""
            create or replace temp table batch as
            from (values {facts}) as facts (_file_number, file, delivery_id, stamp, is_first)
            """
        )
        quarantined = self._count_by_file("problems")
        repeats = self._count("repeats")
        rows, is_repeat = "gathered join batch using (_file_number)", "false"
        without_problems = "anti join problems using (_file_number, _row_number)"
        if quarantined:
            rows += f" {without_problems}"
        if repeats:
            again = "(select *, true as is_again from repeats)"
            rows += f" left join {again} using (_file_number, _row_number)"
            is_repeat = "is_again is not null"
        is_numbered = self.entity.key_is == "row_number"
        values = {name: place for name, place in source.columns.items() if place} | extra
        values |= {
            "_file": "file",
            "_row_number": "_row_number",
            "_delivery_id": "delivery_id",
            "_recorded_at": "stamp",
            "_is_first_extract": "is_first",
            "_is_exact_duplicate": is_repeat,
            "_valid_from": f"case when not ({is_repeat}) then stamp end" if repeats else "stamp",
            "_landing_number": str(_landing_number(self.connection)),
            "_key_hash": checking.key_hash(["_row_number"]) if is_numbered else "_key",
        }
        inserted = self._execute_counting(
            f"insert into {self.table} ({', '.join(map(quoted, values))})"
            f" select {', '.join(values.values())} from {rows}"
        )
        if quarantined:
            self.connection.execute(
                """
                insert into landing.quarantined_rows
                select
                    $1, $2, file, _row_number, delivery_id, reason, column_name, value, raw_text,
                    row_key, stamp
                from problems
                join batch using (_file_number)
                """,
                [self.system.name, self.entity.name],
            )
        kept = f"gathered {without_problems}"
        loaded = {1: inserted} if len(batch) == 1 else self._count_by_file(kept)
        duplicates = self._count_by_file(f"repeats {without_problems}") if repeats else {}
        counts = [
            (loaded.get(number, 0), quarantined.get(number, 0), duplicates.get(number, 0))
            for number in range(1, len(batch) + 1)
        ]
        self._record(
            [
                self._ledger_row(
                    file.delivery,
                    status="loaded",
                    read_as=file.reading.read_as,
                    rows_in=file.reading.rows_in,
                    rows_loaded=rows_loaded,
                    rows_quarantined=rows_quarantined,
                    exact_duplicates=exact_duplicates,
                    extra_columns=list(extra),
                    missing_columns=file.missing,
                    is_settled=is_only,
                    names_forgotten=number in naming,
                )
                for number, (file, (rows_loaded, rows_quarantined, exact_duplicates)) in enumerate(
                    zip(batch, counts, strict=True), 1
                )
            ]
        )
        return counts

    def _count_by_file(self, relation: str) -> dict[int, int]:
        return dict(
            self.connection.execute(
                f"select _file_number, count(*) from {relation} group by _file_number"
            ).fetchall()
        )

    def _require_no_shrinkage(self, delivery: Delivery) -> None:
        """Raises ShrinkageError where a full extract would delete too many keys, unasked."""
        if delivery.claimed.delivery != "full" or delivery.sha256 in self.overridden:
            return
        earlier = [key for key, place in self.loaded.items() if place < _place(delivery)]
        earlier.sort(key=self.loaded.__getitem__)
        fulls = [number for number, key in enumerate(earlier) if self.loaded[key].is_full]
        before = earlier[fulls[-1] if fulls else 0 :]
        if not before:
            return
        present, known, lost, examples = history.shrinkage(
            self.connection, self.system, self.entity, delivery.delivery_id, before
        )
        if lost <= history.SHRINK_LIMIT * known:
            return
        lost_keys = [shown(key)[1:-1] for key in examples]
        if present == 0:
            raise ShrinkageError(f"has no rows, and {known:,} keys are known")
        raise ShrinkageError(
            f"would delete {lost:,} of the {known:,} keys known before it"
            f" ({lost / known:.0%}; such as {'; '.join(lost_keys)}), more than"
            f" {history.SHRINK_LIMIT:.0%}"
        )

    def _judge_again(self, delivery: Delivery) -> None:
        """Takes a full extract out of raw again where, as is known now, it deletes too much."""
        if not self.is_changed:
            return
        try:
            self._require_no_shrinkage(delivery)
        except ShrinkageError as refusal:
            with FORGETTING_BUILDS, _transaction(self.connection):
                self._take_out(delivery)
                self.connection.execute("delete from landing.builds")
                self._refuse(delivery, str(refusal), is_readable=True, is_settled=False)

    def _take_out(self, delivery: Delivery) -> None:
        """Out of raw, quarantine and ledger; call in a transaction."""
        self._take_rows_out(delivery.delivery_id)
        self.connection.execute(
            "delete from landing.deliveries where delivery_id = $1", [delivery.delivery_id]
        )

    def _take_rows_out(self, delivery_id: str) -> None:
        for table, key in (
            (self.table, "_delivery_id"),
            ("landing.quarantined_rows", "delivery_id"),
        ):
            self.connection.execute(f"delete from {table} where {key} = $1", [delivery_id])
        del self.loaded[delivery_id]

    def _refuse(
        self, delivery: Delivery, message: str, is_readable: bool, is_settled: bool = True
    ) -> None:
        file = delivery.claimed.file
        name = _printable(file)
        if delivery.sha256 in self.overridden and not is_readable:
            message = f"{name} {message}. It was let through, so the run goes on without it."
            self.done.set_aside[file] = message
            self._record([self._ledger_row(delivery, status="set_aside", message=message)])
            return
        if delivery.unreadable:
            message = f"{name} {message}. Make it readable, or take it out of landing."
        elif not file.isprintable():
            message = f"{name} {message}. Mend the file, and name it without odd characters."
        else:
            effect = "take it as it is" if is_readable else "go on without it"
            message = (
                f"{name} {message}. Mend the file or take it out of landing, or {effect}:"
                f" make allow FILE={shlex.quote(file)} REASON='…'"
            )
        self.done.refused[file] = message
        self._record(
            [self._ledger_row(delivery, status="refused", message=message, is_settled=is_settled)]
        )

    def _ledger_row(self, delivery: Delivery, **said: object) -> dict[str, object]:
        claimed = delivery.claimed
        return {
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
        } | said

    def _record(self, rows: list[dict[str, object]]) -> None:
        """Writes ledger rows, which have the same columns, anew."""
        self.connection.execute(
            "delete from landing.deliveries where list_contains($1::varchar[], delivery_id)",
            [[row["delivery_id"] for row in rows]],
        )
        one = f"({', '.join('?' for _ in rows[0])})"
        self.connection.execute(
            f"insert into landing.deliveries ({', '.join(rows[0])})"
            f" values {', '.join(one for _ in rows)}",
            [value for row in rows for value in row.values()],
        )

    def _expire(self, order: dict[str, "_Place"], present: dict[str, Delivery]) -> None:
        """Takes what raw does not keep any more out of it, and out of `order`.

        Those are all deliveries before a full extract that is older than raw is kept: what they
        said, it says too, or it is no longer so. What is kept follows from the deliveries, the
        as_of and the setting alone: an old extract that comes late is not even read, and one that
        another as_of asks for again is new.
        """
        if self.settings.keep_raw_days is None:
            return
        cutoff = self._days_before_as_of(self.settings.keep_raw_days)
        ranked = sorted(order, key=order.__getitem__)
        for start in reversed(range(1, len(ranked))):
            full = ranked[start]
            if order[full].is_full and order[full].stamp < cutoff:
                if full not in self.loaded:
                    self._take([present[full]])  # and maybe refused
                if full in self.loaded:
                    break
        else:
            return
        known = self.connection.execute(
            "select delivery_id from landing.deliveries where status = 'expired'"
            " and source_system = $1 and entity = $2",
            [self.system.name, self.entity.name],
        ).fetchall()
        message = f"not kept: of {self.settings.keep_raw_days} days ago there is a full extract"
        with FORGETTING_BUILDS, _transaction(self.connection):
            for key in ranked[:start]:
                del order[key]
                if key in self.loaded:
                    self._take_rows_out(key)
                    self.connection.execute("delete from landing.builds")
                    self.connection.execute(
                        "update landing.deliveries set status = 'expired', message = $2,"
                        " is_settled = false where delivery_id = $1",
                        [key, message],
                    )
                    self.is_changed = True
                elif (key,) not in known:
                    self._record(
                        [self._ledger_row(present[key], status="expired", message=message)]
                    )

    def _expire_quarantined(self) -> None:
        """Empties what old rows held that were set aside; that they were, and why, stays."""
        if self.settings.keep_quarantine_days is None:
            return
        emptied = self._execute_counting(
            "update landing.quarantined_rows set value = null, raw_text = null"
            " where source_system = $1 and entity = $2 and recorded_at < $3"
            " and (value is not null or raw_text is not null)",
            [
                self.system.name,
                self.entity.name,
                self._days_before_as_of(self.settings.keep_quarantine_days),
            ],
        )
        self.is_changed = self.is_changed or emptied > 0

    def _days_before_as_of(self, days: int) -> datetime:
        found = self.connection.execute(
            "select as_of_at - to_days(cast($1 as integer)) from landing.run_settings", [days]
        ).fetchone()
        assert found is not None
        return found[0]

    def _forget_refusals_of_files_gone(self, present: Iterable[str]) -> None:
        self.connection.execute(
            "delete from landing.deliveries where source_system = $1 and entity = $2"
            " and status <> 'loaded' and not list_contains($3::varchar[], delivery_id)",
            [self.system.name, self.entity.name, list(present)],
        )

    def _in_raw(self) -> dict[str, "_Place"]:
        rows = self.connection.execute(
            "select delivery_id, stamp, delivery, sha256 from landing.deliveries"
            " where source_system = $1 and entity = $2 and status = 'loaded'",
            [self.system.name, self.entity.name],
        ).fetchall()
        return {
            key: _Place(stamp, kind != "full", sha256, key) for key, stamp, kind, sha256 in rows
        }

    def _settle(self) -> bool:
        """Writes what deliveries mean for each other; returns whether any was still to settle."""
        of_entity = (
            f"source_system = {literal(self.system.name)} and entity = {literal(self.entity.name)}"
        )
        if not self._count(f"landing.deliveries where {of_entity} and not is_settled"):
            return False
        with _transaction(self.connection):
            history.settle(self.connection, self.system, self.entity)
        return True

    def _count(self, relation: str) -> int:
        return self._execute_counting(f"select count(*) from {relation}")

    def _execute_counting(self, sql: str, parameters: Iterable[object] = ()) -> int:
        """Runs a statement whose one value is a number of rows."""
        found = self.connection.execute(sql, list(parameters)).fetchone()
        assert found is not None
        return int(found[0])

    def _write_copies(self) -> None:
        """Keeps `quarantine/<system>/<entity>/<file>.csv` in step with the quarantined rows.

        A cell that a spreadsheet would take for a formula gets a leading '. Of a confidential
        entity the copy says which rows and why, and nothing of what they hold.
        """
        folder = self.settings.quarantine / self.system.name / self.entity.name
        files = self.connection.execute(
            "select distinct file from landing.quarantined_rows"
            " where source_system = $1 and entity = $2 order by file",
            [self.system.name, self.entity.name],
        ).fetchall()
        wanted = {_copy_name(Path(file).name): file for (file,) in files}
        for path in folder.glob("*.csv"):
            if path.name not in wanted:
                path.unlink()
        for name, file in wanted.items():
            if (folder / name).exists() and not self.is_changed:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            held = (
                "null as value, null as raw_text" if self.entity.confidential else "value, raw_text"
            )
            rows = self.connection.execute(
                f"select reason, column_name, row_number, {held}"
                " from landing.quarantined_rows where file = $1 order by delivery_id, row_number",
                [file],
            )
            growing = folder / ".growing"
            with growing.open("w", encoding="utf-8", newline="") as target:
                writer = csv.writer(target)
                writer.writerow([column[0] for column in rows.description])
                while batch := rows.fetchmany(10_000):
                    writer.writerows([_without_formula(cell) for cell in row] for row in batch)
            growing.replace(folder / name)


class ShrinkageError(FileRefusedError):
    """The file is readable, but would delete more keys than a full extract may unasked."""


class _NothingLeftError(Exception):
    """No file of a batch may stay."""


class _Place(NamedTuple):
    """What orders the deliveries of an entity: stamp order, full before delta."""

    stamp: datetime
    is_delta: bool
    sha256: str
    delivery_id: str

    @property
    def is_full(self) -> bool:
        return not self.is_delta


def _place(delivery: Delivery) -> _Place:
    is_delta = delivery.claimed.delivery == "delta"
    return _Place(delivery.stamp, is_delta, delivery.sha256, delivery.delivery_id)


def _batches(deliveries: Iterable[Delivery]) -> Iterator[list[Delivery]]:
    """Files that follow each other, together where they are small."""
    batch: list[Delivery] = []
    for delivery in deliveries:
        size = sum(each.size_bytes for each in batch) + delivery.size_bytes
        if batch and size > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(delivery)
    if batch:
        yield batch


@dataclass(frozen=True)
class _FileRead:
    """A file that was read, and its columns as `_columns_of` found them."""

    delivery: Delivery
    reading: Reading
    is_judged: bool
    source: Source
    extra: dict[str, str]
    missing: list[str]


def _without_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _printable(file: str) -> str:
    return file if file.isprintable() else repr(file)


def _copy_name(name: str) -> str:
    """What the readable copy of the rows set aside of this file is called."""
    if len(os.fsencode(name + ".csv")) <= LONGEST_NAME:
        return name + ".csv"
    return f"{name[: LONGEST_NAME // 5]}…{hashlib.sha256(name.encode()).hexdigest()[:16]}.csv"


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


def _landing_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of this run's landing; 0 before the first."""
    found = connection.execute("select max(landing_number) from landing.run_settings").fetchone()
    return found[0] or 0 if found else 0


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
                type_ = columns[name]
                connection.execute(f"alter table {table} add column {quoted(name)} {type_}")


def _renew_key_hashes(connection: duckdb.DuckDBPyConnection) -> None:
    """Hashes every key anew where another release of DuckDB did it, or none."""
    release = [(duckdb.__version__,)]
    if connection.execute("from landing.key_hashes").fetchall() == release:
        return
    for name, entity in connection.execute(
        "select distinct source_system, entity from landing.deliveries where status = 'loaded'"
    ).fetchall():
        system = all_systems().get(name)
        if system is not None and entity in system.tables:
            table = _raw_table(system, system.tables[entity])
            hashed = checking.key_hash_in_raw(system.tables[entity])
            connection.execute(f"update {table} set _key_hash = {hashed}")
    connection.execute("delete from landing.key_hashes")
    connection.executemany("insert into landing.key_hashes values ($1)", release)


def _create_macros(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    connection.execute(CASTS.read_text(encoding="utf-8").replace("$timezone", timezone))


@contextmanager
def _connect(settings: Settings, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, waiting a little where another process still holds it. Offline, in UTC.

    Raises:
        DamagedError: it cannot be opened at all.
    """
    give_up_at = time.monotonic() + (0 if read_only else LOCK_SECONDS)
    while True:
        try:
            connection = duckdb.connect(str(settings.warehouse), read_only=read_only)
            break
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise DamagedError(
                    f"{settings.warehouse} cannot be opened ({error}). If it is damaged, make it"
                    " anew from landing and state: make rebuild"
                ) from error
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.2)
    try:
        connection.execute(
            "set autoinstall_known_extensions = false; set global timezone = 'UTC';"
            f"set memory_limit = {literal(settings.memory_limit)}"
        )
        if not read_only:
            # one checkpoint at the end instead of one per file
            connection.execute("set checkpoint_threshold = '1GB'")
        yield connection
    finally:
        connection.close()


@contextmanager
def _session(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session of its own in the same process, with its own transactions and temporary tables."""
    session = connection.cursor()
    try:
        yield session
    finally:
        session.close()


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()

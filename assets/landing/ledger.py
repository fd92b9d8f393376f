"""What landing remembers: the ledger in the warehouse, and first sights and overrides in `state/`.

`state/` is append-only Parquet and outlives the warehouse: each call that adds to it writes one
more file, whole or not at all.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from assets.landing.files import ClaimedFile
from assets.settings import DamagedError, Settings

TABLES = """
create schema if not exists landing;

-- one row: what this run was told
create table if not exists landing.run_settings (
    as_of_date date not null,
    as_of_at timestamp not null,       -- UTC, when the as_of business day ends (exclusive)
    business_timezone varchar not null,
    base_currency varchar not null,
    fiscal_year_start_month integer not null,
    landing_number bigint not null     -- of this run: one more than of the run before
);
-- a warehouse made before landings were numbered; its rows keep no number
alter table landing.run_settings add column if not exists landing_number bigint;

-- one row: the last build of the models that succeeded; empty where the next one has to build all
-- of them anew. Whoever deletes rows of raw empties it in the same transaction.
create table if not exists landing.builds (
    landing_number bigint not null,    -- what was landed up to then is in the models
    as_of_at timestamp not null,
    project_checksum varchar not null  -- of what the models are built from
);

-- one row: the release of DuckDB that made every `_key_hash` in raw; another may hash differently
create table if not exists landing.key_hashes (duckdb_version varchar not null);

-- one row per delivery that lies in raw, or that lies in the landing folder and is not in raw
create table if not exists landing.deliveries (
    delivery_id varchar not null,      -- from system, entity, stamp and content
    source_system varchar not null,
    entity varchar not null,
    file varchar not null,             -- path below landing/
    sha256 varchar not null,           -- of the file as it lies there
    stamp timestamp not null,          -- UTC, when the extract was taken
    is_stamp_first_seen boolean not null, -- the name has no stamp: when the file was first seen
    delivery varchar not null,         -- full, delta
    status varchar not null,           -- loaded, refused, set_aside (refused, let through), expired
    message varchar,                   -- why it is not loaded, and the way out
    read_as varchar,                   -- format, encoding and delimiter found
    rows_in bigint,                    -- counted apart from loading; NULL where not loaded
    rows_loaded bigint,
    rows_quarantined bigint,
    exact_duplicates bigint,           -- of the rows loaded: alike to an earlier row of the file
    extra_columns varchar[],           -- columns of the file that the table list does not have
    missing_columns varchar[],         -- optional columns that the file does not have
    size_bytes bigint not null,
    modified_at_ns bigint not null,    -- of the file, as the file system has it
    is_settled boolean not null,       -- the validity of the entity's rows takes it into account
    names_forgotten boolean            -- people are named in the file who are forgotten
);
alter table landing.deliveries add column if not exists names_forgotten boolean;

-- one row per row of a loaded delivery that was set aside
create table if not exists landing.quarantined_rows (
    source_system varchar not null,
    entity varchar not null,
    file varchar not null,
    row_number bigint not null,        -- 1 = first data row
    delivery_id varchar not null,
    reason varchar not null,           -- assets.landing.checking.Reason
    column_name varchar,
    value varchar,
    raw_text varchar,                  -- a JSON object of header → text, or the line itself
    row_key varchar[],                 -- where it can be read: it is not missing
    recorded_at timestamp not null     -- the stamp of the delivery
);
"""


@dataclass(frozen=True)
class Delivery:
    """A delivery that lies in the landing folder: a claimed file, its content and its instant.

    `unreadable` says why the file cannot be opened: then it has no checksum, and its name stands
    for its content.
    """

    claimed: ClaimedFile
    sha256: str
    stamp: datetime
    size_bytes: int
    modified_at_ns: int
    unreadable: str = ""

    @cached_property
    def delivery_id(self) -> str:
        claimed = self.claimed
        said = (claimed.file,) if self.unreadable else (self.stamp.isoformat(), self.sha256)
        identity = "\n".join((claimed.system.name, claimed.entity.name, *said))
        return hashlib.sha256(identity.encode()).hexdigest()[:20]


def content_hash(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def looks(path: Path) -> tuple[int, int]:
    """The size and the time of change by which a file is known again without reading it.

    Raises:
        OSError: there is no regular file, or it may not be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    return status.st_size, status.st_mtime_ns


def identify(
    connection: duckdb.DuckDBPyConnection,
    claimed: Sequence[ClaimedFile],
    settings: Settings,
    remember: bool = True,
) -> list[Delivery]:
    """Each claimed file as a delivery, once per delivery.

    A file that looks as it did when it was hashed last, to the byte and the nanosecond of its
    change, is not hashed again: who puts other content of the same size there and sets the clock
    of the file back is not noticed before a rebuild.

    A content that comes without a stamp for the first time gets this instant, and, where landing
    is to remember it, keeps it: it is written to `state/deliveries` before anything else is done
    with it. The connection needs the macros of casts.sql.
    """
    seen = {
        (row["source_system"], row["entity"], row["sha256"]): row["first_seen_at"]
        for row in read_state(settings.state / "deliveries")
    }
    now = datetime.now(UTC).replace(tzinfo=None)
    news: list[dict[str, Any]] = []
    found: dict[str, Delivery] = {}
    last_instants: dict[date, datetime] = {}
    hashed = _hashed(connection)

    def look(file: ClaimedFile) -> tuple[int, int, str, str]:
        size_bytes = modified_at_ns = 0
        try:
            size_bytes, modified_at_ns = looks(file.path)
            sha256 = hashed.get((file.file, size_bytes, modified_at_ns))
            return size_bytes, modified_at_ns, sha256 or content_hash(file.path), ""
        except OSError as error:
            return size_bytes, modified_at_ns, "", error.strerror or str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked_at = list(pool.map(look, claimed))
    for file, (size_bytes, modified_at_ns, sha256, unreadable) in zip(
        claimed, looked_at, strict=True
    ):
        stamp = file.stamp
        if stamp is None and unreadable:
            instant = now
        elif stamp is None:
            content = (file.system.name, file.entity.name, sha256)
            if content not in seen:
                seen[content] = now
                news.append(dict(zip(("source_system", "entity", "sha256"), content, strict=True)))
                news[-1] |= {"file": file.file, "first_seen_at": now}
            instant = seen[content]
        elif isinstance(stamp, datetime):
            instant = stamp
        else:
            if stamp not in last_instants:
                last_instants[stamp] = _last_instant(connection, stamp)
            instant = last_instants[stamp]
        delivery = Delivery(file, sha256, instant, size_bytes, modified_at_ns, unreadable)
        # One delivery under two names is one; a full one says more than a delta.
        known = found.get(delivery.delivery_id)
        if known is None or (known.claimed.delivery, file.delivery) == ("delta", "full"):
            found[delivery.delivery_id] = delivery
    if remember:
        append_state(settings.state / "deliveries", news, now)
        touched = [
            (delivery.delivery_id, *seen_as)
            for delivery in found.values()
            if (seen_as := (delivery.claimed.file, delivery.size_bytes, delivery.modified_at_ns))
            not in hashed
        ]
        if touched and hashed:  # files that were copied or touched, so as to know them next time
            connection.executemany(
                "update landing.deliveries set modified_at_ns = $4"
                " where delivery_id = $1 and file = $2 and size_bytes = $3",
                touched,
            )
    return list(found.values())


def _hashed(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, int, int], str]:
    """The checksum of each file that the ledger knows, by its path and its looks."""
    try:
        rows = connection.execute(
            "select file, size_bytes, modified_at_ns, sha256 from landing.deliveries"
            " where sha256 <> ''"
        ).fetchall()
    except duckdb.CatalogException:  # no warehouse
        return {}
    return {(file, size, modified): sha256 for file, size, modified, sha256 in rows}


def overridden(settings: Settings) -> set[str]:
    """The contents that were let through."""
    rows = read_state(settings.state / "overrides")
    return {row["sha256"] for row in rows if row["kind"] == "file"}


def record_override(settings: Settings, kind: str, target: str, sha256: str, reason: str) -> None:
    """Keeps an override: `kind` file or drift, `target` the file or the mart, and why."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"kind": kind, "target": target, "sha256": sha256, "reason": reason, "granted_at": now}
    append_state(settings.state / "overrides", [row], now)


def _last_instant(connection: duckdb.DuckDBPyConnection, day: date) -> datetime:
    """The last instant that still falls on the business day."""
    found = connection.execute(
        "select business_day_end(cast($1 as date)) - interval 1 microsecond", [day]
    ).fetchone()
    assert found is not None
    return found[0]


def read_state(folder: Path) -> list[dict[str, Any]]:
    """Every row of a folder of `state/`, in the order in which they were added.

    Raises:
        DamagedError: a file of it cannot be read.
    """
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            rows += pyarrow.parquet.read_table(path).to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise DamagedError(
                f"{path} cannot be read ({error}). Put it back from a backup: what it remembers"
                " cannot be made anew"
            ) from error
    return rows


def append_state(folder: Path, rows: list[dict[str, Any]], now: datetime) -> None:
    """Adds one file of rows, whole or not at all."""
    if not rows:
        return
    import pyarrow
    import pyarrow.parquet

    folder.mkdir(parents=True, exist_ok=True)
    content = hashlib.sha256(repr(rows).encode()).hexdigest()[:8]
    path = folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{content}.parquet"
    growing = path.with_suffix(".tmp")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), growing)
    with growing.open("rb") as written:
        os.fsync(written.fileno())
    growing.replace(path)

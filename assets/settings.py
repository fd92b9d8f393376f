"""The settings of a run, as every asset sees them; read from the environment in `orchestration`."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path


class DamagedError(RuntimeError):
    """A file under the home cannot be used; the message says which, why, and the way out."""


@dataclass(frozen=True)
class PostgresServer:
    """A server that serves what is published; `readers` are roles that may read `schema`.

    `url` holds a password, and is neither shown nor logged.
    """

    url: str = field(repr=False)
    schema: str = "marts"
    readers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a run is told: where things lie, the day it speaks of, and the business constants.

    `as_of` means the end of that business day, in `timezone` (an IANA name).
    """

    home: Path
    as_of: date
    timezone: str = "UTC"
    base_currency: str = "USD"
    fiscal_year_start_month: int = 1
    #: days before the as_of for which overwritten rows are kept, and what quarantined rows held;
    #: None = for ever
    keep_raw_days: int | None = None
    keep_quarantine_days: int | None = None
    keep_publishes: int = 5
    #: what DuckDB may hold in memory, as it writes sizes; beyond it, it works on disk
    memory_limit: str = "5GB"
    postgres: PostgresServer | None = None

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The build database: one file, one writer."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

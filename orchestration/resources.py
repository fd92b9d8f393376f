"""Every setting of the product, read here and nowhere else, and what is made of them.

Settings come from the environment or from `.env` in the project folder (the environment wins);
`.env.example` lists them all. Secrets are only ever read here and never logged.
"""

import contextlib
import os
import re
import shutil
import sqlite3
from datetime import date, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from dotenv import load_dotenv

from assets.reports.sending import Delivery, Post, server_at, tell
from assets.settings import PostgresServer, Settings
from orchestration import history
from orchestration.turns import OneAtATime

PROJECT = Path(__file__).resolve().parent.parent
load_dotenv(PROJECT / ".env")


class SettingError(ValueError):
    """A setting that cannot be used; the message says which, why, and what would do."""


def setting(name: str, default: str) -> str:
    """FUNNELWORKS_<name>, blank counting as not set."""
    return os.environ.get(f"FUNNELWORKS_{name}", "").strip() or default


def read_settings() -> Settings:
    """The settings of this run.

    Raises:
        SettingError: a value that is no date, no IANA zone, no currency, no month or no number.
    """
    timezone = setting("TIMEZONE", "UTC")
    try:
        today = datetime.now(ZoneInfo(timezone)).date()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingError(
            f"FUNNELWORKS_TIMEZONE is {timezone!r}, which is no IANA time zone; "
            "write it like Europe/Berlin"
        ) from error
    as_of = setting("AS_OF", today.isoformat())
    try:
        as_of_date = date.fromisoformat(as_of)
    except ValueError as error:
        raise SettingError(
            f"FUNNELWORKS_AS_OF is {as_of!r}, which is no date; write it like 2026-06-30"
        ) from error
    currency = setting("BASE_CURRENCY", "USD").upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise SettingError(
            f"FUNNELWORKS_BASE_CURRENCY is {currency!r}; it takes an ISO 4217 code like USD"
        )
    month = setting("FISCAL_YEAR_START_MONTH", "1")
    if not (month.isdigit() and 1 <= int(month) <= 12):
        raise SettingError(
            f"FUNNELWORKS_FISCAL_YEAR_START_MONTH is {month!r}; it takes a month from 1 to 12"
        )
    publishes = setting("KEEP_PUBLISHES", "5")
    if not (publishes.isascii() and publishes.isdigit() and int(publishes) > 0):
        raise SettingError(
            f"FUNNELWORKS_KEEP_PUBLISHES is {publishes!r}; it takes a number of at least 1"
        )
    home = Path(setting("HOME", "data"))
    return Settings(
        home=home if home.is_absolute() else PROJECT / home,
        as_of=as_of_date,
        timezone=timezone,
        base_currency=currency,
        fiscal_year_start_month=int(month),
        keep_raw_days=_days("KEEP_RAW_DAYS"),
        keep_quarantine_days=_days("KEEP_QUARANTINE_DAYS"),
        keep_publishes=int(publishes),
        memory_limit=_memory_limit(),
        postgres=_postgres(),
    )


#: an address that PostgreSQL's client reads as we do: it would name what stands in the wrong place
#: in its messages, and that may be a piece of the password
POSTGRES_URL = re.compile(
    r"postgres(ql)?://([^:@/?#\s]*(:[^@/?#\s]*)?@)?{host}(,{host})*(/[^@/?#\s]*)?(\?[^@#\s]*)?".format(
        host=r"(\[[^\]@/?#\s]*\]|[^:,@/?#\s\[\]]*)(:\d*)?"
    ),
    re.ASCII,
)


def _postgres() -> PostgresServer | None:
    """The server that serves what is published; None where none is named.

    Raises:
        SettingError: the address is none, or the schema has a name that it cannot have.
    """
    url = setting("POSTGRES_URL", "")
    if not url:
        return None
    if not POSTGRES_URL.fullmatch(url) or re.search("%(?![0-9A-Fa-f]{2})|%00", url):
        raise SettingError(
            "FUNNELWORKS_POSTGRES_URL is no address of PostgreSQL; write it like"
            " postgresql://user:password@host:5432/database, with what is special in the password"
            " as %xx (@ is %40, / is %2F, # is %23, % is %25)"
        )
    schema = setting("POSTGRES_SCHEMA", "marts")
    taken = schema in ("public", "information_schema") or schema.startswith("pg_") or "__" in schema
    if taken or not re.fullmatch(r"[a-z_][a-z0-9_]{0,38}", schema):
        raise SettingError(
            f"FUNNELWORKS_POSTGRES_SCHEMA is {schema!r}; it takes a name of up to 39 small letters,"
            " digits and single underscores, and no schema that PostgreSQL has of itself"
        )
    readers = (role.strip() for role in setting("POSTGRES_READERS", "").split(","))
    return PostgresServer(url, schema, tuple(role for role in readers if role))


def _memory_limit() -> str:
    """What DuckDB may hold: 5 GB, or 60 % of what this machine or container has if that is less.

    Raises:
        SettingError: it is no size.
    """
    limit = setting("MEMORY_LIMIT", "")
    if limit and not re.fullmatch(r"[1-9]\d{0,5}(\.\d+)?\s?[KMGT]i?B", limit, re.ASCII):
        raise SettingError(f"FUNNELWORKS_MEMORY_LIMIT is {limit!r}; it takes a size like 5GB")
    if limit:
        return limit
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return f"{min(5000, memory * 6 // 10**7)}MB"


def _days(name: str) -> int | None:
    """A number of days; None where it is not set.

    Raises:
        SettingError: it is no whole number of days.
    """
    days = setting(name, "")
    if days and not (days.isascii() and days.isdigit() and int(days) < 100_000):
        raise SettingError(f"FUNNELWORKS_{name} is {days!r}; it takes a number of days, or nothing")
    return int(days) if days else None


def name_warehouse(settings: Settings) -> None:
    """Tells dbt, which runs as a process of its own, what the warehouse is called, and its memory.

    And that a score is fitted by one thread: dbt builds several models at a time, and threads that
    add the same numbers in another order give another sum.

    Already before the project is parsed, and without its folder: dbt parses all of the project
    anew when the environment of its profile differs from that of the parse before.
    """
    os.environ["FUNNELWORKS_WAREHOUSE"] = settings.warehouse.name
    os.environ["FUNNELWORKS_MEMORY_LIMIT"] = settings.memory_limit
    for library in ("OMP", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = "1"


def set_as_of(day: str) -> Settings:
    """Makes `day` (ISO) the as_of of this process, whatever the environment says."""
    os.environ["FUNNELWORKS_AS_OF"] = day
    return read_settings()


def dagster_home(settings: Settings) -> Path:
    """Dagster keeps its runs under this home unless DAGSTER_HOME says otherwise; returns where."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster")))
    history.prepare(home)
    return home


def wipe_runs(settings: Settings) -> None:
    """Takes away the history of runs, in which messages may name people."""
    home = dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        # wiping takes the places of every pool away, and with them the right to start a step
        for pool in instance.event_log_storage.get_concurrency_keys():
            instance.event_log_storage.delete_concurrency_limit(pool)
        instance.wipe()
        written = Path(instance.storage_directory())
    for folder in (written, *home.glob("damaged-*")):
        if folder.exists():
            shutil.rmtree(folder)
    for database in home.rglob("*.db"):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("vacuum")  # what was deleted still lies in the file
            connection.execute("pragma wal_checkpoint(truncate)")


@dg.resource(description="Where things lie, the day the run speaks of, the business constants.")
def settings_resource() -> Settings:
    settings = read_settings()
    name_warehouse(settings)
    return settings


with contextlib.suppress(SettingError):  # said in words by whatever reads the settings next
    name_warehouse(read_settings())


def notify(title: str, body: str) -> bool:
    """Sends an alert to every address of FUNNELWORKS_NOTIFY_URLS; False where there is none.

    Raises:
        RuntimeError: an address did not take it. The addresses hold secrets and are not named.
    """
    addresses = _listed("NOTIFY_URLS")
    if not addresses:
        return False
    if not tell(addresses, title, body):
        raise RuntimeError("an alert could not be sent: check FUNNELWORKS_NOTIFY_URLS")
    return True


def _listed(name: str) -> list[str]:
    """The values of a setting that are divided by commas."""
    return [each.strip() for each in setting(name, "").split(",") if each.strip()]


def read_delivery() -> Delivery:
    """Whom reports are sent to, and how.

    Raises:
        SettingError: an address that is none, or a mail server or sender that is missing. Neither
            the server's password nor the address of a chat is repeated.
    """
    recipients, sender = _listed("REPORT_RECIPIENTS"), setting("MAIL_FROM", "")
    if recipients and not sender:
        raise SettingError("FUNNELWORKS_MAIL_FROM is not set, and mail needs a sender")
    named = [("MAIL_FROM", sender)] if sender else []
    for name, address in (*named, *(("REPORT_RECIPIENTS", each) for each in recipients)):
        mailbox = parseaddr(address)[1]
        if not (mailbox.isascii() and re.fullmatch(r"[^@\s]+@[^@\s]+", mailbox)):
            raise SettingError(
                f"FUNNELWORKS_{name} has {address!r}, which is no address of mail in ASCII"
            )
    url = setting("SMTP_URL", "")
    if recipients and not url:
        raise SettingError("FUNNELWORKS_SMTP_URL is not set, and reports are to go by mail")
    try:
        server = server_at(url) if url else None
    except ValueError as error:
        raise SettingError(f"FUNNELWORKS_SMTP_URL cannot be used: {error}") from None
    return Delivery(server, sender, tuple(recipients), tuple(_listed("REPORT_URLS")))


@dg.resource(description="Whom reports are sent to, and who is told when that fails.")
def post_resource() -> Post:
    return Post(read=read_delivery, alert=notify)


def executor() -> dg.ExecutorDefinition:
    """in_process (one writer is all that the embedded warehouse takes) or another by setting.

    Raises:
        SettingError: FUNNELWORKS_EXECUTOR names none of them.
    """
    executors = {
        "in_process": dg.in_process_executor,
        # a process for each step, one after the other
        "multiprocess": dg.multiprocess_executor.configured({"max_concurrent": 1}),
    }
    name = setting("EXECUTOR", "in_process")
    if name not in executors:
        raise SettingError(
            f"FUNNELWORKS_EXECUTOR is {name!r}; it takes one of {', '.join(executors)}"
        )
    inner: Any = executors[name]
    return dg.ExecutorDefinition(
        name,
        config_schema=inner.config_schema,
        requirements=inner.get_requirements,
        executor_creation_fn=lambda context: OneAtATime(
            inner.executor_creation_fn(context), read_settings()
        ),
    )


RESOURCES = {"settings": settings_resource, "post": post_resource}

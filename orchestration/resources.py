"""Every setting of the product, read here and nowhere else, and what is made of them.

Settings come from the environment or from `.env` in the project folder (the environment wins);
`.env.example` lists them all. Secrets are only ever read here and never logged.
"""

import contextlib
import os
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from dotenv import load_dotenv

from assets.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
load_dotenv(PROJECT / ".env")

DAGSTER_YAML = """\
telemetry:
  enabled: false
concurrency:
  pools:
    default_limit: 1
"""


class SettingError(ValueError):
    """A setting that cannot be used; the message says which, why, and what would do."""


def setting(name: str, default: str) -> str:
    """FUNNELWORKS_<name>, blank counting as not set."""
    return os.environ.get(f"FUNNELWORKS_{name}", "").strip() or default


def read_settings() -> Settings:
    """The settings of this run.

    Raises:
        SettingError: a value that is no date, no IANA zone, no currency or no month.
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
    home = Path(setting("HOME", "data"))
    return Settings(
        home=home if home.is_absolute() else PROJECT / home,
        as_of=as_of_date,
        timezone=timezone,
        base_currency=currency,
        fiscal_year_start_month=int(month),
    )


def name_warehouse(settings: Settings) -> None:
    """Tells dbt, which runs as a process of its own, where the warehouse is.

    Already before the project is parsed: dbt parses all of it anew when the environment of its
    profile differs from that of the parse before.
    """
    os.environ["FUNNELWORKS_WAREHOUSE"] = str(settings.warehouse)


def set_as_of(day: str) -> Settings:
    """Makes `day` (ISO) the as_of of this process, whatever the environment says."""
    os.environ["FUNNELWORKS_AS_OF"] = day
    return read_settings()


def dagster_home(settings: Settings) -> None:
    """Dagster keeps its runs under this home unless DAGSTER_HOME says otherwise."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster")))
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(DAGSTER_YAML)


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
    urls = [url for url in setting("NOTIFY_URLS", "").split(",") if url.strip()]
    if not urls:
        return False
    import apprise

    notifier = apprise.Apprise()
    for url in urls:
        notifier.add(url.strip())
    if not notifier.notify(title=title, body=body):
        raise RuntimeError("an alert could not be sent: check FUNNELWORKS_NOTIFY_URLS")
    return True


def executor() -> dg.ExecutorDefinition:
    """in_process (one writer is all that the embedded warehouse takes) or another by setting.

    Raises:
        SettingError: FUNNELWORKS_EXECUTOR names none of them.
    """
    executors = {
        "in_process": dg.in_process_executor,
        "multiprocess": dg.multiprocess_executor,
    }
    name = setting("EXECUTOR", "in_process")
    if name not in executors:
        raise SettingError(
            f"FUNNELWORKS_EXECUTOR is {name!r}; it takes one of {', '.join(executors)}"
        )
    return executors[name]


RESOURCES = {"settings": settings_resource}

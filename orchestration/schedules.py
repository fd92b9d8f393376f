"""Every job and every cron of the line."""

from typing import Any

import dagster as dg

from assets.dbt import RETRAINING
from assets.publish import public_marts
from assets.reports.catalogue import REPORTS
from orchestration.resources import read_settings, setting

#: the plain console logger of `definitions.py`, however the job is started
CONSOLE: dict[str, Any] = {"loggers": {"console": {}}}
REPORTS_OF_A_PUBLISH = dg.AssetSelection.groups("reports")
#: what comes after a publish and has jobs of its own: that a mail fails says nothing of the line
LINE: dg.AssetSelection = dg.AssetSelection.all() - dg.AssetSelection.groups("reports", "sent")
PUBLISHED: dg.AssetSelection = dg.AssetSelection.groups("published")
SERVED = dg.AssetSelection.groups("serving")
if read_settings().postgres:  # a server is named, and is brought every publish
    PUBLISHED |= SERVED
else:
    LINE -= SERVED
MART_CHECKS = dg.AssetSelection.checks_for_assets(
    *(dg.AssetKey(["marts", mart.name]) for mart in public_marts())
)

refresh = dg.define_asset_job(
    "refresh",
    selection=LINE,
    config=CONSOLE,
    description="The line: landing, checks, models, checks, publish.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=LINE,
    config=CONSOLE,
    tags={RETRAINING: "true"},
    description="The line, with every score trained anew; a model that is no better is kept aside.",
)
publish_only = dg.define_asset_job(
    "publish_only",
    selection=PUBLISHED | MART_CHECKS,
    config=CONSOLE,
    description="Checks the marts as they stand in the warehouse and publishes them.",
)
checks_only = dg.define_asset_job(
    "checks_only",
    selection=dg.AssetSelection.all_asset_checks(),
    config=CONSOLE,
    description="Carries out every check on the warehouse as it stands; publishes nothing.",
)
reports = dg.define_asset_job(
    "reports",
    selection=REPORTS_OF_A_PUBLISH,
    config=CONSOLE,
    description="Builds every report from what is published; sends nothing.",
)


def _reports_of(cadence: str) -> Any:
    """The job that builds and sends the reports of a cadence."""
    keys = [key for key, listed in REPORTS.items() if listed.cadence == cadence]
    return dg.define_asset_job(
        f"{cadence}_reports",
        selection=dg.AssetSelection.assets(
            *([group, key] for key in keys for group in ("reports", "sent"))
        ),
        config=CONSOLE,
        description=f"Builds the {cadence} reports, and sends them where addresses are configured.",
    )


weekly_reports = _reports_of("weekly")
monthly_reports = _reports_of("monthly")
JOBS = [refresh, retrain, publish_only, checks_only, reports, weekly_reports, monthly_reports]


def _schedule(name: str, job: Any, cron: str, default: str, when: str) -> dg.ScheduleDefinition:
    """`cron` names the setting that moves it; its hours are those of the business zone."""
    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=setting(cron, default),
        execution_timezone=read_settings().timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{when}; FUNNELWORKS_{cron} moves it.",
    )


SCHEDULES = [
    _schedule(
        "daily_refresh",
        refresh,
        "REFRESH_CRON",
        "0 5 * * *",
        "Before work, in the business zone",
    ),
    _schedule(
        "monthly_retrain",
        retrain,
        "RETRAIN_CRON",
        "0 3 1 * *",
        "In the night to the first",
    ),
    _schedule(
        "weekly_reports_schedule",
        weekly_reports,
        "WEEKLY_CRON",
        "0 7 * * 1",
        "Monday before work, in the business zone",
    ),
    _schedule(
        "monthly_reports_schedule",
        monthly_reports,
        "MONTHLY_CRON",
        "0 7 1 * *",
        "The first of a month, in the business zone",
    ),
]

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

daily_refresh = dg.ScheduleDefinition(
    name="daily_refresh",
    job=refresh,
    cron_schedule=setting("REFRESH_CRON", "0 5 * * *"),
    execution_timezone=read_settings().timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Before work, in the business zone; FUNNELWORKS_REFRESH_CRON moves it.",
)
monthly_retrain = dg.ScheduleDefinition(
    name="monthly_retrain",
    job=retrain,
    cron_schedule=setting("RETRAIN_CRON", "0 3 1 * *"),
    execution_timezone=read_settings().timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="In the night to the first; FUNNELWORKS_RETRAIN_CRON moves it.",
)
weekly_reports_schedule = dg.ScheduleDefinition(
    name="weekly_reports_schedule",
    job=weekly_reports,
    cron_schedule=setting("WEEKLY_CRON", "0 7 * * 1"),
    execution_timezone=read_settings().timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday before work, in the business zone; FUNNELWORKS_WEEKLY_CRON moves it.",
)
monthly_reports_schedule = dg.ScheduleDefinition(
    name="monthly_reports_schedule",
    job=monthly_reports,
    cron_schedule=setting("MONTHLY_CRON", "0 7 1 * *"),
    execution_timezone=read_settings().timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The first of a month, in the business zone; FUNNELWORKS_MONTHLY_CRON moves it.",
)
SCHEDULES = [daily_refresh, monthly_retrain, weekly_reports_schedule, monthly_reports_schedule]

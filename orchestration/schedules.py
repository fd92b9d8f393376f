"""Every job and every cron of the line."""

from typing import Any

import dagster as dg

from assets.dbt import RETRAINING
from assets.publish import public_marts
from orchestration.resources import read_settings, setting

#: the plain console logger of `definitions.py`, however the job is started
CONSOLE: dict[str, Any] = {"loggers": {"console": {}}}
LINE: dg.AssetSelection = dg.AssetSelection.all()
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
JOBS = [refresh, retrain, publish_only, checks_only]

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
SCHEDULES = [daily_refresh, monthly_retrain]

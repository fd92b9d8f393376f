"""The one entry point: assets found in `assets/`, checks, jobs, schedules, sensors, resources."""

import logging
import warnings
from datetime import timedelta
from typing import Any

import dagster as dg

from expectations.checks import asset_checks
from orchestration.resources import PROJECT, RESOURCES, executor, read_settings
from orchestration.schedules import JOBS, SCHEDULES
from orchestration.sensors import SENSORS

#: how the messages begin that Dagster and dagster-dbt write into a run's log beside the line's
TOOL_TALK = ("Dependencies for step", "A dbt subsetted", "Copying `", "Running dbt", "Finished dbt")

# mapping over asset specs is marked as a preview; it is the one place for the freshness rule
warnings.filterwarnings("ignore", category=dg.PreviewWarning)


@dg.logger(
    config_schema=None, description="What the line says of itself, without Dagster's own events."
)
def console(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("funnelworks", logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    handler.addFilter(_is_said_by_the_line)
    logger.addHandler(handler)
    return logger


def _is_said_by_the_line(record: logging.LogRecord) -> bool:
    meta: dict[str, Any] = getattr(record, "dagster_meta", {})
    record.msg = meta.get("orig_message", record.msg)
    of_the_tools = str(record.msg).startswith(TOOL_TALK)
    return meta.get("dagster_event") is None and not of_the_tools


#: groups not renewed every night; nothing is late that is sent to nobody, or served nowhere
OWN_RHYTHM = {"reports", "sent"} | (set() if read_settings().postgres else {"serving"})
#: one for the whole line: renewed in the night before eight o'clock
FRESH_BY_MORNING = dg.FreshnessPolicy.cron(
    deadline_cron="0 8 * * *",
    lower_bound_delta=timedelta(hours=8),
    timezone=read_settings().timezone,
)

defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=PROJECT).map_asset_specs(
        func=lambda spec: (
            spec
            if spec.group_name in OWN_RHYTHM
            else spec.replace_attributes(freshness_policy=FRESH_BY_MORNING)
        )
    ),
    dg.Definitions(
        asset_checks=asset_checks(),
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources=RESOURCES,
        loggers={"console": console},
        executor=executor(),
    ),
)

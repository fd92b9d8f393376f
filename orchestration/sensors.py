"""What starts a run or speaks up by itself: extracts that landed, runs that failed."""

import hashlib
import json

import dagster as dg

from assets.landing.land import waiting
from assets.landing.ledger import looks
from assets.settings import Settings
from orchestration.resources import notify
from orchestration.schedules import refresh
from orchestration.turns import under_way


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a refresh when extracts have landed and none of them still grows.",
)
def landed_extracts(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """A file whose size or time moved since the tick before is still being written."""
    if under_way(settings.home):
        # a reader of the warehouse would be in the way of the run
        return dg.SkipReason("a run is under way")
    seen: dict[str, list[int]] = {}
    for waits in waiting(settings):
        try:
            seen[waits.file] = [*looks(settings.landing / waits.file)]
        except OSError:
            seen[waits.file] = []  # the run will say why it cannot be read
    if not seen:
        return dg.SkipReason("nothing waits in landing")
    now, before = json.dumps(seen, sort_keys=True), context.cursor
    context.update_cursor(now)
    if now != before:
        return dg.SkipReason(f"{len(seen)} files wait; looking once more that none still grows")
    # the same files start one run, not one at each tick until it is over
    key = hashlib.sha256(now.encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=now)


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends what failed to FUNNELWORKS_NOTIFY_URLS.",
)
def run_failure_alert(context: dg.RunFailureSensorContext) -> None:
    steps = [event.step_key for event in context.get_step_failure_events() if event.step_key]
    if steps and all(step.startswith("sent__") for step in steps):
        return  # a sending that fails has told so itself, also where no daemon runs
    notify(
        title=f"Funnelworks: {context.dagster_run.job_name} failed",
        body=(
            f"{context.failure_event.message}\nAt: {', '.join(steps) or 'start'}. "
            "Readers have the last whole version. `make status` says more."
        ),
    )


SENSORS = [landed_extracts, run_failure_alert]

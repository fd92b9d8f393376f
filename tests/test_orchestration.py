"""What starts runs and speaks up by itself: sensors, schedules, alerts."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import defs
from orchestration.resources import SettingError, executor, notify, read_settings
from orchestration.sensors import landed_extracts


def test_jobs_schedules_and_sensors_are_there() -> None:
    repository = defs.get_repository_def()
    assert {job.name for job in repository.get_all_jobs()} >= {
        "refresh",
        "retrain",
        "publish_only",
        "checks_only",
        "reports",
        "weekly_reports",
        "monthly_reports",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "daily_refresh",
        "monthly_retrain",
        "weekly_reports_schedule",
        "monthly_reports_schedule",
    }
    assert all(schedule.execution_timezone for schedule in repository.schedule_defs)
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "landed_extracts",
        "run_failure_alert",
    }


def test_publishing_alone_is_still_behind_the_checks() -> None:
    names = {node.name for node in defs.resolve_job_def("publish_only").nodes}
    assert names == {"check_marts", "published__marts"}
    assert all(spec.blocking for check in defs.asset_checks or () for spec in check.check_specs), (
        "a check blocks or is deleted"
    )


def test_the_sensor_waits_until_a_file_has_stopped_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNELWORKS_HOME", str(tmp_path))
    file = tmp_path / "landing" / "standard" / "accounts.csv"
    file.parent.mkdir(parents=True)
    settings = read_settings()

    def tick(cursor: str | None) -> tuple[object, str | None]:
        context = dg.build_sensor_context(cursor=cursor, resources={"settings": settings})
        result = landed_extracts(context)
        return result, context.cursor

    result, cursor = tick(None)
    assert isinstance(result, dg.SkipReason)
    file.write_text("account_id\nA1\n")
    result, cursor = tick(cursor)
    assert isinstance(result, dg.SkipReason), "seen for the first time"
    file.write_text("account_id\nA1\nA2\n")
    result, cursor = tick(cursor)
    assert isinstance(result, dg.SkipReason), "it grew"
    result, cursor = tick(cursor)
    assert isinstance(result, dg.SensorResult)
    assert len(result.run_requests or ()) == 1
    again, _ = tick(cursor)
    assert isinstance(again, dg.SensorResult)
    assert again.run_requests[0].run_key == result.run_requests[0].run_key, "one run for them"


def test_an_alert_reaches_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("FUNNELWORKS_NOTIFY_URLS", f"json://127.0.0.1:{server.server_port}")
    assert notify("title", "what failed")
    server.shutdown()
    assert heard[0]["title"] == "title"
    assert heard[0]["message"] == "what failed"


def test_without_an_address_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNNELWORKS_NOTIFY_URLS", raising=False)
    assert notify("title", "body") is False


def test_an_unknown_executor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNNELWORKS_EXECUTOR", "abacus")
    with pytest.raises(SettingError, match="FUNNELWORKS_EXECUTOR is 'abacus'"):
        executor()

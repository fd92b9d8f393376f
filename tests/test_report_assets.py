"""The reports through Dagster: their files, the newest of them, the index; sent by jobs of their
own; and taken away with the publish that named somebody."""

import contextlib
import json
import shutil
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from markupsafe import escape

from assets.landing.ledger import append_state, read_state
from assets.publish import withdraw
from assets.reports import shelf
from assets.reports.assets import preview, report_asset, sent_asset
from assets.reports.catalogue import REPORTS, Listed
from assets.reports.content import VERDICT_WORDS, PublishInfo
from assets.reports.shelf import Glance
from assets.settings import Settings
from orchestration.definitions import defs
from orchestration.resources import RESOURCES
from orchestration.sensors import run_failure_alert
from tests.line import Line
from tests.sample_report import IMAGE, INFO, REPORT
from tests.test_report_sending import Mailbox, serving

FILES = {"index.html", "headlines.pdf", shelf.ABOUT}


@pytest.fixture
def home(demo_line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with what the demo company published, as the environment of the line."""
    home = tmp_path / "home"
    shutil.copytree(demo_line.home / "published", home / "published")
    for name in ("SMTP_URL", "MAIL_FROM", "REPORT_RECIPIENTS", "REPORT_URLS", "NOTIFY_URLS"):
        monkeypatch.delenv(f"FUNNELWORKS_{name}", raising=False)
    monkeypatch.setenv("FUNNELWORKS_HOME", str(home))
    monkeypatch.setenv("FUNNELWORKS_AS_OF", "2026-06-30")
    return home


def run(job: str, *keys: str, ends_well: bool = True) -> dg.ExecuteInProcessResult:
    """Runs a job, or some of its assets."""
    selection = [dg.AssetKey.from_user_string(key) for key in keys] or None
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance, asset_selection=selection, raise_on_error=False
        )
    assert result.success is ends_well
    return result


def give_out(ends_well: bool = True) -> dg.ExecuteInProcessResult:
    """Builds and sends a small report, with the sensor that speaks up of a run that failed."""
    listed = Listed("Promises", "monthly", lambda marts: replace(REPORT, info=marts.info))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [report_asset("promises", listed), sent_asset("promises", listed)],
            resources=RESOURCES,
            instance=instance,
            raise_on_error=False,
        )
        assert result.success is ends_well
        if not ends_well:
            context = dg.build_run_status_sensor_context(
                "run_failure_alert", result.get_run_failure_event(), instance, result.dagster_run
            ).for_run_failure()
            run_failure_alert(context)
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_report_is_built_where_readers_look(home: Path) -> None:
    result = run("reports")
    for key in REPORTS:
        folder = home / "reports" / key / "2026-06-30"
        files = contents(folder)
        assert set(files) == FILES | {f"{key}.xlsx"}
        assert files["headlines.pdf"].startswith(b"%PDF") and files[f"{key}.xlsx"][:2] == b"PK"
        assert contents(home / "reports" / key / "latest") == files
        [made] = result.asset_materializations_for_node(f"reports__{key}")
        metadata = made.metadata
        assert metadata["page"].value == (folder / "index.html").as_uri()
        assert metadata["as_of"].value == "2026-06-30"
        assert metadata["preview"].value.startswith("|") or "**" in metadata["preview"].value
        assert metadata["dagster/row_count"].value >= 0
        assert ("chart" in metadata) == (b'<figure class="block"' in files["index.html"])
        if "chart" in metadata:
            picture = metadata["chart"].value.partition("data:image/png;base64,")[2].rstrip(")\n")
            assert b64decode(picture, validate=True).startswith(b"\x89PNG")
            assert len(picture) < 100_000
    index = (home / "reports" / "index.html").read_text()
    for kept in shelf.kept(Settings(home, date(2026, 6, 30))):
        assert kept.headlines and kept.title in index
        for each in kept.headlines:
            assert escape(each.title) in index and escape(each.figure) in index
            assert VERDICT_WORDS[each.verdict] in index
    assert {path.name for path in (home / "reports").iterdir()} == {*REPORTS, "index.html"}
    folder = home / "reports" / "objectives" / "2026-06-30"
    before = contents(folder)
    run("reports", "reports/objectives")
    assert contents(folder) == before, "the same publish gives the same bytes"
    assert (home / "reports" / "index.html").read_text() == index


def test_nothing_published_is_said(home: Path) -> None:
    shutil.rmtree(home / "published")
    result = run("reports", ends_well=False)
    [first, *_] = [event for event in result.all_events if event.is_step_failure]
    assert "make run" in str(first.step_failure_data.user_failure_data.description)


def test_the_line_builds_and_sends_no_report() -> None:
    for job in ("refresh", "retrain"):
        names = {node.name for node in defs.resolve_job_def(job).nodes}
        assert "published__marts" in names
        assert not any(name.startswith(("reports__", "sent__")) for name in names)


@pytest.mark.parametrize("cadence", ["weekly", "monthly"])
def test_a_job_and_a_schedule_for_each_cadence(cadence: str) -> None:
    keys = {key for key, listed in REPORTS.items() if listed.cadence == cadence}
    names = {node.name for node in defs.resolve_job_def(f"{cadence}_reports").nodes}
    assert keys and names == {f"{group}__{key}" for group in ("reports", "sent") for key in keys}
    schedule = defs.resolve_schedule_def(f"{cadence}_reports_schedule")
    assert schedule.job_name == f"{cadence}_reports"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_without_an_address_nothing_counts_as_sent(home: Path) -> None:
    result = give_out()
    assert result.asset_materializations_for_node("reports__promises")
    assert not result.asset_materializations_for_node("sent__promises")
    assert read_state(home / "state" / "sent") == []


def configure(monkeypatch: pytest.MonkeyPatch, port: int, recipients: str) -> None:
    monkeypatch.setenv("FUNNELWORKS_SMTP_URL", f"smtp://127.0.0.1:{port}")
    monkeypatch.setenv("FUNNELWORKS_MAIL_FROM", "line@example.com")
    monkeypatch.setenv("FUNNELWORKS_REPORT_RECIPIENTS", recipients)


def workbook_of(mail: Any) -> str:
    return str(next(mail.iter_attachments()).get_filename())


def test_reports_are_sent_once_by_their_job(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted(key for key, listed in REPORTS.items() if listed.cadence == "monthly")
    mailbox = Mailbox()
    with serving(mailbox) as server:
        configure(monkeypatch, server.port, "ann@example.com")
        run("monthly_reports")
        again = run("monthly_reports", "sent/objectives")
    mails = sorted(mailbox.mails(), key=workbook_of)
    assert [workbook_of(mail) for mail in mails] == [f"{key}.xlsx" for key in keys]
    for key, mail in zip(keys, mails, strict=True):
        attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
        lies = contents(home / "reports" / key / "2026-06-30")
        assert attached == {name: lies[name] for name in (f"{key}.xlsx", "headlines.pdf")}
        page = mail.get_body(("html",))
        assert page is not None
        pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
        assert pictures and page.get_content().count("cid:") == len(pictures)
        assert all(part.get_content().startswith(b"\x89PNG") for part in pictures)
    [made] = again.asset_materializations_for_node("sent__objectives")
    assert (made.metadata["sent"].value, made.metadata["sent_before"].value) == (0, 1)


def test_a_failed_sending_alerts_once_and_leaves_the_report(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts: list[tuple[str, str]] = []
    for module in ("resources", "sensors"):
        monkeypatch.setattr(
            f"orchestration.{module}.notify", lambda title, body: alerts.append((title, body))
        )
    mailbox = Mailbox(answers={"gone@example.com": ["550 no such person"]})
    with serving(mailbox) as server:
        configure(monkeypatch, server.port, "gone@example.com, ann@example.com")
        result = give_out(ends_well=False)
    assert [who for who, _ in mailbox.received] == [["ann@example.com"]]
    assert result.asset_materializations_for_node("reports__promises")
    assert not result.asset_materializations_for_node("sent__promises")
    assert (home / "reports" / "promises" / "latest" / "index.html").exists()
    [(title, body)] = alerts
    assert title == "Funnelworks: Promises was not sent to all"
    assert "gone@example.com: the mail server refused (550 no such person)" in body
    assert "Addresses that have it: 1." in body


def test_a_setting_that_cannot_be_used_leaves_the_report(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, 25, "ann@example.com")
    monkeypatch.setenv("FUNNELWORKS_SMTP_URL", "mail://me:s3cret@mail.example.com")
    result = give_out(ends_well=False)
    [said] = [
        str(event.step_failure_data.user_failure_data.description)
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    ]
    assert "FUNNELWORKS_SMTP_URL cannot be used" in said
    assert "s3cret" not in str(result.all_events)
    assert (home / "reports" / "promises" / "latest" / "index.html").exists()


def test_what_was_not_built_from_this_publish_is_not_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as server:
        configure(monkeypatch, server.port, "ann@example.com")
        result = run("monthly_reports", "sent/objectives", ends_well=False)
    assert mailbox.received == []
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert "was not built from publish" in str(failures)


# --- the shelf


def about(day: int, version: str, published_at: datetime) -> PublishInfo:
    return replace(INFO, as_of_date=date(2026, 6, day), version=version, published_at=published_at)


EARLY = datetime.fromisoformat("2026-06-01T05:00:00")


def test_every_as_of_stays_and_latest_is_the_newest(settings: Settings) -> None:
    for day in (29, 30, 28):
        info = about(day, f"v{day}", EARLY)
        shelf.put(settings, "promises", "Promises", info, {"index.html": f"{day}".encode()})
    home = settings.reports / "promises"
    assert [kept.as_of.day for kept in shelf.kept(settings)] == [30, 29, 28]
    assert {path.name for path in home.iterdir() if not path.name.startswith(".")} == {
        *("2026-06-28", "2026-06-29", "2026-06-30"),
        "latest",
    }
    assert (home / "latest" / "index.html").read_text() == "30"
    shelf.put(settings, "promises", "Promises", about(30, "w", EARLY), {"index.html": b"again"})
    assert (home / "latest" / "index.html").read_text() == "again"
    assert (home / "2026-06-30" / "index.html").read_text() == "again"


def test_headlines_lie_with_their_report(settings: Settings) -> None:
    said = (Glance("Won <b>", "26.7 %", "signal"), Glance("Überfällig", "12", "too little"))
    shelf.put(settings, "promises", "Promises", about(29, "v", EARLY), {}, said)
    folder = shelf.put(settings, "promises", "Promises", about(30, "v", EARLY), {}, said[1:])
    assert [kept.headlines for kept in shelf.kept(settings)] == [said[1:], said]
    lies = json.loads((folder / shelf.ABOUT).read_text())
    before = {name: value for name, value in lies.items() if name != "headlines"}
    (folder / shelf.ABOUT).write_text(json.dumps(before))  # as earlier versions wrote it
    assert [kept.headlines for kept in shelf.kept(settings)] == [(), said]
    wrong = {**lies, "headlines": [{**lies["headlines"][0], "verdict": "great"}]}
    (folder / shelf.ABOUT).write_text(json.dumps(wrong))
    assert [kept.as_of.day for kept in shelf.kept(settings)] == [29]


def test_readers_of_latest_see_whole_reports(settings: Settings) -> None:
    """Two files that say the same are read as one set, however often they are replaced."""
    home = settings.reports / "promises"

    def put(number: int) -> None:
        said = f"{number}".encode()
        shelf.put(
            settings, "promises", "Promises", about(30, f"v{number}", EARLY), {"a": said, "b": said}
        )

    put(0)
    is_over = threading.Event()
    seen: list[tuple[bytes, bytes]] = []

    def read() -> None:
        while not is_over.is_set():
            place = (home / "latest").resolve()
            with contextlib.suppress(OSError):  # two replacements later it is gone
                seen.append(((place / "a").read_bytes(), (place / "b").read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 30):
        put(number)
    is_over.set()
    reader.join()
    assert seen and len({a for a, _ in seen}) > 1
    assert all(a == b for a, b in seen)
    assert (home / "latest" / "a").read_bytes() == b"29"


def test_a_build_that_was_killed_leaves_nothing(settings: Settings) -> None:
    home = settings.reports / "promises"
    (home / ".new-cut-off").mkdir(parents=True)
    shelf.put(settings, "promises", "Promises", about(30, "v", EARLY), {"index.html": b"whole"})
    assert not list(home.glob(".new-*"))


def forget_somebody(home: Path, when: datetime) -> None:
    append_state(home / "state" / "forgotten", [{"forgotten_at": when}], when)


def test_reports_go_with_the_person_they_may_name(settings: Settings) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    for day, published_at in ((29, EARLY), (30, now + timedelta(hours=1))):
        info = about(day, f"v{day}", published_at)
        shelf.put(settings, "promises", "Promises", info, {"index.html": b"Ann"})
    shelf.put(settings, "objectives", "Objectives", about(29, "v29", EARLY), {"index.html": b"Ann"})
    shelf.write_index(settings, "Ann")
    (settings.reports / "data_quality").mkdir()
    (settings.reports / "data_quality" / "index.html").write_text("of the line")
    forget_somebody(settings.home, now)
    withdraw(settings)
    left = sorted(
        str(path.relative_to(settings.reports)) for path in settings.reports.glob("*/*/*")
    )
    assert [name for name in left if "latest" not in name] == [
        "promises/2026-06-30/index.html",
        "promises/2026-06-30/report.json",
    ]
    assert (settings.reports / "promises" / "latest" / "index.html").exists()
    assert not (settings.reports / "objectives" / "latest").exists()
    assert not (settings.reports / "index.html").exists()
    assert (settings.reports / "data_quality" / "index.html").exists()


def test_no_report_is_built_from_a_publish_that_may_name_somebody(home: Path) -> None:
    forget_somebody(home, datetime.now(UTC).replace(tzinfo=None))
    result = run("reports", ends_well=False)
    assert "forgotten since: make run" in str(
        [event.step_failure_data for event in result.all_events if event.is_step_failure]
    )
    assert not list((home / "reports").glob("*/*"))


def test_the_preview_holds_no_markup_of_extracts() -> None:
    text = preview(REPORT)
    assert IMAGE not in text and "&lt;img" in text
    assert "| Win rate | 23.4 % | a year before 20.0 % |" in text
    assert json.dumps(text).count("\\n") == len(text.splitlines())

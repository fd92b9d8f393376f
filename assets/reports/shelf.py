"""Where built reports lie: a folder per report and as_of, `latest`, and the index of them all.

Belongs here: putting a report there in one step, and taking away what names people who have been
forgotten since. Does not belong here: what the files hold.

    reports/index.html
    reports/<report>/<as_of>/        index.html, <report>.xlsx, headlines.pdf, report.json
    reports/<report>/latest          the same of the newest as_of: a link that is moved in one step
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from assets.landing.people import last_forgotten_at
from assets.reports.content import VERDICT_WORDS, PublishInfo, Verdict
from assets.settings import Settings

#: says which publish a folder was made from; without it a folder is no report
ABOUT = "report.json"
LATEST = "latest"


class Glance(NamedTuple):
    """A headline in the index: what it is, its figure as shown, and whether that is a signal."""

    title: str
    figure: str
    verdict: Verdict


@dataclass(frozen=True)
class Kept:
    """A report that lies on the shelf."""

    key: str
    title: str
    as_of: date
    #: of the publish that it was made from
    version: str
    published_at: datetime
    folder: Path
    headlines: tuple[Glance, ...] = ()


def put(
    settings: Settings,
    key: str,
    title: str,
    info: PublishInfo,
    files: Mapping[str, bytes],
    headlines: Iterable[Glance] = (),
) -> Path:
    """Puts the files of a report in place, whole or not at all; returns their folder.

    `headlines` are what the index tells of it: they lie with it, and go when it goes.
    Whoever reads `latest` has the old files or the new ones, never some of each.
    """
    home = settings.reports / key
    home.mkdir(parents=True, exist_ok=True)
    for leftover in home.glob(".new-*"):  # of a process that was killed
        leftover.unlink() if leftover.is_symlink() else shutil.rmtree(leftover)
    about = {
        "key": key,
        "title": title,
        "as_of": info.as_of_date.isoformat(),
        "version": info.version,
        "published_at": info.published_at.isoformat(),
        "headlines": [each._asdict() for each in headlines],
    }
    new = home / f".new-{info.version}"
    new.mkdir()
    for name, content in files.items():
        _write(new / name, content)
    _write(new / ABOUT, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
    folder = home / info.as_of_date.isoformat()
    if all(info.as_of_date >= each.as_of for each in kept(settings) if each.key == key):
        _show(home / LATEST, new)
    if folder.exists():
        old = home / ".new-before"
        folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old)
    else:
        new.rename(folder)
    return folder


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def _show(latest: Path, folder: Path) -> None:
    """Has `latest` show the files of a folder, in one step.

    They are copies, in a folder whose name never comes again: so `latest` stays whole also while
    the folder itself is exchanged, and whoever reads what it showed before finds nothing new there.
    """
    shown = {int(each.name.rpartition("-")[2]): each for each in latest.parent.glob(f".{LATEST}-*")}
    fresh = latest.with_name(f".{LATEST}-{max(shown, default=0) + 1}")
    shutil.copytree(folder, fresh)
    link = latest.with_name(f".new-{LATEST}")
    link.symlink_to(fresh.name)
    os.replace(link, latest)
    for number in sorted(shown)[:-1]:  # the one just before may still be read
        shutil.rmtree(shown[number])


def kept(settings: Settings) -> list[Kept]:
    """Every report on the shelf, the newest as_of first."""
    found = [
        each
        for folder in settings.reports.glob("*/*")
        if not folder.name.startswith(".") and folder.name != LATEST and (each := about(folder))
    ]
    return sorted(found, key=lambda each: (-each.as_of.toordinal(), each.key))


def about(folder: Path) -> Kept | None:
    """What a folder says it is; None where it is no report."""
    try:
        said = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return Kept(
            said["key"],
            said["title"],
            date.fromisoformat(said["as_of"]),
            said["version"],
            datetime.fromisoformat(said["published_at"]),
            folder,
            # one that an earlier version built has none
            tuple(_glance(**each) for each in said.get("headlines", [])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _glance(title: str, figure: str, verdict: Verdict) -> Glance:
    if verdict not in VERDICT_WORDS:
        raise ValueError(f"{verdict} is no verdict")
    return Glance(str(title), str(figure), verdict)


def write_index(settings: Settings, page: str) -> Path:
    """Puts the page of all reports in place, in one step."""
    place = settings.reports / "index.html"
    fresh = place.with_name(".index.html.new")
    _write(fresh, page.encode())
    os.replace(fresh, place)
    return place


def withdraw(settings: Settings) -> list[Path]:
    """Takes away every report from before somebody was forgotten, which may name them.

    Returns their folders. `latest` and the index go with them, until reports are built again; so
    does whatever else lies in the folder of a report and does not say what it was made from.
    """
    since = last_forgotten_at(settings)
    if since is None:
        return []
    gone = []
    for folder in settings.reports.glob("*/*"):
        if folder.is_symlink() or not folder.is_dir():
            continue
        found = about(folder)
        is_of_a_report = found or folder.name.startswith(".")
        if is_of_a_report and (found is None or found.published_at < since):
            shutil.rmtree(folder)
            gone.append(folder)
    for link in settings.reports.glob(f"*/{LATEST}"):
        if not link.exists():
            link.unlink()
    if gone:
        (settings.reports / "index.html").unlink(missing_ok=True)
    return gone

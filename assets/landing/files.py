"""What a file in the landing folder is, told from its name alone.

`landing/<system>/<entity>[.full|.delta][__<stamp>].<ext>`. Belongs here: the naming law and the
walk through the folder. Does not belong here: opening a file (`reading`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from assets.systems import Delivery, Entity, System

NAME = re.compile(
    r"(?P<entity>.+?)"
    r"(?:[.](?P<delivery>full|delta))?"
    r"(?:__(?P<stamp>\d{4}-\d{2}-\d{2}(?:T\d{6}Z)?))?"
    r"[.](?P<extension>csv|csv[.]gz|parquet|jsonl|jsonl[.]gz|xlsx)",
    re.IGNORECASE | re.DOTALL,
)
#: files that a program is still writing, or keeps for itself
UNFINISHED = re.compile(r"[.].*|~[$].*|.*[.](part|partial|tmp|crdownload)", re.IGNORECASE)


@dataclass(frozen=True)
class ClaimedFile:
    """A file that an entity claims. `file` is its path below landing/, with `/`.

    `stamp` is a date (the last instant of that business day), an instant in UTC without zone, or
    None where the name carries none.
    """

    file: str
    path: Path
    system: System
    entity: Entity
    delivery: Delivery
    stamp: date | datetime | None
    extension: str


def walk(landing: Path) -> Iterator[Path]:
    """Every finished file below the landing folder, in the order of its path."""
    for path in sorted(landing.rglob("*")):
        parts = path.relative_to(landing).parts
        if not path.is_dir() and not any(UNFINISHED.fullmatch(part) for part in parts):
            yield path


def claim(path: Path, landing: Path, systems: Mapping[str, System]) -> ClaimedFile | None:
    """The file as an entity claims it; None where none does."""
    folder, *rest = path.relative_to(landing).parts
    parsed = NAME.fullmatch(path.name)
    if len(rest) != 1 or folder not in systems or parsed is None:
        return None
    entities = {_squashed(entity.name): entity for entity in systems[folder].entities}
    entity = entities.get(_squashed(parsed["entity"]))
    try:
        stamp = _stamp(parsed["stamp"])
    except ValueError:
        return None
    if entity is None:
        return None
    suffix = (parsed["delivery"] or "").lower()
    delivery: Delivery = "full" if suffix == "full" else "delta" if suffix else entity.delivery
    return ClaimedFile(
        file=path.relative_to(landing).as_posix(),
        path=path,
        system=systems[folder],
        entity=entity,
        delivery=delivery,
        stamp=stamp,
        extension=parsed["extension"].lower(),
    )


def _squashed(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


def _stamp(text: str | None) -> date | datetime | None:
    """Raises ValueError where the digits are no date or no time of day."""
    if text is None:
        return None
    if len(text) == len("2026-06-30"):
        return date.fromisoformat(text)
    instant = datetime.strptime(text.upper(), "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)
    return instant.replace(tzinfo=None)

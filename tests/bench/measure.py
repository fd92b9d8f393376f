"""What a process and everything it starts costs: seconds, CPU seconds, memory, at any moment.

Linux only: read from /proc, several times a second, so that a run can afterwards be divided at the
moments at which its steps began and ended.
"""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
#: seconds between two looks at /proc
INTERVAL = 0.25


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds; `peak_bytes` is the most that all its processes held at a time."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __add__(self, other: "Cost") -> "Cost":
        """One after the other."""
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_bytes, other.peak_bytes),
        )


NOTHING = Cost(0.0, 0.0, 0)


@dataclass
class Measured:
    """A process that has ended. `looks` = (seconds since 1970, CPU seconds until then, bytes)."""

    command: Sequence[str]
    returncode: int
    output: str
    looks: list[tuple[float, float, int]] = field(repr=False)

    @property
    def cost(self) -> Cost:
        return self.cost_between(self.looks[0][0], self.looks[-1][0])

    def cost_between(self, start: float, end: float) -> Cost:
        peak = max((held for at, _, held in self.looks if start <= at <= end), default=0)
        return Cost(end - start, self._cpu_until(end) - self._cpu_until(start), peak)

    def _cpu_until(self, moment: float) -> float:
        before, before_cpu = self.looks[0][:2]
        for at, cpu, _ in self.looks:
            if at >= moment:
                span = at - before
                return before_cpu + (cpu - before_cpu) * ((moment - before) / span if span else 0)
            before, before_cpu = at, cpu
        return before_cpu


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Measured:
    """Runs a command to its end, looking at it.

    Raises:
        RuntimeError: it ended with another status than 0; the message is what it said.
    """
    looks = [(time.time(), 0.0, 0)]
    said: list[str] = []
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    listener = threading.Thread(target=lambda: said.extend(process.stdout or ()))
    listener.start()
    # the children of a process that was waited for are in its own account
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        looks.append((time.time(), *_held_by(process.pid)))
        time.sleep(INTERVAL)
    process.returncode = os.waitstatus_to_exitcode(status)
    listener.join()
    looks.append((time.time(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024))
    measured = Measured(command, process.returncode, "".join(said), looks)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(said)}")
    return measured


def _held_by(root: int) -> tuple[float, int]:
    """CPU seconds so far and bytes held now of a process and all below it."""
    ticks = held = 0
    waiting = [root]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        try:
            # behind the name, which may hold blanks: state is field 3, utime to cstime 14 to 17
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            held += int((process / "statm").read_text().split()[1]) * PAGE
            for children in process.glob("task/*/children"):
                waiting += map(int, children.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended between two lines
    return ticks / TICK, held

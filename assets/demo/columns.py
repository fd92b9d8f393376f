"""Numbers → the text columns of an extract, and fields that change over time.

The simulation works in numpy: ids are row numbers, labels are codes, days are days since 1970,
instants are seconds since 1970 on the clock of the business zone. Here they become Arrow columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: a day or an instant that has not come: written as an empty value
NEVER = np.int64(2**60)
#: a code or a row number that is not there: written as an empty value
NONE = -1

Encode = Callable[[np.ndarray], pa.Array]


def ids(prefix: str, width: int) -> Encode:
    """Row numbers → `PREFIX000017`; negative ones are empty."""

    def encode(rows: np.ndarray) -> pa.Array:
        digits = pc.utf8_lpad(pa.array(rows, mask=rows < 0).cast(pa.string()), width, "0")
        return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")

    return encode


def labels(names: Sequence[str | None]) -> Encode:
    """Codes → the names they stand for; negative ones are empty."""

    def encode(codes: np.ndarray) -> pa.Array:
        # made only here: Arrow's first array of all imports pandas
        dictionary = pa.array(names, pa.string())
        return dictionary.take(pa.array(codes, pa.int64(), mask=codes < 0))

    return encode


def days(values: np.ndarray) -> pa.Array:
    """Days since 1970 → ISO dates."""
    absent = values >= NEVER
    whole = np.where(absent, 0, values).astype(np.int32)
    return pa.array(whole, pa.int32(), mask=absent).cast(pa.date32()).cast(pa.string())


def instants(values: np.ndarray, offset: str = "") -> pa.Array:
    """Seconds since 1970 → ISO instants; `offset` `Z` says so where the source writes UTC."""
    absent = values >= NEVER
    moments = np.where(absent, 0, values).astype("datetime64[s]")
    text = pa.array(moments, mask=absent).cast(pa.string())
    text = pc.replace_substring(text, " ", "T")
    return pc.binary_join_element_wise(text, offset, "") if offset else text


def numbers(values: np.ndarray, places: int = 2) -> pa.Array:
    """Floats or integers → decimal text; NaN is empty."""
    if values.dtype.kind != "f":
        return pa.array(values).cast(pa.string())
    absent = np.isnan(values)
    rounded = np.round(np.where(absent, 0.0, values), places) + 0.0
    if (rounded == np.rint(rounded)).all():
        return pa.array(rounded.astype(np.int64), mask=absent).cast(pa.string())
    return pa.array(rounded, mask=absent).cast(pa.string())


def flags(values: np.ndarray) -> pa.Array:
    """Booleans → true, false."""
    return pa.array(values.astype(bool)).cast(pa.string())


@dataclass(frozen=True)
class History:
    """One field of a record: what it started as, and its changes in order of time.

    `start` has one value per record; `record`, `at` (seconds) and `value` one per change.
    """

    field: str
    encode: Encode
    start: np.ndarray
    record: np.ndarray
    at: np.ndarray
    value: np.ndarray

    @classmethod
    def of(
        cls,
        field: str,
        encode: Encode,
        start: np.ndarray,
        record: np.ndarray,
        at: np.ndarray,
        value: np.ndarray,
    ) -> "History":
        """Sorts the changes (those of one second stay as they were given) and drops the idle."""
        order = np.lexsort((np.arange(len(at)), at, record))
        record, at, value = record[order], at[order], value[order]
        history = cls(field, encode, start, record, at, value)
        moved = history.before() != value
        while not moved.all():
            history = cls(field, encode, start, *(x[moved] for x in (record, at, value)))
            record, at, value = history.record, history.at, history.value
            moved = history.before() != value
        return history

    def before(self) -> np.ndarray:
        """The value that each change replaced."""
        previous = np.roll(self.value, 1)
        first = np.r_[True, self.record[1:] != self.record[:-1]][: len(self.record)]
        return np.where(first, self.start[self.record], previous)

    def as_of(self, at: int) -> np.ndarray:
        """The value of every record at the end of second `at`."""
        values = self.start.copy()
        done = self.at <= at
        values[self.record[done]] = self.value[done]  # changes lie in order: the last one stays
        return values

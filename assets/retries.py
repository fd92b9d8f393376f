"""Trying again after what passes by itself: a lock another process holds, a full file table."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

#: how DuckDB names what passes; that a disk is full or a file damaged does not
PASSING = ("could not set lock", "too many open files")


@contextmanager
def retry_transient(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Asks Dagster to try the step again after 5, 10 and 20 seconds, on an I/O error that passes.

    Every other error is final: the same input would fail the same way.
    """
    import duckdb

    try:
        yield
    except (duckdb.IOException, InterruptedError, TimeoutError) as error:
        words = str(error).lower()
        if isinstance(error, duckdb.IOException) and not any(each in words for each in PASSING):
            raise
        wait = 5 * 2**context.retry_number
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=wait) from error

"""Trying again after what passes by itself: a lock another process holds, a full file table."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def retry_transient() -> Iterator[None]:
    """Asks Dagster to try the step again, up to three times with back-off, on an I/O error.

    Every other error is final: the same input would fail the same way.
    """
    import duckdb

    try:
        yield
    except (duckdb.IOException, InterruptedError, TimeoutError) as error:
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=5) from error

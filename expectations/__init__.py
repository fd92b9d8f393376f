"""The gates of the line: what must hold of extracts that come in and of marts that go out.

Belongs here: Great Expectations suites and the machinery that carries them out inside DuckDB,
keeps their results and shows them on a page. Does not belong here: cleaning or changing data.
"""

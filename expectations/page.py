"""The data-quality page: what stops the line, what to know, what came in and what was set aside.

Written after every gate, so that it tells of a run that failed as well as of one that passed.
One self-contained file without scripts, to be opened offline.
"""

import os
from pathlib import Path
from typing import Any

#: rows of a list on the page; the whole of it is in the warehouse and in quarantine/
SHOWN = 200

LATEST = """
select * exclude (position)
from (
    select *, row_number() over (
        partition by asset, check_name order by checked_at desc, run_id desc
    ) as position
    from quality.check_results
)
where position = 1
"""
QUERIES = {
    "settings": "select * from landing.run_settings",
    "blocking": f"select * from ({LATEST}) where severity = 'error' and is_passed is not true"
    " order by asset, check_name",
    "warnings": f"select * from ({LATEST}) where severity = 'warn' and is_passed is not true"
    " order by asset, check_name",
    "checks": f"select * from ({LATEST}) order by boundary, asset, check_name",
    "extracts": "select source_system, entity, count(*) as files,"
    " count(*) filter (status = 'refused') as refused,"
    " coalesce(sum(rows_in), 0)::bigint as rows_in,"
    " coalesce(sum(rows_loaded), 0)::bigint as rows_loaded,"
    " coalesce(sum(rows_quarantined), 0)::bigint as rows_quarantined,"
    " coalesce(sum(exact_duplicates), 0)::bigint as exact_duplicates,"
    " max(stamp) as latest_stamp from landing.deliveries group by all order by all",
    "reasons": "select source_system, entity, reason, column_name, count(*) as row_count"
    " from quality.quarantined_rows where is_set_aside group by all"
    " order by row_count desc, source_system, entity, reason, column_name",
    "set_aside": "select * from quality.quarantined_rows where is_set_aside"
    f" order by source_system, entity, file, row_number limit {SHOWN}",
}


def write(settings: Any) -> Path:
    """Writes `reports/data_quality/index.html` from the warehouse; returns its path."""
    import duckdb
    from jinja2 import Environment, PackageLoader, StrictUndefined

    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        found = {name: _rows(connection, query) for name, query in QUERIES.items()}
    environment = Environment(
        loader=PackageLoader("expectations", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: "–" if number is None else f"{number:,}"
    text = environment.get_template("page.html.j2").render(shown=SHOWN, **found)
    place: Path = settings.reports / "data_quality" / "index.html"
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(".index.html.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, place)
    return place


def _rows(connection: Any, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

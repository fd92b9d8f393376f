"""What was left out of every figure, and what warns."""

from assets.reports.content import (
    Column,
    Part,
    Section,
    Words,
    words,
)
from assets.reports.freshness import (
    freshness_table,
)
from assets.reports.published import (
    Published,
)
from assets.reports.review.found import (
    WAITING,
    Found,
    worded,
)


def section(marts: Published) -> Found:
    total = marts.numbers(
        """
select count(*) filter (is_set_aside) as set_aside_count,
    count(distinct (source_system, file)) filter (is_set_aside) as file_count
from marts.quarantined_rows
""",
        {"set_aside_count": "count", "file_count": "count"},
    )
    checks = marts.numbers(
        """
select count(*) as check_count, count(*) filter (is_passed is distinct from true) as failed_count
from marts.data_quality_checks
""",
        {"check_count": "count", "failed_count": "count"},
    )
    finding = words(
        "{} rows of {} files were set aside and are in no figure. {} of {} checks warn.",
        total["set_aside_count"],
        total["file_count"],
        checks["failed_count"],
        checks["check_count"],
    )
    parts: list[Part] = [freshness_table(marts)]
    asks: tuple[tuple[int, Words], ...] = ()
    if total["set_aside_count"].value:
        by_entity = """
select source_system, entity, count(*) as row_count, count(distinct file) as file_count,
    mode(reason) as reason
from marts.quarantined_rows
where is_set_aside
group by source_system, entity
"""
        [most] = marts.each(
            f"select * from ({by_entity}) order by row_count desc, source_system, entity limit 1",
            {"entity": "text", "source_system": "text", "row_count": "count"},
        )
        asks = (
            (
                WAITING,
                words(
                    "Most rows were set aside of {} of {}: {}. Mend them at the source; files and"
                    " row numbers stand in quarantined_rows.",
                    *most.values(),
                ),
            ),
        )
        parts.append(
            marts.table(
                "What was set aside",
                f"""
select source_system, entity, {worded("reason")}, count(*) as row_count, count(distinct file),
    min(file)
from marts.quarantined_rows
where is_set_aside
group by source_system, entity, reason
order by row_count desc, source_system, entity, reason
""",
                (
                    Column("System"),
                    Column("Extract"),
                    Column("Reason"),
                    Column("Rows", "count"),
                    Column("Files", "count"),
                    Column("First file"),
                ),
                note=words(
                    "A row that comes again in the next file, still wrong, is counted again."
                ),
            )
        )
    if checks["failed_count"].value:
        parts.append(
            marts.table(
                "What warns",
                f"""
select source_system, asset, {worded("check_name")}, failing_count, evaluated_count, message,
    way_out
from marts.data_quality_checks
where is_passed is distinct from true
order by failing_count desc nulls last, asset, check_name
""",
                (
                    Column("System"),
                    Column("What"),
                    Column("Check"),
                    Column("Rows that fail", "count"),
                    Column("Rows judged", "count"),
                    Column("What is wrong"),
                    Column("Way out"),
                ),
            )
        )
    return Found(
        Section(
            "data_quality",
            "Data quality",
            "What was left out, and what warns?",
            finding,
            tuple(parts),
            ("quarantined_rows", "data_quality_checks", "publish_info"),
            None
            if checks["check_count"].value
            else "No check is on record: make run carries them out and writes them down.",
        ),
        None,
        asks,
    )

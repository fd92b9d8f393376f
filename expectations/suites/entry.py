"""What must hold of every extract of every system, whoever sends it: nothing got lost on the way.

Landing wrote down how many rows each file held, how many it loaded and how many it set aside;
here the three are counted again from the tables themselves.
"""

from expectations.suites import Rule, Suite


def for_every_extract(system: str, entity: str) -> tuple[Rule, ...]:
    """The rules of the ledger for one extract. Table names are the product's own, not input."""
    of_entity = f"source_system = '{system}' and entity = '{entity}'"
    return (
        Rule(
            "files_accepted",
            f"select message from landing.deliveries where {of_entity} and status = 'refused'",
            "were refused",
            "mend or remove the file, or let it through: make allow FILE=<file> REASON='…'",
            what="files",
            shows="message",
            keeps_rows=False,
        ),
        Rule(
            "rows_in_equal_loaded_plus_quarantined",
            f"""
            select deliveries.file
            from landing.deliveries
            left join (
                select _delivery_id, count(*) as row_count from raw_{system}."{entity}" group by 1
            ) as loaded on loaded._delivery_id = deliveries.delivery_id
            left join (
                select delivery_id, count(*) as row_count
                from landing.quarantined_rows where {of_entity} group by 1
            ) as set_aside on set_aside.delivery_id = deliveries.delivery_id
            where {of_entity} and status = 'loaded'
                and rows_in <> coalesce(loaded.row_count, 0) + coalesce(set_aside.row_count, 0)
            """,
            "have rows that were lost or counted twice",
            "keep the file and report it, for this is a fault of the product: `make rebuild`",
            what="files",
            shows="file",
            keeps_rows=False,
        ),
    )


def with_ledger(system: str, entity: str, own: Suite) -> Suite:
    return Suite(own.key, own.filled, (*for_every_extract(system, entity), *own.rules))

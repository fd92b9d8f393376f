"""When each version of a row was valid, told from the set of accepted deliveries alone.

Deliveries stand in stamp order, full before delta, then by checksum. A row that says what the
version before it said is a repetition; a key that a full extract lacks ends there, and begins anew
when it returns. A row set aside still holds its key: it is not missing, and what was known of it
stays valid.
"""

import duckdb

from assets.landing.checking import key_parts, quoted
from assets.systems import Entity, System

#: share of the keys known just before that a full extract may delete
SHRINK_LIMIT = 0.2


def in_order(connection: duckdb.DuckDBPyConnection, system: System, entity: Entity) -> None:
    """Makes the temporary table `positions`: the entity's accepted deliveries, 1 = earliest."""
    connection.execute(
        """
        create or replace temp table positions as
        select
            delivery_id, stamp, delivery = 'full' as is_full,
            row_number() over stamp_order as position,
            stamp = min(stamp) over () as is_first_extract,
        from landing.deliveries
        where source_system = $1 and entity = $2 and status = 'loaded'
        window stamp_order as (order by stamp, delivery = 'full' desc, sha256, delivery_id)
        """,
        [system.name, entity.name],
    )


def shrinkage(
    connection: duckdb.DuckDBPyConnection, system: System, entity: Entity, delivery_id: str
) -> tuple[int, int, int, list[str]]:
    """What a loaded full delivery would delete.

    Returns:
        the keys it has, the keys known just before it, how many of those it lacks, and the first
        of them.
    """
    in_order(connection, system, entity)
    keys = _key_names(entity)
    found = connection.execute(
        f"""
        with judged as (from positions where delivery_id = $1),
        last_full as (
            select coalesce(max(positions.position), 0) as position
            from positions, judged
            where positions.is_full and positions.position < judged.position
        ),
        items as ({_items(system, entity)}),
        known as (
            select distinct {keys}
            from items, judged, last_full
            where items.position >= last_full.position and items.position < judged.position
        ),
        present as (
            select distinct {keys} from items, judged where items.position = judged.position
        ),
        lost as (from known except from present)
        select
            (select count(*) from present), (select count(*) from known),
            (select count(*) from lost),
            (select min(concat_ws(', ', {keys}), 3) from lost)
        """,
        [delivery_id],
    ).fetchone()
    assert found is not None
    return found[0], found[1], found[2], found[3] or []


def settle(connection: duckdb.DuckDBPyConnection, system: System, entity: Entity) -> None:
    """Writes the validity of every row of the entity, where it is not so already."""
    in_order(connection, system, entity)
    keys = _key_names(entity)
    table = f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"
    connection.execute(
        f"""
        create or replace temp table versions as
        with stations as (
            select
                *,
                min(position) filter (where is_full) over later as next_full_position,
                min(stamp) filter (where is_full) over later as next_full_stamp,
            from positions
            window later as (order by position rows between 1 following and unbounded following)
        ),
        items as ({_items(system, entity)}),
        sequenced as (
            select
                items.*, stamp, next_full_position, next_full_stamp,
                lag(next_full_position) over by_key < position as follows_absence,
                coalesce(next_full_position < lead(position) over by_key, true) as is_last_before,
            from items
            join stations using (position)
            window by_key as (partition by {keys} order by position)
        ),
        spanned as (
            select
                *,
                case when is_last_before then next_full_stamp end as absent_from,
                count(*) filter (where follows_absence) over (
                    partition by {keys} order by position
                ) as presence,
            from sequenced
        ),
        compared as (
            select
                *,
                row_id is not null and content is distinct from lag(content ignore nulls) over (
                    partition by {keys}, presence order by position
                ) as is_new_version,
            from spanned
        ),
        bounded as (
            select
                row_id, is_new_version, stamp,
                coalesce(
                    absent_from,
                    lead(
                        case when is_new_version then stamp else absent_from end ignore nulls
                    ) over (partition by {keys} order by position)
                ) as ends_at,
            from compared
        ),
        lasting as (
            select *, is_new_version and stamp < coalesce(ends_at, 'infinity') as is_used
            from bounded
            where row_id is not null
        )
        select
            row_id,
            case when is_used then stamp end as valid_from,
            case when is_used then ends_at end as valid_to,
        from lasting;

        update {table} as raw
        set _valid_from = versions.valid_from, _valid_to = versions.valid_to
        from versions
        where raw.rowid = versions.row_id
            and (
                raw._valid_from is distinct from versions.valid_from
                or raw._valid_to is distinct from versions.valid_to
            );

        update {table} as raw
        set _is_first_extract = positions.is_first_extract
        from positions
        where raw._delivery_id = positions.delivery_id
            and raw._is_first_extract <> positions.is_first_extract;
        """
    )
    connection.execute(
        "update landing.deliveries set is_settled = true"
        " where source_system = $1 and entity = $2 and not is_settled",
        [system.name, entity.name],
    )


def _key_names(entity: Entity) -> str:
    parts = len(entity.key) if entity.key_is == "columns" else 1
    return ", ".join(f"key_{number}" for number in range(1, parts + 1))


def _items(system: System, entity: Entity) -> str:
    """The SQL of what each delivery says of each key: a row with its content, or a bare hold."""
    places = {column.name: f"raw.{quoted(column.name)}" for column in entity.columns}
    parts = key_parts(entity, places)
    keys = ", ".join(f"{part} as key_{number}" for number, part in enumerate(parts, 1))
    holds = ", ".join(f"row_key[{number}]" for number in range(1, len(parts) + 1))
    content = ", ".join(f"coalesce({place}, '')" for place in places.values())
    table = f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"
    return f"""
        select positions.position, {keys}, raw.rowid as row_id, hash({content}) as content
        from {table} as raw
        join positions on raw._delivery_id = positions.delivery_id
        where not raw._is_exact_duplicate
        union all
        select distinct positions.position, {holds}, null, null
        from landing.quarantined_rows
        join positions using (delivery_id)
        where row_key is not null
    """

"""When each version of a row was valid, told from the set of accepted deliveries alone.

Deliveries stand in stamp order, full before delta, then by checksum. A row that says what the
version before it said is a repetition; a key that a full extract lacks ends there, and begins anew
when it returns. A row set aside still holds its key: it is not missing, and what was known of it
stays valid.
"""

from collections.abc import Sequence

import duckdb

from assets.landing.checking import key_parts, literal, quoted
from assets.systems import Entity, System

#: share of the keys known just before that a full extract may delete
SHRINK_LIMIT = 0.2


def shrinkage(
    connection: duckdb.DuckDBPyConnection,
    system: System,
    entity: Entity,
    delivery_id: str,
    before: Sequence[str],
) -> tuple[int, int, int, list[str]]:
    """What a loaded full delivery would delete.

    `before` are the loaded deliveries from which is known what was there just before it: the last
    full one, and what came after that.

    Returns:
        the keys it has, the keys known just before it, how many of those it lacks, and the first
        of them.
    """
    keys = _key_names(entity)
    deliveries = ", ".join(literal(each) for each in (delivery_id, *before))
    found = connection.execute(
        f"""
        with items as ({_items(system, entity, deliveries)}),
        by_key as (
            select
                {keys}, bool_or(delivery_id = $1) as is_present,
                bool_or(delivery_id <> $1) as is_known,
            from items
            group by {keys}
        )
        select
            count(*) filter (is_present), count(*) filter (is_known),
            count(*) filter (is_known and not is_present),
            min(concat_ws(', ', {keys}), 3) filter (is_known and not is_present),
        from by_key
        """,
        [delivery_id],
    ).fetchone()
    assert found is not None
    return found[0], found[1], found[2], found[3] or []


def settle(connection: duckdb.DuckDBPyConnection, system: System, entity: Entity) -> None:
    """Writes the validity of every row of the entity, where it is not so already."""
    keys = _key_names(entity)
    table = _table(system, entity)
    connection.execute(
        """
        create or replace temp table stations as
        with positions as (
            select
                delivery_id, stamp, delivery = 'full' as is_full,
                row_number() over stamp_order as position,
                stamp = min(stamp) over () as is_first_extract,
            from landing.deliveries
            where source_system = $1 and entity = $2 and status = 'loaded'
            window stamp_order as (order by stamp, delivery = 'full' desc, sha256, delivery_id)
        )
        select
            *,
            min(position) filter (where is_full) over later as next_full_position,
            min(stamp) filter (where is_full) over later as next_full_stamp,
        from positions
        window later as (order by position rows between 1 following and unbounded following)
        """,
        [system.name, entity.name],
    )
    connection.execute(
        f"""
        create or replace temp table all_items as
        select *, hash({keys}) as key_hash
        from ({_items(system, entity, "select delivery_id from stations")});

        -- Most keys of a log come once; only the others need an order.
        create or replace temp table items as
        from all_items
        where key_hash in (select key_hash from all_items group by key_hash having count(*) > 1);

        create or replace temp table versions as
        with sequenced as (
            select
                items.*, position, stamp, next_full_position, next_full_stamp,
                lag(next_full_position) over by_key < position as follows_absence,
                coalesce(next_full_position < lead(position) over by_key, true) as is_last_before,
            from items
            join stations using (delivery_id)
            window by_key as (partition by key_hash order by position)
        ),
        spanned as (
            select
                *,
                case when is_last_before then next_full_stamp end as absent_from,
                count(*) filter (where follows_absence) over (
                    partition by key_hash order by position
                ) as presence,
            from sequenced
        ),
        compared as (
            select
                *,
                row_id is not null and content is distinct from lag(content ignore nulls) over (
                    partition by key_hash, presence order by position
                ) as is_new_version,
            from spanned
        ),
        bounded as (
            select
                row_id, valid_from, valid_to, is_new_version, stamp,
                coalesce(
                    absent_from,
                    lead(
                        case when is_new_version then stamp else absent_from end ignore nulls
                    ) over (partition by key_hash order by position)
                ) as ends_at,
            from compared
            union all
            select row_id, valid_from, valid_to, true, stamp, next_full_stamp
            from all_items
            join stations using (delivery_id)
            where key_hash not in (select key_hash from items)
        ),
        lasting as (
            select *, is_new_version and stamp < coalesce(ends_at, 'infinity') as is_used
            from bounded
            where row_id is not null
        ),
        settled as (
            select
                row_id, valid_from, valid_to,
                case when is_used then stamp end as settled_from,
                case when is_used then ends_at end as settled_to,
            from lasting
        )
        select row_id, settled_from, settled_to
        from settled
        where valid_from is distinct from settled_from or valid_to is distinct from settled_to
        order by row_id;  -- rows updated as they lie: several times as fast

        update {table} as raw
        set _valid_from = versions.settled_from, _valid_to = versions.settled_to
        from versions
        where raw.rowid = versions.row_id;

        update {table} as raw
        set _is_first_extract = stations.is_first_extract
        from stations
        where raw._delivery_id = stations.delivery_id
            and raw._is_first_extract <> stations.is_first_extract;
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


def _items(system: System, entity: Entity, deliveries: str) -> str:
    """The SQL of what each delivery says of each key: a row with its content, or a bare hold.

    `deliveries` is the SQL of the delivery ids that count.
    """
    places = {column.name: f"raw.{quoted(column.name)}" for column in entity.columns}
    parts = key_parts(entity, places)
    keys = ", ".join(f"{part} as key_{number}" for number, part in enumerate(parts, 1))
    holds = ", ".join(f"row_key[{number}]" for number in range(1, len(parts) + 1))
    content = ", ".join(f"coalesce({place}, '')" for place in places.values())
    return f"""
        select
            raw._delivery_id as delivery_id, {keys}, raw.rowid as row_id,
            raw._valid_from as valid_from, raw._valid_to as valid_to, hash({content}) as content
        from {_table(system, entity)} as raw
        where not raw._is_exact_duplicate and raw._delivery_id in ({deliveries})
        union all
        select distinct delivery_id, {holds}, null, null, null, null
        from landing.quarantined_rows
        where row_key is not null and delivery_id in ({deliveries})
    """


def _table(system: System, entity: Entity) -> str:
    return f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"

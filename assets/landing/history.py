"""When each version of a row was valid, told from the set of accepted deliveries alone.

Deliveries stand in stamp order, full before delta, then by checksum. A row that says what the
version before it said is a repetition; a key that a full extract lacks ends there, and begins anew
when it returns. A row set aside still holds its key: it is not missing, and what was known of it
stays valid.

Only what new deliveries touch is looked at, by `_key_hash`: their own keys, and where a full one is
among them, all keys. Where they follow everything that is settled, of each key the version in force
is all that matters of the past.
"""

from collections.abc import Sequence

import duckdb

from assets.landing.checking import KEY_TYPES, key_hash, key_parts, quoted
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
        the keys it has, the keys known just before it, how many of those it lacks, and, where they
        are too many, the first of them.
    """
    items = f"""
        select _key_hash as key_hash, _delivery_id = $1 as is_own
        from {_table(system, entity)}
        where list_contains($2::varchar[], _delivery_id)
        union all
        select {_held(entity)}, delivery_id = $1
        from landing.quarantined_rows
        where row_key is not null and list_contains($2::varchar[], delivery_id)
    """
    by_key = f"""
        select key_hash, bool_or(is_own) as is_present, bool_or(not is_own) as is_known
        from ({items})
        group by key_hash
    """
    parameters = [delivery_id, [delivery_id, *before]]
    found = connection.execute(
        f"""
        select
            count(*) filter (is_present), count(*) filter (is_known),
            count(*) filter (is_known and not is_present),
        from ({by_key})
        """,
        parameters,
    ).fetchone()
    assert found is not None
    present, known, lost = found
    if lost <= SHRINK_LIMIT * known:
        return present, known, lost, []
    places = {column.name: f"raw.{quoted(column.name)}" for column in entity.columns}
    parts = key_parts(entity, places)
    examples = connection.execute(
        f"""
        with lost as (select key_hash from ({by_key}) where is_known and not is_present)
        select min(key, 3)
        from (
            select distinct concat_ws(', ', {", ".join(parts)}) as key
            from {_table(system, entity)} as raw
            where _key_hash in (from lost)
            union
            select array_to_string(row_key, ', ')
            from landing.quarantined_rows
            where row_key is not null and list_contains($2::varchar[], delivery_id)
                and {_held(entity)} in (from lost)
        )
        """,
        parameters,
    ).fetchone()
    assert examples is not None
    return present, known, lost, examples[0] or []


def settle(connection: duckdb.DuckDBPyConnection, system: System, entity: Entity) -> None:
    """Writes the validity of every row of the entity, where it is not so already.

    A row that is written gets the number of this landing.
    """
    table = _table(system, entity)
    content = ", ".join(f"coalesce(raw.{quoted(column.name)}, '')" for column in entity.columns)
    connection.execute(
        """
        create or replace temp table stations as
        with positions as (
            select
                delivery_id, stamp, delivery = 'full' as is_full, is_settled,
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
    is_appended, touches_all, last_settled = _reach(connection, system, entity)
    connection.execute(
        f"""
        create or replace temp table new_items as
        {_items(system, entity, content, "not stations.is_settled")}
        """
    )
    is_touched = "true" if touches_all else "key_hash in (select key_hash from new_items)"
    if is_appended:
        # The version in force goes on to the last delivery that is settled, whatever that was.
        past = f"""
            select
                key_hash, row_id, valid_from, valid_to, content,
                {last_settled} as position, valid_from as stamp,
            from (
                select
                    _key_hash as key_hash, rowid as row_id, _valid_from as valid_from,
                    _valid_to as valid_to, hash({content}) as content, _delivery_id,
                from {table} as raw
                where _valid_from is not null and _valid_to is null
            )
            where {is_touched}
                and _delivery_id in (select delivery_id from stations where is_settled)
        """
    else:
        past = f"from ({_items(system, entity, content, 'stations.is_settled')}) where {is_touched}"
    connection.execute(
        f"""
        create or replace temp table all_items as
        from new_items
        union all
        {past};

        -- Most keys of a log come once; only the others need an order.
        create or replace temp table items as
        from all_items
        where key_hash in (select key_hash from all_items group by key_hash having count(*) > 1);

        create or replace temp table versions as
        with sequenced as (
            select
                items.*, next_full_position, next_full_stamp,
                lag(next_full_position) over by_key < position as follows_absence,
                coalesce(next_full_position < lead(position) over by_key, true) as is_last_before,
            from items
            join (select position, next_full_position, next_full_stamp from stations)
                using (position)
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
            select row_id, valid_from, valid_to, true, all_items.stamp, next_full_stamp
            from all_items
            join stations using (position)
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
        set
            _valid_from = versions.settled_from,
            _valid_to = versions.settled_to,
            _landing_number = (select landing_number from landing.run_settings)
        from versions
        where raw.rowid = versions.row_id;
        """
    )
    if not is_appended:
        connection.execute(
            f"""
            update {table} as raw
            set
                _is_first_extract = stations.is_first_extract,
                _landing_number = (select landing_number from landing.run_settings)
            from stations
            where raw._delivery_id = stations.delivery_id
                and raw._is_first_extract <> stations.is_first_extract
            """
        )
    connection.execute(
        "update landing.deliveries set is_settled = true"
        " where source_system = $1 and entity = $2 and not is_settled",
        [system.name, entity.name],
    )


def _reach(
    connection: duckdb.DuckDBPyConnection, system: System, entity: Entity
) -> tuple[bool, bool, int]:
    """How far what is not settled reaches.

    Returns:
        whether it all follows what is settled; whether it touches all keys, as a full extract does
        and one taken out again; the position of the last delivery that is settled.
    """
    found = connection.execute(
        """
        with removed as (
            select count(*) > 0 as is_any
            from landing.deliveries
            where source_system = $1 and entity = $2 and status <> 'loaded' and not is_settled
        )
        select
            not removed.is_any and coalesce(
                max(position) filter (is_settled) < min(position) filter (not is_settled), true
            ),
            removed.is_any or coalesce(bool_or(is_full) filter (not is_settled), false),
            coalesce(max(position) filter (is_settled), 0),
        from removed
        left join stations on true
        group by removed.is_any
        """,
        [system.name, entity.name],
    ).fetchone()
    assert found is not None
    return found


def _items(system: System, entity: Entity, content: str, which: str) -> str:
    """The SQL of what deliveries say of each key: a row with its content, or a bare hold.

    `which` is the SQL of the stations that count, `content` of the columns that are compared.
    """
    return f"""
        select
            _key_hash as key_hash, raw.rowid as row_id, _valid_from as valid_from,
            _valid_to as valid_to, hash({content}) as content, stations.position, stations.stamp,
        from {_table(system, entity)} as raw
        join stations on raw._delivery_id = stations.delivery_id
        where not _is_exact_duplicate and {which}
        union all
        select distinct {_held(entity)}, null, null, null, null, stations.position, stations.stamp
        from landing.quarantined_rows as held
        join stations on held.delivery_id = stations.delivery_id
        where row_key is not null and {which}
    """


def _held(entity: Entity) -> str:
    """The SQL of the `_key_hash` of a row set aside, from `row_key`."""
    types = [KEY_TYPES[column.type] for column in entity.columns if column.key]
    parts = [f"cast(row_key[{number}] as {type_})" for number, type_ in enumerate(types, 1)]
    return key_hash(parts) if parts else "null::ubigint"


def _table(system: System, entity: Entity) -> str:
    return f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"

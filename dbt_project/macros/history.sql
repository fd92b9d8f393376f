{#
    All versions of the rows of a raw table that are known at the as_of, for those keys of which a
    version had ended by then: the others have no history to tell. As `known_rows` gives them, with
    `_ended_at`: when the next version, or a full extract without the key, had ended this one.
    `key`: its columns with ", " between.
#}
{% macro known_versions(relation, key, known_at="cast(null as timestamp)", happened_at=none) %}
    select
        extract_rows.*,
        {{ known_columns(known_at) }},
        case
            when extract_rows._valid_to < run_settings.as_of_at then extract_rows._valid_to
        end as _ended_at,
    from {{ relation }} as extract_rows
    cross join {{ ref("stg_run_settings") }} as run_settings
    semi join
        (
            select {{ key }}
            from {{ relation }} as extract_rows
            cross join {{ ref("stg_run_settings") }} as run_settings
            where
                extract_rows._valid_to is not null
                and extract_rows._valid_to < run_settings.as_of_at
        ) as ended_rows
        on {{ same_key(key, "extract_rows", "ended_rows") }}
    where extract_rows._valid_from is not null and {{ is_known_row(known_at, happened_at) }}
{% endmacro %}


{#
    The change log that the dated extracts of a system without one amount to. `versions` is a CTE
    with one row per opportunity and version: opportunity_id, source_system, those columns of
    `columns` below that the system has, typed, and
    `is_closed`: whether its stage ends a deal; without it, every closed_at is believed;
    `seen_at`: the stamp of the extract that first showed it (NULL: it stood before all of them);
    `ended_at`: the stamp at which it ended, NULL if it had not by the as_of;
    `is_first_extract`: whether the entity's first extract showed it.

    A change happened when it was first seen, at the stamp, unless the row dates it: closed_at,
    deleted_at and merged_at win, as the last version of that state has them; what came with a
    closing happened with it, and what was seen before cannot have happened after. An extract that
    leaves a deal out deletes it, the next one that names it brings it back. What a deal was when it
    was first seen is no change, but for an end that it had met by then: that one is known from its
    own date. A date that is given or corrected later moves changed_at; recorded_at, by which
    figures of a past day are told, stays as it was first told.
#}
{% macro opportunity_changes_seen(versions) %}
    {%- set columns = {
        "account_id": "varchar",
        "owner_id": "varchar",
        "pipeline": "varchar",
        "currency": "varchar",
        "amount": "decimal(18, 2)",
        "expected_close_date": "date",
        "probability": "double",
        "forecast_category": "varchar",
        "stage": "varchar",
        "merged_into_opportunity_id": "varchar",
        "is_deleted": "boolean",
        "is_closed": "boolean",
        "created_at": "timestamp",
        "closed_at": "timestamp",
        "merged_at": "timestamp",
        "deleted_at": "timestamp",
    } -%}
    {%- set dates = {
        "stage": "closed_at",
        "merged_into_opportunity_id": "merged_at",
        "is_deleted": "deleted_at",
    } -%}
    {%- set fields = (
        columns
        | reject("in", ["is_closed", "created_at"] + dates.values() | list)
        | list
    ) -%}
    with
        typed_versions as (
            select *
            from {{ versions }}
            union all by name
            select
                {%- for column, type in columns.items() %}
                    cast(null as {{ type }}) as {{ column }},
                {%- endfor %}
            where false
        ),
        -- a version that ends before the next begins was left out by the extract at its end
        sightings as (
            select *
            from typed_versions
            union all by name
            select * replace (ended_at as seen_at, true as is_deleted, false as is_first_extract),
            from typed_versions
            qualify
                ended_at < coalesce(
                    lead(seen_at) over (partition by opportunity_id order by seen_at nulls first),
                    timestamp 'infinity'
                )
        ),
        ended as (
            select
                * replace (
                    coalesce(is_deleted, false) as is_deleted,
                    case
                        when coalesce(is_closed, true) and coalesce(closed_at >= created_at, true)
                        then closed_at
                    end as closed_at,
                    case
                        when merged_into_opportunity_id is not null then merged_at
                    end as merged_at,
                    case when is_deleted then deleted_at end as deleted_at
                ),
            from sightings
        ),
        compared as (
            select
                *,
                row_number() over history as version_number,
                {%- for column in fields + dates.values() | list %}
                    lag(
                        {{ column }}{% if column == "is_deleted" %}, 1, false{% endif %}
                    ) over history as old_{{ column }},
                {%- endfor %}
                case
                    when old_closed_at is null then least(closed_at, seen_at)
                end as came_with_close_at,
            from ended
            window history as (partition by opportunity_id order by seen_at nulls first)
        ),
        -- Per version the fields that it tells something new of. What the first one says is the
        -- beginning, only that no deal begins with its end.
        told as (
            select
                *,
                unnest(
                    list_filter(
                        [
                            {%- for field in fields %}
                                case
                                    when
                                        {{ field }} is distinct from old_{{ field }}
                                        {% if field == "stage" or field not in dates -%}
                                            and version_number > 1
                                        {%- endif %}
                                        {% if field in dates -%}
                                            or {{ dates[field] }}
                                            is distinct from old_{{ dates[field] }}
                                        {%- endif %}
                                    then '{{ field }}'
                                end
                                {%- if not loop.last %},{% endif %}
                            {%- endfor %}
                        ],
                        lambda field:field is not null
                    )
                ) as field,
            from compared
        ),
        field_values as (
            select
                opportunity_id,
                source_system,
                field,
                version_number,
                created_at,
                seen_at,
                is_first_extract,
                case
                    when field not in ('{{ dates | join("', '") }}') then came_with_close_at
                end as came_with_close_at,
                case
                    field
                    {%- for field in fields %}
                        when '{{ field }}' then cast({{ field }} as varchar)
                    {%- endfor %}
                end as field_value,
                case
                    field
                    {%- for field in fields %}
                        when '{{ field }}' then cast(old_{{ field }} as varchar)
                    {%- endfor %}
                end as old_value,
                case
                    field
                    {%- for field, date in dates.items() %}
                        when '{{ field }}' then {{ date }}
                    {%- endfor %}
                end as dated_at,
                (field_value is distinct from old_value) as is_new,
            from told
        ),
        -- one that only corrects the date belongs to the change that it dates
        counted as (
            select
                *,
                count(*) filter (where is_new) over (
                    partition by opportunity_id, field order by version_number
                ) as spell_number,
            from field_values
        ),
        spells as (
            select
                opportunity_id,
                field,
                spell_number,
                min(source_system) as source_system,
                min(field_value) as new_value,
                min(old_value) filter (where is_new) as old_value,
                min(version_number) filter (where is_new) as version_number,
                min(seen_at) as seen_at,
                min(created_at) as created_at,
                min(dated_at) filter (where is_new) as first_dated_at,
                arg_max(dated_at, version_number) filter (where dated_at is not null) as dated_at,
                min(came_with_close_at) filter (where is_new) as came_with_close_at,
                bool_or(is_first_extract) as is_first_extract,
            from counted
            group by opportunity_id, field, spell_number
        ),
        dated as (
            select
                *,
                min(coalesce(dated_at, came_with_close_at, seen_at)) over (
                    partition by opportunity_id, field
                    order by spell_number
                    rows between current row and unbounded following
                ) as changed_at,
                coalesce(version_number = 1, true) or is_first_extract as is_history_reconstructed,
            from spells
        ),
        changes_seen as (
            select
                opportunity_id,
                changed_at,
                field,
                old_value,
                new_value,
                spell_number as sequence,
                source_system,
                case
                    when version_number is null
                    then coalesce(created_at, dated_at)
                    when is_history_reconstructed
                    then coalesce(first_dated_at, came_with_close_at, seen_at)
                    else greatest(first_dated_at, seen_at)
                end as recorded_at,
                is_history_reconstructed,
                seen_at,
            from dated
        )
    select *
    from changes_seen
{% endmacro %}


{#
    The promises that the dated extracts show where an ERP overwrites them. `versions` is a CTE with
    one row per planned date and version: order_id, line_number, schedule_number (NULL: the order
    line itself), source_system, first_promise_date, current_promise_date, seen_at (the stamp of
    the extract that first showed it) and is_first_extract.

    The first promise is what was first seen: of the column that says so, if the source has it, and
    what stood in the other before that was none yet. Then each other current date is a change,
    recorded when it was seen; that in the row of the first promise was there from the start.
#}
{% macro promise_changes_seen(versions) %}
    with
        starts as (
            select
                *,
                coalesce(
                    min(seen_at) filter (where first_promise_date is not null) over planned_date,
                    min(seen_at) filter (where current_promise_date is not null) over planned_date
                ) as starts_at,
            from {{ versions }}
            window planned_date as (partition by order_id, line_number, schedule_number)
        ),
        promises as (
            select *, 1 as step, first_promise_date as promise_date,
            from starts
            where seen_at = starts_at
            union all by name
            select *, 2 as step, current_promise_date as promise_date,
            from starts
            where seen_at >= starts_at
        ),
        changes_seen as (
            select
                order_id,
                line_number,
                schedule_number,
                seen_at as changed_at,
                promise_date,
                step as sequence,
                source_system,
                case when seen_at > starts_at then seen_at end as recorded_at,
                is_first_extract and seen_at = starts_at as is_history_reconstructed,
            from promises
            where promise_date is not null
            qualify
                promise_date is distinct from lag(promise_date) over (
                    partition by order_id, line_number, schedule_number order by seen_at, step
                )
        )
    select *
    from changes_seen
{% endmacro %}

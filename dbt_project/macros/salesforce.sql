{#
    A Salesforce id as a canonical one, of 18 characters: the 15 that an old one has, and three that
    say which of these are capitals, so that ids stay apart in tools that do not mind case.
#}
{% macro salesforce_id(column) -%}
    'salesforce:' || case
        when length({{ column }}) = 15
        then
            {{ column }}
            {%- for start in [0, 5, 10] %}
                || substr(
                    'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
                    1
                    {%- for place in range(5) %}
                        + {{ 2**place }}
                        * cast(
                            regexp_matches(
                                {{ column }}, '^{{ "." * (start + place) }}[A-Z]'
                            ) as integer
                        )
                    {%- endfor %},
                    1
                )
            {%- endfor %}
        else blank_to_null({{ column }})
    end
{%- endmacro %}


{# A Salesforce boolean, which some exports write as 0 and 1. #}
{% macro salesforce_flag(column) -%} lower(trim({{ column }})) in ('true', '1') {%- endmacro %}


{# Percent as a rate, where it is one. #}
{% macro salesforce_probability(column) -%}
    case
        when to_decimal({{ column }}) between 0 and 100
        then cast(to_decimal({{ column }}) as double) / 100
    end
{%- endmacro %}


{# The forecast category by its label, where a history gives the name that the API has for it. #}
{% macro salesforce_forecast_category(column) -%}
    coalesce(
        (
            select value_maps."to"
            from {{ ref("value_maps") }} as value_maps
            where
                value_maps.source_system = 'salesforce'
                and value_maps.entity = 'opportunity'
                and value_maps."column" = 'forecast_category'
                and value_maps."from" = blank_to_null({{ column }})
        ),
        blank_to_null({{ column }})
    )
{%- endmacro %}


{# The pipeline that the seed `value_maps` names for a record type; `default` where it names none. #}
{% macro salesforce_pipeline(record_type_id) -%}
    coalesce(
        (
            select min(value_maps."to")
            from {{ ref("value_maps") }} as value_maps
            where
                value_maps.source_system = 'salesforce'
                and value_maps.entity = 'opportunity'
                and value_maps."column" = 'record_type_id'
                and left(value_maps."from", 15) = left(trim({{ record_type_id }}), 15)
        ),
        'default'
    )
{%- endmacro %}


{# What a log of Salesforce tells of a canonical field, as the change log has it. #}
{% macro salesforce_logged_value(field, told) -%}
    {% if field == "amount" -%} cast({{ money(told) }} as varchar)
    {%- elif field == "currency" -%} upper(blank_to_null({{ told }}))
    {%- elif field == "expected_close_date" -%} cast(to_utc_date({{ told }}) as varchar)
    {%- elif field == "probability" -%} cast({{ salesforce_probability(told) }} as varchar)
    {%- elif field == "forecast_category" -%} {{ salesforce_forecast_category(told) }}
    {%- elif field == "pipeline" -%} {{ salesforce_pipeline(told) }}
    {%- elif field in ["owner_id", "account_id"] -%} {{ salesforce_id(told) }}
    {%- else -%} blank_to_null({{ told }})
    {%- endif %}
{%- endmacro %}


{#
    Every version of the records of an object, from extracts and from a replicator's history alike,
    with
    `_record`: what the versions of one record share, whether their ids have 15 or 18 characters;
    `_seen_at`: from when on the record was so. A replicator says it; else it is the record's last
    modification, if that came after the extract before, which showed it otherwise or not at all;
    else the stamp of the extract;
    `_gone_at`: when the record was missing from then on, where no other version follows;
    `_says_deleted`: whether the version itself says that the record is deleted;
    `_is_first`: whether it is the first version of the record, and of a first extract: what it says
    was so before anybody watched;
    `_is_known`: whether the record and the extract were there at the as_of. A version that began
    later is still told: what a first extract says was so before it.
    An object that Salesforce itself calls <record>_history names the record in <record>_id; there
    it is no version of one.
#}
{% macro salesforce_versions(record) %}
    with
        delivered as (
            select *
            from {{ source("raw_salesforce", record) }}
            where _valid_from is not null
            {% if record in ["account", "opportunity"] -%}
                union all by name
                select *
                from {{ source("raw_salesforce", record ~ "_history") }}
                where _valid_from is not null and blank_to_null({{ record }}_id) is null
            {%- endif %}
        ),
        dated as (
            select
                *,
                left(trim(id), 15) as _record,
                to_utc_instant(created_date) as _created_at,
                coalesce(
                    to_utc_instant(last_modified_date), to_utc_instant(system_modstamp)
                ) as _modified_at,
                to_utc_instant(_fivetran_start) as _started_at,
                -- a version in force ends in the year 9999
                case
                    when extract(year from to_utc_instant(_fivetran_end)) < 9999
                    then to_utc_instant(_fivetran_end)
                end as _ended_at,
            from delivered
        ),
        -- a version that is delivered again, since it has ended in the meantime, is still one
        versions as (
            select *
            from dated
            qualify
                _started_at is null
                or row_number() over (
                    partition by _record, _started_at order by _valid_from desc, _row_number
                )
                = 1
        ),
        neighbours as (
            select
                *,
                lag(_valid_from) over deliveries as _previous_from,
                lag(_valid_to) over deliveries as _previous_to,
                lead(_valid_from) over deliveries as _next_from,
                lead(_started_at) over deliveries as _next_started_at,
            from versions
            window
                deliveries as (
                    partition by _record, _started_at is null
                    order by _started_at, _valid_from, _row_number
                )
        ),
        placed as (
            select
                *,
                case
                    when _started_at is not null
                    then _started_at
                    when
                        _modified_at > coalesce(
                            case
                                when _previous_to < _valid_from
                                then _previous_to
                                else _previous_from
                            end,
                            timestamp '-infinity'
                        )
                    then least(_modified_at, _valid_from)
                    else _valid_from
                end as _seen_at,
                case
                    when _started_at is null and coalesce(_next_from <> _valid_to, true)
                    then _valid_to
                    when _next_started_at is null
                    then _ended_at
                end as _gone_at,
                coalesce(
                    {{ salesforce_flag("is_deleted") }}
                    or {{ salesforce_flag("_fivetran_deleted") }}
                    or (_started_at is null and not {{ salesforce_flag("_fivetran_active") }}),
                    false
                ) as _says_deleted,
                _is_first_extract and _previous_from is null as _is_first,
            from neighbours
        )
    select
        placed.*,
        (
            placed._started_at is not null
            or placed._is_first_extract
            or placed._valid_from < run_settings.as_of_at
        )
        and coalesce(placed._created_at < run_settings.as_of_at, true) as _is_known,
    from placed
    cross join {{ ref("stg_run_settings") }} as run_settings
{% endmacro %}


{#
    The records of an object as known at the end of the as_of day, deleted ones included, with
    `_is_deleted`; `_deleted_at`, the last modification of a record that says so, since nothing
    comes after it; `_known_at` and `_is_reconstructed` as `known_rows` has them.
#}
{% macro salesforce_records(record) %}
    with
        versions as ({{ salesforce_versions(record) }}),
        in_force as (
            select versions.*, run_settings.as_of_at as _as_of_at,
            from versions
            cross join {{ ref("stg_run_settings") }} as run_settings
            where versions._is_known
            qualify
                row_number() over (
                    partition by versions._record
                    order by
                        versions._seen_at < run_settings.as_of_at desc,
                        case
                            when versions._seen_at < run_settings.as_of_at then versions._seen_at
                        end desc,
                        versions._seen_at,
                        versions._valid_from desc,
                        versions._row_number
                )
                = 1
        ),
        dated_deletes as (
            select
                *,
                case
                    when _gone_at < _as_of_at
                    then _gone_at
                    when _says_deleted
                    then coalesce(_modified_at, least(_seen_at, _as_of_at - interval 1 microsecond))
                end as _deleted_at,
            from in_force
        )
    select
        * exclude (_deleted_at),
        case when _deleted_at < _as_of_at then _deleted_at end as _deleted_at,
        coalesce(_deleted_at < _as_of_at, false) as _is_deleted,
        coalesce(_created_at, case when not _is_first then _seen_at end) as _known_at,
        _created_at is null and _is_first as _is_reconstructed,
    from dated_deletes
{% endmacro %}

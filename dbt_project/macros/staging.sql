{#
    The rows of a raw table as known at the end of the as_of day, with
    `_known_at`: when the source learned it; NULL = known from the start, since the first extract
    of an entity without instants of its own says what was so before it;
    `_is_reconstructed`: whether that is so.
    `known_at` is SQL for the source's own system instant, where the entity has one.
    `vanished_key`: the key of an entity of which a row that a later full extract left out stays,
    with `_vanished_at` beside it, since there a delete is an event.
#}
{% macro known_rows(relation, known_at="cast(null as timestamp)", vanished_key=none) %}
    select
        extract_rows.*,
        coalesce(
            {{ known_at }},
            case when not extract_rows._is_first_extract then extract_rows._valid_from end
        ) as _known_at,
        {{ known_at }} is null and extract_rows._is_first_extract as _is_reconstructed,
        {% if vanished_key -%}
            case
                when extract_rows._valid_to <= run_settings.as_of_at then extract_rows._valid_to
            end as _vanished_at,
        {%- endif %}
    from {{ relation }} as extract_rows
    cross join {{ ref("stg_run_settings") }} as run_settings
    where
        extract_rows._valid_from is not null
        and (extract_rows._valid_from <= run_settings.as_of_at or extract_rows._is_first_extract)
        and coalesce({{ known_at }} <= run_settings.as_of_at, true)
        {% if vanished_key -%}
            qualify
                row_number() over (
                    partition by extract_rows.{{ vanished_key }}
                    order by extract_rows._valid_from desc, extract_rows._row_number
                )
                = 1
        {%- else -%}
            and (extract_rows._valid_to is null or extract_rows._valid_to > run_settings.as_of_at)
        {%- endif %}
{% endmacro %}


{# All systems' rows of a canonical entity, by column name; a column that a system lacks is NULL. #}
{% macro union_systems(entity) %}
    {%- for system in var("staged_entities")[entity] %}
    select * from {{ ref("stg_" ~ system ~ "__" ~ entity) }}
    {% if not loop.last -%} union all by name {%- endif -%}
    {%- endfor %}
{% endmacro %}


{% macro money(column) -%} try_cast(to_decimal({{ column }}) as decimal(18, 2)) {%- endmacro %}


{% macro unit_price(column) -%} try_cast(to_decimal({{ column }}) as decimal(18, 4)) {%- endmacro %}


{% macro quantity(column) -%} try_cast(to_decimal({{ column }}) as decimal(18, 4)) {%- endmacro %}

{#
    The rows of a raw table as known at the last instant of the as_of day, the one before as_of_at,
    with
    `_known_at`: when the source learned it; NULL = known from the start, since the first extract
    of an entity without instants of its own says what was so before it;
    `_is_reconstructed`: whether that is so.
    `known_at` is SQL for the source's own system instant, where the entity has one.
    `happened_at` is SQL for the instant of what the row tells of: without a `known_at`, a row of a
    first extract that tells of something after the as_of is not known yet.
    `vanished_key`: the key (columns with ", " between) of an entity of which a row that a later
    full extract left out stays, with `_vanished_at` beside it, since there a delete is an event.
    `keep_later`: for a change log, keep what was not known yet too, told apart by `_is_later`: the
    first change after the as_of says what the field was at the as_of.
#}
{% macro known_rows(
    relation,
    known_at="cast(null as timestamp)",
    happened_at=none,
    vanished_key=none,
    keep_later=false
) %}
    {%- set is_known = is_known_row(known_at, happened_at) -%}
    select
        extract_rows.*,
        {{ known_columns(known_at) }},
        {% if vanished_key -%} cast(null as timestamp) as _vanished_at, {%- endif %}
        {% if keep_later -%} not ({{ is_known }}) as _is_later, {%- endif %}
    from {{ relation }} as extract_rows
    cross join {{ ref("stg_run_settings") }} as run_settings
    where
        extract_rows._valid_from is not null
        {% if not keep_later -%} and {{ is_known }} {%- endif %}
        and (extract_rows._valid_to is null or extract_rows._valid_to >= run_settings.as_of_at)
    {% if vanished_key -%}
        -- most rows never end: only of those that did is it asked whether their key came back
        union all
        select
            extract_rows.*, {{ known_columns(known_at) }}, extract_rows._valid_to as _vanished_at,
        from {{ relation }} as extract_rows
        cross join {{ ref("stg_run_settings") }} as run_settings
        anti join
            (
                select {{ vanished_key }}
                from {{ relation }} as extract_rows
                cross join {{ ref("stg_run_settings") }} as run_settings
                where
                    extract_rows._valid_from < run_settings.as_of_at
                    and (
                        extract_rows._valid_to is null
                        or extract_rows._valid_to >= run_settings.as_of_at
                    )
            ) as live_rows
            on {{ same_key(vanished_key, "extract_rows", "live_rows") }}
        where
            extract_rows._valid_to is not null
            and extract_rows._valid_to < run_settings.as_of_at
            and {{ is_known }}
        qualify
            row_number() over (
                partition by
                    {%- for column in vanished_key.split(", ") %}
                        blank_to_null(extract_rows.{{ column }}){% if not loop.last %},{% endif %}
                    {%- endfor %}
                order by extract_rows._valid_from desc
            )
            = 1
    {%- endif %}
{% endmacro %}


{% macro is_known_row(known_at, happened_at) -%}
    (
        (extract_rows._valid_from < run_settings.as_of_at or extract_rows._is_first_extract)
        and coalesce(
            {{ known_at }},
            {% if happened_at -%}
                case when extract_rows._is_first_extract then {{ happened_at }} end,
            {%- endif %}
            timestamp '-infinity'
        )
        < run_settings.as_of_at
    )
{%- endmacro %}


{# Whether two rows are of one key, as landing tells keys apart: without the blanks around them. #}
{% macro same_key(key, rows, other_rows) -%}
    {% for column in key.split(", ") -%}
        blank_to_null({{ rows }}.{{ column }}) = blank_to_null({{ other_rows }}.{{ column }})
        {%- if not loop.last %} and {% endif -%}
    {%- endfor %}
{%- endmacro %}


{% macro known_columns(known_at) -%}
    coalesce(
        {{ known_at }},
        case when not extract_rows._is_first_extract then extract_rows._valid_from end
    ) as _known_at,
    {{ known_at }} is null and extract_rows._is_first_extract as _is_reconstructed
{%- endmacro %}


{# All systems' rows of a canonical entity, by column name; a column that a system lacks is NULL. #}
{% macro union_systems(entity) %}
    {%- for system in var("staged_entities")[entity] %}
        select *
        from {{ ref("stg_" ~ system ~ "__" ~ entity) }}
        {% if not loop.last -%}
            union all by name
        {%- endif -%}
    {%- endfor %}
{% endmacro %}


{# Figures; `form` is how the extract writes numbers, where its table list says so (1.234,5). #}
{% macro money(column, form=none) -%}
    try_cast({{ decimal(column, form) }} as decimal(18, 2))
{%- endmacro %}


{% macro unit_price(column, form=none) -%}
    try_cast({{ decimal(column, form) }} as decimal(18, 4))
{%- endmacro %}


{% macro quantity(column, form=none) -%}
    try_cast({{ decimal(column, form) }} as decimal(18, 4))
{%- endmacro %}


{% macro decimal(column, form) -%}
    {% if form -%} to_decimal_as({{ column }}, '{{ form }}')
    {%- else -%} to_decimal({{ column }})
    {%- endif %}
{%- endmacro %}


{#
    When a thing that many rows name became known, and whether its history is reconstructed: the
    two closing columns of a staging model that groups the rows of `known_rows`.
#}
{% macro first_known() -%}
    case when bool_and(_known_at is not null) then min(_known_at) end as recorded_at,
    bool_or(_is_reconstructed) as is_history_reconstructed
{%- endmacro %}


{# The instant at which a business day begins: what a source that knows only the day says. #}
{% macro day_start(day) -%}
    business_day_end(cast({{ day }} - interval 1 day as date))
{%- endmacro %}


{# A date where the text is one, in any of the formats (strptime); NULL where it holds words. #}
{% macro lenient_date(column, formats) -%}
    coalesce(
        {%- for format in formats %}
            to_date_as({{ column }}, '{{ format }}'){% if not loop.last %},{% endif %}
        {%- endfor %}
    )
{%- endmacro %}


{# A name without the blanks around it and the runs of blanks inside. #}
{% macro squeezed(column) -%}
    blank_to_null(regexp_replace({{ column }}, '\s+', ' ', 'g'))
{%- endmacro %}


{#
    A delivered value as the seed `value_maps` renames it, unchanged where the seed is silent.
    `system`, `entity` and `column` are those of the extract.
#}
{% macro mapped_value(system, entity, column) -%}
    coalesce(
        (
            select value_maps."to"
            from {{ ref("value_maps") }} as value_maps
            where
                value_maps.source_system = '{{ system }}'
                and value_maps.entity = '{{ entity }}'
                and value_maps."column" = '{{ column }}'
                and value_maps."from" = blank_to_null({{ column }})
        ),
        blank_to_null({{ column }})
    )
{%- endmacro %}

{#
    What a column said when it was first delivered for a key, of what is known at the end of the
    as_of day: of a date that sources overwrite, the value that was there first. `value` is SQL.
#}
{% macro first_seen(relation, key, value) %}
    select {{ key }}, arg_min({{ value }}, extract_rows._valid_from) as first_value,
    from {{ relation }} as extract_rows
    cross join {{ ref("stg_run_settings") }} as run_settings
    where
        {{ value }} is not null
        and extract_rows._valid_from is not null
        and (extract_rows._valid_from < run_settings.as_of_at or extract_rows._is_first_extract)
    group by {{ key }}
{% endmacro %}

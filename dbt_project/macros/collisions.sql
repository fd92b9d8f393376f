{# Of so many changes active at once: whether two meet, and how many pairs of them there are. #}
{% macro collision_columns(active_count) -%}
    coalesce({{ active_count }} >= 2, false) as has_collision,
    cast(
        coalesce({{ active_count }} * ({{ active_count }} - 1) / 2, 0) as bigint
    ) as collision_count
{%- endmacro %}

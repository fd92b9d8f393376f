{# Of a group by `dimension_sets`: which dimension a row is told by, and which of its members. #}
{% macro dimension_columns(dimensions) -%}
    case
        {%- for dimension in dimensions %}
            when grouping({{ dimension }}) = 0 then '{{ dimension }}'
        {%- endfor %}
        else 'all'
    end as dimension,
    case
        {%- for dimension in dimensions %}
            when grouping({{ dimension }}) = 0 then coalesce({{ dimension }}, 'unknown')
        {%- endfor %}
        else 'all'
    end as member
{%- endmacro %}


{# Everything together, and each dimension by itself, within `fixed`. #}
{% macro dimension_sets(fixed, dimensions) -%}
    grouping sets (
        ({{ fixed }})
        {%- for dimension in dimensions %}, ({{ fixed }}, {{ dimension }}) {%- endfor %}
    )
{%- endmacro %}

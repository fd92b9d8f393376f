{#
    The columns together tell rows apart; NULL is a value like any other. The hashes are compared
    first: eight bytes a row, where the rows may be many and wide.
#}
{% test unique_combination(model, columns) %}
    {%- set key = columns | join(", ") %}
    select {{ key }}, count(*) as row_count
    from {{ model }}
    where
        hash({{ key }})
        in (select hash({{ key }}) from {{ model }} group by all having count(*) > 1)
    group by {{ key }}
    having count(*) > 1
{% endtest %}

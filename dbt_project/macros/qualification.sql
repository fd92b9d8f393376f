{# The instant that stands for "known from the start", before every other. #}
{% macro the_start() -%} timestamp '0001-01-01 00:00:00' {%- endmacro %}

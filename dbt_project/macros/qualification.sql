{# The instant that stands for "known from the start", before every other. #}
{% macro the_start() -%} timestamp '0001-01-01 00:00:00' {%- endmacro %}


{# An aggregate over the answers of raters to one attribute: the owner's; without one the median. #}
{% macro answer_in_force(is_owner, value="value") -%}
    coalesce(max({{ value }}) filter (where {{ is_owner }}), median({{ value }}))
{%- endmacro %}

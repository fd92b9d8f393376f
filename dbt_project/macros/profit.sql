{#
    Peak, drain, desert or unclear: where a profit stands by its size and by what its costs may be
    off. `small` is the size below which it is a desert; NULL where `suppressed_reason` is there.
#}
{% macro profit_quadrant(profit, uncertainty, small, suppressed_reason) -%}
    case
        when {{ suppressed_reason }} is not null or {{ profit }} is null
        then null
        when abs({{ profit }}) < {{ small }}
        then 'desert'
        when abs({{ profit }}) <= {{ uncertainty }}
        then 'unclear'
        when {{ profit }} < 0
        then 'drain'
        else 'peak'
    end
{%- endmacro %}

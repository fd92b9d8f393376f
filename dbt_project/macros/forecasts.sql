{# Into which class `days` falls: up to the first limit, up to the second, …, beyond the last. #}
{% macro class_of_days(days, limits) -%}
    case
        when {{ days }} is null
        then 'unknown'
        {%- for limit in limits %}
            when {{ days }} <= {{ limit }} then 'up to {{ limit }}'
        {%- endfor %}
        else 'over {{ limits | last }}'
    end
{%- endmacro %}


{# The class of a deal by the days from `day` to its expected close; 'up to 0' is overdue. #}
{% macro due_class(expected_close_date, day) -%}
    {{ class_of_days(expected_close_date ~ " - " ~ day, var("forecast_due_days")) }}
{%- endmacro %}


{#
    The quantile `share` of a sorted list at position share × (n + 1), between two of its values
    where it lies between them: of n earlier errors and the next one, as likely as it says. NULL
    where it would lie beyond the list.
#}
{% macro quantile_of_list(sorted, share) -%}
    {%- set position = share ~ " * (len(" ~ sorted ~ ") + 1)" -%}
    case
        when {{ position }} >= 1 and {{ position }} <= len({{ sorted }})
        then
            {{ sorted }} [cast(floor({{ position }}) as integer)]
            + ({{ position }} - floor({{ position }}))
            * (
                {{ sorted }} [cast(ceil({{ position }}) as integer)]
                - {{ sorted }} [cast(floor({{ position }}) as integer)]
            )
    end
{%- endmacro %}

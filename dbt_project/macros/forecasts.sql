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

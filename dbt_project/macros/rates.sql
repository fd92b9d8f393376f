{# The one author of rates: NULL where there is nothing to divide by, never 0 and never 1. #}
{% macro safe_ratio(numerator, denominator) -%}
    cast(({{ numerator }}) as double) / nullif(({{ denominator }}), 0)
{%- endmacro %}


{#
    A rate as a mart shows it: <name>_numerator, <name>_denominator, <name> and
    <name>_suppressed_reason. The rate is NULL below the floor `min_n`, with the reason beside it;
    numerator and denominator stay. `n` counts what the floor speaks of where that is not the
    denominator (a rate by value); `reason` is SQL for a reason of its own (NULL = none).
#}
{% macro rate_columns(name, numerator, denominator, n=none, reason=none) -%}
    {%- set why = suppressed_reason(n or denominator, reason) -%}
    {{ numerator }} as {{ name }}_numerator,
    {{ denominator }} as {{ name }}_denominator,
    case
        when {{ why }} is null then round({{ safe_ratio(numerator, denominator) }}, 9)
    end as {{ name }},
    {{ why }} as {{ name }}_suppressed_reason
{%- endmacro %}


{# Why a figure on n cases is not shown, or NULL where it is. #}
{% macro suppressed_reason(n, reason=none) -%}
    case
        {% if reason -%} when ({{ reason }}) is not null then {{ reason }} {% endif -%}
        when coalesce({{ n }}, 0) = 0
        then 'no cases'
        when {{ n }} < {{ var("min_n") }}
        then 'fewer than {{ var("min_n") }} cases'
    end
{%- endmacro %}


{# What a mart tells of a member side by side, from a table of assets.scoring.funnel_plots. #}
{% macro limit_columns(limits) -%}
    {%- for column in [
        "centre",
        "lower_limit_95",
        "upper_limit_95",
        "lower_limit_998",
        "upper_limit_998",
        "shrunken",
        "prior_cases",
        "dispersion_ratio",
    ] %}
        {{ limits }}.{{ column }},
    {%- endfor %}
    case
        when {{ limits }}.is_outside_998 is null
        then null
        when {{ limits }}.is_outside_998
        then 'special'
        else 'common'
    end as cause,
    {{ limits }}.is_outside_95
{%- endmacro %}

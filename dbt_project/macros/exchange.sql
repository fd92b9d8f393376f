{#
    Joins the rate of exchange that serves a day, if there is one: `rates` is int_fx_rates_dated
    under the name it has in the query, whose days are half-open.
#}
{% macro rate_in_force(rates, currency, day) -%}
    {{ rates }}.currency = {{ currency }}
    and {{ day }} >= {{ rates }}.valid_from
    and {{ day }} < {{ rates }}.valid_to
{%- endmacro %}

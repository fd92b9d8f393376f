{# SQL: the weeks that are over at the as_of; it reads dim_dates and run_settings. #}
{% macro finished_weeks() -%}
    select distinct dim_dates.week_start, dim_dates.week_end,
    from dim_dates
    inner join run_settings on dim_dates.week_end <= run_settings.as_of_date
{%- endmacro %}

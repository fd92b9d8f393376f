-- Grain: one row per calendar day
{%- set event_days = {
    "int_opportunities_unioned": "business_date(least(created_at, closed_at))",
    "int_opportunity_changes_unioned": "business_date(changed_at)",
    "int_qualification_answers_unioned": "business_date(assessed_at)",
    "int_activities_unioned": "business_date(occurred_at)",
    "int_rep_objectives_unioned": "valid_from",
    "int_product_changes_unioned": "effective_on",
    "int_order_lines_unioned": "least(business_date(ordered_at), first_promise_date)",
    "int_promise_changes_unioned": "least(business_date(changed_at), promise_date)",
    "int_shipments_unioned": "least(shipped_on, delivered_on)",
    "int_returns_unioned": "returned_on",
    "int_work_orders_unioned": "business_date(least(released_at, planned_start_at, started_at))",
    "int_operations_unioned": "business_date(started_at)",
} %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    plant_calendar as (select * from {{ ref("plant_calendar") }}),
    first_events as (
        {%- for model, event_day in event_days.items() %}
            select min({{ event_day }}) as event_day,
            from {{ ref(model) }}
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    -- whole fiscal years and whole weeks, so that no period at the start is a part of one;
    -- a date mistyped into antiquity does not make a calendar of it
    bounds as (
        select
            greatest(
                coalesce(min(first_events.event_day), any_value(run_settings.as_of_date)),
                cast(
                    any_value(run_settings.as_of_date)
                    - interval {{ var("calendar_years") }} year as date
                )
            ) as first_event_day,
            any_value(run_settings.fiscal_year_start_month) as fiscal_year_start_month,
            cast(
                any_value(run_settings.as_of_date)
                + interval {{ var("calendar_days_ahead") }} day as date
            ) as last_day,
        from run_settings
        cross join first_events
    ),
    days as (
        select
            cast(
                unnest(
                    generate_series(
                        date_trunc('year', first_event_day) - interval 1 year,
                        last_day,
                        interval 1 day
                    )
                ) as date
            ) as date_day,
            first_event_day,
            fiscal_year_start_month,
        from bounds
    ),
    fiscal_days as (
        select
            *,
            cast(
                (extract(month from date_day) + 12 - fiscal_year_start_month) % 12 + 1 as integer
            ) as fiscal_month_number,
            cast(date_trunc('month', date_day) as date) as month_start,
        from days
    ),
    fiscal_periods as (
        select
            *,
            cast(month_start - to_months(fiscal_month_number - 1) as date) as fiscal_year_start,
            cast(
                month_start - to_months((fiscal_month_number - 1) % 3) as date
            ) as fiscal_quarter_start,
        from fiscal_days
    ),
    first_fiscal_year as (
        select fiscal_year_start
        from fiscal_periods
        where date_day = cast(date_trunc('week', first_event_day) as date)
    ),
    calendar as (
        select
            fiscal_periods.date_day,
            cast(date_trunc('week', fiscal_periods.date_day) as date) as week_start,
            cast(date_trunc('week', fiscal_periods.date_day) + interval 6 day as date) as week_end,
            fiscal_periods.month_start,
            last_day(fiscal_periods.date_day) as month_end,
            cast(date_trunc('quarter', fiscal_periods.date_day) as date) as quarter_start,
            cast(date_trunc('year', fiscal_periods.date_day) as date) as year_start,
            -- a fiscal year bears the number of the calendar year in which it ends
            cast(
                extract(year from fiscal_periods.fiscal_year_start + interval 11 month) as integer
            ) as fiscal_year,
            cast(ceil(fiscal_periods.fiscal_month_number / 3) as integer) as fiscal_quarter,
            fiscal_periods.fiscal_month_number,
            fiscal_periods.fiscal_quarter_start,
            fiscal_periods.fiscal_year_start,
            coalesce(
                of_date.is_working_day, of_year.is_working_day, of_week.is_working_day, true
            ) as is_working_day,
            {{ day_start("fiscal_periods.date_day") }} as starts_at,
            business_day_end(fiscal_periods.date_day) as ends_at,
        from fiscal_periods
        inner join
            first_fiscal_year on fiscal_periods.date_day >= first_fiscal_year.fiscal_year_start
        left join
            plant_calendar as of_date on strftime(fiscal_periods.date_day, '%Y-%m-%d') = of_date.day
        left join
            plant_calendar as of_year on strftime(fiscal_periods.date_day, '%m-%d') = of_year.day
        left join plant_calendar as of_week on lower(dayname(fiscal_periods.date_day)) = of_week.day
    ),
    numbered as (
        select
            *,
            cast(
                count(*) filter (where is_working_day) over (order by date_day) as bigint
            ) as working_day_number,
        from calendar
    )
select *
from numbered

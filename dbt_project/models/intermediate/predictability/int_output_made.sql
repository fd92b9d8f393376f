-- Grain: one row per kind of output, system, month of output and month in which it became known
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_work_order_plans_versioned as (select * from {{ ref("int_work_order_plans_versioned") }}),
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_shipments_unioned as (select * from {{ ref("int_shipments_unioned") }}),
    int_output_values as (select * from {{ ref("int_output_values") }}),
    finished as (
        select
            'production output' as subject,
            source_system,
            work_order_id as order_id,
            '' as line_number,
            arg_max(quantity, version_number) as quantity,
            arg_max_null(finished_date, version_number) as made_date,
            min(known_from_date) filter (where finished_date is not null) as known_date,
        from int_work_order_plans_versioned
        group by source_system, work_order_id
    ),
    shipped as (
        select
            'shipments' as subject,
            lines.source_system,
            lines.order_id,
            lines.line_number,
            shipments.quantity,
            shipments.shipped_on as made_date,
            coalesce(business_date(shipments.recorded_at), shipments.shipped_on) as known_date,
        from int_shipments_unioned as shipments
        inner join
            int_order_lines_attributed as lines
            on shipments.order_id = lines.order_id
            and shipments.line_number = lines.line_number
    ),
    events as (
        select *
        from finished
        union all by name
        select *
        from shipped
    ),
    made as (
        select
            events.subject,
            events.source_system,
            cast(date_trunc('month', events.made_date) as date) as made_month,
            cast(
                date_trunc('month', greatest(events.made_date, events.known_date)) as date
            ) as known_month,
            cast(coalesce(sum(events.quantity), 0) as decimal(18, 2)) as quantity,
            cast(
                round(
                    sum(
                        cast(events.quantity as double) * int_output_values.unit_value
                        order by events.order_id, events.line_number, events.made_date
                    ),
                    2
                ) as decimal(18, 2)
            ) as value,
            count(*) as case_count,
            count(*) filter (where int_output_values.unit_value is null) as without_value_count,
        from events
        cross join run_settings
        left join
            int_output_values
            on events.subject = int_output_values.subject
            and events.order_id = int_output_values.order_id
            and events.line_number = int_output_values.line_number
        where events.made_date <= run_settings.as_of_date
        group by events.subject, events.source_system, made_month, known_month
    )
select *
from made

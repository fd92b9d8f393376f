-- Grain: one row per source system and day on which an order line or work order began or ended
with
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_work_order_lead_times as (select * from {{ ref("int_work_order_lead_times") }}),
    spans as (
        select
            source_system,
            ordered_date as started_date,
            least(finished_date, withdrawn_date) as ended_date,
            1 as lines,
            0 as work_orders,
        from int_order_line_lead_times
        where ordered_date is not null
        union all
        select
            source_system,
            started_date,
            least(finished_date, withdrawn_date) as ended_date,
            0 as lines,
            1 as work_orders,
        from int_work_order_lead_times
        where started_date is not null
    ),
    steps as (
        select source_system, started_date as step_date, lines, work_orders,
        from spans
        union all
        select
            source_system,
            greatest(started_date, ended_date) as step_date,
            - lines as lines,
            - work_orders as work_orders,
        from spans
        where ended_date is not null
    ),
    final as (
        select
            source_system,
            step_date,
            {% for name, column in [
                ("lines", "open_order_line_count"),
                ("work_orders", "open_work_order_count"),
            ] -%}
                cast(
                    sum(sum({{ name }})) over (
                        partition by source_system order by step_date
                    ) as bigint
                ) as {{ column }},
            {% endfor %}
        from steps
        group by source_system, step_date
    )
select *
from final

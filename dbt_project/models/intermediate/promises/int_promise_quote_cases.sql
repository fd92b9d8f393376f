-- Grain: one row per product and quantity
{%- set percentiles = [25, 50, 90] %}
with
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_work_order_lead_times as (select * from {{ ref("int_work_order_lead_times") }}),
    order_lines as (
        select
            source_system,
            product_id,
            product_family,
            quantity,
            route,
            finished_date is not null as is_finished,
        from int_order_line_lead_times
        where ordered_date is not null and not is_in_parts
    ),
    -- of a system without orders the work orders speak
    work_orders as (
        select
            int_work_order_lead_times.source_system,
            int_work_order_lead_times.product_id,
            int_work_order_lead_times.product_family,
            int_work_order_lead_times.quantity,
            cast(null as varchar) as route,
            int_work_order_lead_times.finished_date is not null as is_finished,
        from int_work_order_lead_times
        anti join order_lines on int_work_order_lead_times.source_system = order_lines.source_system
    ),
    lines as (
        select *
        from order_lines
        union all by name
        select *
        from work_orders
    ),
    usual_routes as (
        select source_system, product_id, route,
        from lines
        where route is not null
        group by source_system, product_id, route
        qualify
            row_number() over (partition by source_system, product_id order by count(*) desc, route)
            = 1
    ),
    products as (
        select
            source_system,
            product_id,
            min(product_family) as product_family,
            count(*) as line_count,
            count(*) filter (is_finished) as finished_line_count,
            {% for percentile in percentiles -%}
                percentile_disc({{ percentile / 100 }}) within group (order by quantity) filter (
                    quantity > 0
                ) as quantity_{{ percentile }},
            {% endfor %}
        from lines
        where product_id is not null
        group by source_system, product_id
    ),
    cases as (
        {% for percentile in percentiles %}
            select
                * exclude (quantity_25, quantity_50, quantity_90),
                quantity_{{ percentile }} as quantity,
                {{ percentile }} as quantity_percentile,
            from products
            where quantity_{{ percentile }} is not null
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    final as (
        select
            cases.source_system,
            cases.product_id,
            cases.product_family,
            cases.quantity,
            -- the least of the percentiles that are this quantity
            min(cases.quantity_percentile) as quantity_percentile,
            any_value(usual_routes.route) as route,
            cases.line_count,
            cases.finished_line_count,
        from cases
        left join
            usual_routes
            on cases.source_system = usual_routes.source_system
            and cases.product_id = usual_routes.product_id
        group by
            cases.source_system,
            cases.product_id,
            cases.product_family,
            cases.quantity,
            cases.line_count,
            cases.finished_line_count
    )
select *
from final

-- Grain: one row per work centre and week in which something is needed of it
{%- set week_of_as_of = "cast(date_trunc('week', run_settings.as_of_date) as date)" %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    fct_opportunity_scores as (select * from {{ ref("fct_opportunity_scores") }}),
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_lines_unioned as (select * from {{ ref("int_opportunity_lines_unioned") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    standing_work_orders as (
        select *
        from fct_work_orders
        where product_id is not null and (deleted_at is null or finished_at is not null)
    ),
    line_dates as (
        select order_id, line_number, min(promise_date) as promise_date,
        from int_order_line_lead_times
        where withdrawn_date is null
        group by order_id, line_number
    ),
    -- a product made to stock has work orders that name no order: they refill what lines took
    made_products as (
        select product_id, bool_or(order_id is null) as is_made_to_stock,
        from standing_work_orders
        group by product_id
    ),
    work_order_items as (
        select
            standing_work_orders.work_order_id,
            standing_work_orders.product_id,
            standing_work_orders.quantity,
            standing_work_orders.finished_at is null as is_open,
            1 as probability,
            'work order' as kind,
            coalesce(
                line_dates.promise_date,
                business_date(standing_work_orders.planned_end_at),
                case when standing_work_orders.finished_at is null then run_settings.as_of_date end
            ) as need_date,
        from standing_work_orders
        cross join run_settings
        left join
            line_dates
            on standing_work_orders.order_id = line_dates.order_id
            and standing_work_orders.line_number = line_dates.line_number
    ),
    -- a line counts by its work order once it has one
    order_line_items as (
        select
            int_order_line_lead_times.product_id,
            int_order_line_lead_times.quantity,
            int_order_line_lead_times.is_open,
            1 as probability,
            'order line' as kind,
            coalesce(
                int_order_line_lead_times.promise_date,
                case when int_order_line_lead_times.is_open then run_settings.as_of_date end
            ) as need_date,
        from int_order_line_lead_times
        cross join run_settings
        left join made_products on int_order_line_lead_times.product_id = made_products.product_id
        anti join
            standing_work_orders
            on int_order_line_lead_times.order_id = standing_work_orders.order_id
            and int_order_line_lead_times.line_number = standing_work_orders.line_number
        where
            int_order_line_lead_times.withdrawn_date is null
            and (
                made_products.product_id is null
                or (not made_products.is_made_to_stock and int_order_line_lead_times.is_open)
            )
    ),
    pipeline_items as (
        select
            int_opportunity_lines_unioned.product_id,
            int_opportunity_lines_unioned.quantity,
            true as is_open,
            coalesce(
                fct_opportunity_scores.win_probability,
                fct_opportunity_scores.stage_win_rate_probability
            ) as probability,
            'pipeline' as kind,
            coalesce(
                int_opportunity_lines_unioned.requested_delivery_date,
                int_opportunities_unioned.requested_delivery_date,
                fct_opportunity_scores.expected_close_date
            ) as need_date,
        from fct_opportunity_scores
        inner join
            int_opportunity_lines_unioned
            on fct_opportunity_scores.opportunity_id = int_opportunity_lines_unioned.opportunity_id
        inner join
            int_opportunities_unioned
            on fct_opportunity_scores.opportunity_id = int_opportunities_unioned.opportunity_id
    ),
    items as (
        select *
        from work_order_items
        union all by name
        select *
        from order_line_items
        union all by name
        select *
        from pipeline_items
    ),
    done as (
        select work_order_id, work_center_id, sum(quantity_reported) as quantity_reported,
        from fct_operations
        where quantity_reported > 0
        group by work_order_id, work_center_id
    ),
    -- a work order is one lot, set up once; its quantity is what is to be started, with the scrap
    -- in it, so that no yield divides it
    needs as (
        select
            hours.source_system,
            hours.work_center_id,
            items.kind,
            items.is_open,
            cast(date_trunc('week', items.need_date) as date) as need_week,
            items.probability * case
                items.kind
                when 'work order'
                then
                    hours.setup_hours_per_lot
                    + cast(items.quantity as double) * hours.run_hours_per_unit
                else cast(items.quantity as double) * hours.hours_per_good_unit
            end as needed_hours,
            needed_hours * greatest(
                1 - coalesce(
                    {{
                        safe_ratio(
                            "done.quantity_reported",
                            "items.quantity * coalesce(hours.operation_count, 1)",
                        )
                    }},
                    0
                ),
                0
            ) as open_hours,
        from items
        inner join
            int_product_work_center_hours as hours
            on items.product_id = hours.product_id
            and items.need_date >= coalesce(hours.valid_from, date '-infinity')
            and items.need_date < coalesce(hours.valid_to, date 'infinity')
        left join
            done
            on items.work_order_id = done.work_order_id
            and hours.work_center_id = done.work_center_id
        where items.quantity > 0
    ),
    -- what was needed in earlier weeks and is not done is to be done now
    weeks as (
        select
            needs.source_system,
            needs.work_center_id,
            needs.need_week as week_start_date,
            needs.needed_hours,
            0 as open_hours,
            0 as overdue_hours,
            0 as pipeline_hours,
        from needs
        where needs.kind != 'pipeline'
        union all by name
        select
            needs.source_system,
            needs.work_center_id,
            greatest(needs.need_week, {{ week_of_as_of }}) as week_start_date,
            0 as needed_hours,
            case when needs.kind != 'pipeline' then needs.open_hours else 0 end as open_hours,
            case
                when needs.kind != 'pipeline' and needs.need_week < {{ week_of_as_of }}
                then needs.open_hours
                else 0
            end as overdue_hours,
            case when needs.kind = 'pipeline' then needs.open_hours else 0 end as pipeline_hours,
        from needs
        cross join run_settings
        where needs.is_open
    ),
    final as (
        select
            source_system,
            work_center_id,
            week_start_date,
            round(sum(needed_hours), 9) as needed_hours,
            round(sum(open_hours), 9) as open_hours,
            round(sum(overdue_hours), 9) as overdue_hours,
            round(sum(pipeline_hours), 9) as weighted_pipeline_hours,
        from weeks
        group by source_system, work_center_id, week_start_date
    )
select *
from final

-- Grain: one row per work order
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    operated as (
        select
            work_order_id,
            min(source_system) as source_system,
            min(started_at) as first_started_at,
            max(finished_at) as last_finished_at,
            count(*) as report_count,
            count(distinct work_center_id) as work_center_count,
            sum(quantity_reported) as quantity_reported,
            sum(quantity_first_pass) as quantity_first_pass,
            sum(quantity_scrapped) as quantity_scrapped,
            sum(quantity_for_mrb) as quantity_for_mrb,
            sum(quantity_reworked) as quantity_reworked,
            {% for report_type in ["setup", "run", "breakdown"] -%}
                sum(date_diff('microsecond', started_at, finished_at)) filter (
                    report_type = '{{ report_type }}'
                )
                / 6e7 as {{ report_type }}_minutes,
            {% endfor %}
        from fct_operations
        group by work_order_id
    ),
    known as (
        select
            int_work_orders_unioned.* replace (
                case
                    when int_work_orders_unioned.finished_at < run_settings.as_of_at
                    then int_work_orders_unioned.finished_at
                end as finished_at
            ),
        from int_work_orders_unioned
        cross join run_settings
        where
            coalesce(int_work_orders_unioned.released_at, int_work_orders_unioned.started_at)
            < run_settings.as_of_at
            or coalesce(int_work_orders_unioned.released_at, int_work_orders_unioned.started_at)
            is null
    ),
    -- an order of which only operations were delivered is an order too
    merged as (
        select
            known.* exclude (work_order_id, source_system),
            coalesce(known.work_order_id, operated.work_order_id) as work_order_id,
            coalesce(known.source_system, operated.source_system) as source_system,
            operated.* exclude (work_order_id, source_system),
            case
                when known.finished_at is null
                then null
                when known.released_at is not null
                then 'release to finish'
                when operated.last_finished_at is not null
                then 'first to last operation'
                when known.started_at is not null
                then 'start to finish'
            end as lead_time_basis,
        from known
        full outer join operated on known.work_order_id = operated.work_order_id
    ),
    timed as (
        select
            *,
            round(
                case
                    lead_time_basis
                    when 'release to finish'
                    then date_diff('microsecond', released_at, finished_at)
                    when 'first to last operation'
                    then date_diff('microsecond', first_started_at, last_finished_at)
                    when 'start to finish'
                    then date_diff('microsecond', started_at, finished_at)
                end
                / 8.64e10,
                9
            ) as lead_time_days,
        from merged
    ),
    final as (
        select
            timed.work_order_id,
            timed.source_system,
            timed.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            timed.order_id,
            timed.line_number,
            timed.status,
            timed.deleted_at,
            timed.quantity,
            timed.released_at,
            timed.planned_start_at,
            timed.planned_end_at,
            timed.started_at,
            timed.finished_at,
            cast(date_trunc('month', business_date(timed.finished_at)) as date) as finished_month,
            timed.first_started_at,
            timed.last_finished_at,
            timed.lead_time_days,
            timed.lead_time_basis,
            coalesce(timed.report_count, 0) as report_count,
            coalesce(timed.work_center_count, 0) as work_center_count,
            cast(timed.quantity_reported as decimal(18, 4)) as quantity_reported,
            cast(timed.quantity_first_pass as decimal(18, 4)) as quantity_first_pass,
            cast(timed.quantity_scrapped as decimal(18, 4)) as quantity_scrapped,
            cast(timed.quantity_for_mrb as decimal(18, 4)) as quantity_for_mrb,
            cast(timed.quantity_reworked as decimal(18, 4)) as quantity_reworked,
            round(timed.setup_minutes, 9) as setup_minutes,
            round(timed.run_minutes, 9) as run_minutes,
            round(timed.breakdown_minutes, 9) as breakdown_minutes,
            timed.recorded_at,
            timed.is_history_reconstructed,
        from timed
        left join dim_products on timed.product_id = dim_products.product_id
    )
select *
from final

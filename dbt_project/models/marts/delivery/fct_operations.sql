-- Grain: one row per operation report
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_operations_unioned as (select * from {{ ref("int_operations_unioned") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    reported as (
        select
            int_operations_unioned.work_order_id,
            int_operations_unioned.operation_number,
            int_operations_unioned.started_at,
            int_operations_unioned.source_system,
            int_operations_unioned.work_center_id,
            int_work_orders_unioned.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            int_operations_unioned.worker_id,
            int_operations_unioned.report_type,
            business_date(int_operations_unioned.started_at) as started_date,
            int_operations_unioned.finished_at,
            round(
                date_diff(
                    'microsecond',
                    int_operations_unioned.started_at,
                    int_operations_unioned.finished_at
                )
                / 6e7,
                9
            ) as duration_minutes,
            int_operations_unioned.quantity_good,
            int_operations_unioned.quantity_scrapped,
            int_operations_unioned.quantity_for_mrb,
            -- a log that only says whether the work was rework: all of it was, or none
            coalesce(
                int_operations_unioned.quantity_reworked,
                case
                    when int_operations_unioned.is_rework
                    then int_operations_unioned.quantity_good
                    when not int_operations_unioned.is_rework
                    then 0
                end
            ) as quantity_reworked,
            int_operations_unioned.recorded_at,
            int_operations_unioned.is_history_reconstructed,
        from int_operations_unioned
        cross join run_settings
        left join
            int_work_orders_unioned
            on int_operations_unioned.work_order_id = int_work_orders_unioned.work_order_id
        left join dim_products on int_work_orders_unioned.product_id = dim_products.product_id
        where
            coalesce(int_operations_unioned.finished_at, int_operations_unioned.started_at)
            < run_settings.as_of_at
    ),
    measured as (
        select
            * exclude (recorded_at, is_history_reconstructed),
            cast(
                coalesce(quantity_good, 0) + coalesce(quantity_scrapped, 0) as decimal(18, 4)
            ) as quantity_reported,
            cast(
                greatest(coalesce(quantity_good, 0) - coalesce(quantity_reworked, 0), 0) as decimal(
                    18, 4
                )
            ) as quantity_first_pass,
            coalesce(
                started_at < max(finished_at) over (
                    partition by work_center_id
                    order by started_at, finished_at, work_order_id, operation_number
                    rows between unbounded preceding and 1 preceding
                ),
                false
            ) as is_overlapping,
            recorded_at,
            is_history_reconstructed,
        from reported
    )
select *
from measured

-- Grain: one row per operation report
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_operations_unioned as (select * from {{ ref("int_operations_unioned") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    -- coalesce, since DuckDB expects next to no rows of a bare comparison with another table,
    -- and would build the hash tables of the joins below on this side
    known_operations as (
        select
            int_operations_unioned.*,
            coalesce(
                int_operations_unioned.started_at < max(int_operations_unioned.finished_at) over (
                    partition by int_operations_unioned.work_center_id
                    order by
                        int_operations_unioned.started_at,
                        int_operations_unioned.finished_at,
                        int_operations_unioned.work_order_id,
                        int_operations_unioned.operation_number
                    rows between unbounded preceding and 1 preceding
                ),
                false
            ) as is_overlapping,
        from int_operations_unioned
        cross join run_settings
        where
            coalesce(
                coalesce(int_operations_unioned.finished_at, int_operations_unioned.started_at)
                < run_settings.as_of_at,
                false
            )
    ),
    reported as (
        select
            known_operations.work_order_id,
            known_operations.operation_number,
            known_operations.started_at,
            known_operations.source_system,
            known_operations.work_center_id,
            int_work_orders_unioned.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            known_operations.worker_id,
            known_operations.report_type,
            business_date(known_operations.started_at) as started_date,
            known_operations.finished_at,
            round(
                date_diff('microsecond', known_operations.started_at, known_operations.finished_at)
                / 6e7,
                9
            ) as duration_minutes,
            known_operations.quantity_good,
            known_operations.quantity_scrapped,
            known_operations.quantity_for_mrb,
            -- a log that only says whether the work was rework: all of it was, or none
            coalesce(
                known_operations.quantity_reworked,
                case
                    when known_operations.is_rework
                    then known_operations.quantity_good
                    when not known_operations.is_rework
                    then 0
                end
            ) as quantity_reworked,
            known_operations.is_overlapping,
            known_operations.recorded_at,
            known_operations.is_history_reconstructed,
        from known_operations
        left join
            int_work_orders_unioned
            on known_operations.work_order_id = int_work_orders_unioned.work_order_id
        left join dim_products on int_work_orders_unioned.product_id = dim_products.product_id
    ),
    measured as (
        select
            * exclude (is_overlapping, recorded_at, is_history_reconstructed),
            cast(
                coalesce(quantity_good, 0) + coalesce(quantity_scrapped, 0) as decimal(18, 4)
            ) as quantity_reported,
            cast(
                greatest(coalesce(quantity_good, 0) - coalesce(quantity_reworked, 0), 0) as decimal(
                    18, 4
                )
            ) as quantity_first_pass,
            is_overlapping,
            recorded_at,
            is_history_reconstructed,
        from reported
    )
select *
from measured

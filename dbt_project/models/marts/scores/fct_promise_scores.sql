-- Grain: one row per planned date of an order line that is open
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_promise_scores as (select * from {{ ref("int_promise_scores") }}),
    scored as (
        select
            int_order_line_lead_times.order_id,
            int_order_line_lead_times.line_number,
            int_order_line_lead_times.schedule_number,
            int_order_line_lead_times.source_system,
            int_order_line_lead_times.product_id,
            int_order_line_lead_times.product_family,
            int_order_line_lead_times.quantity as quantity_ordered,
            int_order_line_lead_times.route,
            int_order_line_lead_times.ordered_date,
            int_order_line_lead_times.promise_date,
            int_order_line_lead_times.promise_basis,
            int_order_line_lead_times.due_date,
            cast(
                run_settings.as_of_date - int_order_line_lead_times.ordered_date as bigint
            ) as age_days,
            coalesce(
                int_order_line_lead_times.due_date < run_settings.as_of_date, false
            ) as is_overdue,
            -- it was open at the end of the as_of day, and that takes no model
            case
                when int_order_line_lead_times.due_date <= run_settings.as_of_date
                then 1
                else int_promise_scores.late_probability
            end as late_probability,
            int_promise_scores.p10_finish_date,
            int_promise_scores.p50_finish_date,
            int_promise_scores.p80_finish_date,
            int_promise_scores.p95_finish_date,
            int_promise_scores.lead_time_basis,
            int_promise_scores.score_status,
            int_promise_scores.model_version,
            run_settings.as_of_at as scored_at,
        from int_order_line_lead_times
        cross join run_settings
        left join
            int_promise_scores
            on int_order_line_lead_times.order_id = int_promise_scores.order_id
            and int_order_line_lead_times.line_number = int_promise_scores.line_number
            and int_order_line_lead_times.schedule_number = int_promise_scores.schedule_number
        where int_order_line_lead_times.is_open
    )
select *
from scored

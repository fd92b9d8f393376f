-- Grain: one row per planned date of an order line
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_shipments_unioned as (select * from {{ ref("int_shipments_unioned") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    requested as (
        select
            order_id, line_number, schedule_number, basis_date as requested_date, window_end_date,
        from fct_order_line_deliveries
        where basis = 'request'
    ),
    first_promised as (
        select order_id, line_number, schedule_number, basis_date as first_promise_date,
        from fct_order_line_deliveries
        where basis = 'first_promise'
    ),
    -- what is planned last says which planned date a shipment fills
    planned as (
        select
            last_promised.order_id,
            last_promised.line_number,
            last_promised.schedule_number,
            last_promised.source_system,
            last_promised.product_id,
            last_promised.product_family,
            last_promised.account_id,
            last_promised.quantity_ordered as quantity,
            last_promised.delivery_event,
            business_date(last_promised.ordered_at) as ordered_date,
            requested.requested_date,
            coalesce(last_promised.basis_date, requested.requested_date) as promise_date,
            case
                when last_promised.basis_date <> first_promised.first_promise_date
                then 'last promise'
                when last_promised.basis_date is not null
                then 'first promise'
                when requested.requested_date is not null
                then 'request'
            end as promise_basis,
            -- the last day on which it is not late, by its policy
            case
                when last_promised.basis_date is not null
                then coalesce(last_promised.window_end_date, last_promised.basis_date)
                else coalesce(requested.window_end_date, requested.requested_date)
            end as due_date,
            -- what was complete once and is no more is open
            case
                when not last_promised.is_overdue_open then last_promised.completed_date
            end as finished_date,
            least(
                case
                    when last_promised.cancelled_on <= run_settings.as_of_date
                    then last_promised.cancelled_on
                end,
                business_date(last_promised.deleted_at)
            ) as withdrawn_date,
        from fct_order_line_deliveries as last_promised
        cross join run_settings
        inner join
            requested
            on last_promised.order_id = requested.order_id
            and last_promised.line_number = requested.line_number
            and last_promised.schedule_number = requested.schedule_number
        inner join
            first_promised
            on last_promised.order_id = first_promised.order_id
            and last_promised.line_number = first_promised.line_number
            and last_promised.schedule_number = first_promised.schedule_number
        where last_promised.basis = 'last_promise'
    ),
    -- a line is known to be finished when the last shipment that it took is recorded
    recorded as (
        select
            planned.order_id,
            planned.line_number,
            planned.schedule_number,
            max(business_date(int_shipments_unioned.recorded_at)) as recorded_date,
        from planned
        inner join
            int_shipments_unioned
            on planned.order_id = int_shipments_unioned.order_id
            and planned.line_number = int_shipments_unioned.line_number
            and case
                planned.delivery_event
                when 'shipped'
                then int_shipments_unioned.shipped_on
                else int_shipments_unioned.delivered_on
            end
            <= planned.finished_date
        group by planned.order_id, planned.line_number, planned.schedule_number
    ),
    final as (
        select
            planned.order_id,
            planned.line_number,
            planned.schedule_number,
            planned.source_system,
            planned.product_id,
            planned.product_family,
            planned.quantity,
            coalesce(
                int_order_lines_unioned.promised_by, nullif(dim_accounts.channel, 'unknown')
            ) as route,
            planned.ordered_date,
            cast(planned.requested_date - planned.ordered_date as bigint) as requested_days,
            planned.promise_date,
            planned.promise_basis,
            planned.due_date,
            cast(planned.due_date - planned.ordered_date as bigint) as due_days,
            planned.finished_date,
            case
                when planned.finished_date is not null
                then greatest(planned.finished_date, recorded.recorded_date)
            end as finish_recorded_date,
            planned.withdrawn_date,
            planned.finished_date is null and planned.withdrawn_date is null as is_open,
            count(*) over (partition by planned.order_id, planned.line_number) > 1 as is_in_parts,
        from planned
        left join
            int_order_lines_unioned
            on planned.order_id = int_order_lines_unioned.order_id
            and planned.line_number = int_order_lines_unioned.line_number
        left join dim_accounts on planned.account_id = dim_accounts.account_id
        left join
            recorded
            on planned.order_id = recorded.order_id
            and planned.line_number = recorded.line_number
            and planned.schedule_number = recorded.schedule_number
    )
select *
from final

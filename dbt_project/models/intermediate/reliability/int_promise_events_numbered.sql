-- Grain: one row per planned date of an order line × quote or promise
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_promises_versioned as (select * from {{ ref("int_promises_versioned") }}),
    int_promise_changes_unioned as (select * from {{ ref("int_promise_changes_unioned") }}),
    int_quotes_unioned as (select * from {{ ref("int_quotes_unioned") }}),
    planned_dates as (
        select
            order_id,
            line_number,
            schedule_number,
            source_system,
            account_id,
            product_id,
            product_family,
            promised_by,
            ordered_at,
            business_date(ordered_at) as ordered_date,
            basis_date as first_promise_date,
            basis_date + cast(net_slip_days as integer) as latest_promise_date,
            count(*) over (partition by order_id, line_number) > 1 as is_in_parts,
        from fct_order_line_deliveries
        where basis = 'first_promise'
    ),
    promised as (
        select
            planned_dates.*,
            case
                when int_promises_versioned.sequence is null then 'promise log' else 'extracts'
            end as event_source,
            false as is_quote,
            int_promises_versioned.version_number as promise_number,
            coalesce(int_promises_versioned.changed_by_function, 'unknown') as said_by_function,
            int_promises_versioned.reason,
            coalesce(int_promises_versioned.recorded_at, planned_dates.ordered_at) as said_at,
            int_promises_versioned.promise_date as new_delivery_date,
        from planned_dates
        inner join
            int_promises_versioned
            on planned_dates.order_id = int_promises_versioned.order_id
            and planned_dates.line_number = int_promises_versioned.line_number
            and planned_dates.schedule_number = int_promises_versioned.schedule_number
    ),
    -- where no promise was recorded the dates of the order line speak; when the second of them
    -- came to stand there is not known
    unrecorded as (
        select planned_dates.*,
        from planned_dates
        anti join
            promised
            on planned_dates.order_id = promised.order_id
            and planned_dates.line_number = promised.line_number
            and planned_dates.schedule_number = promised.schedule_number
        where planned_dates.first_promise_date is not null
    ),
    promised_unrecorded as (
        select
            *,
            'order line' as event_source,
            false as is_quote,
            1 as promise_number,
            promised_by as said_by_function,
            cast(null as varchar) as reason,
            ordered_at as said_at,
            first_promise_date as new_delivery_date,
        from unrecorded
        union all
        select
            *,
            'order line' as event_source,
            false as is_quote,
            2 as promise_number,
            'unknown' as said_by_function,
            cast(null as varchar) as reason,
            cast(null as timestamp) as said_at,
            latest_promise_date as new_delivery_date,
        from unrecorded
        where latest_promise_date <> first_promise_date
    ),
    -- a quote without a schedule number speaks of every planned date of its order line
    quoted_for_lines as (
        select
            planned_dates.*,
            'promise log' as event_source,
            true as is_quote,
            coalesce(
                int_promise_changes_unioned.changed_by_function, 'unknown'
            ) as said_by_function,
            int_promise_changes_unioned.reason,
            coalesce(
                int_promise_changes_unioned.recorded_at, int_promise_changes_unioned.changed_at
            ) as said_at,
            int_promise_changes_unioned.promise_date as new_delivery_date,
        from int_promise_changes_unioned
        cross join run_settings
        inner join
            planned_dates
            on int_promise_changes_unioned.order_id = planned_dates.order_id
            and int_promise_changes_unioned.line_number = planned_dates.line_number
            and coalesce(int_promise_changes_unioned.schedule_number, planned_dates.schedule_number)
            = planned_dates.schedule_number
        where
            int_promise_changes_unioned.kind = 'quote'
            and int_promise_changes_unioned.promise_date is not null
            and business_date(int_promise_changes_unioned.changed_at) <= run_settings.as_of_date
    ),
    -- what was quoted for the deal before it was ordered; of a line in parts nobody can tell which
    quoted_for_deals as (
        select
            planned_dates.*,
            'deal' as event_source,
            true as is_quote,
            coalesce(int_quotes_unioned.quoted_by_function, 'unknown') as said_by_function,
            cast(null as varchar) as reason,
            coalesce(int_quotes_unioned.recorded_at, int_quotes_unioned.quoted_at) as said_at,
            int_quotes_unioned.quoted_delivery_date as new_delivery_date,
        from planned_dates
        inner join
            int_order_lines_unioned
            on planned_dates.order_id = int_order_lines_unioned.order_id
            and planned_dates.line_number = int_order_lines_unioned.line_number
        inner join
            int_quotes_unioned
            on int_order_lines_unioned.opportunity_id = int_quotes_unioned.opportunity_id
            and coalesce(int_quotes_unioned.product_id, planned_dates.product_id)
            = planned_dates.product_id
            and int_quotes_unioned.quoted_at <= planned_dates.ordered_at
        where int_quotes_unioned.quoted_delivery_date is not null and not planned_dates.is_in_parts
    ),
    events as (
        select *,
        from promised
        union all by name
        select *,
        from promised_unrecorded
        union all by name
        select *,
        from quoted_for_lines
        union all by name
        select *,
        from quoted_for_deals
    ),
    numbered as (
        select
            *,
            row_number() over (
                partition by order_id, line_number, schedule_number
                order by
                    said_at nulls last,
                    not is_quote,
                    promise_number,
                    event_source,
                    new_delivery_date,
                    said_by_function,
                    reason
            ) as version_number,
        from events
    ),
    final as (
        select
            * exclude (first_promise_date, latest_promise_date, is_in_parts),
            business_date(said_at) as said_date,
            lag(new_delivery_date) over (
                partition by
                    order_id,
                    line_number,
                    schedule_number,
                    is_quote,
                    case when is_quote then event_source end,
                    case when is_quote then said_by_function end
                order by coalesce(promise_number, version_number)
            ) as old_delivery_date,
        from numbered
    )
select *
from final

-- Grain: one row per planned date of an order line that was quoted or promised
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    fct_promise_events as (select * from {{ ref("fct_promise_events") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    first_promises as (select *, from fct_promise_events where event_kind = 'promise'),
    -- what sales could know when it promised: the last quote of the other side for the order line.
    -- One for the deal counts from its own day and is not held against an order's time.
    quotes as (
        select fct_promise_events.*,
        from fct_promise_events
        left join
            first_promises
            on fct_promise_events.order_id = first_promises.order_id
            and fct_promise_events.line_number = first_promises.line_number
            and fct_promise_events.schedule_number = first_promises.schedule_number
        where
            fct_promise_events.event_kind = 'quote'
            and fct_promise_events.event_source <> 'deal'
            and fct_promise_events.said_by_function <> 'sales'
            and coalesce(fct_promise_events.said_at <= first_promises.said_at, true)
        qualify
            row_number() over (
                partition by
                    fct_promise_events.order_id,
                    fct_promise_events.line_number,
                    fct_promise_events.schedule_number
                order by fct_promise_events.version_number desc
            )
            = 1
    ),
    changes as (
        select
            order_id,
            line_number,
            schedule_number,
            count(*) as change_count,
            sum(weighted_days_moved) as weighted_days_moved,
        from fct_promise_events
        where event_kind = 'change'
        group by order_id, line_number, schedule_number
    ),
    begun as (
        select
            order_id,
            line_number,
            business_date(min(coalesce(first_started_at, started_at))) as begun_date,
        from fct_work_orders
        where order_id is not null and deleted_at is null
        group by order_id, line_number
    ),
    assembled as (
        select
            deliveries.order_id,
            deliveries.line_number,
            deliveries.schedule_number,
            deliveries.source_system,
            coalesce(deliveries.account_id, 'unknown') as account_id,
            deliveries.product_id,
            deliveries.product_family,
            deliveries.promised_by,
            deliveries.completed_date,
            deliveries.basis_date as first_promise_date,
            business_date(deliveries.ordered_at) as ordered_date,
            run_settings.as_of_date,
            deliveries.is_eligible as is_judged,
            deliveries.ineligible_reason,
            deliveries.timing,
            quotes.new_delivery_date as quoted_delivery_date,
            quotes.lead_days as quoted_lead_days,
            quotes.shorter_count as quote_shorter_count,
            quotes.comparable_count as quote_comparable_count,
            quotes.is_infeasible as is_quote_infeasible,
            first_promises.lead_days as promised_lead_days,
            first_promises.shorter_count as promise_shorter_count,
            first_promises.comparable_count as promise_comparable_count,
            first_promises.is_infeasible as is_promise_infeasible,
            coalesce(changes.change_count, 0) as change_count,
            coalesce(changes.weighted_days_moved, 0) as weighted_days_moved,
            begun.begun_date,
        from fct_order_line_deliveries as deliveries
        cross join run_settings
        {% for part in ["quotes", "first_promises", "changes"] -%}
            left join
                {{ part }}
                on deliveries.order_id = {{ part }}.order_id
                and deliveries.line_number = {{ part }}.line_number
                and deliveries.schedule_number = {{ part }}.schedule_number
        {% endfor -%}
        left join
            begun
            on deliveries.order_id = begun.order_id
            and deliveries.line_number = begun.line_number
        where
            deliveries.basis = 'first_promise'
            and coalesce(deliveries.basis_date, quotes.new_delivery_date) is not null
    ),
    timed as (
        select
            *,
            cast(
                date_trunc('month', coalesce(first_promise_date, quoted_delivery_date)) as date
            ) as due_month,
            -- a line that was cancelled or went away took no time that could be compared
            case
                when
                    completed_date >= ordered_date
                    and coalesce(ineligible_reason, 'no_date') in ('no_date', 'not_due')
                then cast(completed_date - ordered_date as bigint)
            end as realised_lead_days,
        from assembled
    ),
    final as (
        select
            * exclude (timing, as_of_date),
            coalesce(timing <> 'late' and completed_date <= first_promise_date, false) as is_kept,
            -- the wait between the order and the first operation taken out
            case
                when begun_date <= completed_date and realised_lead_days is not null
                then cast(completed_date - greatest(begun_date, ordered_date) as bigint)
            end as queue_adjusted_lead_days,
            quoted_delivery_date is not null
            and coalesce(ineligible_reason, 'no_date') in ('no_date', 'not_due')
            and (
                completed_date is not null or quoted_delivery_date < as_of_date
            ) as is_quote_judged,
            coalesce(completed_date > quoted_delivery_date, true) as is_late_against_quote,
            cast(promised_lead_days - quoted_lead_days as bigint) as override_days,
            cast(
                date_trunc(
                    'quarter', coalesce(ordered_date, first_promise_date, quoted_delivery_date)
                ) as date
            ) as quarter_start_date,
        from timed
    )
select *
from final

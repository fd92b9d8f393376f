-- Grain: one row per planned date of an order line × basis
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_delivery_units as (select * from {{ ref("int_delivery_units") }}),
    int_shipments_unioned as (select * from {{ ref("int_shipments_unioned") }}),
    int_returns_unioned as (select * from {{ ref("int_returns_unioned") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    working_days as (select working_day_number, date_day, from dim_dates where is_working_day),
    bases as (
        select bases.basis,
        from (values ('request'), ('first_promise'), ('last_promise')) as bases(basis)
    ),
    dated as (
        select
            int_delivery_units.*,
            bases.basis,
            -- what was taken out of the plan takes nothing of what is shipped
            case
                when int_delivery_units.is_withdrawn
                then 0
                else greatest(coalesce(int_delivery_units.quantity_ordered, 0), 0)
            end as quantity_planned,
            -- where the policy does not evaluate the quantity, the least that came is enough
            case
                when int_delivery_units.under_rate is null
                then 0.0001
                else int_delivery_units.quantity_ordered * (1 - int_delivery_units.under_rate)
            end as quantity_required,
            case
                bases.basis
                when 'request'
                then int_delivery_units.requested_date
                when 'first_promise'
                then int_delivery_units.first_promise_date
                else int_delivery_units.last_promise_date
            end as basis_date,
        from int_delivery_units
        cross join bases
    ),
    -- the days on which a delivery counts; NULL is a side that is not evaluated. The nth working
    -- day from a date is a working day, whether or not the date is one; beyond the calendar's
    -- reach days are calendar days.
    windowed as (
        select
            dated.*,
            coalesce(
                first_days.date_day, dated.basis_date - dated.tolerated_days_early
            ) as window_start_date,
            coalesce(
                last_days.date_day, dated.basis_date + dated.tolerated_days_late
            ) as window_end_date,
        from dated
        left join
            dim_dates as basis_days
            on dated.basis_date = basis_days.date_day
            and dated.day_type = 'working'
        left join
            working_days as first_days
            on first_days.working_day_number
            = basis_days.working_day_number
            - dated.tolerated_days_early
            + case when basis_days.is_working_day then 0 else 1 end
            and dated.tolerated_days_early > 0
        left join
            working_days as last_days
            on last_days.working_day_number
            = basis_days.working_day_number + dated.tolerated_days_late
            and dated.tolerated_days_late > 0
    ),
    -- the stretch of the order line's running quantity that each planned date takes: the earliest
    -- due is filled first, and what comes beyond all of them falls to the last (no end: NULL)
    queued as (
        select *, 0 as fills_from, null as fills_to,
        from windowed
        where not is_schedule_line
        union all by name
        select
            *,
            sum(quantity_planned) over queue - quantity_planned as fills_from,
            case
                when lead(basis) over queue is not null then sum(quantity_planned) over queue
            end as fills_to,
        from windowed
        where is_schedule_line
        window
            queue as (
                partition by order_id, line_number, basis
                order by
                    not is_withdrawn,
                    basis_date nulls last,
                    length(schedule_number),
                    schedule_number
                rows between unbounded preceding and current row
            )
    ),
    governed_lines as (
        select distinct order_id, line_number, delivery_event, from int_delivery_units
    ),
    -- shipments of known order lines, by the event that the policy names
    delivered as (
        select
            int_shipments_unioned.order_id,
            int_shipments_unioned.line_number,
            int_shipments_unioned.shipment_id,
            int_shipments_unioned.quantity,
            business_date(int_shipments_unioned.recorded_at) as recorded_date,
            case
                governed_lines.delivery_event
                when 'shipped'
                then int_shipments_unioned.shipped_on
                else int_shipments_unioned.delivered_on
            end as event_date,
        from int_shipments_unioned
        inner join
            governed_lines
            on int_shipments_unioned.order_id = governed_lines.order_id
            and int_shipments_unioned.line_number = governed_lines.line_number
    ),
    accumulated as (
        select
            delivered.*,
            sum(coalesce(delivered.quantity, 0)) over (
                partition by delivered.order_id, delivered.line_number
                order by delivered.event_date, delivered.shipment_id
                rows between unbounded preceding and current row
            ) as shipped_to,
        from delivered
        cross join run_settings
        where delivered.event_date <= run_settings.as_of_date
    ),
    -- where the line's running quantity stood within each stretch before and after each delivery;
    -- a correction (negative) so takes back what was filled last
    reached as (
        select
            queued.order_id,
            queued.line_number,
            queued.schedule_number,
            queued.basis,
            queued.quantity_required,
            queued.window_start_date,
            queued.window_end_date,
            accumulated.event_date,
            accumulated.recorded_date,
            coalesce(accumulated.recorded_date, accumulated.event_date) as booked_date,
            greatest(
                least(accumulated.shipped_to, queued.fills_to) - queued.fills_from, 0
            ) as quantity_after,
            greatest(
                least(accumulated.shipped_to - coalesce(accumulated.quantity, 0), queued.fills_to)
                - queued.fills_from,
                0
            ) as quantity_before,
            -- a quantity nobody knows is enough where it does not count
            accumulated.quantity is null
            and queued.under_rate is null
            and accumulated.shipped_to >= queued.fills_from
            and coalesce(accumulated.shipped_to < queued.fills_to, true) as is_enough,
        from queued
        inner join
            accumulated
            on queued.order_id = accumulated.order_id
            and queued.line_number = accumulated.line_number
    ),
    allotted as (
        select
            *,
            quantity_after - quantity_before as quantity,
            case
                when is_enough then quantity_required else quantity_after - quantity_before
            end as progress,
            event_date <= coalesce(window_end_date, event_date) as is_by_window_end,
            event_date between coalesce(window_start_date, event_date) and coalesce(
                window_end_date, event_date
            ) as is_in_window,
            booked_date between coalesce(window_start_date, booked_date) and coalesce(
                window_end_date, booked_date
            ) as is_booked_in_window,
        from reached
        where is_enough or quantity_after <> quantity_before
    ),
    filled as (
        select
            order_id,
            line_number,
            schedule_number,
            basis,
            count(*) as shipment_count,
            sum(quantity) as quantity_shipped,
            sum(quantity) filter (is_in_window) as quantity_in_window,
            sum(progress) as progress,
            sum(progress) filter (is_in_window) as progress_in_window,
            sum(progress) filter (is_booked_in_window) as progress_booked_in_window,
            sum(progress) filter (is_by_window_end) as progress_by_window_end,
            min(event_date) filter (
                is_enough or quantity_after >= quantity_required
            ) as completed_date,
            bool_and(recorded_date is not null) as has_recorded_day,
            bool_or(recorded_date < event_date) as is_recorded_before_delivery,
        from allotted
        group by order_id, line_number, schedule_number, basis
    ),
    returned as (
        select
            int_returns_unioned.order_id,
            int_returns_unioned.line_number,
            sum(int_returns_unioned.quantity) as quantity_returned,
        from int_returns_unioned
        cross join run_settings
        where int_returns_unioned.returned_on <= run_settings.as_of_date
        group by int_returns_unioned.order_id, int_returns_unioned.line_number
    ),
    assembled as (
        select
            queued.*,
            run_settings.as_of_date,
            coalesce(queued.window_end_date, queued.basis_date) < run_settings.as_of_date as is_due,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            coalesce(filled.shipment_count, 0) as shipment_count,
            coalesce(filled.quantity_shipped, 0) as quantity_shipped,
            coalesce(filled.quantity_in_window, 0) as quantity_in_window,
            filled.completed_date,
            filled.has_recorded_day,
            coalesce(filled.is_recorded_before_delivery, false) as is_recorded_before_delivery,
            -- returns go the way the shipments came, so that they add up over planned dates
            greatest(
                least(coalesce(returned.quantity_returned, 0), queued.fills_to) - queued.fills_from,
                0
            ) as quantity_returned,
            coalesce(filled.progress, 0) >= queued.quantity_required as is_complete,
            coalesce(filled.progress_in_window, 0) >= queued.quantity_required as is_in_time,
            coalesce(filled.progress_booked_in_window, 0)
            >= queued.quantity_required as is_booked_in_time,
            coalesce(filled.progress_by_window_end, 0)
            >= queued.quantity_required as is_by_window_end,
            coalesce(
                filled.quantity_shipped <= queued.quantity_ordered * (1 + queued.over_rate), true
            ) as is_within_over,
            -- a cancellation takes what is still open of a line that is due in parts
            case
                when
                    queued.cancelled_on <= run_settings.as_of_date
                    and not (
                        queued.is_schedule_line
                        and coalesce(filled.completed_date <= queued.cancelled_on, false)
                    )
                then coalesce(queued.cancelled_by, 'other')
            end as effective_cancelled_by,
            -- what had come in whole stays, when the source drops the line after that
            coalesce(queued.is_withdrawn, false)
            or (
                queued.deleted_at is not null
                and not coalesce(filled.completed_date <= business_date(queued.deleted_at), false)
            ) as is_deleted_open,
        from queued
        cross join run_settings
        left join dim_products on queued.product_id = dim_products.product_id
        left join
            filled
            on queued.order_id = filled.order_id
            and queued.line_number = filled.line_number
            and queued.schedule_number = filled.schedule_number
            and queued.basis = filled.basis
        left join
            returned
            on queued.order_id = returned.order_id
            and queued.line_number = returned.line_number
    ),
    ruled as (
        select
            *,
            coalesce(effective_cancelled_by, '') = 'late' as is_cancelled_late,
            case
                when basis_date is null
                then 'no_date'
                when effective_cancelled_by = 'customer' and cancelled_on <= basis_date
                then 'cancelled_by_customer'
                when effective_cancelled_by not in ('customer', 'late')
                then 'cancelled_other'
                when effective_cancelled_by is null and is_deleted_open
                then 'deleted'
                when
                    coalesce(under_rate, over_rate) is not null
                    and coalesce(quantity_ordered, 0) <= 0
                then 'no_quantity'
                when not is_due and not is_complete
                then 'not_due'
            end as ineligible_reason,
        from assembled
    ),
    judged as (
        select
            *,
            ineligible_reason is null as is_eligible,
            case
                when ineligible_reason is not null
                then null
                when is_cancelled_late
                then 'late'
                when is_in_time
                then 'on_time'
                when is_by_window_end
                then 'early'
                else 'late'
            end as timing,
            case
                when ineligible_reason is null then is_booked_in_time and not is_cancelled_late
            end as is_on_time_recorded,
            case
                when ineligible_reason is null and coalesce(under_rate, over_rate) is not null
                then is_complete and is_within_over
            end as is_in_full,
            -- of what never came, the lateness until it was cancelled or until the as_of
            case
                when ineligible_reason is null
                then
                    coalesce(
                        completed_date - basis_date,
                        nullif(greatest(least(cancelled_on, as_of_date) - basis_date, 0), 0)
                    )
            end as days_late,
        from ruled
    ),
    final as (
        select
            order_id,
            line_number,
            schedule_number,
            basis,
            source_system,
            account_id,
            product_id,
            product_family,
            rep_id,
            promised_by,
            basis_date,
            cast(date_trunc('month', basis_date) as date) as basis_month,
            window_start_date,
            window_end_date,
            policy_scope,
            delivery_event,
            is_eligible,
            ineligible_reason,
            timing,
            timing = 'on_time' as is_on_time,
            is_in_full,
            timing = 'on_time' and coalesce(is_in_full, true) as is_otif,
            is_on_time_recorded,
            is_on_time_recorded and coalesce(is_in_full, true) as is_otif_recorded,
            is_eligible
            and is_due
            and not is_complete
            and effective_cancelled_by is null as is_overdue_open,
            cast(quantity_ordered as decimal(18, 4)) as quantity_ordered,
            cast(quantity_shipped as decimal(18, 4)) as quantity_shipped,
            cast(quantity_in_window as decimal(18, 4)) as quantity_in_window,
            cast(quantity_returned as decimal(18, 4)) as quantity_returned,
            shipment_count,
            completed_date,
            cast(days_late as bigint) as days_late,
            has_recorded_day,
            is_recorded_before_delivery,
            promise_change_count,
            net_slip_days,
            ordered_at,
            cancelled_on,
            cancelled_by,
            deleted_at,
            recorded_at,
            is_history_reconstructed,
        from judged
    )
select *
from final

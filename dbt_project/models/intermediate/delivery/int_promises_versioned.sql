-- Grain: one row per planned date of an order line × recorded promise
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_promise_changes_unioned as (select * from {{ ref("int_promise_changes_unioned") }}),
    int_promise_changes_seen_unioned as (
        select * from {{ ref("int_promise_changes_seen_unioned") }}
    ),
    int_order_schedule_lines_planned as (
        select * from {{ ref("int_order_schedule_lines_planned") }}
    ),
    -- what production quotes is not yet promised
    promises as (
        select
            int_promise_changes_unioned.order_id,
            int_promise_changes_unioned.line_number,
            int_promise_changes_unioned.schedule_number,
            int_promise_changes_unioned.promise_date,
            int_promise_changes_unioned.changed_at,
            int_promise_changes_unioned.changed_by_function,
            int_promise_changes_unioned.reason,
            coalesce(
                int_promise_changes_unioned.recorded_at, int_promise_changes_unioned.changed_at
            ) as recorded_at,
        from int_promise_changes_unioned
        cross join run_settings
        where
            coalesce(int_promise_changes_unioned.kind, 'promise') = 'promise'
            and int_promise_changes_unioned.promise_date is not null
            and business_date(int_promise_changes_unioned.changed_at) <= run_settings.as_of_date
    ),
    -- a promise without a schedule number speaks of every schedule line of its order line
    addressed as (
        select
            promises.* exclude (schedule_number),
            coalesce(int_order_schedule_lines_planned.schedule_number, '1') as schedule_number,
        from promises
        left join
            int_order_schedule_lines_planned
            on promises.order_id = int_order_schedule_lines_planned.order_id
            and promises.line_number = int_order_schedule_lines_planned.line_number
        where
            int_order_schedule_lines_planned.order_id is null
            or promises.schedule_number is null
            or promises.schedule_number = int_order_schedule_lines_planned.schedule_number
    ),
    lines_in_parts as (
        select distinct order_id, line_number, from int_order_schedule_lines_planned
    ),
    -- what extracts show of a planned date (a schedule line, or an order line without any) counts
    -- only where no promise was recorded
    seen as (
        select
            seen_promises.order_id,
            seen_promises.line_number,
            coalesce(seen_promises.schedule_number, '1') as schedule_number,
            seen_promises.promise_date,
            seen_promises.changed_at,
            seen_promises.recorded_at,
            seen_promises.sequence,
        from int_promise_changes_seen_unioned as seen_promises
        left join
            lines_in_parts
            on seen_promises.order_id = lines_in_parts.order_id
            and seen_promises.line_number = lines_in_parts.line_number
        anti join
            addressed
            on seen_promises.order_id = addressed.order_id
            and seen_promises.line_number = addressed.line_number
            and coalesce(seen_promises.schedule_number, '1') = addressed.schedule_number
        where (seen_promises.schedule_number is null) = (lines_in_parts.order_id is null)
    ),
    recorded_or_seen as (
        select *,
        from addressed
        union all by name
        select *,
        from seen
    ),
    numbered as (
        select
            *,
            row_number() over versions as version_number,
            lag(promise_date) over versions as replaced_promise_date,
        from recorded_or_seen
        window
            versions as (
                partition by order_id, line_number, schedule_number
                order by
                    recorded_at nulls first,
                    changed_at,
                    sequence,
                    promise_date,
                    changed_by_function,
                    reason
            )
    ),
    -- the first change that comes too late leaves its predecessor broken for good, so every later
    -- change is too late as well: no need to walk the chain
    judged as (
        select
            *,
            bool_and(
                replaced_promise_date is null or business_date(recorded_at) <= replaced_promise_date
            ) over (
                partition by order_id, line_number, schedule_number
                order by version_number
                rows between unbounded preceding and current row
            ) as is_before_due,
        from numbered
    )
select *
from judged

-- Grain: one row per planned date of an order line: a schedule line, else the order line itself
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_order_schedule_lines_planned as (
        select * from {{ ref("int_order_schedule_lines_planned") }}
    ),
    int_promises_versioned as (select * from {{ ref("int_promises_versioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    delivery_policies as (select * from {{ ref("delivery_policies") }}),
    order_lines as (
        select
            int_order_lines_unioned.* exclude (account_id),
            int_order_lines_unioned.order_id
            || '/'
            || int_order_lines_unioned.line_number as policy_line_id,
            coalesce(
                int_account_survivors.surviving_account_id, int_order_lines_unioned.account_id
            ) as account_id,
        from int_order_lines_unioned
        cross join run_settings
        left join
            int_account_survivors
            on int_order_lines_unioned.account_id = int_account_survivors.account_id
        where
            int_order_lines_unioned.ordered_at is null
            or business_date(int_order_lines_unioned.ordered_at) <= run_settings.as_of_date
    ),
    -- the most specific policy wins whole
    governed as (
        select
            order_lines.*,
            policies.scope as policy_scope,
            policies.days_early as tolerated_days_early,
            policies.days_late as tolerated_days_late,
            policies.under_rate,
            policies.over_rate,
            policies.delivery_event,
            policies.day_type,
        from order_lines
        {% for scope, key in [
                ("line", "order_lines.policy_line_id"),
                ("order", "order_lines.order_id"),
                ("customer", "order_lines.account_id"),
                ("system", "order_lines.source_system"),
            ] -%}
            left join
                delivery_policies as {{ scope }}_policies
                on {{ scope }}_policies.scope = '{{ scope }}'
                and {{ scope }}_policies.scope_id = {{ key }}
        {% endfor -%}
        left join
            delivery_policies as policies
            on policies.scope = coalesce(
                line_policies.scope,
                order_policies.scope,
                customer_policies.scope,
                system_policies.scope,
                'default'
            )
            and coalesce(policies.scope_id, '') = coalesce(
                line_policies.scope_id,
                order_policies.scope_id,
                customer_policies.scope_id,
                system_policies.scope_id,
                ''
            )
    ),
    planned as (
        select
            governed.order_id,
            governed.line_number,
            governed.source_system,
            governed.account_id,
            governed.product_id,
            governed.rep_id,
            governed.promised_by,
            governed.ordered_at,
            governed.cancelled_on,
            governed.cancelled_by,
            governed.policy_scope,
            governed.tolerated_days_early,
            governed.tolerated_days_late,
            governed.under_rate,
            governed.over_rate,
            governed.delivery_event,
            governed.day_type,
            governed.recorded_at,
            governed.is_history_reconstructed,
            int_order_schedule_lines_planned.order_id is not null as is_schedule_line,
            coalesce(int_order_schedule_lines_planned.is_withdrawn, false) as is_withdrawn,
            case
                when is_withdrawn
                then int_order_schedule_lines_planned.deleted_at
                else governed.deleted_at
            end as deleted_at,
            coalesce(int_order_schedule_lines_planned.schedule_number, '1') as schedule_number,
            {% for column, name in [
                ("quantity", "quantity_ordered"),
                ("requested_date", "requested_date"),
                ("first_promise_date", "first_promise_date"),
                ("current_promise_date", "current_promise_date"),
            ] -%}
                case
                    when int_order_schedule_lines_planned.order_id is null
                    then governed.{{ column }}
                    else int_order_schedule_lines_planned.{{ column }}
                end as {{ name }},
            {% endfor %}
        from governed
        left join
            int_order_schedule_lines_planned
            on governed.order_id = int_order_schedule_lines_planned.order_id
            and governed.line_number = int_order_schedule_lines_planned.line_number
    ),
    promised as (
        select
            order_id,
            line_number,
            schedule_number,
            min(promise_date) filter (where version_number = 1) as first_promise_date,
            min(changed_by_function) filter (where version_number = 1) as first_promised_by,
            arg_max(promise_date, version_number) filter (where is_before_due) as last_promise_date,
            arg_max(promise_date, version_number) as latest_promise_date,
            count(*) filter (where promise_date <> replaced_promise_date) as promise_change_count,
        from int_promises_versioned
        group by order_id, line_number, schedule_number
    ),
    -- where promises were recorded or seen to change they alone speak, else the dates of the line
    -- as they stand
    dated as (
        select
            planned.* replace (
                coalesce(planned.promised_by, promised.first_promised_by, 'unknown') as promised_by,
                coalesce(
                    promised.first_promise_date,
                    planned.first_promise_date,
                    planned.current_promise_date
                ) as first_promise_date
            ),
            coalesce(
                promised.last_promise_date, planned.current_promise_date, planned.first_promise_date
            ) as last_promise_date,
            coalesce(
                promised.latest_promise_date,
                planned.current_promise_date,
                planned.first_promise_date
            ) as latest_promise_date,
            promised.promise_change_count as recorded_change_count,
        from planned
        left join
            promised
            on planned.order_id = promised.order_id
            and planned.line_number = promised.line_number
            and planned.schedule_number = promised.schedule_number
    ),
    slipped as (
        select
            * exclude (current_promise_date, recorded_change_count),
            case
                when first_promise_date is not null
                then
                    coalesce(
                        recorded_change_count,
                        cast(latest_promise_date <> first_promise_date as bigint)
                    )
            end as promise_change_count,
            cast(latest_promise_date - first_promise_date as bigint) as net_slip_days,
        from dated
    )
select *
from slipped

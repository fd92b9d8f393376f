-- Grain: one row per month × basis × product family × promised by × source system
{%- set unevaluated -%}
    case
        when eligible_count > 0 and quantity_evaluated_count = 0
        then 'the policy does not evaluate the quantity'
    end
{%- endset %}
{%- set late_is_few = suppressed_reason("late_count") %}
with
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    counted as (
        select
            basis_month,
            basis,
            product_family,
            promised_by,
            source_system,
            count(*) as unit_count,
            count(*) filter (is_eligible) as eligible_count,
            count(*) filter (ineligible_reason = 'no_date') as no_date_count,
            count(*) filter (
                ineligible_reason = 'cancelled_by_customer'
            ) as cancelled_by_customer_count,
            count(*) filter (ineligible_reason = 'cancelled_other') as cancelled_other_count,
            count(*) filter (ineligible_reason = 'deleted') as deleted_count,
            count(*) filter (ineligible_reason = 'no_quantity') as no_quantity_count,
            count(*) filter (ineligible_reason = 'not_due') as not_due_count,
            count(*) filter (timing = 'on_time') as on_time_count,
            count(*) filter (timing = 'early') as early_count,
            count(*) filter (timing = 'late') as late_count,
            count(*) filter (is_overdue_open) as overdue_open_count,
            count(is_in_full) as quantity_evaluated_count,
            count(*) filter (is_in_full) as in_full_count,
            count(*) filter (is_otif) as otif_count,
            count(*) filter (is_on_time_recorded) as on_time_recorded_count,
            count(*) filter (is_eligible and has_recorded_day) as recorded_day_count,
            count(*) filter (
                is_eligible and is_recorded_before_delivery
            ) as recorded_before_delivery_count,
            cast(
                sum(least(quantity_in_window, quantity_ordered)) filter (
                    is_in_full is not null
                ) as decimal(18, 4)
            ) as quantity_in_window,
            cast(
                sum(quantity_ordered) filter (is_in_full is not null) as decimal(18, 4)
            ) as quantity_ordered,
            cast(
                sum(quantity_returned) filter (is_eligible) as decimal(18, 4)
            ) as quantity_returned,
            percentile_cont(0.5) within group (order by days_late) filter (
                timing = 'late'
            ) as days_late_p50,
            percentile_cont(0.9) within group (order by days_late) filter (
                timing = 'late'
            ) as days_late_p90,
            count(promise_change_count) filter (is_eligible) as promised_count,
            cast(sum(promise_change_count) filter (is_eligible) as bigint) as promise_change_count,
            cast(sum(net_slip_days) filter (is_eligible) as bigint) as net_slip_days,
        from fct_order_line_deliveries
        group by basis_month, basis, product_family, promised_by, source_system
    ),
    rated as (
        select
            * replace (
                case
                    when {{ late_is_few }} is null then round(days_late_p50, 9)
                end as days_late_p50,
                case
                    when {{ late_is_few }} is null then round(days_late_p90, 9)
                end as days_late_p90
            ),
            {{ late_is_few }} as days_late_suppressed_reason,
            {{ rate_columns("on_time_rate", "on_time_count", "eligible_count") }},
            {{
                rate_columns(
                    "in_full_rate",
                    "in_full_count",
                    "quantity_evaluated_count",
                    reason=unevaluated,
                )
            }},
            {{ rate_columns("otif_rate", "otif_count", "eligible_count") }},
            {{ rate_columns("on_time_recorded_rate", "on_time_recorded_count", "eligible_count") }},
            {{
                rate_columns(
                    "quantity_in_window_rate",
                    "quantity_in_window",
                    "quantity_ordered",
                    n="quantity_evaluated_count",
                    reason=unevaluated,
                )
            }},
        from counted
    ),
    compared as (
        select
            * exclude (quantity_in_window, quantity_ordered),
            round(on_time_rate - on_time_recorded_rate, 9) as backdating_gap,
            round(
                {{ safe_ratio("promise_change_count", "promised_count") }}, 9
            ) as promise_changes_per_unit,
            round({{ safe_ratio("net_slip_days", "promised_count") }}, 9) as net_slip_days_mean,
        from rated
    )
select *
from compared

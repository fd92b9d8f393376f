-- Grain: one row per source system, due month, product family, account and promising function
{%- set padding_is_few = suppressed_reason("padding_count") %}
{%- set override_is_few = suppressed_reason("override_count") %}
{%- set adjusted_is_few = suppressed_reason("queue_adjusted_count") %}
{%- set promised_is_few = suppressed_reason("promised_count") %}
with
    int_promise_outcomes as (select * from {{ ref("int_promise_outcomes") }}),
    counted as (
        select
            source_system,
            due_month,
            product_family,
            account_id,
            promised_by,
            count(*) as unit_count,
            count(first_promise_date) as promised_count,
            count(quoted_delivery_date) as quoted_count,
            count(*) filter (is_judged) as judged_count,
            count(*) filter (is_judged and is_kept) as kept_count,
            count(*) filter (is_judged and not is_kept) as late_count,
            count(*) filter (is_quote_judged) as quote_judged_count,
            count(*) filter (is_quote_judged and is_late_against_quote) as late_quote_count,
            cast(sum(change_count) as bigint) as change_count,
            round(sum(weighted_days_moved), 9) as weighted_days_moved,
            count(quoted_lead_days - realised_lead_days) as padding_count,
            cast(
                sum(quoted_lead_days) filter (realised_lead_days is not null) as bigint
            ) as quoted_lead_days,
            cast(
                sum(realised_lead_days) filter (quoted_lead_days is not null) as bigint
            ) as realised_lead_days,
            cast(sum(quoted_lead_days - realised_lead_days) as bigint) as padding_days,
            count(override_days) as override_count,
            count(*) filter (override_days < 0) as promised_earlier_count,
            cast(sum(override_days) as bigint) as override_days,
            count(queue_adjusted_lead_days) as queue_adjusted_count,
            cast(sum(queue_adjusted_lead_days) as bigint) as queue_adjusted_lead_days,
            cast(
                sum(realised_lead_days) filter (queue_adjusted_lead_days is not null) as bigint
            ) as queue_realised_lead_days,
            count(is_promise_infeasible) as promise_compared_count,
            count(*) filter (is_promise_infeasible) as infeasible_promise_count,
            count(is_quote_infeasible) as quote_compared_count,
            count(*) filter (is_quote_infeasible) as infeasible_quote_count,
            {% for side in ["promise", "quote"] -%}
                coalesce(
                    cast(sum({{ side }}_shorter_count) as bigint), 0
                ) as {{ side }}_shorter_count,
                coalesce(
                    cast(
                        sum({{ side }}_comparable_count) filter (
                            {{ side }}_shorter_count is not null
                        ) as bigint
                    ),
                    0
                ) as {{ side }}_comparable_count,
            {% endfor %}
        from int_promise_outcomes
        group by source_system, due_month, product_family, account_id, promised_by
    ),
    final as (
        select
            source_system,
            due_month,
            product_family,
            account_id,
            promised_by,
            unit_count,
            promised_count,
            quoted_count,
            {{ rate_columns("reliability_rate", "kept_count", "judged_count") }},
            {{ rate_columns("late_against_promise_rate", "late_count", "judged_count") }},
            {{ rate_columns("late_against_quote_rate", "late_quote_count", "quote_judged_count") }},
            change_count,
            case
                when {{ promised_is_few }} is null
                then round({{ safe_ratio("change_count", "promised_count") }}, 9)
            end as changes_per_unit,
            weighted_days_moved,
            case
                when {{ promised_is_few }} is null
                then round({{ safe_ratio("weighted_days_moved", "promised_count") }}, 9)
            end as weighted_days_moved_per_unit,
            {{ promised_is_few }} as nervousness_suppressed_reason,
            padding_count,
            quoted_lead_days,
            realised_lead_days,
            padding_days,
            case
                when {{ padding_is_few }} is null
                then round({{ safe_ratio("padding_days", "padding_count") }}, 9)
            end as padding_days_mean,
            case
                when {{ padding_is_few }} is null
                then round({{ safe_ratio("quoted_lead_days", "realised_lead_days") }}, 9)
            end as padding_ratio,
            {{ padding_is_few }} as padding_suppressed_reason,
            override_count,
            override_days,
            case
                when {{ override_is_few }} is null
                then round({{ safe_ratio("override_days", "override_count") }}, 9)
            end as override_days_mean,
            {{ override_is_few }} as override_days_mean_suppressed_reason,
            {{ rate_columns("override_rate", "promised_earlier_count", "override_count") }},
            queue_adjusted_count,
            queue_adjusted_lead_days,
            queue_realised_lead_days,
            case
                when {{ adjusted_is_few }} is null
                then round({{ safe_ratio("queue_adjusted_lead_days", "queue_adjusted_count") }}, 9)
            end as queue_adjusted_lead_days_mean,
            case
                when {{ adjusted_is_few }} is null
                then round({{ safe_ratio("queue_realised_lead_days", "queue_adjusted_count") }}, 9)
            end as queue_realised_lead_days_mean,
            {{ adjusted_is_few }} as queue_adjusted_suppressed_reason,
            {{
                rate_columns(
                    "infeasible_promise_rate",
                    "infeasible_promise_count",
                    "promise_compared_count",
                )
            }},
            {{
                rate_columns(
                    "infeasible_quote_rate", "infeasible_quote_count", "quote_compared_count"
                )
            }},
            {{
                rate_columns(
                    "promise_implied_quantile_rate",
                    "promise_shorter_count",
                    "promise_comparable_count",
                    n="promise_compared_count",
                )
            }},
            {{
                rate_columns(
                    "quote_implied_quantile_rate",
                    "quote_shorter_count",
                    "quote_comparable_count",
                    n="quote_compared_count",
                )
            }},
        from counted
    )
select *
from final

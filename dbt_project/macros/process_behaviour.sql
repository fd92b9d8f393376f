{#
    Which registered metrics are told as series, from which mart and by what. A month or week of a
    metric must not change as it gets older: figures by month of entry do while their deals ripen,
    so do those of lines that may still be shipped, and they stay out.

    subject: what the figure means nothing without; groups: what it is told by beside all together.
    rates: metric → column of which <column>_numerator and <column>_denominator are summed (k of n);
    ratios: likewise, but no share; sums: metric → column, 0 where the mart has no row; values:
    metric → column that does not add up, told where one row stands for the group. of_deals: the mart
    goes on to the as_of as long as a deal is open, whether or not its source still tells anything.
#}
{% macro process_series() %}
    {{
        return(
            [
                {
                    "mart": "mart_sales_outcomes_monthly",
                    "of_deals": true,
                    "period": "close_month",
                    "kind": "month",
                    "subject": ["pipeline"],
                    "groups": ["segment"],
                    "rates": {
                        "win_rate": "win_rate",
                        "win_rate_by_value": "win_rate_by_value",
                        "first_pass_yield_rate": "first_pass_yield_rate",
                        "scrap_after_proposal_rate": "scrap_after_proposal_rate",
                    },
                    "sums": {
                        "won_deals": "won_count",
                        "won_value": "won_amount",
                        "open_qualified_deals": "open_qualified_count",
                        "close_date_pushes": "close_date_push_count",
                    },
                    "values": {
                        "mean_won_value": "mean_won_amount",
                        "won_cycle_median": "won_cycle_p50_days",
                        "resolved_cycle_median": "resolved_cycle_p50_days",
                    },
                },
                {
                    "mart": "mart_lead_cohorts_monthly",
                    "period": "entry_month",
                    "kind": "month",
                    "subject": ["entry_kind"],
                    "groups": ["source"],
                    "sums": {"funnel_entries": "entry_count"},
                },
                {
                    "mart": "mart_sales_flow_weekly",
                    "of_deals": true,
                    "period": "week_start",
                    "kind": "week",
                    "subject": ["pipeline", "stage"],
                    "sums": {
                        "stage_entries": "entry_count",
                        "stage_exits": "exit_count",
                        "work_in_progress": "wip_count",
                    },
                },
                {
                    "mart": "mart_pipeline_waterfall",
                    "of_deals": true,
                    "period": "period_start",
                    "kind": "month",
                    "where": "period_kind = 'month'",
                    "subject": ["pipeline"],
                    "sums": {
                        "waterfall_start": "start_amount",
                        "waterfall_created": "created_amount",
                        "waterfall_pulled_in": "pulled_in_amount",
                        "waterfall_amount_change": "amount_change_amount",
                        "waterfall_slipped": "slipped_amount",
                        "waterfall_won": "won_amount",
                        "waterfall_lost": "lost_amount",
                        "waterfall_disqualified": "disqualified_amount",
                        "waterfall_end": "end_amount",
                    },
                },
                {
                    "mart": "mart_qualification_monthly",
                    "period": "event_month",
                    "kind": "month",
                    "subject": ["pipeline"],
                    "groups": ["segment"],
                    "rates": {
                        "scored_on_time_rate": "scored_on_time_rate",
                        "proposals_below_tipping_point_rate": "below_proposal_rate",
                        "hours_below_tipping_point_rate": "below_activity_hours_rate",
                    },
                    "ratios": {"mean_qualification_score": "mean_score"},
                },
                {
                    "mart": "mart_on_time_delivery_monthly",
                    "period": "basis_month",
                    "kind": "month",
                    "subject": ["basis"],
                    "groups": ["product_family"],
                    "rates": {
                        "on_time_rate": "on_time_rate",
                        "otif_rate": "otif_rate",
                        "on_time_recorded_rate": "on_time_recorded_rate",
                        "quantity_in_window_rate": "quantity_in_window_rate",
                    },
                },
                {
                    "mart": "mart_promise_reliability_monthly",
                    "period": "due_month",
                    "kind": "month",
                    "groups": ["product_family"],
                    "rates": {
                        "reliability_rate": "reliability_rate",
                        "override_rate": "override_rate",
                        "infeasible_promise_rate": "infeasible_promise_rate",
                    },
                },
                {
                    "mart": "mart_mix_weekly",
                    "period": "week_start_date",
                    "kind": "week",
                    "where": "is_over",
                    "rates": {
                        "balance_rate": "balance_rate",
                        "sold_before_capable_rate": "sold_before_capable_rate",
                    },
                    "values": {"mix_fit": "mix_fit", "difficulty_gap": "difficulty_gap"},
                },
                {
                    "mart": "mart_capacity_load_weekly",
                    "period": "week_start_date",
                    "kind": "week",
                    "where": "week_type = 'past'",
                    "subject": ["work_center_id"],
                    "ratios": {
                        "capacity_load_rate": "load_rate",
                        "capacity_measured_load_rate": "measured_load_rate",
                    },
                },
                {
                    "mart": "mart_rep_objectives_monthly",
                    "period": "objective_month",
                    "kind": "month",
                    "rates": {
                        "small_objective_rate": "small_objective_rate",
                        "ignored_objective_rate": "ignored_rate",
                        "ignored_bonus_rate": "ignored_bonus_rate",
                    },
                    "ratios": {"objective_attainment_rate": "attainment_rate"},
                    "sums": {
                        "new_objectives": "new_objective_count",
                        "withdrawn_objectives": "withdrawn_objective_count",
                        "days_over_core_limit": "over_core_limit_days",
                        "days_over_hard_limit": "over_hard_limit_days",
                    },
                },
                {
                    "mart": "mart_objective_issuers_monthly",
                    "period": "objective_month",
                    "kind": "month",
                    "rates": {"issuer_ignored_rate": "ignored_rate"},
                    "ratios": {
                        "objectives_per_product_change": "objectives_per_product_change",
                    },
                    "sums": {"objectives_issued": "issued_objective_count"},
                },
                {
                    "mart": "mart_barriers_monthly",
                    "period": "barrier_month",
                    "kind": "month",
                    "where": "process_step <> 'all'",
                    "groups": ["process_step"],
                    "rates": {"process_cause_rate": "process_cause_rate"},
                    "sums": {"barriers_raised": "raised_count"},
                },
                {
                    "mart": "mart_coaching_monthly",
                    "period": "coaching_month",
                    "kind": "month",
                    "rates": {"coaching_cadence_kept_rate": "cadence_kept_rate"},
                    "ratios": {"coaching_hours_per_rep_week": "coaching_hours_per_rep_week"},
                },
                {
                    "mart": "mart_objective_overlap_monthly",
                    "period": "objective_month",
                    "kind": "month",
                    "values": {
                        "objective_overlap": "mean_jaccard",
                        "objective_overlap_by_chance": "expected_jaccard",
                        "objective_overlap_corrected": "chance_corrected_overlap",
                    },
                },
            ]
        )
    }}
{% endmacro %}


{# SQL: the series of one mart; a row per metric, subject, group and period that the mart has. #}
{% macro series_of_mart(told) %}
    {%- set groups = told.get("groups", []) -%}
    {%- set subject = told.get("subject", []) -%}
    {%- set has_system = told.mart not in (
        "mart_rep_objectives_monthly",
        "mart_objective_issuers_monthly",
        "mart_objective_overlap_monthly",
    ) -%}
    select
        {{ "source_system" if has_system else "'all'" }} as source_system,
        {% if subject %} concat_ws(' · ', {{ subject | join(", ") }}) as subject,
        {% else %} 'all' as subject,
        {% endif %}
        {% if groups %}
            case
                {% for group in groups %}
                    when grouping({{ group }}) = 0 then '{{ group }}'
                {% endfor %}
                else 'all'
            end as dimension,
            case
                {% for group in groups %}
                    when grouping({{ group }}) = 0
                    then coalesce(cast({{ group }} as varchar), 'unknown')
                {% endfor %}
                else 'all'
            end as member,
        {% else %} 'all' as dimension, 'all' as member,
        {% endif %}
        '{{ told.kind }}' as period_kind,
        cast({{ told.period }} as date) as period_start,
        '{{ told.mart }}' as mart_name,
        {{ told.get("of_deals", false) }} as is_of_deals,
        unnest(
            [
                {% for metric, column in told.get("rates", {}).items() %}
                    {{
                        _series_point(
                            metric, "rate", column ~ "_numerator", column ~ "_denominator"
                        )
                    }},
                {% endfor %}
                {% for metric, column in told.get("ratios", {}).items() %}
                    {{
                        _series_point(
                            metric, "ratio", column ~ "_numerator", column ~ "_denominator"
                        )
                    }},
                {% endfor %}
                {% for metric, column in told.get("sums", {}).items() %}
                    {{ _series_point(metric, "sum", column) }},
                {% endfor %}
                {% for metric, column in told.get("values", {}).items() %}
                    {{ _series_point(metric, "value", column) }},
                {% endfor %}
            ]
        ) as point,
    from {{ ref(told.mart) }}
    where
        {{ told.period }} is not null and {{ told.get("where", "true") }}
        {%- set fixed = (["source_system"] if has_system else []) + subject + [told.period] %}
    group by
        grouping sets (
            ({{ fixed | join(", ") }})
            {% for group in groups %}, ({{ (fixed + [group]) | join(", ") }}) {% endfor %}
        )
{% endmacro %}


{% macro _series_point(metric, kind, numerator, denominator=none) -%}
    {
        'metric':'{{ metric }}',
        'measure_kind':'{{ kind }}',
        'numerator':
        {% if denominator %}cast(sum({{ numerator }}) as double)
        {% else %}cast(null as double)
        {% endif %},
        'denominator':
        {% if denominator %}cast(sum({{ denominator }}) as double)
        {% else %}cast(null as double)
        {% endif %},
        'value':
        {% if denominator %}
            cast({{ safe_ratio("sum(" ~ numerator ~ ")", "sum(" ~ denominator ~ ")") }} as double)
        {% elif kind == "sum" %}cast(sum({{ numerator }}) as double)
        {% else %}cast(case when count(*) = 1 then min({{ numerator }}) end as double)
        {% endif %}
    }
{%- endmacro %}


{# The unit in which a figure's distance from its centre is told: for a rate what chance makes of its
   own cases, for a value itself. #}
{% macro standard_error() -%}
    case
        when measure_kind = 'rate'
        then sqrt({{ safe_ratio("greatest(centre * (1 - centre), 0)", "denominator") }})
        else 1.0
    end
{%- endmacro %}


{# The last day of a month or week. #}
{% macro period_end() -%}
    case when period_kind = 'month' then last_day(period_start) else period_start + 6 end
{%- endmacro %}

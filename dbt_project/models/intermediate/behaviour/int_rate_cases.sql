-- Grain: one row per metric, source system, dimension and member with cases in the window
with
    int_compared_periods as (select * from {{ ref("int_compared_periods") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    fct_rep_objective_periods as (select * from {{ ref("fct_rep_objective_periods") }}),
    dim_reps as (select * from {{ ref("dim_reps") }}),
    -- twelve whole months
    compared_months as (
        select period_start_date as window_start_date, period_end_date as window_end_date,
        from int_compared_periods
        where period_kind = 'last_12_months'
    ),
    decided_opportunities as (
        select
            'win_rate' as metric,
            fct_opportunities.source_system,
            fct_opportunities.owner_at_close_id as rep,
            dim_reps.manager_id as team,
            fct_opportunities.product_family,
            fct_opportunities.product_id as product,
            fct_opportunities.outcome = 'won' as is_case,
            compared_months.window_start_date,
            compared_months.window_end_date,
        from fct_opportunities
        inner join
            compared_months
            on fct_opportunities.closed_date >= compared_months.window_start_date
            and fct_opportunities.closed_date <= compared_months.window_end_date
        left join dim_reps on fct_opportunities.owner_at_close_id = dim_reps.rep_id
        where fct_opportunities.outcome in ('won', 'lost')
    ),
    due_lines as (
        select
            'on_time_rate' as metric,
            fct_order_line_deliveries.source_system,
            fct_order_line_deliveries.product_family,
            fct_order_line_deliveries.product_id as product,
            fct_order_line_deliveries.is_on_time as is_case,
            compared_months.window_start_date,
            compared_months.window_end_date,
        from fct_order_line_deliveries
        inner join
            compared_months
            on fct_order_line_deliveries.basis_date >= compared_months.window_start_date
            and fct_order_line_deliveries.basis_date <= compared_months.window_end_date
        where
            fct_order_line_deliveries.basis = 'first_promise'
            and fct_order_line_deliveries.is_eligible
            and fct_order_line_deliveries.is_on_time is not null
    ),
    reported_operations as (
        select
            'clean_operation_rate' as metric,
            fct_operations.source_system,
            fct_operations.work_center_id as work_center,
            fct_operations.product_family,
            fct_operations.quantity_first_pass >= fct_operations.quantity_reported as is_case,
            compared_months.window_start_date,
            compared_months.window_end_date,
        from fct_operations
        inner join
            compared_months
            on fct_operations.started_date >= compared_months.window_start_date
            and fct_operations.started_date <= compared_months.window_end_date
        where fct_operations.quantity_reported > 0
    ),
    -- of the last month alone: what is ignored stays so for months, and they are no new cases
    assigned_objectives as (
        select
            'issuer_ignored_rate' as metric,
            fct_rep_objective_periods.source_system,
            fct_rep_objective_periods.issued_by as issuer,
            not fct_rep_objective_periods.is_attended as is_case,
            fct_rep_objective_periods.objective_month as window_start_date,
            compared_months.window_end_date,
        from fct_rep_objective_periods
        inner join
            compared_months
            on last_day(fct_rep_objective_periods.objective_month) = compared_months.window_end_date
    ),
    cases as (
        select *
        from decided_opportunities
        union all by name
        select *
        from due_lines
        union all by name
        select *
        from reported_operations
        union all by name
        select *
        from assigned_objectives
    ),
    member_cases as (
        {% for dimension in ["rep", "team", "product_family", "product", "work_center", "issuer"] %}
            select
                metric,
                source_system,
                '{{ dimension }}' as dimension,
                {{ dimension }} as member,
                any_value(window_start_date) as window_start_date,
                any_value(window_end_date) as window_end_date,
                count(*) filter (where is_case) as rate_numerator,
                count(*) as rate_denominator,
            from cases
            where {{ dimension }} is not null
            group by metric, source_system, {{ dimension }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    )
select *
from member_cases

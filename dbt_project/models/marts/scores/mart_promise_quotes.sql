-- Grain: one row per product and quantity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_promise_quote_cases as (select * from {{ ref("int_promise_quote_cases") }}),
    int_promise_quotes as (select * from {{ ref("int_promise_quotes") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    quoted as (
        select
            int_promise_quote_cases.product_id,
            cast(int_promise_quote_cases.quantity as decimal(18, 4)) as quantity,
            int_promise_quote_cases.source_system,
            dim_products.product_name,
            int_promise_quote_cases.product_family,
            int_promise_quote_cases.quantity_percentile,
            run_settings.as_of_date as ordered_date,
            int_promise_quote_cases.route,
            cast(int_promise_quotes.open_order_line_count as bigint) as open_order_line_count,
            cast(int_promise_quotes.open_work_order_count as bigint) as open_work_order_count,
            {% for level in ["50", "80", "95"] -%}
                cast(int_promise_quotes.p{{ level }}_days as bigint) as p{{ level }}_days,
                int_promise_quotes.p{{ level }}_date as kept_{{ level }}_date,
            {% endfor -%}
            int_promise_quote_cases.line_count,
            int_promise_quote_cases.finished_line_count,
            int_promise_quotes.lead_time_basis,
            int_promise_quotes.quote_status,
            int_promise_quotes.score_name,
            int_promise_quotes.model_version,
            run_settings.as_of_at as scored_at,
        from int_promise_quote_cases
        cross join run_settings
        left join
            int_promise_quotes
            on int_promise_quote_cases.product_id = int_promise_quotes.product_id
            and int_promise_quote_cases.quantity = int_promise_quotes.quantity
        left join dim_products on int_promise_quote_cases.product_id = dim_products.product_id
    )
select *
from quoted

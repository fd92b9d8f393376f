-- Grain: one row per order line entered up to the as_of
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    order_lines as (
        select
            int_order_lines_unioned.source_system,
            int_order_lines_unioned.order_id,
            int_order_lines_unioned.line_number,
            coalesce(
                int_account_survivors.surviving_account_id, int_order_lines_unioned.account_id
            ) as account_id,
            coalesce(int_order_lines_unioned.product_id, 'unknown') as product_id,
            business_date(int_order_lines_unioned.ordered_at) as ordered_date,
            cast(
                date_trunc('month', business_date(int_order_lines_unioned.ordered_at)) as date
            ) as ordered_month,
            int_order_lines_unioned.first_promise_date,
            int_order_lines_unioned.quantity,
            coalesce(
                int_order_lines_unioned.currency, run_settings.base_currency
            ) as priced_currency,
            int_order_lines_unioned.unit_price_amount,
            -- what the customer pays for one after the discount of the line
            try_cast(
                round(
                    int_order_lines_unioned.unit_price_amount
                    * (1 - coalesce(int_order_lines_unioned.discount_rate, 0)),
                    4
                ) as decimal(18, 4)
            ) as net_price_amount,
            coalesce(
                int_order_lines_unioned.cancelled_on <= run_settings.as_of_date, false
            ) as is_cancelled,
            int_order_lines_unioned.deleted_at is not null as is_deleted,
        from int_order_lines_unioned
        cross join run_settings
        left join
            int_account_survivors
            on int_order_lines_unioned.account_id = int_account_survivors.account_id
        where
            int_order_lines_unioned.ordered_at is null
            or business_date(int_order_lines_unioned.ordered_at) <= run_settings.as_of_date
    )
select *
from order_lines

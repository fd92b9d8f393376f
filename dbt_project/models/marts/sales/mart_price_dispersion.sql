-- Grain: one row per fiscal quarter × product × source system
{%- set few = suppressed_reason(
    "priced_count", "case when product_id = 'unknown' then 'no product is named' end"
) %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    -- a line without a day of order is priced by the day it was promised for
    priced_lines as (
        select
            int_order_lines_attributed.source_system,
            int_order_lines_attributed.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            coalesce(
                int_order_lines_attributed.ordered_date,
                int_order_lines_attributed.first_promise_date
            ) as priced_date,
            int_order_lines_attributed.ordered_date is null as is_promise_date,
            int_order_lines_attributed.priced_currency,
            int_order_lines_attributed.net_price_amount,
            dim_products.list_price_amount,
            coalesce(dim_products.currency, run_settings.base_currency) as list_currency,
        from int_order_lines_attributed
        cross join run_settings
        left join dim_products on int_order_lines_attributed.product_id = dim_products.product_id
        where not int_order_lines_attributed.is_deleted
    ),
    rates as (
        select priced_days.currency, priced_days.priced_date, int_fx_rates_dated.fx_rate,
        from
            (
                select priced_currency as currency, priced_date,
                from priced_lines
                union
                select list_currency as currency, priced_date,
                from priced_lines
            ) as priced_days
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated", "priced_days.currency", "priced_days.priced_date"
                )
            }}
    ),
    in_base as (
        select
            priced_lines.source_system,
            priced_lines.product_id,
            priced_lines.product_family,
            dim_dates.fiscal_quarter_start,
            priced_lines.is_promise_date,
            -- a price of nothing is a gift, not a price
            nullif(
                round(cast(priced_lines.net_price_amount as double) * price_rates.fx_rate, 6), 0
            ) as net_price,
            nullif(
                round(cast(priced_lines.list_price_amount as double) * list_rates.fx_rate, 6), 0
            ) as list_price,
        from priced_lines
        left join dim_dates on priced_lines.priced_date = dim_dates.date_day
        left join
            rates as price_rates
            on priced_lines.priced_currency = price_rates.currency
            and priced_lines.priced_date = price_rates.priced_date
        left join
            rates as list_rates
            on priced_lines.list_currency = list_rates.currency
            and priced_lines.priced_date = list_rates.priced_date
    ),
    -- all of a product's prices are held against its list, or all against their median
    referred as (
        select
            *,
            count(net_price) over item = count(list_price) over item as has_list,
            median(net_price) over item as median_price,
        from
            (
                select
                    * replace (case when net_price is not null then list_price end as list_price),
                from in_base
            ) as offered
        window item as (partition by source_system, product_id, fiscal_quarter_start)
    ),
    compared as (
        select
            *, net_price / case when has_list then list_price else median_price end as price_ratio,
        from referred
    ),
    spread as (
        select
            fiscal_quarter_start as quarter_start_date,
            product_id,
            product_family,
            source_system,
            case when bool_and(has_list) then 'list' else 'median' end as reference_price,
            count(*) as line_count,
            count(price_ratio) as priced_count,
            count(*) filter (price_ratio is null) as unpriced_count,
            count(*) filter (is_promise_date) as promise_dated_count,
            quantile_cont(price_ratio, 0.1) as price_ratio_p10,
            quantile_cont(price_ratio, 0.5) as price_ratio_p50,
            quantile_cont(price_ratio, 0.9) as price_ratio_p90,
            avg(try_cast(price_ratio as decimal(28, 12))) as price_ratio_mean,
            stddev_samp(price_ratio) as price_ratio_deviation,
        from compared
        group by fiscal_quarter_start, product_id, product_family, source_system
    ),
    shown as (
        select
            quarter_start_date,
            product_id,
            product_family,
            source_system,
            case when priced_count > 0 then reference_price end as reference_price,
            line_count,
            priced_count,
            unpriced_count,
            promise_dated_count,
            {% for level in ["p10", "p50", "p90"] -%}
                case
                    when {{ few }} is null then round(price_ratio_{{ level }}, 9)
                end as price_ratio_{{ level }},
            {% endfor -%}
            case
                when {{ few }} is null
                then
                    round(
                        {{ safe_ratio("price_ratio_p90 - price_ratio_p10", "price_ratio_p50") }}, 9
                    )
            end as price_spread,
            case
                when {{ few }} is null
                then round({{ safe_ratio("price_ratio_deviation", "price_ratio_mean") }}, 9)
            end as price_variation,
            {{ few }} as price_suppressed_reason,
        from spread
    )
select *
from shown

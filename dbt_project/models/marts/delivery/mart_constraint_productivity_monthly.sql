-- Grain: one row per source system and month
with
    fct_throughput_lines as (select * from {{ ref("fct_throughput_lines") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- what takes no hour of the constraint neither uses nor changes what its hours earn
    products as (
        select
            source_system,
            cast(date_trunc('month', need_date) as date) as need_month,
            product_id,
            count(*) as line_count,
            cast(sum(throughput_amount) as decimal(18, 2)) as throughput_amount,
            sum(constraint_hours order by constraint_hours) as hours,
        from fct_throughput_lines
        where demand_kind = 'order' and throughput_amount is not null and constraint_hours > 0
        group by all
    ),
    months as (
        select
            source_system,
            need_month,
            sum(line_count) as line_count,
            sum(throughput_amount) as throughput_amount,
            sum(hours order by hours) as hours,
        from products
        group by source_system, need_month
    ),
    shares as (
        select
            products.source_system,
            products.need_month,
            products.product_id,
            {{ safe_ratio("products.hours", "months.hours") }} as hour_share,
            {{ safe_ratio("products.throughput_amount", "products.hours") }} as per_hour,
        from products
        inner join
            months
            on products.source_system = months.source_system
            and products.need_month = months.need_month
    ),
    followed as (
        select months.source_system, months.need_month,
        from months
        inner join
            months as months_before
            on months.source_system = months_before.source_system
            and months.need_month = months_before.need_month + interval 1 month
    ),
    sides as (
        select
            followed.source_system,
            followed.need_month,
            shares.product_id,
            max(shares.hour_share) filter (shares.need_month = followed.need_month) as share_now,
            max(shares.per_hour) filter (shares.need_month = followed.need_month) as per_hour_now,
            max(shares.hour_share) filter (shares.need_month < followed.need_month) as share_before,
            max(shares.per_hour) filter (
                shares.need_month < followed.need_month
            ) as per_hour_before,
        from followed
        inner join
            shares
            on followed.source_system = shares.source_system
            and shares.need_month in (followed.need_month, followed.need_month - interval 1 month)
        group by followed.source_system, followed.need_month, shares.product_id
    ),
    -- a product of one of the two months only changes the mix: it earns by the hour what it earns
    compared as (
        select
            source_system,
            need_month,
            product_id,
            coalesce(share_now, 0) - coalesce(share_before, 0) as share_change,
            coalesce(share_before, 0) as share_before,
            coalesce(per_hour_before, per_hour_now) as per_hour_before,
            coalesce(per_hour_now, per_hour_before)
            - coalesce(per_hour_before, per_hour_now) as per_hour_change,
        from sides
    ),
    effects as (
        select
            source_system,
            need_month,
            sum(share_change * per_hour_before order by product_id) as mix_effect,
            sum(share_before * per_hour_change order by product_id) as efficiency_effect,
            sum(share_change * per_hour_change order by product_id) as interaction_effect,
        from compared
        group by source_system, need_month
    ),
    rated as (
        select
            months.source_system,
            months.need_month,
            last_day(months.need_month) <= run_settings.as_of_date as is_over,
            cast(months.line_count as bigint) as line_count,
            cast(months.throughput_amount as decimal(18, 2)) as constraint_productivity_numerator,
            round(months.hours, 9) as constraint_productivity_denominator,
            round(
                {{ safe_ratio("months.throughput_amount", "months.hours") }}, 9
            ) as constraint_productivity,
            round(
                {{ safe_ratio("months.throughput_amount", "months.hours") }}
                - {{ safe_ratio("months_before.throughput_amount", "months_before.hours") }},
                9
            ) as productivity_change,
            round(effects.mix_effect, 9) as mix_effect,
            round(effects.efficiency_effect, 9) as efficiency_effect,
            round(effects.interaction_effect, 9) as interaction_effect,
        from months
        cross join run_settings
        left join
            months as months_before
            on months.source_system = months_before.source_system
            and months.need_month = months_before.need_month + interval 1 month
        left join
            effects
            on months.source_system = effects.source_system
            and months.need_month = effects.need_month
    )
select *
from rated

-- Grain: one row per open opportunity
{%- set week_of_as_of = "cast(date_trunc('week', run_settings.as_of_date) as date)" %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_scores as (select * from {{ ref("fct_opportunity_scores") }}),
    fct_throughput_lines as (select * from {{ ref("fct_throughput_lines") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    dim_product_capabilities as (select * from {{ ref("dim_product_capabilities") }}),
    dim_work_centers as (select * from {{ ref("dim_work_centers") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    int_best_mix_products as (select * from {{ ref("int_best_mix_products") }}),
    strategic_exceptions as (select * from {{ ref("strategic_exceptions") }}),
    mart_capacity_load_weekly as (select * from {{ ref("mart_capacity_load_weekly") }}),
    mart_mix_weekly as (select * from {{ ref("mart_mix_weekly") }}),
    mart_promise_quotes as (select * from {{ ref("mart_promise_quotes") }}),
    lines as (
        select
            fct_throughput_lines.*,
            -- what was wanted for a week that is over is wanted now
            greatest(
                fct_throughput_lines.need_week_start_date, {{ week_of_as_of }}
            ) as work_week_start_date,
        from fct_throughput_lines
        cross join run_settings
        where fct_throughput_lines.demand_kind = 'opportunity'
    ),
    -- the quote for the least quantity that is quoted and covers the line, else for the largest
    quoted as (
        select
            lines.demand_id,
            lines.line_number,
            lines.need_date,
            mart_promise_quotes.p80_days,
            mart_promise_quotes.kept_80_date,
        from lines
        left join
            mart_promise_quotes
            on lines.source_system = mart_promise_quotes.source_system
            and lines.product_id = mart_promise_quotes.product_id
        qualify
            row_number() over (
                partition by lines.demand_id, lines.line_number
                order by
                    mart_promise_quotes.quantity >= lines.quantity desc nulls last,
                    abs(mart_promise_quotes.quantity - lines.quantity)
            )
            = 1
    ),
    dates as (
        select
            demand_id,
            min(need_date) as first_need_date,
            case when count(p80_days) = count(*) then max(p80_days) end as p80_days,
            case when count(kept_80_date) = count(*) then max(kept_80_date) end as kept_80_date,
            -- one line that cannot be there in time settles it, whatever is unknown of the others
            case
                when bool_or(kept_80_date > need_date)
                then false
                when count(kept_80_date) = count(*) and count(need_date) = count(*)
                then true
            end as is_date_kept,
        from quoted
        group by demand_id
    ),
    summed as (
        select
            source_system,
            demand_id,
            count(*) as line_count,
            cast(sum(quantity) as decimal(18, 4)) as quantity,
            count(*) filter (need_date is null) as undated_line_count,
            case
                when count(throughput_amount) = count(*)
                then cast(sum(throughput_amount) as decimal(18, 2))
            end as throughput_amount,
            min(unit_throughput_suppressed_reason) as throughput_suppressed_reason,
            coalesce(bool_or(is_hard), false) as has_hard_product,
            coalesce(sum(quantity) filter (is_easy), 0) as easy_quantity,
            max(difficulty_index) as highest_difficulty,
            list(distinct product_id order by product_id) as product_ids,
            bool_or(coalesce(has_prior_hours, false)) as has_prior_hours,
            min(work_week_start_date) as first_work_week_date,
        from lines
        group by source_system, demand_id
    ),
    needed as (
        select
            lines.source_system,
            lines.demand_id,
            lines.line_number,
            lines.work_week_start_date,
            hours.work_center_id,
            cast(lines.quantity as double) * hours.hours_per_good_unit as hours,
        from lines
        inner join
            int_product_work_center_hours as hours
            on lines.source_system = hours.source_system
            and lines.product_id = hours.product_id
            and lines.work_week_start_date >= coalesce(hours.valid_from, date '-infinity')
            and lines.work_week_start_date < coalesce(hours.valid_to, date 'infinity')
    ),
    unknown_hours as (
        select lines.demand_id,
        from lines
        left join
            needed on lines.demand_id = needed.demand_id and lines.line_number = needed.line_number
        group by lines.demand_id, lines.line_number
        having count(needed.hours) < count(*)
    ),
    unknown_deals as (select distinct demand_id, from unknown_hours),
    placed as (
        select
            needed.source_system,
            needed.demand_id,
            needed.work_center_id,
            needed.work_week_start_date,
            sum(needed.hours order by needed.line_number) as hours,
            any_value(loads.available_hours) as available_hours,
            any_value(loads.load_rate) as load_before,
            any_value(loads.load_rate)
            + {{
                safe_ratio(
                    "sum(needed.hours order by needed.line_number)",
                    "any_value(loads.available_hours)",
                )
            }} as load_after,
        from needed
        left join
            mart_capacity_load_weekly as loads
            on needed.source_system = loads.source_system
            and needed.work_center_id = loads.work_center_id
            and needed.work_week_start_date = loads.week_start_date
        group by
            needed.source_system,
            needed.demand_id,
            needed.work_center_id,
            needed.work_week_start_date
    ),
    -- its constraint: where, with it, most is needed of what there is
    tightest as (
        select *
        from placed
        where load_after is not null and hours > 0
        qualify
            row_number() over (
                partition by demand_id
                order by load_after desc, work_center_id asc, work_week_start_date asc
            )
            = 1
    ),
    tightest_hours as (
        select placed.demand_id, sum(placed.hours) as hours,
        from placed
        inner join
            tightest
            on placed.demand_id = tightest.demand_id
            and placed.work_center_id = tightest.work_center_id
        group by placed.demand_id
    ),
    bought as (
        select distinct fct_throughput_lines.account_id, fct_throughput_lines.product_id,
        from fct_throughput_lines
        cross join run_settings
        where
            fct_throughput_lines.demand_kind = 'order'
            and fct_throughput_lines.demand_date > run_settings.as_of_date - interval 12 month
            and fct_throughput_lines.account_id is not null
    ),
    earning as (
        select
            int_best_mix_products.source_system,
            int_best_mix_products.product_id,
            int_best_mix_products.unit_throughput,
        from int_best_mix_products
        cross join run_settings
        where
            int_best_mix_products.period_month = date_trunc('month', run_settings.as_of_date)
            and int_best_mix_products.unit_throughput > 0
    ),
    easy_products as (
        select
            earning.source_system,
            earning.product_id,
            dim_products.product_name,
            earning.unit_throughput,
        from earning
        inner join dim_products on earning.product_id = dim_products.product_id
        inner join
            dim_product_capabilities
            on earning.source_system = dim_product_capabilities.source_system
            and earning.product_id = dim_product_capabilities.product_id
            and dim_product_capabilities.valid_to is null
        where
            dim_products.is_listed
            and dim_product_capabilities.difficulty_index <= {{ var("easy_up_to") }}
    ),
    -- what the account knows comes first, then what takes least of the hour that is scarce
    balancing as (
        select
            summed.demand_id,
            easy_products.product_id,
            easy_products.product_name,
            bought.product_id is not null as is_bought_before,
        from summed
        inner join tightest on summed.demand_id = tightest.demand_id
        inner join fct_opportunities on summed.demand_id = fct_opportunities.opportunity_id
        inner join easy_products on summed.source_system = easy_products.source_system
        left join
            int_product_work_center_hours as hours
            on easy_products.source_system = hours.source_system
            and easy_products.product_id = hours.product_id
            and tightest.work_center_id = hours.work_center_id
            and hours.valid_to is null
        left join
            bought
            on fct_opportunities.account_id = bought.account_id
            and easy_products.product_id = bought.product_id
        where
            summed.has_hard_product
            and not list_contains(summed.product_ids, easy_products.product_id)
        qualify
            row_number() over (
                partition by summed.demand_id
                order by
                    bought.product_id is null,
                    {{
                        safe_ratio(
                            "easy_products.unit_throughput",
                            "coalesce(hours.hours_per_good_unit, 0)",
                        )
                    }}
                    desc nulls first,
                    easy_products.unit_throughput desc,
                    easy_products.product_id
            )
            = 1
    ),
    exceptions as (
        select
            strategic_exceptions.opportunity_id,
            strategic_exceptions.owner,
            strategic_exceptions.reason,
            strategic_exceptions.expires_on,
        from strategic_exceptions
        cross join run_settings
        where
            strategic_exceptions.opportunity_id is not null
            and strategic_exceptions.expires_on >= run_settings.as_of_date
    ),
    gathered as (
        select
            deals.opportunity_id,
            deals.source_system,
            deals.account_id,
            deals.stage,
            deals.amount_base,
            deals.expected_close_date,
            round(fct_opportunity_scores.win_probability, 9) as win_probability,
            coalesce(summed.line_count, 0) as line_count,
            summed.quantity,
            dates.first_need_date,
            case
                when summed.demand_id is null
                then 'no lines say what it is about'
                when summed.undated_line_count > 0
                then 'no day on which it is needed'
                when unknown_deals.demand_id is not null
                then 'nothing tells what hours a product takes'
                when tightest.demand_id is null
                then 'no load is known of the week'
            end as load_suppressed_reason,
            tightest.work_center_id as constraint_work_center_id,
            dim_work_centers.work_center_name as constraint_work_center_name,
            tightest.work_week_start_date as constraint_week_date,
            tightest.hours as constraint_hours,
            tightest.available_hours as constraint_available_hours,
            tightest.load_before as constraint_load_before,
            tightest.load_after as constraint_load_after,
            dates.p80_days,
            dates.kept_80_date,
            dates.is_date_kept,
            case
                when summed.demand_id is null
                then 'no lines say what it is about'
                when dates.kept_80_date is null
                then 'no date is known for a product'
            end as date_suppressed_reason,
            summed.throughput_amount,
            tightest_hours.hours as throughput_hours,
            case
                when summed.demand_id is null
                then 'no lines say what it is about'
                when summed.throughput_amount is null
                then summed.throughput_suppressed_reason
            end as throughput_suppressed_reason,
            summed.highest_difficulty,
            summed.has_hard_product,
            summed.has_prior_hours,
            summed.easy_quantity,
            mart_mix_weekly.capability_easy_share,
            balancing.product_id as easy_product_id,
            balancing.product_name as easy_product_name,
            balancing.is_bought_before as is_easy_product_bought_before,
            exceptions.owner as exception_owner,
            exceptions.reason as exception_reason,
            exceptions.expires_on as exception_expires_on,
        from fct_opportunities as deals
        left join
            fct_opportunity_scores on deals.opportunity_id = fct_opportunity_scores.opportunity_id
        left join summed on deals.opportunity_id = summed.demand_id
        left join dates on deals.opportunity_id = dates.demand_id
        left join unknown_deals on deals.opportunity_id = unknown_deals.demand_id
        left join tightest on deals.opportunity_id = tightest.demand_id
        left join tightest_hours on deals.opportunity_id = tightest_hours.demand_id
        left join dim_work_centers on tightest.work_center_id = dim_work_centers.work_center_id
        left join balancing on deals.opportunity_id = balancing.demand_id
        left join exceptions on deals.opportunity_id = exceptions.opportunity_id
        left join
            mart_mix_weekly
            on summed.source_system = mart_mix_weekly.source_system
            and summed.first_work_week_date = mart_mix_weekly.week_start_date
        where deals.outcome = 'open'
    ),
    judged as (
        select
            *,
            case
                when load_suppressed_reason is null then constraint_load_after <= 1
            end as has_hours,
            -- so many easy units bring the deal to the easy share of what the plant makes
            case
                when has_hard_product and capability_easy_share < 1
                then
                    greatest(
                        ceil(
                            {{
                                safe_ratio(
                                    "capability_easy_share * quantity - easy_quantity",
                                    "1 - capability_easy_share",
                                )
                            }}
                        ),
                        0
                    )
            end as easy_units,
        from gathered
    ),
    final as (
        select
            opportunity_id,
            source_system,
            account_id,
            stage,
            amount_base,
            expected_close_date,
            win_probability,
            line_count,
            quantity,
            first_need_date,
            case
                when not has_hours and not is_date_kept
                then 'needs more hours and a later date'
                when not has_hours
                then 'needs more hours'
                when not is_date_kept
                then 'needs a later date'
                when has_hours and is_date_kept
                then 'fits'
                else 'unknown'
            end as fit,
            {%- for column in [
                "constraint_work_center_id",
                "constraint_work_center_name",
                "constraint_week_date",
            ] %}
                case when load_suppressed_reason is null then {{ column }} end as {{ column }},
            {%- endfor %}
            {%- for column in [
                "constraint_hours",
                "constraint_available_hours",
                "constraint_load_before",
                "constraint_load_after",
            ] %}
                case
                    when load_suppressed_reason is null then round({{ column }}, 9)
                end as {{ column }},
            {%- endfor %}
            case
                when load_suppressed_reason is null
                then round(100 * (constraint_load_after - constraint_load_before), 9)
            end as constraint_load_points,
            load_suppressed_reason,
            p80_days,
            kept_80_date,
            is_date_kept,
            date_suppressed_reason,
            throughput_amount,
            coalesce(
                throughput_suppressed_reason, load_suppressed_reason
            ) as throughput_per_constraint_hour_suppressed_reason,
            throughput_amount as throughput_per_constraint_hour_numerator,
            case
                when load_suppressed_reason is null then round(throughput_hours, 9)
            end as throughput_per_constraint_hour_denominator,
            round(
                {{
                    safe_ratio(
                        "throughput_per_constraint_hour_numerator",
                        "throughput_per_constraint_hour_denominator",
                    )
                }},
                9
            ) as throughput_per_constraint_hour,
            highest_difficulty,
            has_prior_hours,
            case
                when easy_units is null or easy_units > 0 then easy_product_id
            end as easy_product_id,
            case
                when easy_units is null or easy_units > 0 then easy_product_name
            end as easy_product_name,
            case
                when easy_units is null or easy_units > 0 then is_easy_product_bought_before
            end as is_easy_product_bought_before,
            cast(case when easy_units > 0 then easy_units end as decimal(18, 4)) as easy_quantity,
            case
                when line_count = 0
                then 'no lines say what it is about'
                when highest_difficulty is null
                then 'nothing tells how hard its products are'
                when not has_hard_product
                then 'it holds no hard product'
                when easy_units = 0
                then 'it holds the easy share'
                when easy_product_id is null
                then 'no easy product is known to earn'
            end as easy_product_suppressed_reason,
            exception_owner,
            exception_reason,
            exception_expires_on,
        from judged
    )
select *
from final

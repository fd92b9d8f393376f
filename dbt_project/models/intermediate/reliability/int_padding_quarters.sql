-- Grain: one row per source system, product family and quarter of the order
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_promise_outcomes as (select * from {{ ref("int_promise_outcomes") }}),
    counted as (
        select
            source_system,
            product_family,
            quarter_start_date,
            count(*) as quoted_count,
            count(*) filter (
                coalesce(ineligible_reason, 'no_date') in ('no_date', 'not_due')
            ) as standing_count,
            count(quoted_lead_days - realised_lead_days) as padding_count,
            cast(sum(quoted_lead_days - realised_lead_days) as bigint) as padding_days,
            cast(
                sum(quoted_lead_days) filter (realised_lead_days is not null) as bigint
            ) as quoted_lead_days,
            cast(
                sum(realised_lead_days) filter (quoted_lead_days is not null) as bigint
            ) as realised_lead_days,
            count(override_days) as override_count,
            cast(sum(override_days) as bigint) as override_days,
        from int_promise_outcomes
        where quoted_lead_days is not null
        group by source_system, product_family, quarter_start_date
    ),
    final as (
        select
            counted.*,
            round({{ safe_ratio("padding_days", "padding_count") }}, 9) as padding_days_mean,
            round({{ safe_ratio("override_days", "override_count") }}, 9) as override_days_mean,
            -- of a young quarter only what went quickly is known
            counted.padding_count >= {{ var("min_n") }}
            and counted.override_count >= {{ var("min_n") }}
            and counted.padding_count
            >= counted.standing_count * {{ var("padding_finished_share") }}
            and counted.quarter_start_date + interval 3 month
            <= run_settings.as_of_date + interval 1 day as is_complete,
        from counted
        cross join run_settings
    )
select *
from final

-- Grain: one row per source system, period kind and period
with
    mart_big_deals as (select * from {{ ref("mart_big_deals") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    counted as (
        select
            source_system,
            period_kind,
            period_start,
            period_end,
            any_value(threshold_amount) as threshold_amount,
            count(*) as big_deal_count,
            {% for fate in ["won", "lost", "slipped", "dropped", "open"] -%}
                count(*) filter (where fate = '{{ fate }}') as {{ fate }}_count,
            {% endfor -%}
            {% for fate in ["won", "open"] -%}
                cast(
                    coalesce(sum(amount_base) filter (where fate = '{{ fate }}'), 0) as decimal(
                        18, 2
                    )
                ) as {{ fate }}_amount,
            {% endfor -%}
            count(*) filter (
                where
                    fate in ('won', 'lost', 'slipped', 'dropped')
                    and probability_before >= {{ var("big_deal_likely_from") }}
            ) as likely_count,
            count(*) filter (where is_surprise) as surprise_count,
            cast(
                coalesce(sum(amount_base) filter (where is_surprise), 0) as decimal(18, 2)
            ) as surprise_amount,
            count(*) filter (where is_surprise is null) as unknown_probability_count,
        from mart_big_deals
        group by source_system, period_kind, period_start, period_end
    ),
    booked as (
        select
            counted.source_system,
            counted.period_kind,
            counted.period_start,
            cast(coalesce(sum(won.amount_base), 0) as decimal(18, 2)) as booked_amount,
        from counted
        cross join run_settings
        left join
            fct_opportunities as won
            on counted.source_system = won.source_system
            and won.outcome = 'won'
            and counted.period_start <= won.closed_date
            and counted.period_end >= won.closed_date
        where counted.period_end <= run_settings.as_of_date
        group by counted.source_system, counted.period_kind, counted.period_start
    ),
    final as (
        select
            counted.source_system,
            counted.period_kind,
            counted.period_start,
            counted.period_end,
            counted.threshold_amount,
            counted.big_deal_count,
            counted.won_count,
            counted.lost_count,
            counted.slipped_count,
            counted.dropped_count,
            counted.open_count,
            counted.won_amount,
            counted.open_amount,
            counted.surprise_count,
            counted.unknown_probability_count,
            {{
                rate_columns(
                    "surprise_rate", "counted.surprise_count", "counted.likely_count"
                ) | indent(12)
            }},
            -- of what was booked, how much more might have been
            {{
                rate_columns(
                    "surprise_to_bookings",
                    "counted.surprise_amount",
                    "booked.booked_amount",
                    n="counted.big_deal_count",
                    reason="case when booked.booked_amount is null then 'not over'"
                    ~ " when booked.booked_amount = 0 then 'nothing was booked' end",
                ) | indent(12)
            }},
        from counted
        left join
            booked
            on counted.source_system = booked.source_system
            and counted.period_kind = booked.period_kind
            and counted.period_start = booked.period_start
    )
select *
from final

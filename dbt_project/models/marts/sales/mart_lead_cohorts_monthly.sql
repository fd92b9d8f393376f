-- Grain: one row per source system, entry kind, entry month, source and segment
with
    int_lead_entries as (select * from {{ ref("int_lead_entries") }}),
    cohorts as (
        select
            source_system,
            entry_kind,
            entry_month,
            source,
            segment,
            count(*) filter (where reached_kind = 'won') as entry_count,
            count(*) filter (where reached_kind = 'won' and outcome = 'reached') as won_count,
            count(*) filter (where reached_kind = 'won' and outcome = 'ended') as ended_count,
            count(*) filter (where reached_kind = 'won' and outcome = 'open') as open_count,
            count(*) filter (where reached_kind = next_kind and outcome = 'reached') as next_count,
            count(*) filter (
                where reached_kind = next_kind and outcome = 'ended'
            ) as ended_before_next_count,
            quantile_disc(day_number, 0.5) filter (
                where reached_kind = 'won' and outcome = 'reached'
            ) as won_lag_p50_days,
        from
            (
                select
                    *,
                    case
                        entry_kind
                        when 'lead'
                        then 'opportunity'
                        when 'opportunity'
                        then 'qualified'
                        else 'won'
                    end as next_kind,
                from int_lead_entries
            ) as entries
        group by source_system, entry_kind, entry_month, source, segment
    ),
    rated as (
        select
            source_system,
            entry_kind,
            entry_month,
            source,
            segment,
            entry_count,
            won_count,
            ended_count,
            open_count,
            won_lag_p50_days,
            {{
                rate_columns(
                    "conversion_rate", "next_count", "next_count + ended_before_next_count"
                )
            }},
            {{ rate_columns("entry_win_rate", "won_count", "won_count + ended_count") }},
        from cohorts
    )
select *
from rated

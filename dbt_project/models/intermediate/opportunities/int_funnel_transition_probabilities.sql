-- Grain: one row per source system, pipeline, cohort, entry segment and step
{%- set cell = "source_system, pipeline, cohort, entry_segment, stage_rank" %}
with
    int_opportunity_cohorts as (select * from {{ ref("int_opportunity_cohorts") }}),
    int_opportunity_step_entries as (select * from {{ ref("int_opportunity_step_entries") }}),
    -- how many of a cell advanced, were lost or went out of sight after so many days
    days as (
        select
            int_opportunity_cohorts.source_system,
            int_opportunity_cohorts.pipeline,
            int_opportunity_cohorts.cohort,
            int_opportunity_cohorts.entry_segment,
            entries.stage_rank,
            entries.transition_days as day_number,
            count(*) as entry_count,
            count(*) filter (where entries.transition = 'advance') as advance_count,
            count(*) filter (where entries.transition = 'loss') as loss_count,
        from int_opportunity_step_entries as entries
        inner join
            int_opportunity_cohorts
            on entries.opportunity_id = int_opportunity_cohorts.opportunity_id
        where entries.transition_days is not null
        group by {{ cell }}, day_number
    ),
    at_risk as (
        select
            *,
            sum(entry_count) over (
                partition by {{ cell }}
                order by day_number desc
                rows between unbounded preceding and current row
            ) as at_risk_count,
        from days
    ),
    hazards as (
        select
            *,
            {{ safe_ratio("advance_count", "at_risk_count") }} as advance_hazard,
            {{ safe_ratio("loss_count", "at_risk_count") }} as loss_hazard,
            1 - {{ safe_ratio("advance_count + loss_count", "at_risk_count") }} as stay_share,
        from at_risk
    ),
    staying as (
        select
            *,
            coalesce(
                product(stay_share) over (
                    partition by {{ cell }}
                    order by day_number
                    rows between unbounded preceding and 1 preceding
                ),
                1
            ) as staying_before,
        from hazards
    ),
    -- Aalen-Johansen: the chance to be still there, times the chance to go on that day, summed
    incidence as (
        select
            *,
            staying_before * stay_share as staying_after,
            sum(staying_before * advance_hazard) over days_so_far as advance_probability,
            sum(staying_before * loss_hazard) over days_so_far as loss_probability,
        from staying
        window
            days_so_far as (
                partition by {{ cell }}
                order by day_number
                rows between unbounded preceding and current row
            )
    ),
    at_horizons as (
        select
            source_system,
            pipeline,
            cohort,
            entry_segment,
            stage_rank,
            cast(sum(entry_count) as bigint) as timed_entry_count,
            {%- for horizon in var("funnel_horizon_days") %}
                cast(
                    coalesce(
                        sum(entry_count) filter (where day_number >= {{ horizon }}), 0
                    ) as bigint
                ) as at_risk_{{ horizon }}d_count,
                coalesce(
                    max(advance_probability) filter (where day_number <= {{ horizon }}), 0
                ) as advance_probability_{{ horizon }}d,
                coalesce(
                    max(loss_probability) filter (where day_number <= {{ horizon }}), 0
                ) as loss_probability_{{ horizon }}d,
                coalesce(
                    min(staying_after) filter (where day_number <= {{ horizon }}), 1
                ) as staying_{{ horizon }}d,
            {%- endfor %}
        from incidence
        group by {{ cell }}
    ),
    probabilities as (
        select
            source_system,
            pipeline,
            cohort,
            entry_segment,
            stage_rank,
            timed_entry_count,
            {%- for horizon in var("funnel_horizon_days") %}
                {%- set reason -%}
                case
                    when at_risk_{{ horizon }}d_count = 0 and staying_{{ horizon }}d > 1e-9
                    then 'beyond the follow-up'
                end
                {%- endset %}
                at_risk_{{ horizon }}d_count,
                {%- for probability in ["advance_probability", "loss_probability"] %}
                    case
                        when {{ suppressed_reason("timed_entry_count", reason) }} is null
                        then round({{ probability }}_{{ horizon }}d, 9)
                    end as {{ probability }}_{{ horizon }}d,
                {%- endfor %}
                {{ suppressed_reason("timed_entry_count", reason) }}
                as probability_{{ horizon }}d_suppressed_reason,
            {%- endfor %}
        from at_horizons
    )
select *
from probabilities

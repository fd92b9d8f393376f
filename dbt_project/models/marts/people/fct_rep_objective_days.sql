-- Grain: one row per rep and day on which the rep is employed and has had objectives before
with
    spans as (select * from {{ ref("int_rep_objective_spans") }}),
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    absences as (select * from {{ ref("int_rep_absences_unioned") }}),
    dates as (select * from {{ ref("dim_dates") }}),
    absent_days as (
        select distinct absences.rep_id, dates.date_day
        from absences
        inner join
            dates
            on dates.date_day >= absences.starts_on
            and (absences.ends_on is null or dates.date_day < absences.ends_on)
    ),
    -- a later version of an objective is not a new one, and ends none
    new_objectives as (
        select rep_id, counts_from as date_day, count(*) as new_objective_count
        from objectives
        where not is_later_version
        group by rep_id, counts_from
    ),
    ends as (
        select rep_id, first_objective_id, max(counts_to) as date_day
        from objectives
        group by rep_id, first_objective_id
        having count(*) = count(counts_to)
    ),
    withdrawn_objectives as (
        select rep_id, date_day, count(*) as withdrawn_objective_count
        from ends
        group by rep_id, date_day
    ),
    days as (
        select
            spans.rep_id,
            dates.date_day,
            dates.month_start as objective_month,
            spans.active_objective_count,
            coalesce(new_objectives.new_objective_count, 0) as new_objective_count,
            coalesce(
                withdrawn_objectives.withdrawn_objective_count, 0
            ) as withdrawn_objective_count,
            round(
                {{ safe_ratio("spans.weight_sum * spans.weight_sum", "spans.squared_weight_sum") }},
                9
            ) as effective_objective_number,
            spans.small_objective_count,
            absent_days.rep_id is not null as is_absent,
            spans.active_objective_count > {{ var("objective_core_limit") }} as is_over_core_limit,
            spans.active_objective_count > {{ var("objective_hard_limit") }} as is_over_hard_limit,
        from spans
        inner join dates on dates.date_day >= spans.span_from and dates.date_day < spans.span_to
        left join
            absent_days
            on absent_days.rep_id = spans.rep_id
            and absent_days.date_day = dates.date_day
        left join
            new_objectives
            on new_objectives.rep_id = spans.rep_id
            and new_objectives.date_day = dates.date_day
        left join
            withdrawn_objectives
            on withdrawn_objectives.rep_id = spans.rep_id
            and withdrawn_objectives.date_day = dates.date_day
    )
select *
from days

-- Grain: one row per rep and month that is over, in which results of objectives were reported
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_rep_objective_periods as (select * from {{ ref("fct_rep_objective_periods") }}),
    fct_rep_objective_days as (select * from {{ ref("fct_rep_objective_days") }}),
    loads as (
        select
            rep_id,
            objective_month,
            count(*) as counted_days,
            round(avg(active_objective_count), 9) as mean_active_objectives,
        from fct_rep_objective_days
        where not is_absent
        group by rep_id, objective_month
    ),
    -- what began or ended within the month, or has no result yet, says nothing of a whole month;
    -- what goes beyond a target does not make up for another objective that was missed
    attainments as (
        select
            fct_rep_objective_periods.rep_id,
            fct_rep_objective_periods.objective_month,
            fct_rep_objective_periods.source_system,
            loads.mean_active_objectives,
            cast(
                round(
                    least(
                        greatest(
                            {{
                                safe_ratio(
                                    "fct_rep_objective_periods.actual",
                                    "fct_rep_objective_periods.target",
                                )
                            }},
                            0
                        ),
                        1
                    ),
                    9
                ) as decimal(18, 9)
            ) as attainment,
        from fct_rep_objective_periods
        inner join
            loads
            on fct_rep_objective_periods.rep_id = loads.rep_id
            and fct_rep_objective_periods.objective_month = loads.objective_month
            and fct_rep_objective_periods.active_days = loads.counted_days
        inner join
            run_settings
            on last_day(fct_rep_objective_periods.objective_month) <= run_settings.as_of_date
        where fct_rep_objective_periods.target > 0 and fct_rep_objective_periods.actual is not null
    ),
    rep_months as (
        select
            source_system,
            rep_id,
            objective_month,
            mean_active_objectives,
            count(*) as objective_period_count,
            cast(sum(attainment) as double) as attainment_sum,
            round({{ safe_ratio("sum(attainment)", "count(*)") }}, 9) as mean_attainment,
        from attainments
        group by source_system, rep_id, objective_month, mean_active_objectives
    )
select *
from rep_months

-- Grain: one row per rep and span of days in which the rep's objectives stay the same
with
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    reps as (select * from {{ ref("dim_reps") }}),
    changes as (
        select rep_id, counts_from as changes_on
        from objectives
        union
        select rep_id, counts_to as changes_on
        from objectives
        where counts_to is not null
    ),
    spans as (
        select
            changes.rep_id,
            changes.changes_on as span_from,
            least(
                coalesce(
                    lead(changes.changes_on) over (
                        partition by changes.rep_id order by changes.changes_on
                    ),
                    run_settings.as_of_date + 1
                ),
                run_settings.as_of_date + 1,
                coalesce(reps.left_on, run_settings.as_of_date + 1)
            ) as span_to,
        from changes
        cross join run_settings
        left join reps on reps.rep_id = changes.rep_id
    ),
    -- versions of one objective that overlap count once: the latest stands
    active as (
        select
            spans.rep_id,
            spans.span_from,
            spans.span_to,
            objectives.objective_id,
            objectives.weight,
        from spans
        left join
            objectives
            on objectives.rep_id = spans.rep_id
            and objectives.counts_from <= spans.span_from
            and (objectives.counts_to is null or objectives.counts_to > spans.span_from)
        where spans.span_from < spans.span_to
        qualify
            row_number() over (
                partition by spans.rep_id, spans.span_from, objectives.first_objective_id
                order by objectives.valid_from desc, objectives.objective_id asc
            )
            = 1
    ),
    weighed as (
        select *, sum(weight) over (partition by rep_id, span_from) as weight_sum, from active
    ),
    counted as (
        select
            rep_id,
            span_from,
            span_to,
            count(objective_id) as active_objective_count,
            cast(max(weight_sum) as double) as weight_sum,
            cast(sum(weight * weight) as double) as squared_weight_sum,
            count(*) filter (where weight < 0.15 * weight_sum) as small_objective_count,
        from weighed
        group by rep_id, span_from, span_to
    )
select *
from counted

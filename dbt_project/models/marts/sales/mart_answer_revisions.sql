-- Grain: one row per source system, outcome and time of the revision
with
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    -- an answer beside the one of the same rater before it
    answers as (
        select
            *,
            value - lag(value) over (
                partition by source_system, opportunity_id, attribute_id, rater_id
                order by known_from, assessed_at nulls first, rating
            ) as change,
        from int_qualification_answers_valued
        where is_valid and value is not null
    ),
    revisions as (
        select
            fct_opportunities.source_system,
            fct_opportunities.opportunity_id,
            fct_opportunities.outcome,
            answers.attribute_id,
            answers.rater_id,
            answers.known_from,
            round(answers.change, 9) as change,
            case
                when answers.known_from > fct_opportunities.closed_at
                then 'after the outcome'
                when answers.known_from > fct_opportunities.closed_at - interval 7 day
                then 'in the week before it'
                else 'earlier'
            end as revision_time,
        from answers
        inner join fct_opportunities on answers.opportunity_id = fct_opportunities.opportunity_id
        where
            answers.change is not null
            and fct_opportunities.outcome in ('won', 'lost')
            and fct_opportunities.closed_at is not null
    ),
    -- the answers of a deal are moved together, so that a deal is one case
    moved_deals as (
        select
            source_system,
            outcome,
            revision_time,
            opportunity_id,
            count(*) as revised_answer_count,
            count(*) filter (where change > 0) as raised_answer_count,
            count(*) filter (where change < 0) as lowered_answer_count,
            sum(cast(change as decimal(18, 9))) as change_sum,
        from revisions
        group by source_system, outcome, revision_time, opportunity_id
    ),
    counted as (
        select
            source_system,
            outcome,
            revision_time,
            count(*) as revised_deal_count,
            cast(sum(revised_answer_count) as bigint) as revised_answer_count,
            cast(sum(raised_answer_count) as bigint) as raised_answer_count,
            cast(sum(lowered_answer_count) as bigint) as lowered_answer_count,
            count(*) filter (
                where (outcome = 'won' and change_sum > 0) or (outcome = 'lost' and change_sum < 0)
            ) as towards_count,
            count(*) filter (where change_sum <> 0) as moved_count,
            cast(100 * sum(change_sum) as double) as change_points,
        from moved_deals
        group by source_system, outcome, revision_time
    ),
    told as (
        select
            source_system,
            outcome,
            revision_time,
            revised_deal_count,
            revised_answer_count,
            raised_answer_count,
            lowered_answer_count,
            {{ rate_columns("towards_outcome_rate", "towards_count", "moved_count") }},
            {{
                rate_columns(
                    "mean_change_points", "round(change_points, 9)", "revised_answer_count"
                )
            }},
        from counted
    )
select *
from told

-- Grain: one row per source system, pipeline, segment and month
with
    fct_qualification_scores as (select * from {{ ref("fct_qualification_scores") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    int_activities_unioned as (select * from {{ ref("int_activities_unioned") }}),
    int_qualification_answers_valued as (
        select * from {{ ref("int_qualification_answers_valued") }}
    ),
    mart_tipping_points as (select * from {{ ref("mart_tipping_points") }}),
    answering_systems as (select distinct source_system from int_qualification_answers_valued),
    lower_points as (
        select source_system, pipeline, tipping_point_score
        from mart_tipping_points
        where landmark = 'stage_2_entry' and side = 'lower'
    ),
    -- the score of a deal when it entered stage 2, against the lower point of its pipeline
    stage_2_scores as (
        select
            fct_qualification_scores.*,
            fct_qualification_scores.score < lower_points.tipping_point_score as is_below,
        from fct_qualification_scores
        left join
            lower_points
            on fct_qualification_scores.source_system = lower_points.source_system
            and fct_qualification_scores.pipeline = lower_points.pipeline
        where fct_qualification_scores.landmark = 'stage_2_entry'
    ),
    entries_by_month as (
        select
            stage_2_scores.source_system,
            stage_2_scores.pipeline,
            stage_2_scores.segment,
            cast(date_trunc('month', stage_2_scores.landmark_date) as date) as event_month,
            count(*) as due_count,
            count(stage_2_scores.score) as scored_count,
            count(first_scores.opportunity_id) as ever_scored_count,
            sum(stage_2_scores.score order by stage_2_scores.opportunity_id) as score_total,
            count(*) filter (where stage_2_scores.is_below) as below_count,
        from stage_2_scores
        left join
            fct_qualification_scores as first_scores
            on stage_2_scores.opportunity_id = first_scores.opportunity_id
            and first_scores.landmark = 'first_complete'
        group by
            stage_2_scores.source_system,
            stage_2_scores.pipeline,
            stage_2_scores.segment,
            cast(date_trunc('month', stage_2_scores.landmark_date) as date)
    ),
    proposals as (
        select *
        from fct_opportunity_stage_events
        where is_proposal
        qualify row_number() over (partition by opportunity_id order by visit_number) = 1
    ),
    proposals_by_month as (
        select
            proposals.source_system,
            coalesce(proposals.pipeline, 'unknown') as pipeline,
            coalesce(proposals.segment, 'unknown') as segment,
            cast(date_trunc('month', proposals.entered_date) as date) as event_month,
            count(*) as proposal_count,
            count(stage_2_scores.score) as scored_proposal_count,
            count(*) filter (where stage_2_scores.is_below) as below_proposal_count,
        from proposals
        inner join answering_systems on proposals.source_system = answering_systems.source_system
        left join stage_2_scores on proposals.opportunity_id = stage_2_scores.opportunity_id
        where proposals.entered_date is not null
        group by
            proposals.source_system,
            coalesce(proposals.pipeline, 'unknown'),
            coalesce(proposals.segment, 'unknown'),
            cast(date_trunc('month', proposals.entered_date) as date)
    ),
    activities as (
        select
            fct_opportunities.source_system,
            coalesce(stage_2_scores.pipeline, fct_opportunities.pipeline, 'unknown') as pipeline,
            coalesce(stage_2_scores.segment, fct_opportunities.segment, 'unknown') as segment,
            cast(
                date_trunc('month', business_date(int_activities_unioned.occurred_at)) as date
            ) as event_month,
            int_activities_unioned.activity_id,
            int_activities_unioned.duration_minutes / 60 as activity_hours,
            stage_2_scores.score is not null as is_scored,
            stage_2_scores.is_below,
        from int_activities_unioned
        inner join
            fct_opportunities
            on int_activities_unioned.opportunity_id = fct_opportunities.opportunity_id
        inner join
            answering_systems on fct_opportunities.source_system = answering_systems.source_system
        left join stage_2_scores on fct_opportunities.opportunity_id = stage_2_scores.opportunity_id
        where
            int_activities_unioned.occurred_at is not null
            and int_activities_unioned.duration_minutes is not null
    ),
    activities_by_month as (
        select
            source_system,
            pipeline,
            segment,
            event_month,
            count(*) filter (where is_scored) as scored_activity_count,
            round(sum(activity_hours order by activity_id), 9) as activity_hours,
            round(
                sum(activity_hours order by activity_id) filter (where is_scored), 9
            ) as scored_activity_hours,
            round(
                sum(activity_hours order by activity_id) filter (where is_below), 9
            ) as below_activity_hours,
        from activities
        group by source_system, pipeline, segment, event_month
    ),
    -- whose answers were changed once the outcome was known
    edited_opportunities as (
        select distinct fct_opportunities.opportunity_id
        from fct_opportunities
        inner join
            int_qualification_answers_valued
            on fct_opportunities.opportunity_id = int_qualification_answers_valued.opportunity_id
        where int_qualification_answers_valued.known_from > fct_opportunities.closed_at
    ),
    closes_by_month as (
        select
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown') as pipeline,
            coalesce(fct_opportunities.segment, 'unknown') as segment,
            fct_opportunities.close_month as event_month,
            count(*) as closed_count,
            count(edited_opportunities.opportunity_id) as edited_count,
        from fct_opportunities
        inner join
            answering_systems on fct_opportunities.source_system = answering_systems.source_system
        left join
            edited_opportunities
            on fct_opportunities.opportunity_id = edited_opportunities.opportunity_id
        where fct_opportunities.is_resolved and fct_opportunities.close_month is not null
        group by
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown'),
            coalesce(fct_opportunities.segment, 'unknown'),
            fct_opportunities.close_month
    ),
    stacked as (
        select *
        from entries_by_month
        union all by name
        select *
        from proposals_by_month
        union all by name
        select *
        from activities_by_month
        union all by name
        select *
        from closes_by_month
    ),
    months as (
        select
            source_system,
            pipeline,
            segment,
            event_month,
            {% for count in [
                "due_count",
                "scored_count",
                "ever_scored_count",
                "below_count",
                "proposal_count",
                "scored_proposal_count",
                "below_proposal_count",
                "scored_activity_count",
                "closed_count",
                "edited_count",
            ] -%}
                cast(coalesce(sum({{ count }}), 0) as bigint) as {{ count }},
            {% endfor -%}
            {% for amount in [
                "score_total",
                "activity_hours",
                "scored_activity_hours",
                "below_activity_hours",
            ] -%}
                coalesce(sum({{ amount }}), 0) as {{ amount }},
            {% endfor -%}
        from stacked
        group by source_system, pipeline, segment, event_month
    ),
    -- without a lower point nothing is known to lie below it
    pointed_months as (
        select
            months.*,
            lower_points.tipping_point_score as lower_tipping_point_score,
            case
                when lower_points.tipping_point_score is null then 'no tipping point yet'
            end as no_point_reason,
        from months
        left join
            lower_points
            on months.source_system = lower_points.source_system
            and months.pipeline = lower_points.pipeline
    ),
    qualification_months as (
        select
            source_system,
            pipeline,
            segment,
            event_month,
            lower_tipping_point_score,
            {{ rate_columns("scored_on_time_rate", "scored_count", "due_count") }},
            {{ rate_columns("ever_scored_rate", "ever_scored_count", "due_count") }},
            {{ rate_columns("mean_score", "round(score_total, 9)", "scored_count") }},
            {{
                rate_columns(
                    "below_tipping_point_rate",
                    "case when no_point_reason is null then below_count end",
                    "scored_count",
                    reason="no_point_reason",
                )
            }},
            proposal_count,
            {{
                rate_columns(
                    "below_proposal_rate",
                    "case when no_point_reason is null then below_proposal_count end",
                    "scored_proposal_count",
                    reason="no_point_reason",
                )
            }},
            activity_hours,
            {{
                rate_columns(
                    "below_activity_hours_rate",
                    "case when no_point_reason is null then below_activity_hours end",
                    "scored_activity_hours",
                    n="scored_activity_count",
                    reason="no_point_reason",
                )
            }},
            {{ rate_columns("edited_after_outcome_rate", "edited_count", "closed_count") }},
        from pointed_months
    )
select *
from qualification_months

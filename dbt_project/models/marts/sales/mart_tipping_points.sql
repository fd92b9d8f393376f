-- Grain: one row per source system, pipeline, landmark and side
with
    int_tipping_points as (select * from {{ ref("int_tipping_points") }}),
    fct_qualification_scores as (select * from {{ ref("fct_qualification_scores") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    scorecards as (
        select
            source_system,
            pipeline,
            landmark,
            'scorecard ' || string_agg(
                distinct scorecard_version, ', ' order by scorecard_version
            ) as model_version,
        from fct_qualification_scores
        where is_resolved_evidence
        group by source_system, pipeline, landmark
    ),
    -- won and lost deals that are no evidence, and why
    left_out as (
        select
            source_system,
            pipeline,
            landmark,
            count(*) filter (
                where evidence_excluded_reason = 'score not complete'
            ) as not_complete_count,
            count(*) filter (
                where evidence_excluded_reason in ('scored after the close', 'close unknown')
            ) as after_close_count,
        from fct_qualification_scores
        where outcome in ('won', 'lost')
        group by source_system, pipeline, landmark
    ),
    landmarks as (select distinct landmark from int_tipping_points),
    without_landmark as (
        select
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown') as pipeline,
            landmarks.landmark,
            count(*) as without_landmark_count,
        from fct_opportunities
        cross join landmarks
        left join
            fct_qualification_scores
            on fct_opportunities.opportunity_id = fct_qualification_scores.opportunity_id
            and landmarks.landmark = fct_qualification_scores.landmark
        where
            fct_opportunities.outcome in ('won', 'lost')
            and fct_qualification_scores.opportunity_id is null
        group by
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown'),
            landmarks.landmark
    ),
    tipping_points as (
        select
            int_tipping_points.source_system,
            int_tipping_points.pipeline,
            int_tipping_points.landmark,
            int_tipping_points.side,
            int_tipping_points.status,
            int_tipping_points.tipping_point_score,
            int_tipping_points.interval_low_score,
            int_tipping_points.interval_high_score,
            int_tipping_points.corrected_status,
            int_tipping_points.corrected_tipping_point_score,
            int_tipping_points.searched_cut_count,
            int_tipping_points.below_win_rate_corrected_upper_bound,
            int_tipping_points.window_win_rate_corrected_bound,
            int_tipping_points.above_win_rate_corrected_lower_bound,
            int_tipping_points.win_rate_limit,
            int_tipping_points.cut_score,
            {{
                rate_columns(
                    "win_rate",
                    "int_tipping_points.won_count",
                    "int_tipping_points.resolved_count",
                ) | indent(12)
            }},
            {% for part in ["below", "window", "above", "later_below", "later_above"] -%}
                {{
                    rate_columns(
                        part ~ "_win_rate",
                        "int_tipping_points." ~ part ~ "_won_count",
                        "int_tipping_points." ~ part ~ "_resolved_count",
                    ) | indent(12)
                }},
                int_tipping_points.{{ part }}_win_rate_lower_bound,
                int_tipping_points.{{ part }}_win_rate_upper_bound,
            {% endfor -%}
            int_tipping_points.more_won_deals_needed,
            int_tipping_points.more_lost_deals_needed,
            int_tipping_points.more_won_deals_needed
            + int_tipping_points.more_lost_deals_needed as more_deals_needed,
            int_tipping_points.check_status,
            int_tipping_points.check_cut_score,
            int_tipping_points.check_found_through_date,
            int_tipping_points.cluster_count,
            int_tipping_points.resample_count,
            int_tipping_points.resample_found_count,
            coalesce(left_out.not_complete_count, 0) as not_complete_count,
            coalesce(left_out.after_close_count, 0) as after_close_count,
            coalesce(without_landmark.without_landmark_count, 0) as without_landmark_count,
            scorecards.model_version,
            run_settings.as_of_at as scored_at,
        from int_tipping_points
        cross join run_settings
        left join
            scorecards
            on int_tipping_points.source_system = scorecards.source_system
            and int_tipping_points.pipeline = scorecards.pipeline
            and int_tipping_points.landmark = scorecards.landmark
        left join
            left_out
            on int_tipping_points.source_system = left_out.source_system
            and int_tipping_points.pipeline = left_out.pipeline
            and int_tipping_points.landmark = left_out.landmark
        left join
            without_landmark
            on int_tipping_points.source_system = without_landmark.source_system
            and int_tipping_points.pipeline = without_landmark.pipeline
            and int_tipping_points.landmark = without_landmark.landmark
    )
select *
from tipping_points

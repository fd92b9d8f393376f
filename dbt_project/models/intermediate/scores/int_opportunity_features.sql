-- Grain: one row per opportunity and landmark day
with
    int_score_landmarks as (select * from {{ ref("int_score_landmarks") }}),
    int_opportunity_versions_compared as (
        select * from {{ ref("int_opportunity_versions_compared") }}
    ),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_activities_unioned as (select * from {{ ref("int_activities_unioned") }}),
    int_score_answers as (select * from {{ ref("int_score_answers") }}),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    int_score_track_records as (select * from {{ ref("int_score_track_records") }}),
    -- what a system never shows to change may have been edited after the outcome
    logged_fields as (
        select distinct int_opportunities_unioned.source_system, changes.field,
        from
            (
                select distinct opportunity_id, field,
                from int_opportunity_changes_ordered
                where not is_history_reconstructed
            ) as changes
        inner join
            int_opportunities_unioned
            on changes.opportunity_id = int_opportunities_unioned.opportunity_id
    ),
    histories as (
        select
            source_system,
            bool_or(field = 'amount') as has_amounts,
            bool_or(field = 'expected_close_date') as has_expected_dates,
            bool_or(field = 'owner_id') as has_owners,
            bool_or(field = 'probability') as has_probabilities,
            bool_or(field = 'stage') as has_stages,
        from logged_fields
        group by source_system
    ),
    -- an activity counts from the day on which its source had it
    activities as (
        select
            int_activities_unioned.source_system,
            int_activities_unioned.opportunity_id,
            int_activities_unioned.activity_type,
            lower(int_activities_unioned.participant_function)
            in ('{{ var("operations_functions") | join("', '") }}') as is_with_operations,
            int_activities_unioned.duration_minutes,
            business_date(int_activities_unioned.occurred_at) as occurred_date,
            business_date(
                greatest(int_activities_unioned.occurred_at, int_activities_unioned.recorded_at)
            ) as known_date,
        from int_activities_unioned
        semi join
            int_score_landmarks
            on int_activities_unioned.opportunity_id = int_score_landmarks.opportunity_id
    ),
    acting_systems as (
        select
            source_system,
            bool_or(participant_function is not null) as has_functions,
            bool_or(duration_minutes is not null) as has_durations,
        from int_activities_unioned
        where opportunity_id is not null
        group by source_system
    ),
    activity_counts as (
        select
            int_score_landmarks.opportunity_id,
            int_score_landmarks.landmark_date,
            count(*) as activity_count,
            count(*) filter (
                where
                    activities.occurred_date
                    > int_score_landmarks.landmark_date - {{ var("recent_activity_days") }}
            ) as recent_activity_count,
            count(distinct activities.activity_type) as activity_type_count,
            max(activities.occurred_date) as last_activity_date,
            bool_or(activities.is_with_operations) as has_operations_contact,
            round(sum(activities.duration_minutes) / 60, 2) as activity_hours,
        from int_score_landmarks
        inner join
            activities
            on int_score_landmarks.opportunity_id = activities.opportunity_id
            and int_score_landmarks.landmark_date >= activities.known_date
        group by int_score_landmarks.opportunity_id, int_score_landmarks.landmark_date
    ),
    hand_scores as (
        select
            int_score_answers.opportunity_id,
            int_score_answers.landmark_date,
            sum(
                cast(int_qualification_scorecards.weight as double) * int_score_answers.value
                order by int_score_answers.attribute_id
            ) as weighted_value,
            cast(sum(int_qualification_scorecards.weight) as double) as answered_weight,
            cast(
                any_value(int_qualification_scorecards.version_weight) as double
            ) as version_weight,
        from int_score_answers
        inner join
            int_qualification_scorecards
            on int_score_answers.source_system = int_qualification_scorecards.source_system
            and int_score_answers.attribute_id = int_qualification_scorecards.attribute_id
            and int_score_answers.landmark_date >= int_qualification_scorecards.valid_from
            and int_score_answers.landmark_date < int_qualification_scorecards.valid_to
        group by int_score_answers.opportunity_id, int_score_answers.landmark_date
    ),
    answering_systems as (select distinct source_system from int_score_answers),
    {% for kind in ["account", "owner", "segment", "system", "deliveries"] -%}
        {{ kind }}_records as (
            select * from int_score_track_records where track_kind = '{{ kind }}'
        ),
    {% endfor -%}
    -- of a history that is rebuilt, only the stage and its days are known to have been so
    known as (
        select
            int_score_landmarks.*,
            coalesce(histories.has_amounts, false)
            and not int_score_landmarks.is_history_reconstructed as knows_amount,
            coalesce(histories.has_expected_dates, false)
            and not int_score_landmarks.is_history_reconstructed as knows_expected_date,
            coalesce(histories.has_stages, false)
            and not int_score_landmarks.is_history_reconstructed as knows_moves,
            coalesce(histories.has_probabilities, false)
            and not int_score_landmarks.is_history_reconstructed as knows_probability,
            coalesce(histories.has_owners, false) as has_owners,
            case
                when not int_score_landmarks.is_history_reconstructed
                then int_score_landmarks.account_id
            end as known_account_id,
            case
                when histories.has_owners and not int_score_landmarks.is_history_reconstructed
                then int_score_landmarks.owner_id
            end as known_owner_id,
            case
                when not int_score_landmarks.is_history_reconstructed
                then int_score_landmarks.segment
            end as known_segment,
            int_score_landmarks.source_system
            || ' '
            || int_score_landmarks.segment as segment_track_id,
        from int_score_landmarks
        left join histories on int_score_landmarks.source_system = histories.source_system
    ),
    tracked as (
        select
            known.*,
            {% for kind in ["account", "owner", "segment", "system", "deliveries"] -%}
                coalesce({{ kind }}_records.success_count, 0) as {{ kind }}_success_count,
                coalesce({{ kind }}_records.failure_count, 0) as {{ kind }}_failure_count,
            {% endfor %}
        from known
        {% for kind, key in [
                ("account", "known_account_id"),
                ("owner", "known_owner_id"),
                ("segment", "segment_track_id"),
                ("system", "source_system"),
                ("deliveries", "known_account_id"),
            ] -%}
            asof left join
                {{ kind }}_records
                on known.{{ key }} = {{ kind }}_records.track_id
                and known.landmark_date >= {{ kind }}_records.known_date
        {% endfor %}
    ),
    rated as (
        select
            *,
            coalesce(
                {{
                    safe_ratio(
                        "system_success_count", "system_success_count + system_failure_count"
                    )
                }},
                0.5
            ) as system_win_rate,
        from tracked
    ),
    features as (
        select
            rated.opportunity_id,
            rated.landmark_date,
            rated.landmark_kind,
            rated.source_system,
            rated.is_won,
            rated.resolved_date,
            rated.account_id,
            rated.stage,
            rated.pipeline,
            rated.known_segment as segment,
            rated.age_days,
            rated.days_in_stage,
            case when rated.knows_amount then rated.amount_base end as amount_base,
            case
                when rated.knows_amount then versions.amount_change_count
            end as amount_change_count,
            case when rated.knows_amount then versions.amount_growth end as amount_growth,
            case
                when rated.knows_expected_date
                then cast(rated.expected_close_date - rated.landmark_date as bigint)
            end as days_to_expected_close,
            case when rated.knows_expected_date then versions.push_count end as push_count,
            case
                when rated.knows_expected_date then versions.net_pushed_days
            end as net_pushed_days,
            case
                when rated.knows_moves then versions.backward_move_count
            end as backward_move_count,
            case when rated.knows_moves then versions.skipped_move_count end as skipped_move_count,
            case when rated.knows_moves then versions.reopening_count end as reopening_count,
            case when rated.has_owners then versions.owner_change_count end as owner_change_count,
            case
                when acting_systems.source_system is not null
                then coalesce(activity_counts.activity_count, 0)
            end as activity_count,
            case
                when acting_systems.source_system is not null
                then coalesce(activity_counts.recent_activity_count, 0)
            end as recent_activity_count,
            case
                when acting_systems.source_system is not null
                then coalesce(activity_counts.activity_type_count, 0)
            end as activity_type_count,
            cast(
                rated.landmark_date - activity_counts.last_activity_date as bigint
            ) as days_since_activity,
            case
                when acting_systems.has_durations then coalesce(activity_counts.activity_hours, 0)
            end as activity_hours,
            case
                when acting_systems.has_functions
                then coalesce(activity_counts.has_operations_contact, false)
            end as has_operations_contact,
            case
                when
                    hand_scores.answered_weight
                    >= {{ var("complete_from") }} * hand_scores.version_weight
                then
                    round(
                        100
                        * {{
                            safe_ratio(
                                "hand_scores.weighted_value", "hand_scores.answered_weight"
                            )
                        }},
                        9
                    )
            end as hand_score,
            case
                when answering_systems.source_system is not null
                then
                    coalesce(
                        round(
                            {{
                                safe_ratio(
                                    "hand_scores.answered_weight", "hand_scores.version_weight"
                                )
                            }},
                            9
                        ),
                        0
                    )
            end as completeness_rate,
            {% for kind in ["account", "owner", "segment"] -%}
                case
                    when rated.known_{{ kind }}{{ "" if kind == "segment" else "_id" }} is not null
                    then
                        round(
                            (
                                rated.{{ kind }}_success_count
                                + {{ var("track_record_weight") }} * rated.system_win_rate
                            ) / (
                                rated.{{ kind }}_success_count
                                + rated.{{ kind }}_failure_count
                                + {{ var("track_record_weight") }}
                            ),
                            9
                        )
                end as {{ kind }}_win_rate,
            {% endfor -%}
            round(
                {{
                    safe_ratio(
                        "rated.deliveries_success_count",
                        "rated.deliveries_success_count + rated.deliveries_failure_count",
                    )
                }},
                9
            ) as account_on_time_rate,
            case
                when rated.knows_probability and versions.probability between 0 and 1
                then versions.probability
            end as crm_probability,
        from rated
        left join
            int_opportunity_versions_compared as versions
            on rated.opportunity_id = versions.opportunity_id
            and rated.landmark_date >= versions.known_from_date
            and coalesce(rated.landmark_date < versions.known_to_date, true)
        left join acting_systems on rated.source_system = acting_systems.source_system
        left join answering_systems on rated.source_system = answering_systems.source_system
        left join
            activity_counts
            on rated.opportunity_id = activity_counts.opportunity_id
            and rated.landmark_date = activity_counts.landmark_date
        left join
            hand_scores
            on rated.opportunity_id = hand_scores.opportunity_id
            and rated.landmark_date = hand_scores.landmark_date
    )
select *
from features

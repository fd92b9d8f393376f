-- Grain: one row per source system, scorecard version and attribute
with
    int_qualification_attribute_worth as (
        select * from {{ ref("int_qualification_attribute_worth") }}
    ),
    int_qualification_scorecards as (select * from {{ ref("int_qualification_scorecards") }}),
    attributes as (
        select
            int_qualification_attribute_worth.source_system,
            int_qualification_attribute_worth.scorecard_version,
            int_qualification_attribute_worth.attribute_id,
            int_qualification_scorecards.question,
            int_qualification_attribute_worth.status,
            int_qualification_attribute_worth.attribute_status,
            int_qualification_attribute_worth.hand_weight,
            int_qualification_attribute_worth.proposed_weight,
            case
                when
                    int_qualification_attribute_worth.attribute_status
                    in ('never answered', 'constant', 'too few answers')
                then int_qualification_attribute_worth.attribute_status
                when int_qualification_attribute_worth.status <> 'fitted'
                then int_qualification_attribute_worth.status
            end as proposed_weight_suppressed_reason,
            int_qualification_attribute_worth.worth_from_value,
            int_qualification_attribute_worth.worth_to_value,
            int_qualification_attribute_worth.worth_points,
            int_qualification_attribute_worth.worth_low_points,
            int_qualification_attribute_worth.worth_high_points,
            int_qualification_attribute_worth.worth_low_points > 0 as is_worth_shown,
            {{
                rate_columns(
                    "win_rate",
                    "int_qualification_attribute_worth.won_count",
                    "int_qualification_attribute_worth.resolved_count",
                ) | indent(12)
            }},
            {{
                rate_columns(
                    "answered_rate",
                    "int_qualification_attribute_worth.answered_count",
                    "int_qualification_attribute_worth.resolved_count",
                ) | indent(12)
            }},
            int_qualification_attribute_worth.fitted_count,
            int_qualification_attribute_worth.cluster_count,
            int_qualification_attribute_worth.resample_count,
            int_qualification_attribute_worth.penalty,
        from int_qualification_attribute_worth
        inner join
            int_qualification_scorecards
            on int_qualification_attribute_worth.source_system
            = int_qualification_scorecards.source_system
            and int_qualification_attribute_worth.scorecard_version
            = int_qualification_scorecards.scorecard_version
            and int_qualification_attribute_worth.attribute_id
            = int_qualification_scorecards.attribute_id
    )
select *
from attributes

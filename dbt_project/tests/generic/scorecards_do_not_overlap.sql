{#
    All rows of a scorecard version are in force together, and no two versions at one time: a score
    has one scorecard, or its weights would be counted twice.
#}
{% test scorecards_do_not_overlap(model) %}
    with
        versions as (
            select
                source_system,
                scorecard_version,
                min(valid_from) as valid_from,
                max(valid_to) as valid_to,
                min(valid_from) <> max(valid_from) or min(valid_to) <> max(valid_to) as is_torn,
            from {{ model }}
            group by source_system, scorecard_version
        )
    select *
    from versions
    qualify
        is_torn
        or valid_from
        < lag(valid_to) over (partition by source_system order by valid_from, scorecard_version)
{% endtest %}

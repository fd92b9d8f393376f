-- Grain: one row per opportunity whose expected close date was changed before it closed
with
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_opportunity_stage_visits as (select * from {{ ref("int_opportunity_stage_visits") }}),
    closings as (
        select opportunity_id, entered_at as closed_at,
        from int_opportunity_stage_visits
        where is_current and stage_type <> 'open'
    ),
    -- what was written at the close or after it records the outcome, it does not push it
    changes as (
        select
            int_opportunity_changes_ordered.opportunity_id,
            int_opportunity_changes_ordered.change_number,
            business_date(int_opportunity_changes_ordered.changed_at) as changed_date,
            to_date(int_opportunity_changes_ordered.old_value) as old_date,
            to_date(int_opportunity_changes_ordered.new_value) as new_date,
        from int_opportunity_changes_ordered
        left join
            closings on int_opportunity_changes_ordered.opportunity_id = closings.opportunity_id
        where
            int_opportunity_changes_ordered.field = 'expected_close_date'
            and not int_opportunity_changes_ordered.is_after_as_of
            and coalesce(int_opportunity_changes_ordered.changed_at < closings.closed_at, true)
    ),
    -- the date a deal began with, then the date at the end of each day that changed it
    day_ends as (
        select opportunity_id, date '0001-01-01' as changed_date, old_date as expected_date,
        from changes
        where change_number = 1
        union all
        select opportunity_id, changed_date, arg_max(new_date, change_number) as expected_date,
        from changes
        where new_date is not null
        group by opportunity_id, changed_date
    ),
    compared as (
        select
            opportunity_id,
            changed_date,
            expected_date,
            lag(expected_date) over (
                partition by opportunity_id order by changed_date
            ) as previous_expected_date,
        from day_ends
        where expected_date is not null
    ),
    pushes as (
        select
            opportunity_id,
            arg_min(expected_date, changed_date) as first_expected_close_date,
            count(*) filter (where expected_date > previous_expected_date) as push_count,
            cast(
                arg_max(expected_date, changed_date)
                - arg_min(expected_date, changed_date) as bigint
            ) as net_pushed_days,
        from compared
        group by opportunity_id
    )
select *
from pushes

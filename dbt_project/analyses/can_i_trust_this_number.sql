-- Of which day is what I see, what was set aside, and which checks did not pass?
with
    publish_info as (select as_of_date, published_at, from marts.publish_info),
    set_aside as (select count(*) as set_aside_count, from marts.quarantined_rows),
    failed as (
        select count(*) filter (where not is_passed) as failed_check_count,
        from marts.data_quality_checks
    )
select
    publish_info.as_of_date,
    publish_info.published_at,
    set_aside.set_aside_count,
    failed.failed_check_count,
from publish_info
cross join set_aside
cross join failed

-- Grain: one row per operation report and week in which it ran
{%- set report = "work_order_id, operation_number, started_at" %}
with
    fct_operations as (select * from {{ ref("fct_operations") }}),
    dim_work_centers as (select * from {{ ref("dim_work_centers") }}),
    int_work_center_calendars_unioned as (
        select * from {{ ref("int_work_center_calendars_unioned") }}
    ),
    -- where hours are delivered they count every machine, and so do the reports; where none are,
    -- a work centre is one machine, and reports that run at once share its time
    shared_work_centers as (
        select dim_work_centers.work_center_id
        from dim_work_centers
        anti join
            int_work_center_calendars_unioned
            on dim_work_centers.work_center_id = int_work_center_calendars_unioned.work_center_id
        where dim_work_centers.available_hours_per_week is null
    ),
    timed as (
        select
            source_system,
            work_center_id,
            product_id,
            {{ report }},
            finished_at,
            report_type,
            started_date,
            business_date(finished_at) as finished_date,
        from fct_operations
        where work_center_id is not null and finished_at >= started_at
    ),
    weeks as (
        select
            * exclude (started_date, finished_date),
            cast(
                unnest(
                    generate_series(
                        date_trunc('week', started_date),
                        date_trunc('week', finished_date),
                        interval 7 day
                    )
                ) as date
            ) as week_start_date,
        from timed
    ),
    pieces as (
        select
            *,
            greatest(started_at, {{ day_start("week_start_date") }}) as piece_from,
            least(
                finished_at, {{ day_start("cast(week_start_date + interval 7 day as date)") }}
            ) as piece_to,
        from weeks
    ),
    -- at each instant how many reports run; the time of an instant is split among them
    moments as (
        select
            pieces.work_center_id,
            unnest([pieces.piece_from, pieces.piece_to]) as moment,
            unnest([1, -1]) as begun,
        from pieces
        semi join
            shared_work_centers on pieces.work_center_id = shared_work_centers.work_center_id
        where pieces.piece_to > pieces.piece_from
    ),
    changes as (
        select work_center_id, moment, sum(begun) as begun,
        from moments
        group by work_center_id, moment
    ),
    running as (
        select
            work_center_id,
            moment,
            sum(begun) over history as running_count,
            date_diff('microsecond', moment, lead(moment) over history) / 3.6e9 as hours,
        from changes
        window history as (partition by work_center_id order by moment)
    ),
    elapsed as (
        select
            work_center_id,
            moment,
            coalesce(
                sum(hours / running_count) filter (where running_count > 0) over (
                    partition by work_center_id
                    order by moment
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as shared_hours,
        from running
    ),
    final as (
        select
            pieces.source_system,
            pieces.work_center_id,
            pieces.product_id,
            pieces.work_order_id,
            pieces.operation_number,
            pieces.started_at,
            pieces.report_type,
            pieces.week_start_date,
            pieces.piece_from,
            pieces.piece_to,
            round(
                coalesce(
                    ends.shared_hours - starts.shared_hours,
                    date_diff('microsecond', pieces.piece_from, pieces.piece_to) / 3.6e9
                ),
                9
            ) as hours,
        from pieces
        left join
            elapsed as starts
            on pieces.work_center_id = starts.work_center_id
            and pieces.piece_from = starts.moment
            and pieces.piece_to > pieces.piece_from
        left join
            elapsed as ends
            on pieces.work_center_id = ends.work_center_id
            and pieces.piece_to = ends.moment
            and pieces.piece_to > pieces.piece_from
        where pieces.piece_to >= pieces.piece_from
    )
select *
from final

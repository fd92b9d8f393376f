-- Grain: one row per opportunity with a landmark and version that stood at the end of a day
with
    int_score_landmarks as (select * from {{ ref("int_score_landmarks") }}),
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    versions as (
        select
            int_opportunity_versions_dated.*,
            int_stages_ranked.stage_rank,
            int_opportunity_versions.probability,
        from int_opportunity_versions_dated
        semi join
            int_score_landmarks
            on int_opportunity_versions_dated.opportunity_id = int_score_landmarks.opportunity_id
        inner join
            int_opportunity_versions
            on int_opportunity_versions_dated.opportunity_id
            = int_opportunity_versions.opportunity_id
            and int_opportunity_versions_dated.version_number
            = int_opportunity_versions.version_number
        left join
            int_stages_ranked
            on int_opportunity_versions_dated.source_system = int_stages_ranked.source_system
            and int_opportunity_versions_dated.pipeline = int_stages_ranked.pipeline
            and int_opportunity_versions_dated.stage = int_stages_ranked.stage
            and int_stages_ranked.stage_type = 'open'
    ),
    placed as (
        select
            *,
            last_value(stage_rank ignore nulls) over (
                partition by opportunity_id, pipeline
                order by version_number
                rows between unbounded preceding and 1 preceding
            ) as previous_rank,
            lag(owner_id, 1, owner_id) over (
                partition by opportunity_id order by version_number
            ) as previous_owner_id,
        from versions
    ),
    -- moves are counted one by one, however many a day has
    moved as (
        select
            *,
            count(*) filter (where stage_rank < previous_rank) over until_then
            as backward_move_count,
            count(*) filter (where stage_rank > previous_rank + 1) over until_then
            as skipped_move_count,
            count(*) filter (where status = 'open' and previous_status <> 'open') over until_then
            as reopening_count,
            count(*) filter (where owner_id is distinct from previous_owner_id) over until_then
            as owner_change_count,
        from placed
        window
            until_then as (
                partition by opportunity_id
                order by version_number
                rows between unbounded preceding and current row
            )
    ),
    -- dates and amounts by what a day left of them
    day_ends as (
        select
            *,
            first_value(expected_close_date ignore nulls) over until_then as first_expected_date,
            first_value(amount_original ignore nulls) over until_then as first_amount,
            first_value(currency) over until_then as first_currency,
            last_value(expected_close_date ignore nulls) over before_it as previous_expected_date,
            last_value(amount_original ignore nulls) over before_it as previous_amount,
        from moved
        where coalesce(known_to_date > known_from_date, true)
        window
            until_then as (
                partition by opportunity_id
                order by version_number
                rows between unbounded preceding and current row
            ),
            before_it as (
                partition by opportunity_id
                order by version_number
                rows between unbounded preceding and 1 preceding
            )
    ),
    compared as (
        select
            opportunity_id,
            version_number,
            known_from_date,
            known_to_date,
            probability,
            backward_move_count,
            skipped_move_count,
            reopening_count,
            owner_change_count,
            count(*) filter (where expected_close_date > previous_expected_date) over until_then
            as push_count,
            cast(expected_close_date - first_expected_date as bigint) as net_pushed_days,
            count(*) filter (where amount_original <> previous_amount) over until_then
            as amount_change_count,
            case
                when currency = first_currency
                then round({{ safe_ratio("amount_original", "first_amount") }}, 9)
            end as amount_growth,
        from day_ends
        window
            until_then as (
                partition by opportunity_id
                order by version_number
                rows between unbounded preceding and current row
            )
    )
select *
from compared

-- Grain: one row per metric, source system, subject, dimension, member and period that is over
{%- set series = "metric, source_system, subject, dimension, member" %}
{%- set process = series ~ ", regime_start" %}
with
    int_metric_series_regimes as (select * from {{ ref("int_metric_series_regimes") }}),
    int_process_baselines as (select * from {{ ref("int_process_baselines") }}),
    based_points as (
        select
            int_metric_series_regimes.*,
            coalesce(int_process_baselines.baseline_count, 0) as baseline_count,
            int_process_baselines.baseline_start,
            int_process_baselines.baseline_end,
            int_process_baselines.locked_on as baseline_locked_date,
            int_process_baselines.mean_moving_range,
            case
                when int_process_baselines.locked_on is not null
                then 'locked'
                when int_process_baselines.baseline_count >= {{ var("baseline_fewest") }}
                then 'provisional'
                else 'insufficient'
            end as baseline_state,
            case
                when int_process_baselines.baseline_count >= {{ var("baseline_fewest") }}
                then int_process_baselines.centre
            end as centre,
        from int_metric_series_regimes
        left join
            int_process_baselines
            on int_metric_series_regimes.metric = int_process_baselines.metric
            and int_metric_series_regimes.source_system = int_process_baselines.source_system
            and int_metric_series_regimes.subject = int_process_baselines.subject
            and int_metric_series_regimes.dimension = int_process_baselines.dimension
            and int_metric_series_regimes.member = int_process_baselines.member
            and int_metric_series_regimes.regime_start = int_process_baselines.regime_start
            and int_metric_series_regimes.period_kind = int_process_baselines.period_kind
    ),
    -- rates are held against limits that know how many cases stand behind each period, and are
    -- never narrower than chance alone makes them
    scaled_points as (
        select
            *,
            {{ standard_error() }} as standard_error,
            case
                when measure_kind = 'rate'
                then greatest(coalesce(mean_moving_range, 0), 1.128)
                else mean_moving_range
            end as spread,
        from based_points
    ),
    distanced_points as (
        select
            *,
            {{ safe_ratio("value - centre", "standard_error") }} as distance,
            2.66 * spread as reach,
        from scaled_points
    ),
    ranged_points as (
        select
            *,
            abs(
                distance - lag(distance) over (partition by {{ process }} order by period_start)
            ) as moving_range_distance,
            count(*) filter (where distance > 0) over eight_points as high_count,
            count(*) filter (where distance < 0) over eight_points as low_count,
            count(*) filter (where distance > reach / 2) over four_points as far_high_count,
            count(*) filter (where distance < - reach / 2) over four_points as far_low_count,
        from distanced_points
        window
            eight_points as (partition by {{ process }} order by period_start rows 7 preceding),
            four_points as (partition by {{ process }} order by period_start rows 3 preceding)
    ),
    judged_points as (
        select
            *,
            case
                when baseline_state = 'insufficient'
                then 'too few periods'
                when spread = 0 or coalesce(standard_error, 0) = 0
                then 'no variation'
                when
                    measure_kind = 'rate'
                    and denominator * least(centre, 1 - centre) < {{ var("min_n") }}
                then 'too few cases'
            end as untold_reason,
            case
                when abs(distance) > reach
                then 'outside the limits'
                when
                    (distance > reach / 2 and far_high_count >= 3)
                    or (distance < - reach / 2 and far_low_count >= 3)
                then 'three of four near a limit'
                when high_count = 8 or low_count = 8
                then 'eight on one side'
            end as rule,
        from ranged_points
    ),
    signalled_points as (
        select
            *,
            case when untold_reason is null then rule end as signal_rule,
            case when untold_reason is null then rule is not null end as is_signal,
            period_start = max(period_start) over (partition by {{ series }}) as is_latest,
        from judged_points
    ),
    -- since when: the first of the signals on this side that follow each other without a break
    sided_points as (
        select
            *,
            case when is_signal then sign(distance) else 0 end as side,
            row_number() over (partition by {{ process }} order by period_start) as place,
        from signalled_points
    ),
    grouped_points as (
        select
            *,
            place
            - row_number() over (partition by {{ process }}, side order by period_start) as spell,
        from sided_points
    ),
    told_points as (
        select
            metric,
            source_system,
            subject,
            dimension,
            member,
            period_kind,
            period_start,
            {{ period_end() }} as period_end,
            measure_kind,
            numerator,
            denominator,
            value,
            baseline_state,
            baseline_count,
            baseline_start,
            baseline_end,
            baseline_locked_date,
            case
                when regime_start > date '0001-01-01' then regime_start
            end as process_changed_date,
            process_change_id,
            round(centre, 9) as centre,
            round(
                case
                    when measure_kind = 'rate'
                    then greatest(centre - reach * standard_error, 0)
                    else centre - reach
                end,
                9
            ) as lower_limit,
            round(
                case
                    when measure_kind = 'rate'
                    then least(centre + reach * standard_error, 1)
                    else centre + reach
                end,
                9
            ) as upper_limit,
            round(moving_range_distance * standard_error, 9) as moving_range,
            round(3.268 * spread * standard_error, 9) as moving_range_limit,
            is_signal,
            signal_rule,
            untold_reason,
            case when is_signal then distance > 0 end as is_above_centre,
            case
                when is_signal then min(period_start) over (partition by {{ process }}, side, spell)
            end as signal_since,
            is_latest,
        from grouped_points
    )
select *
from told_points

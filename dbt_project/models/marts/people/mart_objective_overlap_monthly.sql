-- Grain: one row per month
with
    periods as (select * from {{ ref("fct_rep_objective_periods") }}),
    reps as (
        select
            objective_month,
            rep_id,
            count(*) as active_count,
            count(*) filter (where is_attended) as attended_count,
        from periods
        group by objective_month, rep_id
    ),
    shared as (
        select
            periods.objective_month,
            periods.rep_id,
            others.rep_id as other_rep_id,
            count(*) as both_active_count,
            count(*) filter (
                where periods.is_attended and others.is_attended
            ) as both_attended_count,
        from periods
        inner join
            periods as others
            on others.objective_month = periods.objective_month
            and others.first_objective_id = periods.first_objective_id
            and others.rep_id > periods.rep_id
        group by periods.objective_month, periods.rep_id, others.rep_id
    ),
    -- two reps who both attend to nothing have no sets to compare
    pairs as (
        select
            reps.objective_month,
            reps.attended_count,
            others.attended_count as other_attended_count,
            reps.active_count
            + others.active_count
            - coalesce(shared.both_active_count, 0) as pool_count,
            coalesce(shared.both_attended_count, 0) as both_attended_count,
        from reps
        inner join
            reps as others
            on others.objective_month = reps.objective_month
            and others.rep_id > reps.rep_id
        left join
            shared
            on shared.objective_month = reps.objective_month
            and shared.rep_id = reps.rep_id
            and shared.other_rep_id = others.rep_id
        where reps.attended_count + others.attended_count > 0
    ),
    sizes as (
        select distinct
            pool_count,
            least(attended_count, other_attended_count) as small_count,
            greatest(attended_count, other_attended_count) as large_count,
        from pairs
    ),
    possible_overlaps as (
        select *, unnest(generate_series(0, small_count)) as overlap_count, from sizes
    ),
    -- hypergeometric: of `large` marked in `pool`, how many are met in `small` draws
    chances as (
        select
            pool_count,
            small_count,
            large_count,
            sum(
                exp(
                    lgamma(large_count + 1)
                    - lgamma(overlap_count + 1)
                    - lgamma(large_count - overlap_count + 1)
                    + lgamma(pool_count - large_count + 1)
                    - lgamma(small_count - overlap_count + 1)
                    - lgamma(pool_count - large_count - small_count + overlap_count + 1)
                    - lgamma(pool_count + 1)
                    + lgamma(small_count + 1)
                    + lgamma(pool_count - small_count + 1)
                )
                * overlap_count
                / (small_count + large_count - overlap_count)
                order by overlap_count
            ) as expected_jaccard,
        from possible_overlaps
        where pool_count - large_count - small_count + overlap_count >= 0
        group by pool_count, small_count, large_count
    ),
    measured as (
        select
            pairs.objective_month,
            round(
                pairs.both_attended_count
                / (pairs.attended_count + pairs.other_attended_count - pairs.both_attended_count),
                12
            ) as jaccard,
            round(chances.expected_jaccard, 12) as expected_jaccard,
        from pairs
        inner join
            chances
            on chances.pool_count = pairs.pool_count
            and chances.small_count = least(pairs.attended_count, pairs.other_attended_count)
            and chances.large_count = greatest(pairs.attended_count, pairs.other_attended_count)
    ),
    -- rounded terms as decimals add up the same in any order
    means as (
        select
            objective_month,
            count(*) as pair_count,
            cast(sum(cast(jaccard as decimal(28, 12))) as double) / count(*) as mean_jaccard,
            cast(sum(cast(expected_jaccard as decimal(28, 12))) as double)
            / count(*) as expected_jaccard,
        from measured
        group by objective_month
    ),
    rep_counts as (
        select
            objective_month,
            count(*) as rep_count,
            count(*) filter (where attended_count = 0) as idle_rep_count,
        from reps
        group by objective_month
    ),
    monthly as (
        select
            rep_counts.objective_month,
            rep_counts.rep_count,
            rep_counts.idle_rep_count,
            coalesce(means.pair_count, 0) as pair_count,
            round(means.mean_jaccard, 9) as mean_jaccard,
            round(means.expected_jaccard, 9) as expected_jaccard,
            round(
                {{
                    safe_ratio(
                        "means.mean_jaccard - means.expected_jaccard",
                        "1 - means.expected_jaccard",
                    )
                }},
                9
            ) as chance_corrected_overlap,
        from rep_counts
        left join means on means.objective_month = rep_counts.objective_month
    )
select *
from monthly

-- Which open deals are large, unlikely to be won, and take their time?
-- win_probability is told for deals that a model or the hand scores can judge; score_basis says by
-- what. Reasons stand in fct_opportunity_score_reasons.
with
    scores as (select * from {{ ref("fct_opportunity_scores") }}),
    accounts as (select * from {{ ref("dim_accounts") }}),
    opportunities as (select * from {{ ref("fct_opportunities") }})
select
    scores.opportunity_id,
    accounts.account_name,
    scores.stage,
    scores.amount_base,
    scores.win_probability,
    scores.score_basis,
    scores.days_in_stage,
    scores.expected_close_date,
from scores
inner join opportunities on scores.opportunity_id = opportunities.opportunity_id
left join accounts on opportunities.account_id = accounts.account_id
where scores.win_probability < 0.2
order by scores.amount_base desc nulls last, scores.opportunity_id asc
limit 50

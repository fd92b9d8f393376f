"""Marts that tell of the same things must tell the same number; each rule hangs on one mart."""

from expectations.suites import Rule

FAULT = "this is a fault of the models: `make rollback` if it was published, and report it"
SCORES_GO_ON = "2026-11-27: the marts stay right, and every score says which model it comes from"
#: the systems whose ledger is not all in the base currency, so that sums of it say nothing
FOREIGN_LEDGERS = (
    "select source_system from intermediate.int_cost_entries_unioned"
    " cross join staging.stg_run_settings where currency <> base_currency"
)
#: the won and lost deals of the fiscal years that the calendar holds
DECIDED_DEALS = (
    "select source_system, count(*) as figure from marts.fct_opportunities"
    " inner join marts.dim_dates on closed_date = date_day"
    " inner join staging.stg_run_settings on closed_date <= as_of_date"
    " where outcome in ('won', 'lost') group by 1"
)
#: above it a distribution has shifted: N. Siddiqi, Credit Risk Scorecards (2006)
DRIFT_INDEX = 0.25
#: how far mean probability and rate may lie apart since the training
CALIBRATION_GAP = 0.05
#: two standard errors of one outcome, at most; 19 times in 20 chance alone stays below
TWO_ERRORS = 1.0
#: so does n times the index of ten bins, which is about chi-square with nine degrees of freedom:
#: B. Yurdakul, Statistical Properties of Population Stability Index (Western Michigan, 2018)
INDEX_BY_CHANCE = 16.9


def agrees(name: str, keys: str, one: str, other: str, what: str, says: str) -> Rule:
    """Two queries over (`keys`, figure) must give the same rows; a missing row counts as 0."""
    return Rule(
        name,
        f"""
        select {keys}, one.figure as one_figure, other.figure as other_figure
        from ({one}) as one
        full join ({other}) as other using ({keys})
        where coalesce(one.figure, 0) <> coalesce(other.figure, 0)
        """,
        says,
        FAULT,
        what=what,
        shows=" || ', ' || ".join(
            f"coalesce(cast({key} as varchar), '–')" for key in keys.split(", ")
        ),
    )


RECONCILIATIONS: dict[str, tuple[Rule, ...]] = {
    "dim_accounts": (
        Rule(
            "merges_lead_somewhere",
            "select * from intermediate.int_account_survivors where is_in_cycle",
            "are merged in a circle: none of them survives",
            "correct merged_into_account_id at the source",
            what="accounts",
            shows="account_id",
        ),
    ),
    "fct_opportunities": (
        Rule(
            "merges_lead_somewhere",
            "is_in_merge_cycle",
            "are merged in a circle: none of them survives",
            "correct merged_into_opportunity_id at the source",
            what="opportunities",
            shows="opportunity_id",
        ),
        agrees(
            "every_opportunity_is_here",
            "source_system",
            "select source_system, count(*) as figure from {batch} group by 1",
            "select source_system, count(*) as figure from intermediate.int_opportunities_unioned"
            " group by 1",
            "systems",
            "have opportunities that were lost or doubled on the way to this mart",
        ),
        Rule(
            "shares_add_to_1",
            "select opportunity_id, sum(split_share) as shares"
            " from intermediate.int_opportunity_owners_shared group by 1"
            " having abs(sum(split_share) - 1) > 0.0001",
            "have owners whose shares do not add to 1",
            "correct opportunity_splits at the source",
            what="opportunities",
            shows="opportunity_id",
        ),
        Rule(
            "stages_are_known",
            "unknown_stage_count > 0 or (stage is not null and stage_type is null)",
            "have been in a stage that the seed `stages` does not know",
            "add the stage to dbt_project/seeds/stages.csv; until then it counts nowhere",
            warn="2026-11-22: a renamed stage must not stop the other figures",
        ),
        Rule(
            "amounts_are_priced",
            "is_unpriced",
            "have an amount in a currency without a rate at most 7 days old",
            "deliver fx_rates for that day; the amounts are left out and counted as n_unpriced",
            warn="2026-11-22: the other amounts stay right",
        ),
    ),
    "mart_capacity_load_weekly": (
        Rule(
            "measured_hours_are_all_here",
            """
            select work_center_id, mart.hours, reported.hours as reported_hours
            from (
                select work_center_id, sum(measured_hours) as hours from {batch} group by 1
            ) as mart
            full join (
                select work_center_id, sum(hours) as hours
                from intermediate.int_operation_hours
                -- a date mistyped into antiquity has no week
                where week_start_date >= (select min(week_start) from marts.dim_dates)
                group by 1
            ) as reported using (work_center_id)
            where abs(coalesce(mart.hours, 0) - coalesce(reported.hours, 0)) > 0.001
            """,
            "have other hours here than in their operation reports",
            FAULT,
            what="work centres",
            shows="work_center_id",
        ),
        Rule(
            "a_loaded_week_has_a_constraint",
            "select source_system, week_start_date from {batch} group by all"
            " having (max(load_rate) > 0) <> (count(*) filter (is_constraint) > 0)",
            "have a load and no constraint, or a constraint without load",
            FAULT,
            what="weeks",
            shows="source_system || ', ' || week_start_date",
        ),
    ),
    "mart_funnel_monthly": (
        agrees(
            "funnel_equals_stage_events",
            "source_system, stage",
            "select source_system, stage, sum(observed_reach_count) as figure from {batch}"
            " where stage_type = 'open' group by 1, 2",
            "select events.source_system, events.stage,"
            " count(distinct events.opportunity_id) as figure"
            " from marts.fct_opportunity_stage_events as events"
            " inner join marts.fct_opportunities as opportunities using (opportunity_id)"
            " where events.stage_type = 'open'"
            " and opportunities.outcome not in ('duplicate', 'merged', 'deleted') group by 1, 2",
            "stages",
            "were entered by another number of deals in fct_opportunity_stage_events",
        ),
        Rule(
            "reach_falls_along_the_funnel",
            "effective_next_count > effective_reach_count"
            " or conversion_rate_numerator > conversion_rate_denominator",
            "have more deals in the next stage than in their own",
            FAULT,
        ),
    ),
    "mart_sales_outcomes_monthly": (
        agrees(
            "outcomes_equal_opportunities",
            "source_system, close_month",
            "select source_system, close_month, sum(won_count + lost_count + disqualified_count)"
            " as figure from {batch} where close_month is not null group by 1, 2",
            "select source_system, close_month, count(*) as figure from marts.fct_opportunities"
            " where is_resolved and close_month is not null group by 1, 2",
            "months",
            "have other outcomes in fct_opportunities",
        ),
    ),
    "mart_pipeline_waterfall": (
        Rule(
            "nothing_is_left_unexplained",
            "residual_amount <> 0 or residual_count <> 0",
            "do not add up from start to end",
            FAULT,
        ),
        agrees(
            "ends_equal_snapshots",
            "source_system, pipeline, period_start",
            "select source_system, pipeline, period_start, end_count as figure from {batch}"
            " where period_kind = 'fiscal_month' and not is_in_progress",
            "select source_system, pipeline,"
            " cast(date_trunc('month', snapshot_date) as date) as period_start,"
            " count(*) as figure"
            " from marts.fct_pipeline_snapshots where snapshot_kind = 'month_end' and"
            " date_trunc('month', expected_close_date) = date_trunc('month', snapshot_date)"
            " group by 1, 2, 3",
            "months",
            "end with another number of deals in the month-end snapshots",
        ),
    ),
    "fct_opportunity_scores": (
        agrees(
            "scores_equal_open_deals",
            "source_system",
            "select source_system, count(*) as figure from {batch} group by 1",
            "select source_system, count(*) as figure"
            " from marts.fct_opportunities where outcome = 'open' group by 1",
            "systems",
            "have another number of open deals in fct_opportunities",
        ),
    ),
    "mart_forecast_monthly": (
        agrees(
            "actuals_equal_outcomes",
            "source_system, period_start",
            "select distinct source_system, period_start, actual_amount as figure from {batch}"
            " where period_kind = 'month' and actual_amount is not null",
            "select source_system, close_month as period_start, sum(won_amount) as figure"
            " from marts.mart_sales_outcomes_monthly where (source_system, close_month) in"
            " (select (source_system, period_start) from marts.mart_forecast_monthly"
            " where period_kind = 'month' and actual_amount is not null) group by 1, 2",
            "months",
            "were booked with another amount in mart_sales_outcomes_monthly",
        ),
        Rule(
            "parts_and_bounds_fit",
            "(method in ('score', 'stage_weighted') and expected_amount <>"
            " booked_amount + open_deals_amount + coalesce(new_business_amount, 0))"
            " or p10_amount > p25_amount or p25_amount > p50_amount or p50_amount > p75_amount"
            " or p75_amount > p90_amount",
            "have parts that do not add up, or bounds out of order",
            FAULT,
        ),
    ),
    "mart_lead_requirement": (
        Rule(
            "more_surely_takes_more",
            """
            select * from {batch}
            qualify needed_count < lag(needed_count) over (
                partition by source_system, period_start, entry_kind order by confidence_level
            ) or capped_count > needed_count
            """,
            "need fewer entries for a higher confidence, or more for what the plant can make",
            FAULT,
        ),
    ),
    "mart_lead_requirement_monthly": (
        agrees(
            "months_add_up_to_the_plan",
            "source_system, period_start, entry_kind, confidence_level",
            "select source_system, period_start, entry_kind, confidence_level,"
            " sum(needed_count) as figure from {batch} group by 1, 2, 3, 4",
            "select source_system, period_start, entry_kind, confidence_level,"
            " needed_count as figure from marts.mart_lead_requirement",
            "plans",
            "have another number of entries in mart_lead_requirement",
        ),
    ),
    "mart_lead_cohorts_monthly": (
        agrees(
            "opportunities_equal_deals",
            "source_system, entry_month",
            "select source_system, entry_month, sum(entry_count) as figure from {batch}"
            " where entry_kind = 'opportunity' group by 1, 2",
            "select source_system, entry_month, count(*) as figure from marts.fct_opportunities"
            " where outcome not in ('duplicate', 'merged', 'deleted') and created_date is not null"
            " and (outcome = 'open' or closed_date is not null) group by 1, 2",
            "months",
            "have another number of deals in fct_opportunities",
        ),
        Rule(
            "outcomes_add_up",
            "entry_count <> won_count + ended_count + open_count",
            "have outcomes that do not add up to the entries",
            FAULT,
        ),
    ),
    "mart_forecast_accuracy": (
        agrees(
            "every_forecast_that_is_over_is_judged",
            "source_system, method, period_kind, horizon_months",
            "select source_system, method, period_kind, horizon_months, forecast_count as figure"
            " from {batch}",
            "select source_system, method, period_kind, horizon_months, count(*) as figure"
            " from marts.mart_forecast_monthly where error_amount is not null group by 1, 2, 3, 4",
            "horizons",
            "have another number of forecasts in mart_forecast_monthly",
        ),
    ),
    "mart_predictability_forecasts": (
        agrees(
            "bookings_equal_outcomes",
            "source_system, period_start",
            "select distinct source_system, period_start, actual as figure from {batch}"
            " where subject = 'bookings' and period_kind = 'month' and actual is not null",
            "select source_system, close_month as period_start, sum(won_amount) as figure"
            " from marts.mart_sales_outcomes_monthly where (source_system, close_month) in"
            " (select (source_system, period_start) from marts.mart_predictability_forecasts"
            " where subject = 'bookings' and period_kind = 'month' and actual is not null)"
            " group by 1, 2",
            "months",
            "were booked with another amount in mart_sales_outcomes_monthly",
        ),
        agrees(
            "output_equals_work_orders",
            "source_system, period_start",
            "select distinct source_system, period_start, actual as figure from {batch}"
            " where subject = 'production output' and measure = 'quantity'"
            " and actual is not null",
            "select source_system, finished_month as period_start,"
            " cast(sum(quantity) as decimal(18, 2)) as figure"
            " from marts.fct_work_orders where (source_system, finished_month) in"
            " (select (source_system, period_start) from marts.mart_predictability_forecasts"
            " where subject = 'production output' and actual is not null) group by 1, 2",
            "months",
            "finished another quantity in fct_work_orders",
        ),
        Rule(
            "bounds_fit",
            "p10 > p25 or p25 > p50 or p50 > p75 or p75 > p90",
            "have bounds out of order",
            FAULT,
        ),
    ),
    "mart_predictability": (
        agrees(
            "every_forecast_that_is_over_is_judged",
            "source_system, subject, measure, method, period_kind, horizon_months",
            "select source_system, subject, measure, method, period_kind, horizon_months,"
            " forecast_count as figure from {batch}",
            "select source_system, subject, measure, method, period_kind, horizon_months,"
            " count(*) as figure from marts.mart_predictability_forecasts"
            " where error is not null and period_start >="
            " (select min(first_period_date) from marts.mart_predictability) group by all",
            "horizons",
            "have another number of forecasts in mart_predictability_forecasts",
        ),
    ),
    "mart_early_warning_accuracy": (
        agrees(
            "every_period_that_is_over_is_judged",
            "source_system, subject, measure, method, period_kind",
            "select source_system, subject, measure, method, period_kind,"
            " warned_miss_count + unwarned_miss_count + false_alarm_count + quiet_count as figure"
            " from {batch}",
            "select source_system, subject, measure, method, period_kind, count(*) as figure"
            " from marts.mart_early_warnings where actual is not null group by all",
            "methods",
            "have another number of periods in mart_early_warnings",
        ),
    ),
    "mart_big_deal_surprises": (
        agrees(
            "every_large_deal_has_one_fate",
            "source_system, period_kind, period_start",
            "select source_system, period_kind, period_start,"
            " won_count + lost_count + slipped_count + dropped_count + open_count as figure"
            " from {batch}",
            "select source_system, period_kind, period_start, count(*) as figure"
            " from marts.mart_big_deals group by all",
            "periods",
            "have another number of deals in mart_big_deals",
        ),
    ),
    "fct_promise_scores": (
        agrees(
            "overdue_equals_on_time",
            "source_system",
            "select source_system, count(*) as figure from {batch}"
            " where is_overdue and late_probability = 1 and promise_basis <> 'request' group by 1",
            "select source_system, count(*) as figure from marts.fct_order_line_deliveries"
            " where basis = 'last_promise' and is_overdue_open group by 1",
            "systems",
            "have another number of overdue lines in fct_order_line_deliveries",
        ),
        Rule(
            "dates_follow_each_other",
            "p10_finish_date > p50_finish_date or p50_finish_date > p80_finish_date"
            " or p80_finish_date > p95_finish_date or p10_finish_date <= cast(scored_at as date)"
            " - 1 or late_probability not between 0 and 1",
            "have dates that cross or lie in the past, or a probability that is none",
            FAULT,
        ),
    ),
    "mart_profit_reconciliation": (
        Rule(
            "nothing_is_left_between_ledger_and_accounts",
            "residual_amount <> 0 or ledger_amount <> allocated_amount + unallocated_amount",
            "do not add up: ledger = allocated + unallocated, to the cent",
            FAULT,
            what="months of cost pools",
            shows="cost_month || ', ' || cost_pool || ', ' || ledger_driver",
        ),
        agrees(
            "every_cost_entry_is_here",
            "source_system, cost_month",
            "select source_system, cost_month, sum(ledger_amount) as figure from {batch}"
            f" where source_system not in ({FOREIGN_LEDGERS}) group by 1, 2",
            "select source_system, cost_month, sum(amount) as figure"
            " from intermediate.int_cost_entries_unioned cross join staging.stg_run_settings"
            f" where cost_month <= as_of_date and source_system not in ({FOREIGN_LEDGERS})"
            " group by 1, 2",
            "months",
            "have another ledger in cost_entries",
        ),
        Rule(
            "cost_pools_are_known",
            "driver = 'unknown'",
            "are in the ledger, but not in the seed `cost_drivers`",
            "add the pool to dbt_project/seeds/cost_drivers.csv; until then no account carries it",
            what="months of cost pools",
            shows="cost_month || ', ' || cost_pool",
            warn="2026-11-27: the other pools stay right",
        ),
    ),
    "mart_account_product_profit_monthly": (
        agrees(
            "costs_equal_what_was_allocated",
            "source_system, profit_month",
            "select source_system, profit_month, sum(cost_to_serve_amount - freight_cost_amount"
            " + complexity_cost_amount) as figure from {batch} group by 1, 2",
            "select source_system, cost_month as profit_month, sum(allocated_amount) as figure"
            " from marts.mart_profit_reconciliation group by 1, 2",
            "months",
            "carry other costs than mart_profit_reconciliation allocates",
        ),
        Rule(
            "profit_is_margin_less_costs",
            "net_profit_amount <> pocket_margin_amount - cost_to_serve_amount"
            " - complexity_cost_amount or (is_complete and pocket_margin_amount <>"
            " net_revenue_amount - variable_cost_amount)",
            "have a net profit that is not margin less costs",
            FAULT,
        ),
    ),
    "mart_profit_whale_curve": (
        agrees(
            "both_curves_end_alike",
            "source_system",
            "select distinct source_system, total_profit_amount as figure from {batch}"
            " where level = 'account'",
            "select distinct source_system, total_profit_amount as figure"
            " from marts.mart_profit_whale_curve where level = 'account_product'",
            "systems",
            "earn another profit by account than by account and product",
        ),
    ),
    "mart_freight_monthly": (
        Rule(
            "every_shipment_is_counted_once",
            "shipment_count <> freight_count + unparsed_freight_count + unpriced_freight_count"
            " + no_freight_count",
            "do not add up: each shipment has a freight cost or a reason why not",
            FAULT,
        ),
    ),
    "mart_price_dispersion": (
        Rule(
            "prices_lie_in_order",
            "line_count <> priced_count + unpriced_count or price_ratio_p10 > price_ratio_p50"
            " or price_ratio_p50 > price_ratio_p90 or price_spread < 0",
            "have percentiles out of order, or lines that are in no count",
            FAULT,
        ),
    ),
    "mart_on_time_delivery_monthly": (
        Rule(
            "delivered_equals_on_time_plus_late",
            "eligible_count <> on_time_count + early_count + late_count"
            " or overdue_open_count > late_count",
            "do not add up: eligible = on time + early + late, the overdue being late",
            FAULT,
        ),
        agrees(
            "units_equal_order_lines",
            "source_system, basis, basis_month",
            "select source_system, basis, basis_month, sum(eligible_count) as figure"
            " from {batch} where basis_month is not null group by 1, 2, 3",
            "select source_system, basis, basis_month,"
            " count(*) filter (where is_eligible) as figure"
            " from marts.fct_order_line_deliveries where basis_month is not null group by 1, 2, 3",
            "months",
            "have other eligible lines in fct_order_line_deliveries",
        ),
    ),
    "fct_promise_events": (
        agrees(
            "changes_equal_order_lines",
            "source_system",
            "select source_system, count(*) as figure from {batch}"
            " where event_kind = 'change' group by 1",
            "select source_system, sum(promise_change_count) as figure"
            " from marts.fct_order_line_deliveries where basis = 'first_promise' group by 1",
            "systems",
            "have another number of changes of promise in fct_order_line_deliveries",
        ),
        Rule(
            "quantiles_follow_each_other",
            "feasible_p10_days > feasible_p50_days or feasible_p50_days > feasible_p80_days"
            " or feasible_p80_days > feasible_p95_days or shorter_count > comparable_count",
            "have feasible days that cross, or more shorter lines than lines",
            FAULT,
        ),
    ),
    "mart_promise_reliability_monthly": (
        agrees(
            "judged_equals_on_time_delivery",
            "source_system, due_month, product_family, promised_by",
            "select source_system, due_month, product_family, promised_by,"
            " sum(reliability_rate_denominator) as figure from {batch} group by 1, 2, 3, 4",
            "select source_system, basis_month as due_month, product_family, promised_by,"
            " sum(eligible_count) as figure from marts.mart_on_time_delivery_monthly"
            " where basis = 'first_promise' and basis_month is not null group by 1, 2, 3, 4",
            "months",
            "have other lines to judge in mart_on_time_delivery_monthly",
        ),
    ),
    "mart_padding_quarterly": (
        agrees(
            "padding_equals_months",
            "source_system, product_family",
            "select source_system, product_family, sum(padding_days) as figure from {batch}"
            " group by 1, 2",
            "select source_system, product_family, sum(padding_days) as figure"
            " from marts.mart_promise_reliability_monthly group by 1, 2",
            "families",
            "have other days of padding in mart_promise_reliability_monthly",
        ),
    ),
    "mart_rep_objectives_monthly": (
        agrees(
            "months_equal_periods",
            "rep_id, objective_month",
            "select rep_id, objective_month, sum(objective_count) as figure from {batch}"
            " group by 1, 2",
            "select rep_id, objective_month, count(*) as figure"
            " from marts.fct_rep_objective_periods group by 1, 2",
            "months",
            "have other objectives in fct_rep_objective_periods",
        ),
    ),
    "mart_score_models": (
        Rule(
            "the_last_training_came_to_an_end",
            "is_last_decision and status like 'training failed%'",
            "failed at their last training; the model before goes on speaking",
            "mend what the status says (mart_score_models), then make retrain",
            what="scores",
            shows="score_name || ': ' || status",
            warn=SCORES_GO_ON,
        ),
        Rule(
            "champions_can_be_read",
            "select * from {batch} where is_promoted"
            " and score_name not in (select score_name from {batch} where is_champion) qualify"
            " row_number() over (partition by score_name order by decision_number desc) = 1",
            "have a promoted model that cannot be used, so that no model speaks",
            "put models/ back from your backup, or make retrain",
            what="scores",
            shows="score_name || ' ' || model_version",
            warn=SCORES_GO_ON,
        ),
        Rule(
            "champions_are_fresh",
            "is_stale",
            "were trained too long ago (the var model_stale_after_days)",
            "make retrain; docs/operations.md says how to have it done every month",
            what="champions",
            shows="score_name || ' ' || model_version || ', ' || age_days || ' days'",
            warn=SCORES_GO_ON,
        ),
    ),
    "mart_score_performance": (
        agrees(
            "performance_is_of_models_known",
            "score_name, model_version",
            "select distinct score_name, model_version, 1 as figure from {batch}",
            "select distinct performance.score_name, performance.model_version, 1 as figure"
            " from marts.mart_score_performance as performance"
            " inner join marts.mart_score_models using (score_name, model_version)",
            "models",
            "have a performance, but were never decided on (mart_score_models)",
        ),
        Rule(
            "scored_cases_are_like_those_learned_from",
            "is_champion and is_after_training and slice = 'all' and measure = 'psi'"
            f" and value > greatest({DRIFT_INDEX}, {INDEX_BY_CHANCE} / case_count)",
            f"score cases unlike those they learned from (PSI of the score above {DRIFT_INDEX})",
            "look for the fact that drifted (measure psi in mart_score_performance): a source that"
            " changed its ways is mended there; if the business did, make retrain",
            what="champions",
            shows="score_name || ' ' || model_version || ', PSI ' || round(value, 2)",
            warn=SCORES_GO_ON,
        ),
        Rule(
            "probabilities_still_come_true",
            "is_champion and is_after_training and slice = 'since_training'"
            f" and measure = 'calibration' and abs(value) > {CALIBRATION_GAP}"
            f" and coalesce(lower_bound > 0 or upper_bound < 0,"
            f" abs(value) > {TWO_ERRORS} / sqrt(case_count))",
            f"have been off by more than {CALIBRATION_GAP:.0%} on average since their training, and"
            " by more than chance is on so many cases",
            "make retrain",
            what="champions",
            shows="score_name || ' ' || model_version || ', ' || round(100 * value, 1)"
            " || ' points on ' || case_count || ' cases'",
            warn=SCORES_GO_ON,
        ),
    ),
    "fct_product_changes": (
        agrees(
            "every_change_is_here",
            "source_system",
            "select source_system, count(*) as figure from {batch} group by 1",
            "select source_system, count(*) as figure from intermediate.int_product_changes_unioned"
            " group by 1",
            "systems",
            "have product changes that were lost or doubled on the way to this mart",
        ),
    ),
    "mart_product_change_sign_offs": (
        agrees(
            "groups_hold_every_change_in_effect",
            "source_system, grouped_by",
            "select source_system, grouped_by, sum(change_count) as figure from {batch}"
            " group by 1, 2",
            "select source_system, grouped_by, count(*) as figure from marts.fct_product_changes"
            " cross join (select distinct grouped_by from {batch}) where is_in_effect"
            " group by 1, 2",
            "groupings",
            "count another number of changes than fct_product_changes has in effect",
        ),
    ),
    "mart_product_change_effects": (
        agrees(
            "groups_hold_every_measured_change",
            "source_system, grouped_by, measure",
            "select source_system, grouped_by, measure,"
            " sum(change_count + not_whole_count + not_alone_count) as figure from {batch}"
            " group by 1, 2, 3",
            "select source_system, grouped_by, measure, count(*) as figure"
            " from marts.fct_product_change_effects"
            " cross join (select distinct grouped_by from {batch}) group by 1, 2, 3",
            "groupings",
            "tell of another number of changes than fct_product_change_effects",
        ),
    ),
    "mart_plant_change_load_weekly": (
        agrees(
            "changes_take_effect_once",
            "source_system",
            "select source_system, sum(taking_effect_count) as figure from {batch}"
            " where load_scope = 'plant' group by 1",
            "select source_system, count(*) as figure from marts.fct_product_changes"
            " where date_trunc('week', effective_date) <= (select max(week_start) from {batch})"
            " group by 1",
            "systems",
            "have another number of changes taking effect in fct_product_changes",
        ),
    ),
    "mart_rep_change_load_weekly": (
        Rule(
            "nobody_bears_more_than_the_plant",
            "select rep_weeks.* from {batch} as rep_weeks"
            " left join marts.mart_plant_change_load_weekly as plant"
            " on plant.source_system = rep_weeks.source_system and plant.load_scope = 'plant'"
            " and plant.week_start = rep_weeks.week_start"
            " where rep_weeks.active_change_count > coalesce(plant.active_change_count, 0)",
            "have more active changes for a rep than there are (mart_plant_change_load_weekly)",
            FAULT,
        ),
    ),
    "fct_coaching_sessions": (
        agrees(
            "every_session_is_here",
            "source_system",
            "select source_system, count(*) as figure from {batch} group by 1",
            "select source_system, count(*) as figure"
            " from intermediate.int_coaching_sessions_unioned"
            " cross join staging.stg_run_settings where held_at < as_of_at group by 1",
            "systems",
            "have coaching sessions that were lost or doubled on the way to this mart",
        ),
    ),
    "mart_coaching_monthly": (
        agrees(
            "sessions_are_those_of_weeks_over",
            "source_system",
            "select source_system, sum(session_count) as figure from {batch} group by 1",
            "select source_system, sum(session_count) as figure"
            " from marts.mart_rep_coaching_weekly where present_day_count > 0 group by 1",
            "systems",
            "count another number of sessions than mart_rep_coaching_weekly",
        ),
    ),
    "fct_account_contacts": (
        Rule(
            "pairs_are_early_and_late",
            "select one.* from {batch} as one"
            " left join {batch} as other on one.matched_account_id = other.account_id"
            " where one.matched_account_id is not null"
            " and (other.matched_account_id is distinct from one.account_id"
            " or other.is_early = one.is_early or other.segment <> one.segment)",
            "are held against an account that is none of theirs",
            FAULT,
            what="accounts",
            shows="account_id",
        ),
    ),
    "mart_incentive_conflicts": (
        Rule(
            "the_best_choice_leaves_the_most",
            "contribution_at_stake_amount < 0"
            " or commission_best_commission_amount < contribution_best_commission_amount"
            " or has_conflict <> (contribution_at_stake_amount > 0)",
            "tell of a best choice that another one beats",
            FAULT,
        ),
    ),
    "fct_throughput_lines": (
        agrees(
            "every_planned_date_is_here",
            "source_system",
            "select source_system, count(*) as figure from {batch}"
            " where demand_kind = 'order' group by 1",
            "select source_system, count(*) as figure from intermediate.int_order_line_lead_times"
            " where withdrawn_date is null or finished_date is not null group by 1",
            "systems",
            "have planned dates that were lost or doubled on the way to this mart",
        ),
    ),
    "mart_mix_weekly": (
        Rule(
            "mix_fit_lies_between_0_and_1",
            "mix_fit not between 0 and 1 or pipeline_mix_fit not between 0 and 1",
            "hold a mix fit outside 0 to 1",
            FAULT,
        ),
        agrees(
            "booked_as_the_lines_say",
            "source_system, week_start_date",
            "select source_system, week_start_date, booked_quantity as figure from {batch}",
            "select lines.source_system, lines.need_week_start_date as week_start_date,"
            " sum(lines.quantity) as figure from marts.fct_throughput_lines as lines"
            " semi join intermediate.int_product_work_center_hours as hours"
            " on lines.source_system = hours.source_system"
            " where lines.demand_kind = 'order' and lines.quantity > 0"
            " and lines.product_id is not null and lines.need_date is not null group by 1, 2",
            "weeks",
            "have another quantity booked than their lines (fct_throughput_lines)",
        ),
    ),
    "mart_constraint_productivity_monthly": (
        Rule(
            "parts_are_the_change",
            "abs(productivity_change - mix_effect - efficiency_effect - interaction_effect)"
            " > 1e-6 * greatest(abs(constraint_productivity), 1)",
            "have a change that is not mix, efficiency and interaction together",
            FAULT,
        ),
    ),
    "mart_best_mix_monthly": (
        Rule(
            "best_lies_within_its_bounds",
            "best_quantity not between least_quantity - 0.0001 and most_quantity + 0.0001",
            "have a best quantity below the least or above the most",
            FAULT,
        ),
    ),
    "mart_opportunity_fit": (
        agrees(
            "every_open_deal_is_here",
            "source_system",
            "select source_system, count(*) as figure from {batch} group by 1",
            "select source_system, count(*) as figure from marts.fct_opportunities"
            " where outcome = 'open' group by 1",
            "systems",
            "have open deals that are missing here: fit leaves none out",
        ),
    ),
    "mart_objective_load_effects": (
        agrees(
            "effects_rest_on_all_results",
            "source_system, outcome, comparison",
            "select source_system, outcome, comparison, objective_period_count as figure"
            " from {batch}",
            # a rep with one month has nothing to be compared with
            "select source_system, outcome, comparison, sum(objective_period_count) as figure"
            " from (select *, count(*) over (partition by source_system, rep_id) as month_count"
            " from intermediate.int_rep_attainments)"
            " inner join (select source_system, outcome, comparison from {batch})"
            " using (source_system) where month_count > 1 group by 1, 2, 3",
            "effects",
            "rest on another number of results than int_rep_attainments has",
        ),
    ),
    "mart_rate_comparisons": (
        agrees(
            "issuers_are_those_of_the_month",
            "issued_by, objective_month",
            "select member as issued_by, window_start_date as objective_month,"
            " sum(rate_numerator) as figure from {batch} where dimension = 'issuer' group by 1, 2",
            "select issued_by, objective_month, ignored_rate_numerator as figure"
            " from marts.mart_objective_issuers_monthly where objective_month in"
            " (select window_start_date from {batch} where dimension = 'issuer')",
            "issuers",
            "have other ignored objectives in mart_objective_issuers_monthly",
        ),
    ),
    "mart_rater_severity": (
        agrees(
            "every_score_has_a_rater",
            "source_system, basis",
            "select source_system, basis, sum(score_count) as figure from {batch} group by 1, 2",
            "select source_system, 'case mix' as basis, count(*) as figure"
            " from intermediate.int_rater_scores group by 1"
            " union all select source_system, 'same deals', count(others_score)"
            " from intermediate.int_rater_scores group by 1",
            "comparisons",
            "hold another number of scores than int_rater_scores",
        ),
    ),
    "mart_score_bunching": (
        agrees(
            "scores_above_are_those_of_the_deals",
            "source_system, pipeline, landmark, threshold_score",
            "select source_system, pipeline, landmark, threshold_score, above_count as figure"
            " from {batch}",
            "select source_system, pipeline, landmark, threshold_score, count(*) as figure"
            " from marts.fct_qualification_scores"
            " inner join (select source_system, pipeline, landmark, threshold_score from {batch})"
            " using (source_system, pipeline, landmark)"
            " where score >= threshold_score and score < threshold_score + 3 group by all",
            "thresholds",
            "count other scores above than fct_qualification_scores has",
        ),
    ),
    "mart_answer_revisions": (
        Rule(
            "revisions_after_the_outcome_are_edits",
            """
            select source_system, revised, edited
            from (
                select source_system, sum(revised_deal_count) as revised
                from {batch} where revision_time = 'after the outcome' group by 1
            )
            left join (
                select source_system, sum(edited_after_outcome_rate_numerator) as edited
                from marts.mart_qualification_monthly group by 1
            ) using (source_system)
            where revised > coalesce(edited, 0)
            """,
            "have more deals revised after the outcome than mart_qualification_monthly has edited",
            FAULT,
            what="systems",
            shows="source_system",
        ),
    ),
    "mart_value_propositions": (
        agrees(
            "decided_deals_are_those_of_the_fact",
            "source_system",
            "select source_system, sum(won_count + lost_count) as figure from {batch}"
            " where segment = 'all' and period_kind = 'fiscal_year' group by 1",
            DECIDED_DEALS,
            "systems",
            "have won and lost deals that are not in the fact, or not here",
        ),
    ),
    "mart_outcome_reasons": (
        agrees(
            "decided_deals_are_those_of_the_fact",
            "source_system",
            "select source_system, sum(won_count + lost_count) as figure from {batch}"
            " where segment <> 'all' and period_kind = 'fiscal_year' group by 1",
            DECIDED_DEALS,
            "systems",
            "have won and lost deals that are not in the fact, or not here",
        ),
    ),
    "mart_reason_contradictions": (
        Rule(
            "contradictions_are_pairs",
            "reason_contradiction_count > reason_pair_count"
            " or proposition_contradiction_count > proposition_pair_count",
            "have more contradictions than pairs",
            FAULT,
        ),
    ),
    "mart_market_mosaic": (
        agrees(
            "every_dimension_holds_every_deal",
            "source_system, dimension",
            "select source_system, dimension, sum(decided_count) as figure from {batch}"
            " where period_kind = 'fiscal_year' group by 1, 2",
            "select source_system, dimension, figure"
            f" from ({DECIDED_DEALS}) cross join (select distinct dimension from {{batch}})",
            "dimensions",
            "have won and lost deals that are not in the fact, or not here",
        ),
    ),
}

"""What must hold of the canonical extract: keys, filled columns, and sense between columns.

Blocking is what makes every figure wrong (shares that do not add up, a rate of exchange of 0).
What touches single rows is reported and left to the owner of the data.
"""

from expectations.suites import Rule, suite

SYSTEM = "standard"
SEEN = "2026-11-22: single rows; they are kept and counted, and the source is told"


def orphans(name: str, key: str, parent: str) -> Rule:
    """Rows whose `key` (columns divided by blanks) has no row in `parent`."""
    same = " and ".join(f"parent.{column} = child.{column}" for column in key.split())
    return Rule(
        name,
        f"""
        select child.*
        from {{batch}} as child
        anti join (
            select * from raw_standard.{parent} where _valid_from is not null
        ) as parent on {same}
        """,
        f"name a row of {parent} that was not delivered",
        f"deliver {parent}; until then these rows stay out of the marts",
        warn=SEEN,
    )


def positive(column: str) -> Rule:
    return Rule(
        f"{column}_is_positive",
        f"to_decimal({column}) <= 0",
        f"have a {column} of 0 or less",
        "correct it at the source",
        warn=SEEN,
    )


def in_order(first: str, second: str, cast: str) -> Rule:
    return Rule(
        f"{first}_not_after_{second}",
        f"{cast}({first}) > {cast}({second})",
        f"have {first} after {second}",
        "correct the dates at the source; durations of these rows are not what they seem",
        warn=SEEN,
    )


SUITES = {
    "accounts": suite("account_id", "account_id"),
    "products": suite("product_id", "product_id"),
    "sales_reps": suite("rep_id", "rep_id"),
    "rep_absences": suite("rep_id starts_on", "rep_id starts_on"),
    "leads": suite("lead_id", "lead_id created_at"),
    "opportunities": suite(
        "opportunity_id",
        "opportunity_id owner_id stage created_at",
        in_order("created_at", "closed_at", "to_instant"),
        Rule(
            "probability_is_a_rate",
            "to_decimal(probability) not between 0 and 1",
            "have a probability outside 0 to 1",
            "deliver probabilities as rates: 60 % is 0.6",
            warn=SEEN,
        ),
    ),
    "opportunity_changes": suite(
        "opportunity_id changed_at field sequence",
        "opportunity_id changed_at field new_value",
        orphans("opportunity_is_delivered", "opportunity_id", "opportunities"),
    ),
    "opportunity_lines": suite(
        "opportunity_id line_number",
        "opportunity_id line_number product_id",
        orphans("opportunity_is_delivered", "opportunity_id", "opportunities"),
    ),
    "opportunity_splits": suite(
        "opportunity_id rep_id",
        "opportunity_id rep_id split_share",
        Rule(
            "shares_add_to_1",
            """
            select opportunity_id, sum(to_decimal(split_share)) as shares
            from {batch}
            group by opportunity_id
            having abs(sum(to_decimal(split_share)) - 1) > 0.0001
            """,
            "have shares that do not add to 1",
            "correct the shares: a deal must be counted once, whole",
            what="opportunities",
            shows="opportunity_id",
        ),
    ),
    "qualification_answers": suite(
        "opportunity_id attribute_id assessed_at assessed_by",
        "opportunity_id attribute_id rating assessed_at assessed_by",
        orphans("opportunity_is_delivered", "opportunity_id", "opportunities"),
    ),
    "activities": suite("activity_id", "activity_id occurred_at rep_id activity_type"),
    "quotes": suite("quote_id", "quote_id quoted_at"),
    "quotas": suite("rep_id period_start", "rep_id period_start amount"),
    "forecast_submissions": suite(
        "rep_id submitted_at period_start", "rep_id submitted_at period_start commit_amount"
    ),
    "rep_objectives": suite(
        "objective_id rep_id", "objective_id rep_id weight valid_from", positive("weight")
    ),
    "objective_results": suite(
        "objective_id rep_id period_start",
        "objective_id rep_id period_start actual",
        orphans("objective_is_delivered", "objective_id rep_id", "rep_objectives"),
    ),
    "product_changes": suite("product_change_id", "product_change_id effective_on"),
    "order_lines": suite(
        "order_id line_number", "order_id line_number ordered_at quantity", positive("quantity")
    ),
    "order_schedule_lines": suite(
        "order_id line_number schedule_number",
        "order_id line_number schedule_number quantity",
        orphans("order_line_is_delivered", "order_id line_number", "order_lines"),
    ),
    "promise_changes": suite(
        "order_id line_number schedule_number changed_at kind",
        "order_id line_number changed_at promise_date",
        orphans("order_line_is_delivered", "order_id line_number", "order_lines"),
    ),
    "shipments": suite(
        "shipment_id order_id line_number",
        "shipment_id order_id line_number quantity shipped_on",
        orphans("order_line_is_delivered", "order_id line_number", "order_lines"),
        in_order("shipped_on", "delivered_on", "to_date"),
        positive("quantity"),
    ),
    "returns": suite(
        "return_id",
        "return_id order_id line_number quantity returned_on",
        orphans("order_line_is_delivered", "order_id line_number", "order_lines"),
    ),
    "work_orders": suite("work_order_id", "work_order_id quantity", positive("quantity")),
    "operations": suite(
        "work_order_id operation_number started_at",
        "work_order_id operation_number work_center_id started_at",
        orphans("work_order_is_delivered", "work_order_id", "work_orders"),
    ),
    "routings": suite("product_id operation_number", "product_id operation_number work_center_id"),
    "work_centers": suite("work_center_id", "work_center_id"),
    "work_center_calendars": suite(
        "work_center_id week_start", "work_center_id week_start available_hours"
    ),
    "cost_entries": suite("month cost_pool driver", "month cost_pool amount"),
    "barriers": suite(
        "barrier_id", "barrier_id raised_at", in_order("raised_at", "removed_at", "to_instant")
    ),
    "coaching_sessions": suite("session_id", "session_id held_at manager_id rep_id"),
    "pulse_invitations": suite("wave function", "wave function invited_count"),
    "pulse_responses": suite(
        "wave respondent_key question_id",
        "wave respondent_key function score",
        Rule(
            "score_lies_between_0_and_10",
            "to_decimal(score) not between 0 and 10",
            "have a score outside 0 to 10",
            "deliver pulse scores on the scale 0 to 10",
            warn=SEEN,
            keeps_rows=False,
        ),
    ),
    "pulse_actions": suite("action_id", "action_id wave agreed_on"),
    "fx_rates": suite(
        "rate_date currency",
        "rate_date currency rate_to_base",
        Rule(
            "rate_is_positive",
            "to_decimal(rate_to_base) <= 0",
            "have a rate of exchange of 0 or less",
            "correct the rate: every amount in that currency would be wrong",
        ),
    ),
}

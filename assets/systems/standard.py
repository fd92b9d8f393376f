"""`standard`: the canonical extract, for anyone who can export to it."""

from assets.systems import Delivery, Entity, System, columns

AMOUNT = "amount decimal; currency"


def entity(
    name: str,
    notation: str,
    delivery: Delivery = "full",
    intervals: tuple[tuple[str, str], ...] = (),
    confidential: bool = False,
) -> Entity:
    """An entity of this system; each may carry its own `recorded_at`."""
    return Entity(
        name,
        columns(notation + "; recorded_at instant"),
        delivery=delivery,
        intervals=intervals,
        confidential=confidential,
    )


SYSTEM = System(
    name="standard",
    description="The canonical extract: CRM and MES or ERP in the columns of the contract.",
    entities=(
        entity(
            "accounts",
            "account_id key; account_name; parent_account_id; segment; industry; region; channel;"
            "merged_into_account_id; merged_at instant",
        ),
        entity(
            "products",
            "product_id key; product_name; product_family; product_manager_id person;"
            "list_price_amount decimal; variable_cost_amount decimal;"
            "standard_cost_amount decimal; currency; specification_tightness decimal",
        ),
        entity(
            "sales_reps",
            "rep_id key person; rep_name naming; manager_id person personal; territory personal;"
            "hired_on date personal; left_on date personal",
            intervals=(("hired_on", "left_on"),),
        ),
        entity(
            "rep_absences",
            "rep_id key person; starts_on date key; ends_on date",
            intervals=(("starts_on", "ends_on"),),
        ),
        entity(
            "leads",
            "lead_id key; created_at instant required; source; segment; owner_id person;"
            "qualified_at instant; disqualified_at instant; opportunity_id",
        ),
        entity(
            "opportunities",
            "opportunity_id key; account_id; owner_id required person; pipeline; stage required;"
            "created_at instant required; closed_at instant; expected_close_date date;"
            f"{AMOUNT}; probability decimal; forecast_category; outcome_reason;"
            "value_proposition; lead_source; opportunity_type; product_id;"
            "requested_delivery_date date; merged_into_opportunity_id; merged_at instant;"
            "is_deleted boolean; deleted_at instant",
        ),
        entity(
            "opportunity_changes",
            "opportunity_id key; changed_at instant key;"
            "field key in stage|amount|currency|expected_close_date|owner_id|probability"
            "|forecast_category|pipeline|account_id|is_deleted|merged_into_opportunity_id;"
            "old_value person where field=owner_id; new_value required person where field=owner_id;"
            "sequence integer key?; changed_by person",
            "delta",
        ),
        entity(
            "opportunity_lines",
            "opportunity_id key; line_number key; product_id required; quantity decimal;"
            "unit_price_amount decimal; discount_rate decimal; requested_delivery_date date",
        ),
        entity(
            "opportunity_splits",
            "opportunity_id key; rep_id key person; split_share decimal required",
        ),
        entity(
            "qualification_answers",
            "opportunity_id key; attribute_id key; rating required; assessed_at instant key;"
            "assessed_by key person",
            "delta",
        ),
        entity(
            "activities",
            "activity_id key; occurred_at instant required; rep_id required person;"
            "activity_type required; opportunity_id; account_id; objective_id;"
            "participant_function; duration_minutes decimal",
            "delta",
        ),
        entity(
            "quotes",
            "quote_id key; opportunity_id; product_id; quantity decimal;"
            "quoted_at instant required; quoted_delivery_date date;"
            f"quoted_by_function in sales|production; {AMOUNT}",
            "delta",
        ),
        entity(
            "quotas",
            "rep_id key person; period_start date key; period_end date; amount decimal required;"
            "currency",
            intervals=(("period_start", "period_end"),),
        ),
        entity(
            "forecast_submissions",
            "rep_id key person; submitted_at instant key; period_start date key; period_end date;"
            "commit_amount decimal required; currency",
            "delta",
            intervals=(("period_start", "period_end"),),
        ),
        entity(
            "rep_objectives",
            "objective_id key; rep_id key person; objective_name; issued_by person; product_id;"
            "product_change_id; weight decimal required; bonus_amount decimal; target decimal;"
            "valid_from date required; valid_to date; replaces_objective_id",
            intervals=(("valid_from", "valid_to"),),
        ),
        entity(
            "objective_results",
            "objective_id key; rep_id key person; period_start date key; actual decimal required",
            "delta",
        ),
        entity(
            "product_changes",
            "product_change_id key; product_id; product_manager_id person; change_type; size_class;"
            "effective_on date required; operations_signed_off_on date; sales_signed_off_on date",
        ),
        entity(
            "order_lines",
            "order_id key; line_number key; account_id; product_id; rep_id person; opportunity_id;"
            "ordered_at instant required; quantity decimal required; unit_price_amount decimal;"
            "discount_rate decimal; currency; requested_date date; first_promise_date date;"
            "current_promise_date date; cancelled_on date; cancelled_by in customer|late|other",
        ),
        entity(
            "order_schedule_lines",
            "order_id key; line_number key; schedule_number key; quantity decimal required;"
            "requested_date date; first_promise_date date; current_promise_date date",
        ),
        entity(
            "promise_changes",
            "order_id key; line_number key; schedule_number key?; changed_at instant key;"
            "promise_date date required;"
            "changed_by_function in sales|production|customer|system;"
            "kind key? in quote|promise; reason",
            "delta",
        ),
        entity(
            "shipments",
            "shipment_id key; order_id key; line_number key; quantity decimal required;"
            "shipped_on date required; delivered_on date; freight_amount decimal; currency;"
            "is_expedited boolean",
            "delta",
        ),
        entity(
            "returns",
            "return_id key; order_id required; line_number required; quantity decimal required;"
            "returned_on date required; credit_amount decimal; reason",
            "delta",
        ),
        entity(
            "work_orders",
            "work_order_id key; product_id; order_id; line_number; quantity decimal required;"
            "released_at instant; planned_start_at instant; planned_end_at instant;"
            "started_at instant; finished_at instant; status",
        ),
        entity(
            "operations",
            "work_order_id key; operation_number key; work_center_id required;"
            "started_at instant key; finished_at instant; report_type in setup|run|breakdown;"
            "quantity_good decimal; quantity_scrapped decimal; quantity_reworked decimal;"
            "worker_id person",
            "delta",
            intervals=(("started_at", "finished_at"),),
        ),
        entity(
            "routings",
            "product_id key; operation_number key; work_center_id required;"
            "setup_minutes decimal; run_minutes_per_unit decimal; lot_size decimal",
        ),
        entity(
            "work_centers",
            "work_center_id key; work_center_name; available_hours_per_week decimal",
        ),
        entity(
            "work_center_calendars",
            "work_center_id key; week_start date key; available_hours decimal required;"
            "overtime_hours decimal",
        ),
        entity(
            "cost_entries",
            "month date key; cost_pool key; driver key?; amount decimal required; currency;"
            "accuracy_rate decimal",
            "delta",
        ),
        entity(
            "barriers",
            "barrier_id key; raised_at instant required; raised_by person; process_step;"
            "cause in process|tool|information|person; first_response_at instant;"
            "removed_at instant; manager_id person; hours_lost decimal; opportunity_id",
        ),
        entity(
            "coaching_sessions",
            "session_id key; held_at instant required; manager_id required person; "
            "rep_id required person; duration_minutes decimal; process_step",
            "delta",
        ),
        entity(
            "pulse_invitations",
            "wave key; function key; invited_count integer required",
        ),
        entity(
            "pulse_responses",
            "wave key; respondent_key key person; question_id key?; function required;"
            "score decimal required; gap_reason",
            "delta",
            confidential=True,
        ),
        entity(
            "pulse_actions",
            "action_id key; wave required; function; agreed_on date required; done_on date;"
            "process_step",
        ),
        entity(
            "fx_rates",
            "rate_date date key; currency key; rate_to_base decimal required",
            "delta",
        ),
    ),
)

"""What must hold of the order lines of `usaid`, and what they are known for."""

from expectations.suites import Rule, suite

SYSTEM = "usaid"
SUITES = {
    "supply_chain_shipment_pricing_data": suite(
        "id",
        "po_so_number scheduled_delivery_date fulfill_via line_item_quantity",
        Rule(
            "quantity_is_positive",
            "to_decimal(line_item_quantity) <= 0",
            "order nothing or less",
            "correct the quantity at the source",
        ),
        Rule(
            "not_recorded_before_delivered",
            "to_date_as(delivery_recorded_date, '%d-%b-%y')"
            " < to_date_as(delivered_to_client_date, '%d-%b-%y')",
            "were recorded as delivered before the day they were delivered",
            "ask who keeps the dates; the lines are used as they are",
            warn="2026-11-22: three lines of the published extract are so",
        ),
        Rule(
            "order_date_is_a_date",
            "to_date_as(po_sent_to_vendor_date, '%d-%b-%y') is null"
            " and to_date_as(po_sent_to_vendor_date, '%m/%d/%Y') is null",
            "have words where the order date should be",
            "they are kept without an order date",
            warn="2026-11-22: lines from a distribution centre have no order to a vendor",
            keeps_rows=False,
        ),
        Rule(
            "freight_is_a_number",
            "to_decimal(freight_cost_usd) is null",
            "have words where freight should be",
            "they are kept; freight counts only where it is a number",
            warn="2026-11-22: freight is often invoiced with another line of the same shipment",
            keeps_rows=False,
        ),
    ),
}

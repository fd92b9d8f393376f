"""`usaid`: Supply Chain Shipment Pricing (USAID), order lines with three delivery dates.

Scheduled, delivered and recorded are clean dates; the PQ and PO dates, weight and freight hold
words in places, so they land as text and staging makes of them what they are.
"""

from assets.systems import Entity, System, columns

SYSTEM = System(
    name="usaid",
    description="Order lines with scheduled, delivered and recorded delivery dates.",
    entities=(
        Entity(
            "supply_chain_shipment_pricing_data",
            columns(
                """
                id key
                project_code
                pq_number called pq #
                po_so_number called po / so #
                asn_dn_number called asn/dn #
                country
                managed_by
                fulfill_via
                vendor_inco_term
                shipment_mode
                pq_first_sent_to_client_date
                po_sent_to_vendor_date
                scheduled_delivery_date date as %d-%b-%y
                delivered_to_client_date date as %d-%b-%y
                delivery_recorded_date date as %d-%b-%y
                product_group
                sub_classification
                vendor
                item_description
                molecule_test_type called molecule/test type
                brand
                dosage
                dosage_form
                unit_of_measure called unit of measure (per pack)
                line_item_quantity decimal
                line_item_value decimal
                pack_price decimal
                unit_price decimal
                manufacturing_site
                first_line_designation
                weight_kilograms called weight (kilograms)
                freight_cost_usd called freight cost (usd)
                line_item_insurance_usd decimal called line item insurance (usd)
                """
            ),
        ),
    ),
)

"""`maven`: CRM Sales Opportunities (Maven Analytics), a CRM export without history.

One current stage and two dates per opportunity; products are named, not numbered, and not always
alike (the seed `value_maps` says which names mean the same).
"""

from assets.systems import Entity, System, columns

SYSTEM = System(
    name="maven",
    description="CRM export with one current stage and two dates per opportunity.",
    entities=(
        Entity(
            "accounts",
            columns(
                "account key; sector; year_established integer; revenue decimal;"
                "employees integer; office_location; subsidiary_of"
            ),
        ),
        Entity("products", columns("product key; series; sales_price decimal")),
        Entity(
            "sales_teams",
            columns("sales_agent key person; manager person personal; regional_office personal"),
        ),
        Entity(
            "sales_pipeline",
            columns(
                "opportunity_id key; sales_agent required person; product; account;"
                "deal_stage required; engage_date date; close_date date; close_value decimal"
            ),
            intervals=(("engage_date", "close_date"),),
        ),
    ),
)

"""What must hold of the CRM export `maven`, and what it is known for."""

from expectations.suites import Rule, suite

SYSTEM = "maven"
SUITES = {
    "accounts": suite("account", ""),
    "products": suite("product", ""),
    "sales_teams": suite("sales_agent", "manager"),
    "sales_pipeline": suite(
        "opportunity_id",
        "sales_agent product deal_stage",
        Rule(
            "closed_deals_have_a_close_date",
            "deal_stage in ('Won', 'Lost') and blank_to_null(close_date) is null",
            "are closed without a close date",
            "deliver the date: these deals fall out of every figure by month of close",
        ),
        Rule(
            "product_is_in_the_price_list",
            "product not in (select product from raw_maven.products where _valid_to is null)",
            "name a product that the price list does not have",
            "map the name in dbt_project/seeds/value_maps.csv",
            warn="2026-11-22: the export writes GTXPro for GTX Pro; the seed value_maps maps it",
            keeps_rows=False,
        ),
        Rule(
            "account_is_named",
            "blank_to_null(account) is null",
            "have no account",
            "they are kept, in segment unknown; name the account in the CRM",
            warn="2026-11-22: open deals of this export often have none yet",
            keeps_rows=False,
        ),
        Rule(
            "engage_date_is_given",
            "blank_to_null(engage_date) is null",
            "have no engage date",
            "they are kept in the cohort `unknown` and left out of timing metrics",
            warn="2026-11-22: deals still in Prospecting have none",
            keeps_rows=False,
        ),
    ),
}

"""What must hold of the qualification answers of `bohanec`, and what they are known for."""

from expectations.suites import Rule, suite

SYSTEM = "bohanec"
SUITES = {
    "salvirt_b2b_ml_dataset": suite(
        "",
        "product seller status",
        Rule(
            "status_is_known",
            "status not in ('Won', 'Lost')",
            "have an outcome that is neither Won nor Lost",
            "correct the outcome, or add the stage to dbt_project/seeds/stages.csv",
        ),
        Rule(
            "deals_can_be_told_apart",
            "select * from raw_bohanec.salvirt_b2b_ml_dataset where _is_exact_duplicate",
            "are alike to an earlier row to the last column",
            "they are kept: without an id each row is a deal of its own",
            warn="2026-11-22: of 448 rows 365 differ",
            keeps_rows=False,
        ),
    ),
}

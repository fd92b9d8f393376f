"""What must hold of the qualification answers of `bohanec`, and what they are known for."""

from expectations.suites import Rule, suite

SYSTEM = "bohanec"
ANSWERS = (
    "product, seller, authority, comp_size, competitors, purch_dept, partnership, budgt_alloc,"
    " forml_tend, rfi, rfp, growth, posit_statm, source, client, scope, strat_deal, cross_sale,"
    " up_sale, deal_type, needs_def, att_t_client, status"
)
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
            f"""
            select * from {{batch}}
            qualify row_number() over (partition by {ANSWERS} order by _row_number) > 1
            """,
            "are alike to an earlier row to the last column",
            "they are kept: without an id each row is a deal of its own",
            warn="2026-11-22: of 448 rows 365 differ",
            keeps_rows=False,
        ),
    ),
}

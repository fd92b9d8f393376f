"""`bohanec`: B2B sales forecasting (M. Bohanec, Salvirt), deals with qualification answers.

No id, date or amount: each row is a deal of its own, known by its row number, alike or not.
"""

from assets.systems import Entity, System, columns

SYSTEM = System(
    name="bohanec",
    description="Resolved deals with the answers to 22 qualification questions.",
    entities=(
        Entity(
            "salvirt_b2b_ml_dataset",
            columns(
                "product; seller person; authority; comp_size; competitors; purch_dept;"
                "partnership; budgt_alloc; forml_tend; rfi; rfp; growth; posit_statm; source;"
                "client; scope; strat_deal; cross_sale; up_sale; deal_type; needs_def;"
                "att_t_client; status required"
            ),
            key_is="row_number",
        ),
    ),
)

"""`levy`: a manufacturer's production log (D. Levy, 4TU).

Published as doi 10.4121/uuid:68726926-5ac5-4fab-b873-ee76ea412399.

A log of operation reports without ids: the whole row tells reports apart, so a row that comes
twice is one report. The span is what a spreadsheet left of a duration; it stays text.
"""

from assets.systems import Entity, System, columns

SYSTEM = System(
    name="levy",
    description="Production log: one row per operation report, no ids, no promises, no cost.",
    entities=(
        Entity(
            "production_data",
            columns(
                """
                case_id required
                activity required
                resource required
                start_timestamp instant required as %Y/%m/%d %H:%M:%S.%g
                complete_timestamp instant as %Y/%m/%d %H:%M:%S.%g
                span
                work_order_qty decimal
                part_desc called part desc.
                worker_id person
                report_type in d|s|b
                qty_completed decimal
                qty_rejected decimal
                qty_for_mrb decimal called qty for mrb
                rework
                """
            ),
            key_is="row",
            intervals=(("start_timestamp", "complete_timestamp"),),
        ),
    ),
)

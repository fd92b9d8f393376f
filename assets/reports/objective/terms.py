"""What the sections on objectives share: their marts, and what to say where nothing is there."""

LOAD = "mart_rep_objectives_monthly"
ISSUERS = "mart_objective_issuers_monthly"
NO_OBJECTIVES = (
    "No objective is published. Bring the extract rep_objectives; activities, order_lines and"
    " objective_results tell which of them get attention."
)
NO_MONTH = "No month with objectives is over yet. After the first whole one the figures are here."
#: months of which issuers and lists tell
YEAR = 12

"""The scorecard of the demo company, also the shipped one of `standard`: see the dbt seeds
`qualification_attributes.csv` and `qualification_answer_scale.csv`, which say the same.
"""

import numpy as np

#: attribute → weight; the weights add to 100. Ratings run from 0 to 5.
WEIGHTS = {
    "need": 15,
    "budget": 14,
    "authority": 12,
    "timing": 12,
    "capability_fit": 15,
    "competition": 8,
    "relationship": 8,
    "decision_process": 10,
    "delivery_fit": 6,
}
#: attributes that are answered in words, from the rating 0 to the rating 5
WORDS = {
    "timing": (
        "no date",
        "some day",
        "next fiscal year",
        "this fiscal year",
        "this quarter",
        "date fixed",
    ),
    "competition": (
        "incumbent preferred",
        "specified for a rival",
        "several equal",
        "we are among two",
        "we are preferred",
        "no rival",
    ),
}
ATTRIBUTES = tuple(WEIGHTS)
SHARE = np.array(list(WEIGHTS.values())) / 100
TOP_RATING = 5


def answer_texts() -> list[str]:
    """The text of each answer; the code of one is attribute × 6 + rating."""
    return [
        WORDS[name][rating] if name in WORDS else str(rating)
        for name in ATTRIBUTES
        for rating in range(TOP_RATING + 1)
    ]

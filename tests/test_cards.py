"""The card of a model: whole, orderly and the same again, whatever the facts hold."""

from dataclasses import asdict
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from assets.scoring import cards
from assets.scoring.cards import HTML, MARKDOWN, documents, number
from assets.scoring.evaluation import Distribution
from assets.scoring.win_probability import BestValue, Choice, Feature, Fitted, Training

AS_OF = date(2026, 6, 30)
LIBRARIES = {"scikit-learn": "1.9.1", "numpy": "2.4.0"}
#: tags that have no end
VOID = {"meta", "line", "circle", "polyline", "br"}


def measured(
    measure: str,
    value: float | None,
    slice: str = "all",
    part: str | None = None,
    method: str = "model",
    bounds: tuple[float | None, float | None] = (None, None),
    cases: int = 400,
) -> dict[str, Any]:
    return {
        "slice": slice,
        "slice_value": part,
        "method": method,
        "measure": measure,
        "value": value,
        "lower_bound": bounds[0],
        "upper_bound": bounds[1],
        "case_count": cases,
    }


WIN: dict[str, Any] = {
    **asdict(
        Fitted(
            status="fitted",
            features=(Feature("answer_need", "number", "need is clear", "need is unclear", True),),
            ignored={"segment": "all deals have the same value"},
            suspects={},
            training=Training(900, 300, 1500, "2024-01-02", "2026-05-30", "ab" * 32),
            choice=Choice(0.3),
            best={"answer_need": BestValue("1", 0.8)},
            distributions={"answer_need": Distribution((0.5, 0.5), edges=(0.2, 0.8))},
        )
    ),
    "case_count": 900,
    "data_sha256": "ab" * 32,
    "performance": [
        measured("brier", 0.16123, bounds=(0.15, 0.1724)),
        measured("brier", 0.2, method="stage win rate", cases=380),
        measured("auc", 0.78),
        measured("brier_skill", None),
        measured("brier", 0.17, "quarter", "2026-01-01", cases=90),
        measured("mean_probability", 0.5, "probability", "0.4 to 0.6", cases=100),
        measured("win_rate", 0.25, "probability", "0.4 to 0.6", bounds=(0.2, 0.3), cases=100),
        measured("mean_probability", 0.1, "probability", "0.0 to 0.2", cases=25),
        measured("win_rate", 0.1, "probability", "0.0 to 0.2", cases=25),
    ],
}
LEAD = {
    "case_count": 700,
    "data_sha256": "cd" * 32,
    "order_line": {
        "status": "fitted",
        "numbers": ["quantity"],
        "categories": ["family"],
        "unused_features": {"route": "one value"},
        "training": {"line_count": 700, "first_started_date": "2024-03-01"},
        "correction": [0.1, 0.0, -0.05, 0.02],
        "mature_days": 61.0,
        "is_slip": False,
        "validation": [
            {"slice": "all", "line_count": 500, "levels": {"p80": {"coverage_rate": 0.81}}},
        ],
    },
    "performance": [
        measured("coverage", 0.81, method="p80", bounds=(0.78, 0.84), cases=500),
        measured("coverage", 0.48, method="p50", cases=500),
        measured("width_days", 1234.5, cases=500),
    ],
}


def card(score: str, facts: dict[str, Any], *against: str) -> tuple[str, str]:
    """Markdown and HTML, the latter found to be well-formed and complete in itself."""
    said = documents(score, "2026-06-30-ab", AS_OF, "fitted", facts, against, LIBRARIES)
    Balanced().check(said[HTML])
    for table in said[MARKDOWN].split("\n\n"):
        if table.startswith("|"):
            lines = table.strip().replace("\\|", "").splitlines()
            assert len({line.count("|") for line in lines}) == 1, table
    return said[MARKDOWN], said[HTML]


class Balanced(HTMLParser):
    """Every tag that opens closes in its turn, and nothing is fetched."""

    def check(self, text: str) -> None:
        self.stack: list[str] = []
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "link", "img", "iframe"}
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag


def test_a_card_says_what_where_from_how_well_and_how_far() -> None:
    for text in card("win_probability_standard", WIN):
        for words in (
            "Win probability",
            "Promoted.",
            "ab" * 32,
            "2024-01-02",
            "scikit-learn 1.9.1",
            "need is clear",
            "all deals have the same value",
            "0.161 (0.150 to 0.172)",
            "0.200, n 380",
            "0.780",
            "2026-01-01",
            "0.250 (0.200 to 0.300)",
            "AUC",
            "ranks no people",
            "need not cause",
            "Strength",
        ):
            assert words in text, words
        assert "0.172), n" not in text
        # an undefined measure is no zero
        assert "| Brier skill |" not in text and "<td>Brier skill" not in text
        # the model stands before its baselines
        assert text.index("model") < text.index("stage win rate")


def test_what_speaks_against_a_model_stands_on_its_card() -> None:
    for text in card(
        "win_probability_standard", WIN, "beats the stage win rate in 0 of 3 quarters"
    ):
        assert "Not promoted." in text
        assert "beats the stage win rate in 0 of 3 quarters" in text


def test_the_curve_is_drawn_to_scale() -> None:
    _, html = card("win_probability_standard", WIN)
    x, y = (cards.LEFT + cards.SIDE * 0.5, cards.TOP + cards.SIDE * 0.75)
    assert f'cx="{x:.1f}" cy="{y:.1f}" r="{cards.LARGEST_DOT:.1f}"' in html
    # a quarter of the cases is a dot of half the width
    x, y = (cards.LEFT + cards.SIDE * 0.1, cards.TOP + cards.SIDE * 0.9)
    assert f'cx="{x:.1f}" cy="{y:.1f}" r="{cards.LARGEST_DOT / 2:.1f}"' in html
    low, high = (cards.TOP + cards.SIDE * (1 - rate) for rate in (0.2, 0.3))
    assert f'y1="{low:.1f}"' in html and f'y2="{high:.1f}"' in html
    # from the least probability to the greatest
    assert f'points="{x:.1f},{y:.1f} ' in html


def test_quantiles_have_a_curve_of_levels() -> None:
    for text in card("order_lead_time_standard", LEAD):
        assert "Reliability of the quantiles" in text
        assert text.index("0.480") < text.index("0.810 (0.780 to 0.840)")
        for words in ("quantity (Order line)", "route (Order line)", "one value", "1,234"):
            assert words in text, words
        assert "0.100, 0, -0.050, 0.020" in text


@pytest.mark.parametrize("facts", [{}, {"performance": []}, {"performance": None, "deep": {}}])
def test_without_figures_the_card_says_so(facts: dict[str, Any]) -> None:
    for text in card("some_score", facts):
        assert "Some score" in text
        assert "Not measured." in text
        assert "Not told." in text


def test_nothing_in_the_facts_becomes_markup() -> None:
    evil = "<script>alert(1)</script> | **bold**\n# head"
    facts = {
        "features": [evil],
        "ignored": {evil: evil},
        "note": evil,
        "rows": [{evil: evil}],
        "performance": [measured(evil, 0.5, "group", evil, evil)],
    }
    markdown, html = card("x", facts, evil)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not [line for line in markdown.splitlines() if line.startswith("# head")]
    assert "\\<script\\>" in markdown and "<script" not in markdown.replace("\\<script", "")
    assert "\\*\\*bold\\*\\*" in markdown


def test_long_lists_are_cut_and_say_so() -> None:
    facts = {
        "levels": list(range(100)),
        "rows": [{"number": number} for number in range(100)],
        "performance": [measured("brier", 0.2, "group", f"g{n:03}") for n in range(100)],
    }
    for text in card("x", facts):
        assert "10, 11 and 88 more" in text
        assert text.count("60 more rows in metrics.json") == 2
        assert "g039" in text and "g040" not in text


def test_the_same_facts_give_the_same_bytes_in_any_order() -> None:
    turned = dict(reversed(WIN.items())) | {"performance": WIN["performance"][::-1]}
    assert card("win_probability_standard", WIN) == card("win_probability_standard", turned)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (0, "0"), (3.0, "3"), (12345, "12,345"), (12345.6, "12,346"), (61.26, "61.3"),
        (0.16123, "0.161"), (-0.05, "-0.050"), (0.0004, "0.000400"),
    ],
)  # fmt: skip
def test_numbers_are_made_for_readers(value: float | None, shown: str) -> None:
    assert number(value) == shown

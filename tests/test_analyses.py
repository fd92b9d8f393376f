"""The sample queries run on what is published, each with an answer on the demo company."""

import re
from pathlib import Path

import jinja2
import pytest

from tests.line import Line

ANALYSES = sorted((Path(__file__).parents[1] / "dbt_project" / "analyses").glob("*.sql"))


def on_published(analysis: Path) -> str:
    """The query as an analyst runs it after `use marts.marts`: `ref` names the published table."""
    return jinja2.Template(analysis.read_text()).render(ref=lambda mart: f"marts.{mart}")


def test_there_are_samples() -> None:
    assert len(ANALYSES) >= 8


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda path: path.stem)
def test_a_sample_query_answers_its_question(analysis: Path, demo_line: Line) -> None:
    question = analysis.read_text().splitlines()[0]
    assert re.fullmatch(r"-- .+\?", question), "it begins with the question"
    rows = demo_line.query(on_published(analysis))
    assert rows

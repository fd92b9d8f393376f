"""The semantic layer says what the registry says, and what the marts hold, by month and group."""

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from assets import semantic_layer
from assets.dbt import SEMANTIC_MANIFEST, prepared_manifest
from assets.settings import Settings
from orchestration.__main__ import main
from tests.line import Line

REGISTRY = Path(__file__).parents[1] / "dbt_project" / "seeds" / "metrics.csv"


def registry() -> dict[str, dict[str, str]]:
    with REGISTRY.open(encoding="utf-8") as file:
        return {row["metric"]: row for row in csv.DictReader(file)}


@pytest.fixture
def demo(demo_line: Line, settings: Settings) -> Settings:
    return replace(settings, home=demo_line.home)


def test_a_metric_of_the_registry_is_in_the_layer_or_says_why_not() -> None:
    served = semantic_layer.metrics()
    registered = registry()
    assert set(served) == {
        name for name, row in registered.items() if not row["not_in_layer_reason"]
    }
    for name, metric in served.items():
        assert (name, metric.definition, metric.unit) == (
            name,
            registered[name]["definition"],
            registered[name]["unit"],
        )


def test_a_ratio_is_made_of_the_columns_beside_the_rate() -> None:
    manifest = json.loads(prepared_manifest().with_name(SEMANTIC_MANIFEST).read_text())
    measures = {
        measure["name"]: (model["node_relation"]["alias"], measure["expr"] or measure["name"])
        for model in manifest["semantic_models"]
        for measure in model["measures"]
    }
    ratios = [name for name, metric in semantic_layer.metrics().items() if metric.is_ratio]
    assert len(ratios) >= 15
    for name in ratios:
        row = registry()[name]
        for part in ("numerator", "denominator"):
            mart, read = measures[f"{name}_{part}"]
            assert mart == row["mart_name"], name
            if name == "promise_changes_per_line":  # no rate: its parts have names of their own
                assert read in ("promise_change_count", "promised_count")
            else:
                assert f"{row['column_name']}_{part}" in read


def test_a_group_means_one_column() -> None:
    manifest = json.loads(prepared_manifest().with_name(SEMANTIC_MANIFEST).read_text())
    entities = {e["name"] for model in manifest["semantic_models"] for e in model["entities"]}
    dimensions = [
        dimension["name"]
        for model in manifest["semantic_models"]
        for dimension in model["dimensions"]
        if dimension["name"] != model["defaults"]["agg_time_dimension"]
    ]
    assert sorted([*entities, *dimensions]) == list(semantic_layer.groups())


#: at the grain of the mart, a metric is the mart's column: what the layer groups by, what the mart
#: has for it, and which rows of the mart are meant
GRAINS = {
    "mart_sales_outcomes_monthly": (
        {"metric_time__month": "close_month", "pipeline": "", "segment": "", "source_system": ""},
        "true",
    ),
    "mart_funnel_monthly": (
        {
            "metric_time__month": "entry_month",
            "pipeline": "",
            "segment": "",
            "source_system": "",
            "stage": "",
            "stage_type": "",
        },
        "true",
    ),
    "mart_sales_flow_weekly": (
        {"metric_time__week": "week_start", "pipeline": "", "source_system": "", "stage": ""},
        "true",
    ),
    "mart_pipeline_waterfall": (
        {"metric_time__month": "period_start", "pipeline": "", "source_system": ""},
        "period_kind = 'fiscal_month'",
    ),
    "mart_qualification_monthly": (
        {"metric_time__month": "event_month", "pipeline": "", "segment": "", "source_system": ""},
        "true",
    ),
    "mart_on_time_delivery_monthly": (
        {
            "metric_time__month": "basis_month",
            "basis": "",
            "product_family": "",
            "promised_by": "",
            "source_system": "",
        },
        "true",
    ),
    "mart_promise_reliability_monthly": (
        {
            "metric_time__month": "due_month",
            "product_family": "",
            "account_id": "",
            "promised_by": "",
            "source_system": "",
        },
        "true",
    ),
    "mart_objective_issuers_monthly": (
        {"metric_time__month": "objective_month", "issued_by": ""},
        "true",
    ),
    "mart_forecast_monthly": (
        {
            "metric_time__day": "period_start",
            "period_kind": "",
            "method": "",
            "forecast_date": "",
            "source_system": "",
        },
        "true",
    ),
}


@pytest.mark.parametrize("mart", GRAINS)
def test_at_its_grain_a_metric_is_the_column_of_its_mart(
    mart: str, demo: Settings, demo_line: Line
) -> None:
    grain, rows = GRAINS[mart]
    registered = registry()
    names = [n for n in semantic_layer.metrics() if registered[n]["mart_name"] == mart]
    columns = [registered[name]["column_name"] for name in names]
    keys = [column or group for group, column in grain.items()]
    by_key = {
        row[: len(keys)]: dict(zip(names, row[len(keys) :], strict=True))
        for row in demo_line.query(f"select {', '.join(keys + columns)} from {mart} where {rows}")
    }
    told = semantic_layer.query(demo, names, list(grain))
    assert told.num_rows == len(by_key) > 0
    compared = dict.fromkeys(names, 0)
    for row in told.to_pylist():
        held = by_key[tuple(row[group] for group in grain)]
        for name in names:
            if held[name] is not None:
                compared[name] += 1
                # marts round amounts to cents
                near = 0.0051 if "currency" in registered[name]["unit"] else 1e-6
                assert float(row[name]) == pytest.approx(float(held[name]), abs=near, rel=1e-5), (
                    name
                )
            elif "cases" in str(row.get(f"{name}_suppressed_reason")):
                assert row[name] is None
    never = {name for name, count in compared.items() if not count}
    assert not never


def summed(numerator: str, denominator: str) -> str:
    return f"sum({numerator})::double / nullif(sum({denominator}), 0)"


def rate(column: str) -> str:
    return summed(f"{column}_numerator", f"{column}_denominator")


OUTCOMES = ("mart_sales_outcomes_monthly", "close_month", "segment", "true", {})
LINES = ("mart_on_time_delivery_monthly", "basis_month", "product_family", "basis = 'request'")
REQUEST = {"basis": "request"}
QUALIFIED = ("mart_qualification_monthly", "event_month", "segment", "true", {})
#: metric → the mart, its month, its group, its rows, the same rows for the layer; SQL over them
TEN = {
    "win_rate": (*OUTCOMES, rate("win_rate")),
    "win_rate_by_value": (*OUTCOMES, rate("win_rate_by_value")),
    "first_pass_yield_rate": (*OUTCOMES, rate("first_pass_yield_rate")),
    "scrap_after_proposal_rate": (*OUTCOMES, rate("scrap_after_proposal_rate")),
    "close_date_pushes": (*OUTCOMES, "sum(close_date_push_count)"),
    "won_cycle_median": (
        "fct_opportunities",
        *("close_month", "segment", "true", {}),
        "median(cycle_days) filter (outcome = 'won')",
    ),
    "scored_on_time_rate": (*QUALIFIED, rate("scored_on_time_rate")),
    "mean_qualification_score": (*QUALIFIED, rate("mean_score")),
    "otif_rate": (*LINES, REQUEST, rate("otif_rate")),
    "overdue_backlog": (*LINES, REQUEST, "sum(overdue_open_count)"),
    "promise_changes_per_line": (
        *LINES,
        REQUEST,
        summed("promise_change_count", "promised_count"),
    ),
    "stage_conversion_rate": (
        *("mart_funnel_monthly", "entry_month", "segment", "stage = 'Qualified'"),
        {"stage": "Qualified"},
        rate("conversion_rate"),
    ),
}


@pytest.mark.parametrize("metric", TEN)
def test_by_month_and_by_segment_a_metric_is_what_the_marts_add_up_to(
    metric: str, demo: Settings, demo_line: Line
) -> None:
    mart, month, group, rows, where, sql = TEN[metric]
    since = date(2025, 1, 1)
    for by, column in (("metric_time__month", month), (group, group)):
        held = dict(
            demo_line.query(
                f"select {column}, {sql} from {mart}"
                f" where {rows} and {month} >= date '{since}' group by 1"
            )
        )
        told = semantic_layer.query(demo, [metric], [by], where, since=since)
        shown = {row[by]: row for row in told.to_pylist()}
        assert set(shown) == set(held) and len(held) >= 3
        assert any(row[metric] is not None for row in shown.values())
        for key, row in shown.items():
            if "cases" not in str(row.get(f"{metric}_suppressed_reason")):
                assert (row[metric] is None) == (held[key] is None)
                if held[key] is not None:
                    assert float(row[metric]) == pytest.approx(float(held[key]), abs=1e-6)


def test_without_cases_there_is_no_rate(demo: Settings) -> None:
    told = semantic_layer.query(demo, ["win_rate"], (), {"segment": "none such"}).to_pylist()
    assert [row["win_rate"] for row in told] in ([], [None])
    few = semantic_layer.query(
        demo,
        ["win_rate", "win_rate_by_value"],
        ["metric_time__month", "pipeline", "segment"],
    ).to_pylist()
    for row in few:
        if (row["win_rate_denominator"] or 0) < 5:
            assert row["win_rate"] is None
            assert row["win_rate_suppressed_reason"] in ("no cases", "fewer than 5 cases")


def test_what_cannot_be_asked_is_said(demo: Settings, settings: Settings) -> None:
    with pytest.raises(ValueError, match="no metric win_rat; do you mean win_rate"):
        semantic_layer.query(demo, ["win_rat"])
    with pytest.raises(ValueError, match="no group segmen; do you mean segment"):
        semantic_layer.query(demo, ["win_rate"], ["segmen"])
    with pytest.raises(ValueError, match="means nothing across all values of basis"):
        semantic_layer.query(demo, ["otif_rate"], ["metric_time__month"])
    with pytest.raises(ValueError, match=r"cannot be told by stage; .*pipeline, segment"):
        semantic_layer.query(demo, ["win_rate"], ["stage"])
    with pytest.raises(ValueError, match="brace"):
        semantic_layer.query(demo, ["win_rate"], where={"segment": "{{ 1 }}"})
    hostile = semantic_layer.query(demo, ["win_rate"], ["segment"], {"segment": "' or '1'='1"})
    assert hostile.num_rows == 0
    with pytest.raises(LookupError, match="make run"):
        semantic_layer.query(settings, ["win_rate"])


def test_the_command_prints_csv(
    demo: Settings,
    demo_line: Line,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("FUNNELWORKS_HOME", str(demo.home))
    monkeypatch.setenv("FUNNELWORKS_AS_OF", "2026-06-30")
    asked = ["metrics", "--metric", "otif_rate", "--by", "metric_time__year", "--where"]
    assert main([*asked, "basis=request"]) == 0
    rows = list(csv.DictReader(capfdbinary.readouterr().out.decode().splitlines()))
    [(kept, due)] = demo_line.query(
        "select sum(otif_rate_numerator), sum(otif_rate_denominator)"
        " from mart_on_time_delivery_monthly where basis = 'request'"
    )
    assert sum(int(row["otif_rate_numerator"]) for row in rows) == kept
    assert sum(int(row["otif_rate_denominator"]) for row in rows) == due
    assert main(["metrics"]) == 0
    assert "win_rate (rate 0-1): Won ÷" in capfdbinary.readouterr().out.decode()
    assert main(["metrics", "--metric", "otif_rate"]) == 1
    assert b"basis" in capfdbinary.readouterr().err

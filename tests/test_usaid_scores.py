"""Promises on real lines: late or not, and by how many days, validated forward in time."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from assets.scoring.promise_dates import LEVELS, NAMES, Columns, Fitted, fit, fit_late
from tests.line import REAL, REAL_FOLDERS

AS_OF = date(2015, 12, 31)
#: what is known of a line when it is scheduled
FEATURES = (
    "country",
    "fulfill via",
    "shipment mode",
    "vendor",
    "product group",
    "manufacturing site",
    "line item quantity",
    "days_from_quote",
    "days_from_order",
)
COLUMNS = Columns(
    started="scheduled delivery date",
    finished="delivered to client date",
    features=FEATURES,
    group="fulfill via",
    recorded="delivery recorded date",
)


def day(column: pd.Series) -> pd.Series:
    """Dates as the source writes them; words (`Pre-PQ Process`) are none."""
    by_format = [
        pd.to_datetime(column, format=form, errors="coerce") for form in ("%d-%b-%y", "%m/%d/%Y")
    ]
    return by_format[0].fillna(by_format[1])


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    folder = REAL / REAL_FOLDERS["usaid"]
    if not folder.is_dir():
        pytest.skip(f"the real extracts are not here: {folder}")
    table = pd.read_csv(folder / "Supply_Chain_Shipment_Pricing_Data.csv", dtype=str)
    table = table.assign(**{name: day(table[name]) for name in table.filter(like=" date")})
    due = table[COLUMNS.started]
    return table.assign(
        **{
            "line item quantity": pd.to_numeric(table["line item quantity"]),
            "days_from_quote": (due - table["pq first sent to client date"]).dt.days,
            "days_from_order": (due - table["po sent to vendor date"]).dt.days,
        }
    )


def row(fitted: Fitted, kind: str = "all", value: str | None = None) -> dict[str, Any]:
    (found,) = [
        row
        for row in fitted.facts["validation"]
        if row["slice"] == kind and (value is None or row["slice_value"] == value)
    ]
    return found


def test_the_lines_are_read_as_counted(lines: pd.DataFrame) -> None:
    assert len(lines) == 10_324
    assert lines[COLUMNS.started].notna().all()
    assert (lines[COLUMNS.finished] > lines[COLUMNS.started]).sum() == 10_324 - 9_138
    assert lines["days_from_quote"].notna().sum() == 7_643


def test_late_or_not_beats_the_base_rate_and_the_rate_per_route(lines: pd.DataFrame) -> None:
    """Models of every half year from 2009 on, each held against the lines due after it."""
    model = fit_late(lines, COLUMNS, AS_OF, refit_days=182, refits=14)
    everything = row(model)
    assert everything["line_count"] > 7_000
    brier = everything["brier_scores"]
    assert brier["model"] < 0.95 * brier["base_rate"]
    assert brier["model"] < 0.97 * brier["group_rate"]
    # to be late grows rarer: rates of the recent lines alone are the harder ones to beat
    assert brier["model"] < brier["recent_base_rate"]
    late_rate = everything["late_count"] / everything["line_count"]
    assert everything["mean_probability"] == pytest.approx(late_rate, abs=0.05)
    assert {found["slice_value"] for found in model.facts["validation"]} >= {
        "Direct Drop",
        "From RDC",
    }


def test_the_days_after_the_due_date_hold_their_levels(lines: pd.DataFrame) -> None:
    model = fit(lines, COLUMNS, AS_OF, is_slip=True, refit_days=182, refits=13)
    assert model.status == "fitted"
    assert model.facts["is_better_than_marginal"]
    everything = row(model)
    assert everything["line_count"] > 7_000
    for level, name in zip(LEVELS, NAMES, strict=True):
        found = everything["levels"][name]
        # half of all lines are delivered on the very day: the level lies between the two rates
        earlier_rate = found["earlier_count"] / found["known_count"]
        assert earlier_rate - 0.03 <= level <= found["coverage_rate"] + 0.03
    assert everything["levels"]["p95"]["coverage_rate"] == pytest.approx(0.95, abs=0.03)
    # deliveries from the distribution centre scatter
    for level, name in ((0.80, "p80"), (0.95, "p95")):
        found = row(model, "group", "From RDC")["levels"][name]
        assert found["coverage_rate"] == pytest.approx(level, abs=0.03)

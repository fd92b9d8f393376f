"""Promises on real lines: late or not, and by how many days, validated forward in time."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from assets.scoring.promise_dates import Columns, Fitted, fit, fit_late
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
    model = fit_late(lines, COLUMNS, AS_OF, refit_days=91, refits=28)
    print(model.facts["candidate"], row(model))
    for r in model.facts["validation"]:
        print(r)


def test_promise_quantiles(lines: pd.DataFrame) -> None:
    model = fit(lines, COLUMNS, AS_OF, is_slip=True, refit_days=182, refits=13)
    print(model.status, {k: v for k, v in model.facts.items() if k != "validation"})
    for r in model.facts["validation"]:
        print(
            r["slice"],
            r["slice_value"],
            r["line_count"],
            r["width_days"],
            [
                (
                    l["coverage_rate"],
                    l["earlier_count"] / max(l["known_count"], 1),
                    l["pinball_days"],
                    l["marginal_pinball_days"],
                )
                for l in r["levels"].values()
            ],
        )

"""The best mix: held against every corner of the programme, and what it says when it cannot be."""

from collections.abc import Iterator
from datetime import date
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from assets.scoring.best_mix import SHORT, Programme, best_mix, in_words, mixes

JUNE = date(2026, 6, 1)


def programme(**given: list) -> Programme:
    return Programme(**{name: np.array(values, dtype=float) for name, values in given.items()})


def the_three(hours: float = 120) -> Programme:
    """X, Y and Z of the metric definitions, one work centre, at most what is ordered."""
    return programme(
        throughput=[600, 250, 400],
        hours=[[6 / 0.80, 1.5 / 0.98, 5 / 0.95]],
        available=[hours],
        least=[0, 0, 0],
        most=[10, 20, 6],
    )


def corners(of: Programme) -> Iterator[np.ndarray]:
    """Every point where as many bounds meet as there are products, and all of them hold."""
    n = len(of.throughput)
    one_each = np.eye(n)
    rows = np.vstack([of.hours, one_each, one_each])
    values = np.concatenate([of.available, of.least, of.most])
    for chosen in combinations(range(len(rows)), n):
        meeting = rows[list(chosen)]
        if abs(np.linalg.det(meeting)) > 1e-9:
            point = np.linalg.solve(meeting, values[list(chosen)])
            if (
                (of.hours @ point <= of.available + 1e-9).all()
                and (point >= of.least - 1e-9).all()
                and (point <= of.most + 1e-9).all()
            ):
                yield point


def by_brute_force(of: Programme) -> float | None:
    """What the best corner is worth; None where nothing holds."""
    worths = [float(of.throughput @ point) for point in corners(of)]
    return max(worths, default=None)


@st.composite
def small_programmes(draw: st.DrawFn) -> Programme:
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def whole(low: int, high: int, *shape: int) -> list:
        row = st.lists(st.integers(low, high), min_size=shape[-1], max_size=shape[-1])
        return draw(row) if len(shape) == 1 else [draw(row) for _ in range(shape[0])]

    least = whole(0, 3, n)
    return programme(
        throughput=whole(-2, 9, n),
        hours=whole(0, 4, m, n),
        available=whole(0, 25, m),
        least=least,
        most=[low + more for low, more in zip(least, whole(0, 6, n), strict=True)],
    )


def test_the_worked_orders_need_more_hours_than_there_are() -> None:
    """137.19 hours of 120, 114.3 %: what earns least per hour, Z at 76, gives way."""
    three = the_three()
    load = float(three.hours[0] @ three.most)
    assert load == pytest.approx(137.19, abs=0.005)
    assert load / 120 == pytest.approx(1.143, abs=0.0005)
    assert three.throughput / three.hours[0] == pytest.approx([80, 163.33, 76], abs=0.005)
    mix = best_mix(three)
    z = (120 - 75 - 20 * 1.5 / 0.98) / (5 / 0.95)
    assert mix.quantity == pytest.approx([10, 20, z])
    assert mix.shadow_price == pytest.approx([76])
    assert mix.one_more_hour == pytest.approx([76])
    assert in_words("Grinding", mix, 0) == "one more hour at Grinding is worth 76"


def test_an_hour_of_which_half_is_used_is_worth_half() -> None:
    """The shadow price holds for a small piece of an hour; beyond 137.19 no order is left."""
    mix = best_mix(the_three(hours=136.69))
    assert mix.shadow_price == pytest.approx([76])
    assert mix.one_more_hour == pytest.approx([76 * (137.1911 - 136.69)], abs=0.01)


def test_an_hour_where_hours_are_left_is_worth_nothing() -> None:
    mix = best_mix(the_three(hours=160))
    assert mix.quantity == pytest.approx([10, 20, 6])
    assert list(mix.shadow_price) == [0] and list(mix.one_more_hour) == [0]
    assert in_words("Grinding", mix, 0) == "one more hour at Grinding is worth nothing"


def test_least_quantities_that_do_not_fit_say_where_and_by_how_much() -> None:
    """Two agreements want 90 hours of 80 at one work centre, 40 of 40 at the other."""
    mix = best_mix(
        programme(
            throughput=[100, 50, 900],
            hours=[[6, 3, 1], [1, 3, 1]],
            available=[80, 40],
            least=[10, 10, 0],
            most=[20, 20, 5],
        )
    )
    assert mix.status == SHORT
    assert list(mix.short) == [10, 0]
    # nobody is turned away: what was agreed is in the mix, and nothing beside it
    assert list(mix.quantity) == [10, 10, 0]
    assert in_words("Grinding", mix, 0) == (
        "what has to be made needs 10.0 hours more than there are at Grinding"
    )


def test_an_exception_stays_though_it_earns_least() -> None:
    """Z is kept whole; the hours come from X, the next worst per hour."""
    three = the_three()
    kept = Programme(
        three.throughput, three.hours, three.available, np.array([0, 0, 6.0]), three.most
    )
    mix = best_mix(kept)
    assert mix.quantity[2] == 6
    assert mix.quantity[0] == pytest.approx((120 - 20 * 1.5 / 0.98 - 6 * 5 / 0.95) / 7.5)
    assert mix.shadow_price == pytest.approx([80])


@given(small_programmes())
@examples(max_examples=60, deadline=None)
def test_no_corner_is_better(of: Programme) -> None:
    best, mix = by_brute_force(of), best_mix(of)
    short = np.maximum(of.hours @ of.least - of.available, 0)
    assert mix.short == pytest.approx(short)
    assert (best is None) == bool(mix.short.any())
    if best is not None:
        assert mix.worth == pytest.approx(best, abs=1e-6)
        assert (mix.used <= of.available + 1e-6).all()
    assert (of.least <= mix.quantity).all() and (mix.quantity <= of.most).all()
    again = best_mix(of)
    assert (again.quantity == mix.quantity).all()
    assert (again.shadow_price == mix.shadow_price).all()


@given(small_programmes())
@examples(max_examples=40, deadline=None)
def test_one_more_hour_earns_what_it_says(of: Programme) -> None:
    best, mix = by_brute_force(of), best_mix(of)
    if best is None:
        return
    for number, worth in enumerate(mix.one_more_hour):
        more = of.available + np.eye(len(of.available))[number]
        richer = Programme(of.throughput, of.hours, more, of.least, of.most)
        assert by_brute_force(richer) == pytest.approx(best + worth, abs=1e-6)
        # hours have a falling yield: the first piece of an hour earns most
        assert worth <= mix.shadow_price[number] + 1e-6


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"available": [-1]}, "available"),
        ({"hours": [[float("nan"), 1, 1]]}, "hours"),
        ({"least": [11, 0, 0]}, "least quantity is above"),
        ({"most": [10, 20]}, "shape"),
        ({"most": [10, float("nan"), 6]}, "least quantity is above"),
    ],
)
def test_what_is_no_programme_is_refused(wrong: dict[str, list], says: str) -> None:
    three = the_three()
    whole = {name: getattr(three, name).tolist() for name in Programme.__dataclass_fields__}
    with pytest.raises(ValueError, match=says):
        programme(**(whole | wrong))


def test_what_costs_no_hour_needs_a_most() -> None:
    endless = programme(throughput=[1], hours=[[0]], available=[1], least=[0], most=[np.inf])
    with pytest.raises(ValueError, match="name the demand"):
        best_mix(endless)


def test_the_order_of_rows_changes_nothing() -> None:
    """Two products that earn alike per hour: which one gives way must not depend on it."""
    products = [
        {
            "source_system": "standard",
            "period_start": JUNE,
            "product_id": name,
            "throughput_amount": 10,
            "least_quantity": 0,
            "most_quantity": 10,
        }
        for name in "abcd"
    ]
    hours = [
        {
            "source_system": "standard",
            "period_start": JUNE,
            "product_id": name,
            "work_center_id": center,
            "hours_per_good_unit": 1,
        }
        for name in "abcd"
        for center in ("W1", "W2")
    ]
    centers = [
        {
            "source_system": "standard",
            "period_start": JUNE,
            "work_center_id": center,
            "work_center_name": None,
            "available_hours": 25,
        }
        for center in ("W1", "W2")
    ]
    forwards = mixes(products, hours, centers)
    assert forwards == mixes(products[::-1], hours[::-1], centers[::-1])
    assert sum(row["best_quantity"] for row in forwards if row["row_kind"] == "product") == 25
    # one hour more at either alone earns nothing, though a price may stand at one of them
    assert {
        row["one_more_hour_amount"] for row in forwards if row["row_kind"] == "work_center"
    } == {0}


def test_a_period_without_hours_is_limited_by_nothing() -> None:
    [row] = mixes(
        [
            {
                "source_system": "standard",
                "period_start": JUNE,
                "product_id": "a",
                "throughput_amount": 10,
                "least_quantity": 0,
                "most_quantity": 7,
            }
        ],
        [],
        [],
    )
    assert (row["best_quantity"], row["mix_status"]) == (7, "optimal")

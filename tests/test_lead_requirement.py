"""How many leads a target takes: the worked numbers, and plans applied to simulated futures."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.demo import company as companies
from assets.demo import funnel as demo
from assets.demo.columns import NONE
from assets.demo.company import DAY, Plan, day_number
from assets.reports.content import told
from assets.reports.plan import gap, levers, needed, room
from assets.scoring import lead_conversions as conversions
from assets.scoring import lead_requirement as lead
from assets.scoring.bookings_forecast import SIMULATIONS
from tests.bare_marts import bare_marts, fill

AS_OF = date(2026, 6, 30)


# --- worked numbers ------------------------------------------------------------------------------


def test_a_target_of_two_millions_takes_34_wins_and_155_opportunities() -> None:
    wins = lead.wins_needed(2_000_000, 60_000)
    entries = lead.entries_on_average(wins, 0.22)
    assert (wins, entries) == (34, 155)
    assert entries * 60_000 == 9_300_000
    assert entries * 60_000 / 2_000_000 == pytest.approx(4.65)


def test_the_more_surely_the_more_entries() -> None:
    assert [lead.least_entries(level, 34, 0.22) for level in lead.LEVELS] == [153, 174, 185]


def test_400_leads_a_month_bring_wins_by_their_lag() -> None:
    reaching = 0.05 * np.array([0, 0.1, 0.3, 0.4, 0.2])
    assert lead.convolved([400] * 6, reaching) == pytest.approx([0, 2, 8, 16, 20, 20])


def test_what_is_not_known_for_sure_takes_more_entries() -> None:
    random = np.random.default_rng(1)
    known = lead.least_entries(0.9, 34, 0.22)
    guessed = lead.least_entries(0.9, 34, random.beta(22, 78, 4_000))
    assert known is not None
    assert guessed is not None
    assert guessed > known + 10


def test_nothing_missing_takes_nothing_and_the_impossible_is_said() -> None:
    assert lead.least_entries(0.9, 0, 0.22) == 0
    assert lead.least_entries(0.5, 34, 0.0) is None


# --- curves --------------------------------------------------------------------------------------


def exits(*rows: tuple[int, int, int, int]) -> pd.DataFrame:
    names = ["day_number", "reached_count", "ended_count", "open_count"]
    return pd.DataFrame(rows, columns=names)


def test_what_is_open_is_censored_and_no_loss() -> None:
    """Of 100, 10 are won on day 10; 50 are watched no longer than that, of the rest 8 are won on
    day 20 and 32 lost: 0.1 + 0.9 × 8 ÷ 40 = 0.28, where the naive share would be 18 ÷ 100."""
    found = conversions.curve(exits((10, 10, 0, 50), (20, 8, 32, 0)))
    assert found.reached[[9, 10, 19, 20, 700]] == pytest.approx([0, 0.1, 0.1, 0.28, 0.28])
    assert found.ended[20] == pytest.approx(0.72)
    assert (found.lag(0.1), found.lag(0.5)) == (10, 20)
    # begun on day 3, those of day 10 come on day 13, those of day 20 on day 23
    assert found.within(13, 22, [3]) == pytest.approx([0.1])
    assert found.within(1, 30, [3, 21]) == pytest.approx([0.28, 0.0])


def test_a_lag_that_nobody_had_is_not_told() -> None:
    assert conversions.curve(exits((10, 0, 20, 0))).lag(0.5) is None


# --- plans ---------------------------------------------------------------------------------------

CELL = ("Web", "Small")


def certain_funnel(**changes: object) -> lead.Funnel:
    """Opportunities of which 22 in 100 are won on the 30th day, each for 60,000."""
    won = exits((30, 22_000_000, 78_000_000, 0)).assign(source="Web", segment="Small")
    steps = {("opportunity", "won"): conversions.conversions(won)}
    told = {
        "steps": steps,
        "paces": {"opportunity": {CELL: 365}},
        "unled": 0,
        "waiting": np.zeros(conversions.MOST_DAYS + 1),
        "won_count": 1_000_000,
        "mean_won_amount": 60_000.0,
        "won_amount_deviation": 0.0,
    }
    return lead.Funnel(**(told | changes))  # type: ignore[arg-type]


def quarter(**changes: object) -> lead.Quarter:
    told = {
        "first": 1,
        "last": 92,
        "target_amount": 2_000_000.0,
        "booked_amount": 0.0,
        "open_draws": np.zeros(SIMULATIONS),
    }
    return lead.Quarter(**(told | changes))  # type: ignore[arg-type]


def test_a_plan_gives_the_worked_numbers_where_all_is_known() -> None:
    found = lead.requirement(certain_funnel(), "opportunity", quarter(), lead.AS_IT_IS)
    assert found["plan"].last_useful.tolist() == [62]
    assert (found["wins_needed"], found["on_average"]) == (34, 155)
    assert list(found["needed"].values()) == [153, 174, 185]


def test_what_is_booked_and_what_open_deals_bring_is_not_needed_again() -> None:
    found = lead.requirement(
        certain_funnel(),
        "opportunity",
        quarter(booked_amount=500_000.0, open_draws=np.full(SIMULATIONS, 900_000.0)),
        lead.AS_IT_IS,
    )
    assert (found["wins_needed"], found["on_average"]) == (10, 46)


def test_the_plant_caps_what_is_useful() -> None:
    found = lead.requirement(
        certain_funnel(), "opportunity", quarter(makeable_amount=1_000_000.0), lead.AS_IT_IS
    )
    assert list(found["needed"].values()) == [153, 174, 185]
    # 17 wins of 60,000 each are all that can be made
    assert found["capped"] == {
        level: lead.least_entries(level, 17, found["in_time"]) for level in lead.LEVELS
    }


def test_each_lever_moves_what_it_should() -> None:
    found = {
        lever.name: lead.requirement(certain_funnel(), "opportunity", quarter(), lever)
        for lever in lead.LEVERS
    }
    now = found["as it is"]
    assert found["+5 % price"]["wins_needed"] == 32  # 2 M ÷ 63,000
    assert found["+5 % price"]["needed"][0.8] < now["needed"][0.8]
    more = found["+10 % entries"]
    assert more["needed"] == now["needed"]
    # a day's opportunity, won at 0.22 if it begins by day 62, for 60,000
    assert now["expected_amount"] == pytest.approx(62 * 0.22 * 60_000)
    assert more["expected_amount"] == pytest.approx(1.1 * now["expected_amount"])
    sooner = found["-1 day of cycle"]
    assert sooner["expected_amount"] == pytest.approx(63 * 0.22 * 60_000)
    # nothing is known of these steps
    assert found["+1 point lead to opportunity"]["needed"] == now["needed"]


def test_what_cannot_come_in_time_is_no_plan() -> None:
    found = lead.requirement(certain_funnel(), "opportunity", quarter(last=20), lead.AS_IT_IS)
    assert found["status"] == lead.TOO_LATE
    assert "needed" not in found


def test_leads_are_asked_for_less_than_others_bring() -> None:
    """Ten opportunities a day come without a lead, of which those of the first 62 days bring
    136.4 wins: more than enough."""
    won = exits((60, 100_000, 900_000, 0)).assign(source="Web", segment="Small")
    funnel = certain_funnel(unled=3_650)
    funnel = certain_funnel(
        steps={**funnel.steps, ("lead", "won"): conversions.conversions(won)},
        paces={**funnel.paces, "lead": {CELL: 365}},
        unled=3_650,
    )
    found = lead.requirement(funnel, "lead", quarter(), lead.AS_IT_IS)
    assert found["other_wins"] == pytest.approx(136.4)
    assert found["needed"][0.9] == 0


# --- 500 futures of the demo company's funnel ----------------------------------------------------

HISTORY = day_number(AS_OF)
FIRST, LAST = 93, 184  # the quarter from October on, in days after the as_of
FUTURES = 500


class World:
    """A demo company's funnel to the end of 2026, of which only what was known by the as_of is
    shown to the plan. `luck` is that of its deals: another luck, another life of the company."""

    def __init__(self, seed: int, scale: float, luck: int | None = None) -> None:
        plan = Plan(Path("nowhere"), seed, scale, until=date(2026, 12, 31), weeks=0)
        company = companies.found(plan)
        company.plan = replace(plan, seed=seed if luck is None else luck)
        funnel = demo.run(company)
        deal, found = funnel.deal, funnel.leads
        self.created = deal["created"] // DAY
        self.end = company.calendar.moment(deal["final_w"]) // DAY
        self.is_deal = (
            (deal["outcome"] != demo.DUPLICATE) & ~deal["is_deleted"] & ~deal["is_merged"]
        )
        self.won = (deal["outcome"] == demo.WON) & self.is_deal
        self.value = deal["usd"]
        entered = company.calendar.moment(deal["enter_w"]) // DAY
        self.entered = np.where(np.arange(4) <= deal["reach"][:, None], entered, 10**6)
        self.source = deal["lead_source"]
        self.segment = company.account["segment"][deal["account"]]
        self.lead_created = found["created"] // DAY
        self.lead_cell = (found["source"], found["segment"])
        self.lead_deal = found["opportunity"]
        self.lead_dropped = found["disqualified"] // DAY

    def steps(self) -> dict[tuple[str, str], conversions.Conversions]:
        of = self.lead_deal
        has_deal = (of != NONE) & (self.created[of] <= HISTORY) & self.is_deal[of]
        bad_deal = (of != NONE) & (self.created[of] <= HISTORY) & ~self.is_deal[of]
        dropped = (of == NONE) & (self.lead_dropped <= HISTORY)
        ended = (bad_deal | dropped, np.where(bad_deal, self.created[of], self.lead_dropped))
        gone = has_deal & (self.end[of] <= HISTORY)
        begun = (self.lead_created > HISTORY - 730) & (self.lead_created <= HISTORY)
        lead_won = gone & self.won[of]
        known = (self.created > HISTORY - 730) & (self.created <= HISTORY) & self.is_deal
        closed = self.end <= HISTORY
        deal_cell = (self.source, self.segment)
        return {
            ("lead", "opportunity"): _step(
                begun, self.lead_cell, self.lead_created, has_deal, self.created[of], *ended
            ),
            ("lead", "won"): _step(
                begun,
                self.lead_cell,
                self.lead_created,
                lead_won,
                self.end[of],
                ended[0] | (gone & ~lead_won),
                np.where(gone, self.end[of], ended[1]),
            ),
            ("opportunity", "won"): _step(
                known,
                deal_cell,
                self.created,
                self.won & closed,
                self.end,
                ~self.won & closed,
                self.end,
            ),
        }

    def funnel(self) -> lead.Funnel:
        year = (self.lead_created > HISTORY - 365) & (self.lead_created <= HISTORY)
        cells = pd.Series(
            list(zip(*(each[year].tolist() for each in self.lead_cell), strict=True))
        ).value_counts()
        led = np.isin(np.arange(self.created.size), self.lead_deal)
        fresh = (self.created > HISTORY - 365) & (self.created <= HISTORY) & self.is_deal
        of = self.lead_deal
        waits = (
            (self.lead_created <= HISTORY)
            & ((of == NONE) | (self.created[of] > HISTORY))
            & ~((of == NONE) & (self.lead_dropped <= HISTORY))
        )
        values = self.value[self.won & (self.end > HISTORY - 365) & (self.end <= HISTORY)]
        ages = np.minimum(HISTORY - self.lead_created[waits], conversions.MOST_DAYS)
        waiting = np.bincount(ages, minlength=conversions.MOST_DAYS + 1).astype(float)
        waiting[conversions.MOST_DAYS] = 0
        return lead.Funnel(
            steps=self.steps(),
            paces={"lead": {cell: int(count) for cell, count in cells.items()}},
            unled=int((fresh & ~led).sum()),
            waiting=waiting,
            won_count=len(values),
            mean_won_amount=float(values.mean()),
            won_amount_deviation=float(values.std(ddof=1)),
        )

    def stage_at(self, day: int) -> np.ndarray:
        """The stage of each deal that is open on a day, -1 for the others."""
        is_open = (self.created <= day) & (self.end > day) & self.is_deal
        return np.where(is_open, (self.entered <= day).sum(axis=1) - 1, -1)

    def open_draws(self, random: np.random.Generator) -> np.ndarray:
        """What the deals that are open bring in the quarter, by what those that stood in the same
        stage brought so long after twelve earlier month ends."""
        now = self.stage_at(HISTORY)
        total = np.zeros(SIMULATIONS)
        for stage in range(4):
            had, won = 0, 0
            for back in range(LAST, LAST + 361, 30):
                then = self.stage_at(HISTORY - back) == stage
                had += then.sum()
                came = self.end - (HISTORY - back)
                won += (then & self.won & (came >= FIRST) & (came <= LAST)).sum()
            rate = random.beta(won + 0.5, had - won + 0.5, SIMULATIONS)
            for value in self.value[now == stage]:
                total += value * (random.random(SIMULATIONS) < rate)
        return total

    def brought(self) -> float:
        """What the quarter brings without any new lead."""
        new_lead = np.zeros(self.created.size, dtype=bool)
        later = (self.lead_created > HISTORY) & (self.lead_deal != NONE)
        new_lead[self.lead_deal[later]] = True
        came = self.end - HISTORY
        inside = (came >= FIRST) & (came <= LAST)
        return float(self.value[self.won & inside & ~new_lead].sum())


def _step(
    begun: np.ndarray,
    cell: tuple[np.ndarray, np.ndarray],
    start: np.ndarray,
    reached: np.ndarray,
    reached_day: np.ndarray,
    ended: np.ndarray,
    ended_day: np.ndarray,
) -> conversions.Conversions:
    day = np.where(reached, reached_day, np.where(ended, ended_day, HISTORY))
    table = pd.DataFrame(
        {
            "source": cell[0],
            "segment": cell[1],
            "day_number": np.maximum(day - start, 0),
            "reached_count": reached.astype(int),
            "ended_count": (ended & ~reached).astype(int),
            "open_count": (~reached & ~ended).astype(int),
        }
    )[begun]
    keys = ["source", "segment", "day_number"]
    return conversions.conversions(table.groupby(keys, sort=True).sum().reset_index())


class Lives:
    """What becomes of leads: days to the win and its value, by source and segment."""

    def __init__(self, world: World) -> None:
        of = world.lead_deal
        won = (of != NONE) & world.won[of]
        days = np.where(won, world.end[of] - world.lead_created, 10**6)
        value = np.where(won, world.value[of], 0.0)
        # leads of the last months are not there with all that they would bring
        whole = world.lead_created <= HISTORY
        rows = pd.DataFrame({"source": world.lead_cell[0], "segment": world.lead_cell[1]})[whole]
        self.by_cell = {
            cell: (days[group.index], value[group.index])
            for cell, group in rows.groupby(["source", "segment"])
        }

    def bring(self, made: lead.Plan, entries: int, random: np.random.Generator) -> float:
        """What so many leads bring in the quarter, begun by the plan."""
        counts = random.multinomial(entries, made.shares.ravel() / made.shares.sum())
        total = 0.0
        for cell, by_day in zip(made.cells, counts.reshape(made.shares.shape), strict=True):
            begun = np.repeat(made.days, by_day)
            days, value = self.by_cell[cell]
            # each life is lived once, as long as there are enough
            picked = random.choice(days.size, begun.size, replace=begun.size > days.size)
            came = begun + days[picked]
            total += value[picked][(came >= FIRST) & (came <= LAST)].sum()
        return float(total)


def futures(count: int, scale: float) -> Iterator[dict[float, bool]]:
    """By confidence level, whether the plan of a company, applied, meets its target; the leads of
    the plan live as in another life of the company."""
    for seed in range(count):
        world, lives = World(seed, scale), Lives(World(seed, 2 * scale, luck=10_000 + seed))
        random = np.random.default_rng([seed, 1])
        funnel = world.funnel()
        quarter_ = lead.Quarter(
            first=FIRST,
            last=LAST,
            # a third more than a quarter usually brings
            target_amount=funnel.won_count * funnel.mean_won_amount / 4 * 1.33,
            booked_amount=0.0,
            open_draws=world.open_draws(random),
        )
        found = lead.requirement(funnel, "lead", quarter_, lead.AS_IT_IS)
        brought = world.brought()
        yield {
            level: brought + lives.bring(found["plan"], entries, random) >= quarter_.target_amount
            for level, entries in found["needed"].items()
        }


@pytest.mark.slow
def test_a_plan_meets_the_target_as_often_as_it_says() -> None:
    met = pd.DataFrame(list(futures(FUTURES, scale=0.2))).mean()
    for level in lead.LEVELS:
        assert met[level] == pytest.approx(level, abs=0.05), met.to_dict()


# --- the report ----------------------------------------------------------------------------------

MARTS = (
    *("mart_lead_requirement", "mart_lead_requirement_monthly", "mart_lead_conversions"),
    *("mart_lead_requirement_sensitivities", "mart_forecast_monthly", "dim_work_centers"),
)


def test_without_quotas_every_section_says_what_is_missing() -> None:
    with bare_marts(*MARTS) as marts:
        for part in (gap, needed, room, levers):
            found = part.section(marts).section
            assert found.missing is not None
            assert "quotas" in found.missing


def planned(**changes: object) -> dict[str, object]:
    """The quarter from October on at one level of confidence."""
    told = {
        "source_system": "crm",
        "period_start": date(2026, 10, 1),
        "period_end": date(2026, 12, 31),
        "entry_kind": "lead",
        "confidence_level": 0.8,
        "status": "planned",
        "target_amount": 2_000_000,
        "booked_amount": 0,
        "open_deals_amount": 200_000,
        "wins_needed_count": 30,
        "mean_won_amount": 60_000,
        "needed_count": 700,
        "usual_count": 500,
        "usual_success_probability": 0.04,
        "usual_expected_amount": 1_500_000,
        "last_useful_date": date(2026, 11, 5),
    }
    return told | changes


def test_the_quarter_three_months_out_is_told_in_words() -> None:
    month = {
        **{name: planned()[name] for name in ("source_system", "period_start", "entry_kind")},
        "confidence_level": 0.8,
        "entry_month": date(2026, 7, 1),
        "segment": "Small",
        "last_useful_date": date(2026, 11, 5),
        "usual_entries": 60.0,
    }
    with bare_marts(*MARTS) as marts:
        nearer = {"period_start": date(2026, 7, 1), "target_amount": 9_000_000}
        fill(marts, "mart_lead_requirement", planned(), planned(**nearer))
        fill(
            marts,
            "mart_lead_requirement_monthly",
            {**month, "source": "Web", "needed_count": 100},
            {**month, "source": "Fair", "needed_count": 70},
        )
        found = needed.section(marts)
        plant = room.section(marts).section
    told_words = told(found.section.finding, "USD")
    assert "From 2026-10-01 to 2026-12-31 the target is 2 M USD" in told_words
    assert (
        "700 leads have to begin by 2026-11-05, 170 of them in Jul 2026; usually 120" in told_words
    )
    assert found.headline is not None
    assert (found.headline.number.value, found.headline.verdict) == (170, "signal")
    assert len(found.look) == 1
    # nothing is known of a plant
    assert plant.missing is not None
    assert "routings" in plant.missing


def test_the_plant_says_what_it_can_make() -> None:
    hours = {
        f"constraint_{name}_hours": value
        for name, value in (("available", 500), ("overdue", 10), ("other", 400), ("needed", 180))
    }
    with bare_marts(*MARTS) as marts:
        fill(marts, "dim_work_centers", {"work_center_id": "M1", "work_center_name": "Grinding"})
        fill(
            marts,
            "mart_lead_requirement",
            planned(
                constraint_work_center_id="M1",
                makeable_amount=1_000_000,
                is_capped=True,
                capped_count=300,
                **hours,
            ),
        )
        found = room.section(marts)
    assert "Grinding limits the plant: of 500 hours" in told(found.section.finding, "USD")
    assert "300 leads are enough in eight cases of ten, instead of 700" in told(
        found.section.finding
    )
    assert len(found.look) == 1


def test_where_there_is_no_plan_the_reason_is_told() -> None:
    late = {"status": lead.TOO_LATE, "needed_count": None, "usual_success_probability": None}
    with bare_marts(*MARTS) as marts:
        fill(marts, "mart_lead_requirement", planned(**late))
        for part in (needed, levers):
            assert lead.TOO_LATE in told(part.section(marts).section.finding, "USD")

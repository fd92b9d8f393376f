"""Whether reps pass a step of the funnel more often after they were coached on it.

Belongs here: what coached reps did after a session against what was to be expected of them, and
its interval. Which deals entered and passed a step in which week, of whom, and which sessions
there were is decided in dbt (`int_rep_step_weeks`).

Coached reps are compared with reps who were not, in the same weeks (difference in differences with
clean controls; D. Cengiz, A. Dube, A. Lindner and B. Zipperer, Quarterly J. Economics 134, 2019): a
*comparison* is a week in which somebody was coached on a step. Coached there are those with a
session on it that week and none in the weeks before, the others those with none in either. The
week itself is left out. One of the others who is coached later counts up to that week: to leave
such reps out altogether would leave those who had good luck afterwards.

Reps are coached when things go badly, and what went badly by chance goes better by itself. So what
a rep did before is not taken at its face value: what is expected of a rep is the shrunken rate,
which leans on that of everybody in those weeks as far as its few cases ask (Beta–binomial; see
`funnel_plots`), moved by what the rates of those not coached moved against theirs. That is the
empirical Bayes before–after study (E. Hauer, Observational Before–After Studies in Road Safety,
1997). Whoever is picked for having done badly is then expected to do as well as such reps do.

The *plain* difference in differences takes the rates before as they are. Where reps are picked by
those rates it tells an effect that is none, and the shrunken one is right; where they are picked
because everybody knows that they are weak, the plain one is right and the shrunken one asks too
much of them. The truth lies between (P. Ding and F. Li, Political Analysis 27, 2019), so an effect
is shown only where both intervals leave 0 on the same side.

What is left is an association. Who was picked for a reason that neither the rates before nor the
weeks show (a better territory to come) would show as an effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.scoring.funnel_plots import prior_cases
from assets.scoring.resampling import expanded_tail

Floats = NDArray[np.float64]

#: weeks compared before and after that of a session
BEFORE_WEEKS, AFTER_WEEKS = 26, 13
DRAWS = 4_000
CONFIDENCE = 0.95
#: reps on either side, below which an interval of resampled reps says nothing
LEAST_REPS = 5
#: told of all steps together, each with its own comparisons
ALL = "all"


@dataclass(frozen=True)
class Comparisons:
    """Of one step, a row per week in which somebody was coached, a column per rep.

    `coached` and `others` say who is compared; `ended` are the deals that entered the step in the
    weeks before (index 0) and after (1) and passed it or were lost, `passed` those that passed it.
    `prior`: how many cases the common rate weighs in the shrunken one.
    """

    coached: NDArray[np.bool_]
    others: NDArray[np.bool_]
    passed: tuple[Floats, Floats]
    ended: tuple[Floats, Floats]
    prior: float


@dataclass(frozen=True)
class Effect:
    """Rates of the coached before and after, what was expected after, and what is beyond it.

    Counts are of comparisons, so that a rep stands in several. None where `status` says why.
    """

    status: str
    comparison_count: int
    coached_rep_count: int
    other_rep_count: int
    coached_before: tuple[int, int]
    coached_after: tuple[int, int]
    other_before: tuple[int, int]
    other_after: tuple[int, int]
    expected_after: float | None = None
    effect: float | None = None
    effect_lower: float | None = None
    effect_upper: float | None = None
    plain_effect: float | None = None
    plain_effect_lower: float | None = None
    plain_effect_upper: float | None = None
    verdict: str | None = None


def comparisons(
    passed: ArrayLike, ended: ArrayLike, sessions: ArrayLike, *, before: int, after: int
) -> Comparisons:
    """The comparisons of one step.

    Args:
        passed, ended: (reps, weeks) deals that entered the step in the week and passed it, or
            passed it or were lost. Weeks follow each other without gaps.
        sessions: (reps, weeks) coaching sessions on the step.
        before, after: weeks compared on either side of that of a session.

    Raises:
        ValueError: the three differ in shape, or are no tables.
    """
    passed, ended, sessions = (np.asarray(x, dtype=float) for x in (passed, ended, sessions))
    if passed.ndim != 2 or not passed.shape == ended.shape == sessions.shape:
        raise ValueError(
            f"three tables of one shape, not {passed.shape}, {ended.shape}, {sessions.shape}"
        )

    weeks = np.arange(before, passed.shape[1] - after)

    def summed(table: Floats, since: int, to: int) -> Floats:
        """(weeks told, reps): the sum over the weeks from `since` to before `to`, counted from
        each week that has all weeks before and after it."""
        total = np.concatenate([np.zeros((len(table), 1)), table.cumsum(axis=1)], axis=1)
        return (total[:, weeks + to] - total[:, weeks + since]).T

    now, earlier = summed(sessions, 0, 1) > 0, summed(sessions, -before, 0) > 0
    coached, others = now & ~earlier, ~now & ~earlier
    sides = [[summed(table, -before, 0), summed(table, 1, after + 1)] for table in (passed, ended)]
    for table, side in zip((passed, ended), sides, strict=True):
        not_yet = sum(
            summed(table, step, step + 1) * (summed(sessions, 1, step + 1) == 0)
            for step in range(1, after + 1)
        )
        side[1] = np.where(others, not_yet, side[1])
    has_both = coached.any(axis=1) & others.any(axis=1)
    cases = ended.sum(axis=1)
    known = cases > 0
    common = passed.sum() / max(ended.sum(), 1)
    prior = 1.0
    if 0 < common < 1:
        prior = prior_cases(passed.sum(axis=1)[known], cases[known], common)
    (passed_before, passed_after), (ended_before, ended_after) = (
        (side[0][has_both], side[1][has_both]) for side in sides
    )
    return Comparisons(
        coached[has_both],
        others[has_both],
        (passed_before, passed_after),
        (ended_before, ended_after),
        prior,
    )


def effect(
    steps: Sequence[Comparisons], *, told_count: int = 1, draws: int = DRAWS, seed: int = 0
) -> Effect:
    """What the coached passed beyond what was expected of them, over the comparisons of the steps.

    Args:
        steps: of the same reps, each in its column.
        told_count: effects told of the system; the verdict allows for so many chances to look like
            one (Bonferroni).
        draws, seed: of the bootstrap, which draws reps with all that is theirs.
    """
    coached, others = (
        np.concatenate([getattr(step, side) for step in steps]) for side in ("coached", "others")
    )
    passed, ended = (
        tuple(np.concatenate([getattr(step, name)[side] for step in steps]) for side in (0, 1))
        for name in ("passed", "ended")
    )
    priors = np.concatenate([np.full((len(step.coached), 1), step.prior) for step in steps])
    # who has no deal after says nothing
    coached, others = coached & (ended[1] > 0), others & (ended[1] > 0)
    has_both = coached.any(axis=1, keepdims=True) & others.any(axis=1, keepdims=True)
    coached, others = coached & has_both, others & has_both

    def of(who: NDArray[np.bool_], side: int) -> tuple[int, int]:
        return int(passed[side][who].sum()), int(ended[side][who].sum())

    fewer = min(int(side.any(axis=0).sum()) for side in (coached, others))
    unmeasured = Effect(
        "too few reps",
        int(has_both.sum()),
        int(coached.any(axis=0).sum()),
        int(others.any(axis=0).sum()),
        of(coached, 0),
        of(coached, 1),
        of(others, 0),
        of(others, 1),
    )
    if fewer < LEAST_REPS:
        return unmeasured

    compared = coached | others
    level = _ratio(
        np.where(compared, passed[0], 0).sum(axis=1, keepdims=True),
        np.where(compared, ended[0], 0).sum(axis=1, keepdims=True),
    )
    if not np.isfinite(level[has_both]).all():
        return replace(unmeasured, status="nothing was passed or lost before")
    shrunken = (level * priors + passed[0]) / (priors + ended[0])
    random = np.random.default_rng(seed)
    corrected = 1 - (1 - CONFIDENCE) / told_count
    reps = coached.shape[1]
    # (reps, draws): how often each rep is drawn; a rep that is in no comparison is none
    drawn = np.zeros((reps, draws + 1))
    there = compared.any(axis=0)
    drawn[:, 0] = 1
    drawn[there, 1:] = random.multinomial(
        there.sum(), np.full(there.sum(), 1 / there.sum()), draws
    ).T
    shrunk, expected = _beyond(coached, others, passed[1], ended[1], shrunken, drawn)
    known = ended[0] > 0
    plain, _ = _beyond(
        coached & known, others & known, passed[1], ended[1], _ratio(passed[0], ended[0]), drawn
    )
    ends = {
        (name, confidence): np.nanquantile(
            found[1:], [(tail := expanded_tail(fewer, confidence)), 1 - tail]
        )
        for name, found in (("shrunken", shrunk), ("plain", plain))
        for confidence in (CONFIDENCE, corrected)
    }
    lowest = min(ends[name, corrected][0] for name in ("shrunken", "plain"))
    highest = max(ends[name, corrected][1] for name in ("shrunken", "plain"))
    told = {"expected_after": expected[0]}
    for name, column, found in (
        ("shrunken", "effect", shrunk),
        ("plain", "plain_effect", plain),
    ):
        lower, upper = ends[name, CONFIDENCE]
        told |= {column: found[0], f"{column}_lower": lower, f"{column}_upper": upper}
    return replace(
        unmeasured,
        status="measured",
        verdict="more" if lowest > 0 else "less" if highest < 0 else "not shown",
        **{name: round(float(value), 9) for name, value in told.items()},  # type: ignore[arg-type]
    )


def _beyond(
    coached: NDArray[np.bool_],
    others: NDArray[np.bool_],
    passed: Floats,
    ended: Floats,
    usual: Floats,
    drawn: Floats,
) -> tuple[Floats, Floats]:
    """Per draw: the rate of the coached less what was expected of it, and what was expected.

    Expected is a rep's usual rate, and what the others of the comparison moved against theirs.
    """
    usual = np.nan_to_num(usual)

    def summed(who: NDArray[np.bool_], values: Floats) -> Floats:
        # (comparisons, draws); not by @, whose last digits depend on the machine's threads
        return np.einsum("cr,rd->cd", np.where(who, values, 0.0), drawn)

    moved = _ratio(summed(others, passed - ended * usual), summed(others, ended))
    cases = summed(coached, ended)
    awaited = summed(coached, ended * usual) + cases * np.nan_to_num(moved)
    # a comparison for which a draw has nobody to compare with is not in it
    done, awaited, cases = (
        np.where(np.isfinite(moved), x, 0.0) for x in (summed(coached, passed), awaited, cases)
    )
    expected = _ratio(awaited.sum(axis=0), cases.sum(axis=0))
    return _ratio(done.sum(axis=0), cases.sum(axis=0)) - expected, expected


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    result = np.full(np.broadcast_shapes(np.shape(numerator), np.shape(denominator)), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def effects(rep_weeks: Any) -> Any:
    """A row per source system and coached step, and one of all steps, in pandas.

    Args:
        rep_weeks: rows of `int_rep_step_weeks` (pandas), of weeks that are over.
    """
    import pandas as pd

    counts = ("coached_before", "coached_after", "other_before", "other_after")
    columns = {
        "source_system": "string",
        "process_step": "string",
        "status": "string",
        **dict.fromkeys(("comparison_count", "coached_rep_count", "other_rep_count"), "int64"),
        **{f"{name}_{part}": "int64" for name in counts for part in ("passed", "ended")},
        "expected_after": "float64",
        **{
            f"{name}{end}": "float64"
            for name in ("effect", "plain_effect")
            for end in ("", "_lower", "_upper")
        },
        "verdict": "string",
    }
    rows = []
    for system, panel in rep_weeks.groupby("source_system", sort=True):
        weeks = pd.date_range(panel["week_start"].min(), panel["week_start"].max(), freq="7D")
        reps = sorted(panel["rep_id"].unique())
        sessions = panel.groupby("process_step")["session_count"].sum()
        coached = {
            step: comparisons(
                *(
                    panel[panel["process_step"] == step]
                    .pivot(index="rep_id", columns="week_start", values=value)
                    .reindex(index=reps, columns=weeks)
                    .fillna(0.0)
                    .to_numpy(dtype=float)
                    for value in ("passed_count", "ended_count", "session_count")
                ),
                before=BEFORE_WEEKS,
                after=AFTER_WEEKS,
            )
            for step in sorted(sessions[sessions > 0].index)
        }
        if not coached:
            continue
        for step, compared in [*((name, [one]) for name, one in coached.items()), (ALL, None)]:
            found = effect(compared or [*coached.values()], told_count=len(coached) + 1)
            rows.append(
                (
                    system,
                    step,
                    found.status,
                    found.comparison_count,
                    found.coached_rep_count,
                    found.other_rep_count,
                    *(count for name in counts for count in getattr(found, name)),
                    found.expected_after,
                    found.effect,
                    found.effect_lower,
                    found.effect_upper,
                    found.plain_effect,
                    found.plain_effect_lower,
                    found.plain_effect_upper,
                    found.verdict,
                )
            )
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)

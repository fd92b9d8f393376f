"""The monthly report on sales objectives: how many a rep carries, and what comes of them.

Belongs here: what this report asks and says. Does not belong here: how signal is told from noise
(`signals`), what is too old (`freshness`), how it looks (the renderings).

The driver is the number assigned, not the person: reps appear only as a distribution, never by
name. Issuers are told by name, in the order of their names, with n, limits and a shrunken estimate,
and each is common or special cause. The month is the last one that was over by the as_of.
"""

from typing import TYPE_CHECKING, Literal

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Query,
    Report,
    Section,
    Unit,
    Value,
    Words,
    words,
)
from assets.reports.freshness import AS_OF
from assets.reports.monthly import (
    WORSE,
    Found,
    counted,
    labelled,
    look_at,
    missing,
    rate,
    reason,
    report_of,
    share,
    share_of,
)
from assets.reports.published import Published
from assets.reports.signals import MIN_CASES, chart, judge, specified

if TYPE_CHECKING:
    import altair

KEY = "objectives"
TITLE = "Objectives, month by month"

LOAD = "mart_rep_objectives_monthly"
DAYS = "fct_rep_objective_days"
PERIODS = "fct_rep_objective_periods"
ISSUERS = "mart_objective_issuers_monthly"
OVERLAP = "mart_objective_overlap_monthly"

#: months of which issuers and lists tell
YEAR = 12
NO_OBJECTIVES = (
    "No objective is published. Bring the extract rep_objectives; activities, order_lines and"
    " objective_results tell which of them get attention."
)
NO_MONTH = "No month with objectives is over yet. After the first whole one the figures are here."

#: reps who were there on a day of the month at least; a row per rep and whole month
THERE = f"""
select * from marts.{LOAD} where last_day(objective_month) <= {AS_OF} and counted_days > 0
"""
CARRIED = f"""
select objective_month as period, median(median_active_objectives) as value
from ({THERE}) group by objective_month
"""
EFFECTIVE = f"""
select objective_month as period, median(median_effective_objectives) as value
from ({THERE}) group by objective_month
"""
OVER_HARD = f"""
select objective_month as period, sum(over_hard_limit_days) as numerator,
    sum(counted_days) as denominator
from ({THERE}) group by objective_month
"""
IGNORED = f"""
select objective_month as period, sum(ignored_rate_numerator) as numerator,
    sum(ignored_rate_denominator) as denominator
from marts.{LOAD} where last_day(objective_month) <= {AS_OF} group by objective_month
"""
COMMON = f"""
select objective_month as period, chance_corrected_overlap as value
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF}
"""
ISSUED = f"""
select objective_month as period, sum(issued_objective_count) as value
from marts.{ISSUERS} where last_day(objective_month) <= {AS_OF} group by objective_month
"""


def limit(name: str) -> str:
    """SQL: the core or hard limit in force, as the days over it show; NULL where they do not.

    A limit is exact where a day is known that just keeps it or the next number is over it already.
    """
    over = f"is_over_{name}_limit"
    return f"""
select case when below + 1 = above or above = 1 then above - 1 end as value
from (
    select max(active_objective_count) filter (not {over}) as below,
        min(active_objective_count) filter ({over}) as above
    from marts.{DAYS}
)
"""


def report(marts: Published) -> Report:
    """The report on the last whole month, as of the published day."""
    return report_of(
        marts,
        KEY,
        TITLE,
        "How many objectives a rep carries, and how many get attention",
        (_load(marts), _attention(marts), _issued(marts), _issuers(marts), _overlap(marts)),
    )


# --- how many ------------------------------------------------------------------------------------


def _load(marts: Published) -> Found:
    key, title = "load", "Objectives per rep"
    question = "How many objectives does a rep carry, and how many does that amount to?"
    used = (LOAD, DAYS)
    carried = judge(marts, CARRIED, "value", "month", "number")
    effective = judge(marts, EFFECTIVE, "value", "month", "number")
    if carried is None:
        there = counted(marts, f"select count(*) from marts.{LOAD}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = carried.period
    found = marts.numbers(
        f"""
select count(*) as rep_count, min(median_active_objectives) as least,
    max(median_active_objectives) as most,
    median(median_active_objectives) as carried, median(median_effective_objectives) as effective
from ({THERE}) where objective_month = ?
""",
        {
            "rep_count": "count",
            "least": "number",
            "most": "number",
            "carried": "number",
            "effective": "number",
        },
        month.value,
    )
    core = marts.number(limit("core"), "count")
    hard = marts.number(limit("hard"), "count")
    days = share(
        marts,
        "select sum(over_core_limit_days) as numerator, sum(counted_days) as denominator"
        f" from ({THERE}) where objective_month = ?",
        month.value,
    )
    over = share_of(marts, OVER_HARD, month)
    carried_words = (
        words(" carried {} objectives each. ", found["most"])
        if found["least"].value == found["most"].value
        else words(
            " carried from {} to {} objectives, half of them {} or more. ",
            found["least"],
            found["most"],
            found["carried"],
        )
    )
    finding: Words = (
        *words("In {}, {} reps", month, found["rep_count"]),
        *carried_words,
        *words("By their weights that amounts to {} equal ones. ", found["effective"]),
        *days.words,
        " of the days at work were over the core limit",
        *_bracketed(core),
        " and ",
        *over.words,
        " over the hard one",
        *_bracketed(hard),
        ".",
    )
    small = share(
        marts,
        "select sum(small_objective_rate_numerator) as numerator,"
        " sum(small_objective_rate_denominator) as denominator"
        f" from ({THERE}) where objective_month = ?",
        month.value,
    )
    parts: list[Part] = [
        (
            (
                "The effective number is how many equal objectives would spread attention as the"
                " weights do: twelve objectives of which one has nearly all the weight are little"
                " more than one. Of the objectives that were carried, "
            ),
            *small.words,
            (
                " counted by days, weigh less than 15 % of what the rep has to do. Days of absence"
                " are left out."
            ),
        ),
        _distribution(marts, month, core, hard),
        _trend(marts, month, core, hard),
        chart(
            marts,
            "Objectives per rep, with their limits of chance",
            words(
                "The median number of objectives per rep by month; {} in {}.", carried.value, month
            ),
            CARRIED,
            "value",
            "month",
            Column("Objectives", "number"),
        ),
        marts.table(
            "Objectives per rep, month by month",
            f"""
select objective_month, count(*) as rep_count,
    quantile_cont(median_active_objectives, 0.1) as p10, median(median_active_objectives) as p50,
    quantile_cont(median_active_objectives, 0.9) as p90, max(max_active_objectives) as most,
    median(median_effective_objectives) as effective,
    sum(counted_days) as counted_days, sum(over_core_limit_days) as over_core_days,
    {rate("sum(over_core_limit_days)", "sum(counted_days)")} as over_core_rate,
    sum(over_hard_limit_days) as over_hard_days,
    {rate("sum(over_hard_limit_days)", "sum(counted_days)")} as over_hard_rate,
    {reason("sum(counted_days)")} as suppressed_reason
from ({THERE}) group by objective_month order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("Reps", "count"),
                Column("One in ten has at most", "number"),
                Column("Median", "number"),
                Column("Nine in ten have at most", "number"),
                Column("Most on a day", "count"),
                Column("Median, effective", "number"),
                Column("Days at work", "count"),
                Column("Over core limit", "count"),
                Column("Over core, share", "rate"),
                Column("Over hard limit", "count"),
                Column("Over hard, share", "rate"),
                Column("No share because"),
            ),
        ),
    ]
    headline = Headline(
        title="Objectives per rep",
        number=carried.value,
        context=words(
            "the median of {} reps in {}; by their weights {} equal ones.",
            found["rep_count"],
            month,
            found["effective"],
        ),
        verdict=carried.verdict,
        why=carried.why,
        section=key,
        marts=(LOAD,),
        case_count=found["rep_count"],
    )
    look = look_at(carried, "Objectives per rep", worse_when_above=True)
    if isinstance(over.rate.value, float) and over.rate.value >= 0.5:
        said: Words = (
            "Over the hard limit",
            *_bracketed(hard),
            " were ",
            *over.words,
            *words(
                " of the days at work in {}: agree which objectives stay before more come.",
                month,
            ),
        )
        look.append((WORSE, said))
    look += look_at(effective, "Effective objectives per rep", worse_when_above=True)
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(look))


def _bracketed(number: Number) -> Words:
    """A limit in brackets, where it is known."""
    return () if number.value is None else words(" ({})", number)


#: columns of the limits, for charts that draw them
LIMITS = {"core_limit": "core", "hard_limit": "hard"}
LIMIT_COLUMNS = ", ".join(f"({limit(name)}) as {column}" for column, name in LIMITS.items())


def _rules(axis: Literal["x", "y"], core: Number, hard: Number) -> "list[altair.Chart]":
    """A dashed line at each limit that is known."""
    import altair as alt

    return [
        alt.Chart(alt.NamedData("rows"))
        .mark_rule(strokeDash=[6, 3])
        .encode(
            **{axis: (alt.X if axis == "x" else alt.Y)(f"max({column}):Q")},
            tooltip=[alt.Tooltip(f"max({column}):Q", title=f"The {name} limit")],
        )
        for (column, name), known in zip(LIMITS.items(), (core, hard), strict=True)
        if known.value is not None
    ]


def _limits_note(core: Number, hard: Number) -> Words:
    """What the dashed lines are."""
    known = [
        words(f"the {name} limit of {{}}", number)
        for name, number in (("core", core), ("hard", hard))
        if number.value is not None
    ]
    if not known:
        return ()
    return ("Dashed: ", *known[0], *((", ", *known[1]) if len(known) > 1 else ()), ".")


def _distribution(marts: Published, month: Number, core: Number, hard: Number) -> Part:
    import altair as alt

    labels = {"as_counted": "As counted", "effective": "Effective"}
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "reps"])
        .mark_bar(size=14, opacity=0.75)
        .encode(
            x=alt.X("objectives:Q", title="Objectives", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("reps:Q", title="Reps", axis=alt.Axis(tickMinStep=1), stack=None),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objectives:Q", title="Objectives"),
                alt.Tooltip("as_counted:Q", title="Reps, as counted"),
                alt.Tooltip("effective:Q", title="Reps, effective"),
            ],
        )
    )
    return marts.chart(
        "How many reps carry how many objectives",
        words(
            "Reps by the objectives that they carried in {}, as counted and as effective number.",
            month,
        ),
        specified(alt.layer(bars, *_rules("x", core, hard))),
        f"""
select objectives, count(*) filter (measure = 'as_counted') as as_counted,
    count(*) filter (measure = 'effective') as effective, {LIMIT_COLUMNS}
from (
    select 'as_counted' as measure, round(median_active_objectives)::bigint as objectives
    from ({THERE}) where objective_month = ?
    union all
    select 'effective', round(median_effective_objectives)::bigint
    from ({THERE}) where objective_month = ? and median_effective_objectives is not null
) group by objectives
""",
        {
            "objectives": Column("Objectives", "count"),
            "as_counted": Column("Reps, as counted", "count"),
            "effective": Column("Reps, effective", "count"),
            "core_limit": Column("Core limit", "count"),
            "hard_limit": Column("Hard limit", "count"),
        },
        month.value,
        month.value,
        native=NativeChart("column", "objectives", tuple(labels)),
        note=_limits_note(core, hard),
    )


def _trend(marts: Published, month: Number, core: Number, hard: Number) -> Part:
    import altair as alt

    labels = {"p50": "As counted, median", "effective": "Effective, median"}
    x = alt.X("objective_month:T", title=None)
    band = (
        alt.Chart(alt.NamedData("rows"))
        .mark_area(opacity=0.2)
        .encode(x=x, y=alt.Y("p10:Q", title="Objectives per rep"), y2="p90:Q")
    )
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "objectives"])
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("objectives:Q", title="Objectives per rep"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("p50:Q", title="Median"),
                alt.Tooltip("p10:Q", title="One in ten has at most"),
                alt.Tooltip("p90:Q", title="Nine in ten have at most"),
                alt.Tooltip("effective:Q", title="Effective", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Objectives per rep over time",
        words("The objectives that a rep carries, month by month up to {}.", month),
        specified(alt.layer(band, lines, *_rules("y", core, hard))),
        f"""
select objective_month, quantile_cont(median_active_objectives, 0.1) as p10,
    median(median_active_objectives) as p50,
    quantile_cont(median_active_objectives, 0.9) as p90,
    median(median_effective_objectives) as effective, {LIMIT_COLUMNS}
from ({THERE}) group by objective_month
""",
        {
            "objective_month": Column("Month", "month"),
            "p10": Column("One in ten has at most", "number"),
            "p50": Column("Median", "number"),
            "p90": Column("Nine in ten have at most", "number"),
            "effective": Column("Median, effective", "number"),
            "core_limit": Column("Core limit", "count"),
            "hard_limit": Column("Hard limit", "count"),
        },
        native=NativeChart("line", "objective_month", ("p10", "p50", "p90", "effective")),
        note=("Shaded: from one in ten to nine in ten reps. ", *_limits_note(core, hard)),
    )


# --- attention -----------------------------------------------------------------------------------


def _attention(marts: Published) -> Found:
    key, title = "attention", "What gets attention"
    question = "How many of the objectives does a rep work on, and does more of them mean more?"
    used = (LOAD,)
    ignored = judge(marts, IGNORED, "rate", "month", "rate")
    if ignored is None:
        there = counted(marts, f"select count(*) from marts.{LOAD}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = ignored.period
    part = share_of(marts, IGNORED, month)
    found = marts.numbers(
        f"""
select median(attended_objective_count)::double as attended,
    median(objective_count)::double as carried
from marts.{LOAD} where objective_month = ? and objective_count > 0
""",
        {"attended": "number", "carried": "number"},
        month.value,
    )
    money = _money(marts, f"from marts.{LOAD} where objective_month = ?", month.value)
    evidence = counted(
        marts,
        f"select count(*) from marts.{PERIODS}"
        " where activity_count > 0 or order_line_count > 0 or actual is not null",
    )
    finding: Words = (
        *words("In {}, ", month),
        *part.words,
        " of the objectives got no attention: half of the reps worked on ",
        *words("{} or more of {}. ", found["attended"], found["carried"]),
    )
    if money["whole"].value:
        finding += words(
            "Of {} bonus money on objectives, {} lay on those ignored",
            money["whole"],
            money["ignored"],
        )
        finding += words(" ({}).", money["rate"]) if money["rate"].value is not None else (".",)
    parts: list[Part] = [
        (
            (
                "Attention is three pieces of evidence in the month (activities that name the"
                " objective, order lines of its product) or a tenth of its target. Work that leaves"
                " none of these is not seen."
            ),
        )
    ]
    if not evidence:
        parts.append(
            (
                (
                    "Nothing that could be evidence is delivered, so all count as ignored. The"
                    " column objective_id of the extract activities, order_lines with rep_id and"
                    " product_id, or objective_results bring it."
                ),
            )
        )
    parts += [
        _attended_chart(marts, month),
        chart(
            marts,
            "Ignored objectives, with their limits",
            words(
                "The share of objectives without attention by month; {} in {}.",
                ignored.value,
                month,
            ),
            IGNORED,
            "rate",
            "month",
            Column("Ignored", "rate"),
        ),
        marts.table(
            "What gets attention, by how many objectives a rep carries",
            f"""
select objective_count, count(*) as rep_month_count,
    sum(attended_objective_count)::double / count(*) as attended_mean,
    sum(ignored_rate_numerator) as ignored_count, sum(ignored_rate_denominator) as whole_count,
    {rate("sum(ignored_rate_numerator)", "sum(ignored_rate_denominator)")} as ignored_rate,
    {reason("sum(ignored_rate_denominator)")} as suppressed_reason
from marts.{LOAD}
where objective_count > 0 and last_day(objective_month) <= {AS_OF}
group by objective_count order by objective_count
""",
            (
                Column("Objectives carried", "count"),
                Column("Months of reps", "count"),
                Column("Worked on, mean", "number"),
                Column("Ignored", "count"),
                Column("Of", "count"),
                Column("Ignored, share", "rate"),
                Column("No share because"),
            ),
            note=(
                (
                    "All whole months. If the number worked on stays while the number carried"
                    " rises, the next objective brings no more attention."
                ),
            ),
        ),
        marts.table(
            "How many reps work on how many objectives",
            f"""
select attended_objective_count, count(*) as rep_count
from marts.{LOAD} where objective_month = ? and objective_count > 0
group by attended_objective_count order by attended_objective_count
""",
            (Column("Objectives worked on", "count"), Column("Reps", "count")),
            month.value,
        ),
    ]
    headline = Headline(
        title="Objectives without attention",
        number=part.rate,
        context=words(
            "{} of {} objectives of reps in {}; half of the reps worked on {} or more.",
            part.numerator,
            part.denominator,
            month,
            found["attended"],
        ),
        verdict=ignored.verdict,
        why=ignored.why,
        section=key,
        marts=used,
        case_count=part.denominator,
    )
    look = look_at(ignored, "Objectives without attention", worse_when_above=True)
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(look))


def _money(marts: Published, source: str, *parameters: Value) -> dict[str, Number]:
    """Bonus money, how much of it lay on ignored objectives, and the share."""
    ignored, whole = "sum(ignored_bonus_rate_numerator)", "sum(ignored_bonus_rate_denominator)"
    units: dict[str, Unit] = {"ignored": "amount", "whole": "amount", "rate": "rate"}
    return marts.numbers(
        f"""
select {ignored} as ignored, {whole} as whole,
    case when sum(ignored_rate_denominator) >= {MIN_CASES} and {whole} > 0
        then {ignored}::double / {whole}::double end as rate
{source}
""",
        units,
        *parameters,
    )


def _attended_chart(marts: Published, month: Number) -> Part:
    import altair as alt

    labels = {"carried": "Carried", "attended": "Worked on"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "objectives"])
        .mark_line(point=True)
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("objectives:Q", title="Objectives per rep"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("carried:Q", title="Carried", format=".1f"),
                alt.Tooltip("attended:Q", title="Worked on", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Objectives carried and worked on",
        words("Objectives per rep, carried and worked on, month by month up to {}.", month),
        specified(lines),
        f"""
select objective_month, sum(objective_count)::double / count(*) as carried,
    sum(attended_objective_count)::double / count(*) as attended
from marts.{LOAD} where objective_count > 0 and last_day(objective_month) <= {AS_OF}
group by objective_month
""",
        {
            "objective_month": Column("Month", "month"),
            "carried": Column("Carried, mean", "number"),
            "attended": Column("Worked on, mean", "number"),
        },
        native=NativeChart("line", "objective_month", tuple(labels)),
    )


# --- what is issued ------------------------------------------------------------------------------


def _issued(marts: Published) -> Found:
    key, title = "issued", "New objectives"
    question = "How many objectives come each month, and do old ones go?"
    used = (ISSUERS, LOAD)
    issued = judge(marts, ISSUED, "value", "month", "count")
    if issued is None:
        there = counted(marts, f"select count(*) from marts.{ISSUERS}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = issued.period
    year = f"objective_month <= ? and objective_month > ? - interval {YEAR} month"
    found = marts.numbers(
        f"""
select sum(issued_objective_count) as issued, sum(issued_assignment_count) as assignments,
    sum(product_change_count) as changes,
    sum(objectives_per_product_change * product_change_count)::bigint as for_changes,
    sum(objectives_per_product_change * product_change_count)
        / nullif(sum(product_change_count), 0) as per_change
from marts.{ISSUERS} where {year}
""",
        {
            "issued": "count",
            "assignments": "count",
            "changes": "count",
            "for_changes": "count",
            "per_change": "number",
        },
        month.value,
        month.value,
    )
    ended = marts.numbers(
        f"select sum(new_objective_count) as new, sum(withdrawn_objective_count) as withdrawn"
        f" from marts.{LOAD} where {year}",
        {"new": "count", "withdrawn": "count"},
        month.value,
        month.value,
    )
    finding = words(
        "{} objectives were issued in {}, {} in the twelve months up to it. Counted by rep, {}"
        " began in that time and {} ended",
        issued.value,
        month,
        found["issued"],
        ended["new"],
        ended["withdrawn"],
    )
    finding += (
        (": what is issued stays.",)
        if (ended["new"].value or 0) and not ended["withdrawn"].value
        else (".",)
    )
    if found["changes"].value:
        finding += words(
            " {} product changes took effect, and for them {} objectives were issued: {} per"
            " change.",
            found["changes"],
            found["for_changes"],
            found["per_change"],
        )
    parts: list[Part] = [
        chart(
            marts,
            "Objectives issued by month, with their limits",
            words("Objectives that began, by month; {} in {}.", issued.value, month),
            ISSUED,
            "value",
            "month",
            Column("Issued", "count"),
        ),
        marts.table(
            "Objectives issued, month by month",
            f"""
with issued as (
    select objective_month, sum(issued_objective_count) as issued,
        sum(issued_assignment_count) as assignments, sum(active_objective_count) as active,
        sum(product_change_count) as changes,
        sum(objectives_per_product_change * product_change_count)::bigint as for_changes
    from marts.{ISSUERS} group by objective_month
), ended as (
    select objective_month, sum(withdrawn_objective_count) as withdrawn
    from marts.{LOAD} group by objective_month
)
select objective_month, active, issued, assignments, withdrawn, changes, for_changes,
    for_changes / nullif(changes, 0) as per_change
from issued left join ended using (objective_month)
where last_day(objective_month) <= {AS_OF}
order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("In force", "count"),
                Column("Issued", "count"),
                Column("Issued, by rep", "count"),
                Column("Ended, by rep", "count"),
                Column("Product changes", "count"),
                Column("Issued for them", "count"),
                Column("Per change", "number"),
            ),
        ),
    ]
    headline = Headline(
        title="Objectives issued",
        number=issued.value,
        context=words(
            "in {}; {} in twelve months, while {} of those that reps have ended.",
            month,
            found["issued"],
            ended["withdrawn"],
        ),
        verdict=issued.verdict,
        why=issued.why,
        section=key,
        marts=used,
    )
    look = look_at(issued, "Objectives issued", worse_when_above=True)
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(look))


# --- by issuer -----------------------------------------------------------------------------------

#: tails of the exact binomial that a chance result leaves out: 95 and 99.8 % limits
WARNING, ALARM = 0.025, 0.001


def funnel() -> str:
    """SQL: a row per issuer of the month `?`, in the order of their names: what is in force, its
    ignored share with exact binomial limits around the share of all, a shrunken estimate, and
    whether it is common or special cause. The share and its limits are NULL below the floor.

    Shrunken towards all by the beta-binomial whose spread is what issuers differ by beyond chance
    (Kleinman 1973); where they differ by no more, the estimate is the share of all.
    """
    return f"""
with issuer as (
    select issued_by, active_objective_count, ignored_rate_numerator as ignored,
        ignored_rate_denominator as whole
    from marts.{ISSUERS} where objective_month = ? and ignored_rate_denominator > 0
), pooled as (
    select sum(ignored)::double / sum(whole)::double as share, sum(whole)::double as all_count,
        count(*) as issuer_count
    from issuer
), chance as (
    select issued_by, draw.k,
        exp(
            lgamma(issuer.whole + 1) - lgamma(draw.k + 1) - lgamma(issuer.whole - draw.k + 1)
            + draw.k * ln(pooled.share) + (issuer.whole - draw.k) * ln(1 - pooled.share)
        ) as probability
    from issuer cross join pooled,
        lateral (select unnest(generate_series(0, issuer.whole)) as k) as draw
    where pooled.share > 0 and pooled.share < 1
), tails as (
    select issued_by, k,
        sum(probability) over (partition by issued_by order by k) as at_most,
        sum(probability) over (partition by issued_by order by k desc) as at_least
    from chance
), bounds as (
    select issued_by,
        min(k) filter (at_most > {WARNING}) as warning_low,
        max(k) filter (at_least > {WARNING}) as warning_high,
        min(k) filter (at_most > {ALARM}) as alarm_low,
        max(k) filter (at_least > {ALARM}) as alarm_high
    from tails group by issued_by
), spread as (
    select any_value(pooled.share * (1 - pooled.share)) as chance,
        any_value(pooled.issuer_count / pooled.all_count) as per_case,
        any_value(pooled.issuer_count)
            * sum(issuer.whole * (issuer.ignored::double / issuer.whole - pooled.share) ** 2)
            / nullif(any_value((pooled.issuer_count - 1) * pooled.all_count), 0) as seen
    from issuer cross join pooled
), prior as (
    select case when seen > chance * per_case
        then greatest((chance - seen) / (seen - chance * per_case), 0) end as weight
    from spread
)
select issued_by, active_objective_count, ignored, whole,
    {rate("ignored", "whole")} as ignored_rate,
    case when whole >= {MIN_CASES} then warning_low / whole end as warning_low,
    case when whole >= {MIN_CASES} then warning_high / whole end as warning_high,
    case when whole >= {MIN_CASES} then alarm_low / whole end as alarm_low,
    case when whole >= {MIN_CASES} then alarm_high / whole end as alarm_high,
    case when prior.weight is null then pooled.share
        else (ignored + prior.weight * pooled.share) / (whole + prior.weight) end as shrunken,
    case
        when whole < {MIN_CASES} then 'fewer than {MIN_CASES} cases'
        when ignored < alarm_low or ignored > alarm_high then 'special cause'
        when ignored < warning_low or ignored > warning_high then 'common cause, near a limit'
        else 'common cause'
    end as cause
from issuer
cross join pooled
cross join prior
left join bounds using (issued_by)
"""


def _issuers(marts: Published) -> Found:
    key, title = "issuers", "By issuer"
    question = "Who issues objectives, and is any issuer's ignored more than chance explains?"
    used = (ISSUERS,)
    months = marts.ask(
        Query(
            f"select max(objective_month) from marts.{ISSUERS}"
            f" where last_day(objective_month) <= {AS_OF} and ignored_rate_denominator > 0"
        )
    )
    [[last]] = months
    if last is None:
        there = counted(marts, f"select count(*) from marts.{ISSUERS}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    found = marts.numbers(
        f"""
select count(*) as issuer_count, sum(active_objective_count) as active,
    count(*) filter (cause = 'special cause') as special_count, any_value(month) as month
from (select *, ?::date as month from ({funnel()}))
""",
        {
            "month": "month",
            "issuer_count": "count",
            "active": "count",
            "special_count": "count",
        },
        last,
        last,
    )
    finding = words(
        "In {}, {} issuers had {} objectives in force. ",
        found["month"],
        found["issuer_count"],
        found["active"],
    )
    if found["special_count"].value:
        finding += words(
            "The ignored share of {} of them lies outside what chance leaves when all are ignored"
            " alike: look at those objectives, not at the issuer.",
            found["special_count"],
        )
    else:
        finding += ("Chance alone explains how their ignored shares differ.",)
    year = f"objective_month <= ? and objective_month > ? - interval {YEAR} month"
    parts: list[Part] = [
        _issuer_chart(marts),
        marts.table(
            "Issuers of the month against chance",
            f"select * from ({funnel()}) order by issued_by",
            (
                Column("Issuer"),
                Column("Objectives in force", "count"),
                Column("Ignored, by rep", "count"),
                Column("Of", "count"),
                Column("Ignored, share", "rate"),
                Column("95 % limit, lower", "rate"),
                Column("95 % limit, upper", "rate"),
                Column("99.8 % limit, lower", "rate"),
                Column("99.8 % limit, upper", "rate"),
                Column("Shrunken", "rate"),
                Column("Cause"),
            ),
            last,
            note=(
                (
                    "In the order of their names: no one is ranked. The limits take each objective"
                    " of each rep as a case of its own. One objective is often ignored by many reps"
                    " at once, so the true limits are wider and a special cause is less certain"
                    " than it looks."
                ),
            ),
        ),
        marts.table(
            "Issued in the last twelve months",
            f"""
select issued_by, sum(issued_objective_count) as issued,
    sum(issued_assignment_count) as assignments, sum(product_change_count) as changes,
    sum(objectives_per_product_change * product_change_count)
        / nullif(sum(product_change_count), 0) as per_change,
    arg_max(active_objective_count, objective_month) as active,
    arg_max(half_life_days, objective_month) as half_life_days
from marts.{ISSUERS} where {year} group by issued_by order by issued_by
""",
            (
                Column("Issuer"),
                Column("Issued", "count"),
                Column("Issued, by rep", "count"),
                Column("Product changes", "count"),
                Column("Objectives per change", "number"),
                Column("In force now", "count"),
                Column("Half are over within", "days"),
            ),
            last,
            last,
            note=("A half-life is told once half of an issuer's objectives have ended.",),
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), used))


def _issuer_chart(marts: Published) -> Part:
    import altair as alt

    areas = (
        alt.Chart(alt.NamedData("rows"))
        .mark_area()
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("active_objective_count:Q", title="Objectives in force", stack="zero"),
            color=alt.Color("issued_by:N", title="Issuer"),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("issued_by:N", title="Issuer"),
                alt.Tooltip("active_objective_count:Q", title="In force"),
            ],
        )
    )
    return marts.chart(
        "Objectives in force, by issuer",
        ("How many objectives of each issuer are in force, month by month.",),
        specified(areas),
        f"""
select objective_month, issued_by, active_objective_count
from marts.{ISSUERS} where last_day(objective_month) <= {AS_OF}
""",
        {
            "objective_month": Column("Month", "month"),
            "issued_by": Column("Issuer"),
            "active_objective_count": Column("In force", "count"),
        },
    )


# --- overlap -------------------------------------------------------------------------------------


def _overlap(marts: Published) -> Found:
    key, title = "overlap", "One strategy, or one per rep"
    question = "Do reps work on the same objectives?"
    used = (OVERLAP,)
    common = judge(marts, COMMON, "value", "month", "number")
    if common is None:
        there = counted(marts, f"select count(*) from marts.{OVERLAP}")
        why = (
            "No two reps worked on an objective in a month that is over, so there is nothing to"
            " compare. Evidence comes with activities, order_lines and objective_results."
        )
        return missing(key, title, question, used, why if there else NO_OBJECTIVES)
    month = common.period
    found = marts.numbers(
        f"""
select mean_jaccard, expected_jaccard, chance_corrected_overlap, pair_count, rep_count,
    idle_rep_count
from marts.{OVERLAP} where objective_month = ?
""",
        {
            "mean_jaccard": "rate",
            "expected_jaccard": "rate",
            "chance_corrected_overlap": "rate",
            "pair_count": "count",
            "rep_count": "count",
            "idle_rep_count": "count",
        },
        month.value,
    )
    finding = words(
        "Of what two reps worked on in {}, {} was common to both, in the mean of {} pairs; if each"
        " had picked as many of their objectives at random it would have been {}. That is {} of the"
        " way from chance to all working on the same.",
        month,
        found["mean_jaccard"],
        found["pair_count"],
        found["expected_jaccard"],
        found["chance_corrected_overlap"],
    )
    if found["idle_rep_count"].value:
        finding += words(
            " {} of {} reps worked on none of theirs.", found["idle_rep_count"], found["rep_count"]
        )
    parts: list[Part] = [
        _overlap_chart(marts),
        chart(
            marts,
            "Overlap beyond chance, with its limits",
            words(
                "What reps have in common beyond chance, by month: none at 0, all at 1; {} in {}.",
                common.value,
                month,
            ),
            COMMON,
            "value",
            "month",
            Column("Beyond chance", "number"),
        ),
        marts.table(
            "Overlap, month by month",
            f"""
select objective_month, rep_count, idle_rep_count, pair_count, mean_jaccard, expected_jaccard,
    chance_corrected_overlap
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF} order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("Reps", "count"),
                Column("Worked on none", "count"),
                Column("Pairs", "count"),
                Column("In common", "rate"),
                Column("By chance", "rate"),
                Column("Beyond chance", "rate"),
            ),
            note=(
                (
                    "In common is the mean over pairs of shared ÷ together (Jaccard). Beyond chance"
                    " is (in common − by chance) ÷ (1 − by chance), and below 0 if reps have less"
                    " in common than chance."
                ),
            ),
        ),
    ]
    headline = Headline(
        title="Worked on in common",
        number=found["mean_jaccard"],
        context=words(
            "of what two reps worked on in {}; by chance {}. {} pairs of {} reps.",
            month,
            found["expected_jaccard"],
            found["pair_count"],
            found["rep_count"],
        ),
        verdict=common.verdict,
        why=("Judged by what lies beyond chance. ", *common.why),
        section=key,
        marts=used,
        case_count=found["pair_count"],
    )
    look = look_at(common, "Overlap beyond chance", worse_when_above=False)
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(look))


def _overlap_chart(marts: Published) -> Part:
    import altair as alt

    labels = {"mean_jaccard": "In common", "expected_jaccard": "By chance"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "overlap"])
        .mark_line(point=True)
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("overlap:Q", title="In common", axis=alt.Axis(format=".0%")),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("mean_jaccard:Q", title="In common", format=".1%"),
                alt.Tooltip("expected_jaccard:Q", title="By chance", format=".1%"),
            ],
        )
    )
    return marts.chart(
        "What two reps work on in common, and by chance",
        ("The mean share that two reps have in common, by month, and what chance would give.",),
        specified(lines),
        f"""
select objective_month, mean_jaccard, expected_jaccard
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF}
""",
        {
            "objective_month": Column("Month", "month"),
            "mean_jaccard": Column("In common", "rate"),
            "expected_jaccard": Column("By chance", "rate"),
        },
        native=NativeChart("line", "objective_month", tuple(labels)),
    )

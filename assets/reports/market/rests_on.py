"""What the picture rests on: of how many accounts, on how many people's word, and whether they
tell the same."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Table, Words, words
from assets.reports.market.compared import PERIOD, of_system
from assets.reports.monthly import labelled, missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found, worded
from assets.reports.signals import specified

MOSAIC = "mart_market_mosaic"
CONTRADICTIONS = "mart_reason_contradictions"
ACCOUNTS = "dim_accounts"
#: contradictions of so many accounts are listed
MOST = 20
_TOLD = f"""
select {of_system("member")} from marts.{MOSAIC}
where {PERIOD} and told_count > 0
"""
_THIN = f"""
select member, told_account_count, told_rep_count, effective_accounts, effective_reps
from ({_TOLD}) where is_thin and dimension = 'segment' order by member, source_system
"""
#: the system that tells the most, where there are several
_WHOLE = f"""
select * from ({_TOLD}) where dimension = 'all' order by told_count desc, source_system limit 1
"""


def section(marts: Published) -> Found:
    key, title = "rests_on", "What the picture rests on"
    question = "Of how much of the market do we know it, and on whose word?"
    used = (MOSAIC, CONTRADICTIONS, ACCOUNTS)
    if not marts.number(f"select count(*) from ({_WHOLE})", "count").value:
        why = (
            "No deal that was won or lost in the last twelve whole months states a reason or a"
            " value proposition. They come with the columns outcome_reason and value_proposition"
            " of the extract opportunities."
        )
        return missing(key, title, question, used, why)
    found = marts.numbers(
        _WHOLE,
        {
            "known_account_count": "count",
            "active_account_count": "count",
            "told_account_count": "count",
            "told_rep_count": "count",
            "told_count": "count",
            "effective_accounts": "number",
            "effective_reps": "number",
            "reason_disagreement_rate": "rate",
            "reason_disagreement_rate_numerator": "count",
            "reason_disagreement_rate_denominator": "count",
            "disagreement_by_lot": "rate",
            "contradiction_rate_numerator": "count",
            "contradiction_rate_denominator": "count",
        },
    )
    finding: Words = words(
        "Of {} accounts known, {} had a deal in the last twelve whole months. The picture is what"
        " {} reps wrote down about {} of them; weighed by their deals these count as {} accounts"
        " and {} reps. ",
        found["known_account_count"],
        found["active_account_count"],
        found["told_rep_count"],
        found["told_account_count"],
        found["effective_accounts"],
        found["effective_reps"],
    )
    thin = tuple(
        words(
            f"The picture of {{}} rests on {{}} account{_s(row['told_account_count'].value)} and"
            f" {{}} rep{_s(row['told_rep_count'].value)}: weighed by their deals, {{}} accounts"
            " and {} reps. ",
            *(
                row[name]
                for name in (
                    *("member", "told_account_count", "told_rep_count"),
                    *("effective_accounts", "effective_reps"),
                )
            ),
        )
        for row in marts.each(
            _THIN,
            {
                "member": "text",
                "told_account_count": "count",
                "told_rep_count": "count",
                "effective_accounts": "number",
                "effective_reps": "number",
            },
        )
    )
    for sentence in thin:
        finding += sentence
    if found["reason_disagreement_rate"].value is not None:
        finding += words(
            "Where two reps say within 90 days why deals of one account were lost, they give"
            " different reasons in {} of {} cases ({}); two lost deals picked by lot would in {}."
            " Of {} accounts with such deals, {} have reasons that contradict.",
            found["reason_disagreement_rate_numerator"],
            found["reason_disagreement_rate_denominator"],
            found["reason_disagreement_rate"],
            found["disagreement_by_lot"],
            found["contradiction_rate_denominator"],
            found["contradiction_rate_numerator"],
        )
    parts: list[Part] = [_chart(marts), _mosaic(marts)]
    contradicting = _contradicting(marts)
    if contradicting.rows:
        parts.append(contradicting)
    headline = Headline(
        title="Accounts the picture rests on",
        number=found["told_account_count"],
        context=words(
            "of {} known, on the word of {} reps; weighed by their deals they count as {}.",
            found["known_account_count"],
            found["told_rep_count"],
            found["effective_accounts"],
        ),
        verdict="plain",
        why=(thin[0] if thin else ("No segment rests on fewer than five accounts or on one rep.",)),
        section=key,
        marts=used,
        case_count=found["told_count"],
    )
    return Found(
        Section(key, title, question, finding, tuple(parts), used),
        headline,
        tuple((WAITING, sentence) for sentence in thin),
    )


def _s(count: object) -> str:
    return "" if count == 1 else "s"


def _mosaic(marts: Published) -> Part:
    return marts.table(
        "The mosaic of the market",
        f"""
select {worded("dimension")} as dimension, member, known_account_count, active_account_count,
    told_account_count, effective_accounts, told_rep_count, effective_reps, told_value_rate,
    market_value_rate, is_thin, reason_disagreement_rate, disagreement_by_lot
from ({_TOLD}) where dimension != 'all'
order by array_position(['segment', 'industry', 'region'], dimension), member, source_system
""",
        (
            Column("By"),
            Column("Part of the market"),
            Column("Accounts known", "count"),
            Column("With a deal", "count"),
            Column("Told of", "count"),
            Column("Count as", "number"),
            Column("Reps", "count"),
            Column("Count as", "number"),
            Column("Value told of", "rate"),
            Column("Share of the market's value", "rate"),
            Column("Thin", "flag"),
            Column("Reasons differ", "rate"),
            Column("By lot", "rate"),
        ),
        note=(
            (
                "Count as: 1 ÷ Σ share² of deals, so that ten accounts of which one has nearly all"
                " deals count as little more than one. Thin: fewer than five accounts or two"
                " reps, counted so. Reasons differ: pairs of deals of one account lost within 90"
                " days under two reps; by lot: any two lost deals of the part."
            ),
        ),
    )


def _contradicting(marts: Published) -> Table:
    return marts.table(
        "Accounts of which we say two things",
        f"""
select coalesce(accounts.account_name, told.account_id) as account, told.segment,
    replace(told.reason_classes, '_', ' ') as reasons, told.rep_count, told.reason_pair_count,
    told.reason_contradiction_count, told.proposition_contradiction_count
from marts.{CONTRADICTIONS} as told
left join marts.{ACCOUNTS} as accounts on told.account_id = accounts.account_id
where {PERIOD} and told.has_reason_contradiction
order by told.reason_contradiction_count desc, told.account_id limit {MOST}
""",
        (
            Column("Account"),
            Column("Segment"),
            Column("Lost for"),
            Column("Reps", "count"),
            Column("Pairs of reasons", "count"),
            Column("Contradict", "count"),
            Column("One proposition both won and lost", "count"),
        ),
        note=(
            (
                f"The {MOST} accounts with most pairs that contradict. It is a question to the"
                " account: two deals may well be lost for two reasons."
            ),
        ),
    )


def _chart(marts: Published) -> Part:
    import altair as alt

    labels = {
        "known_account_count": "Known",
        "active_account_count": "With a deal",
        "told_account_count": "Told of",
        "effective_accounts": "Count as",
    }
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "value"])
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title="Accounts"),
            y=alt.Y("member:N", title=None),
            yOffset=alt.YOffset("measure:N", sort=list(labels)),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("member:N", title="Segment"),
                alt.Tooltip("known_account_count:Q", title="Known"),
                alt.Tooltip("active_account_count:Q", title="With a deal"),
                alt.Tooltip("told_account_count:Q", title="Told of"),
                alt.Tooltip("effective_accounts:Q", title="Count as", format=".1f"),
                alt.Tooltip("told_rep_count:Q", title="Reps"),
            ],
        )
    )
    return marts.chart(
        "How much of each segment we know",
        ("Accounts known, with a deal, told of, and what they count as, segment by segment.",),
        specified(bars),
        f"""
select member, known_account_count, active_account_count, told_account_count, effective_accounts,
    told_rep_count
from ({_TOLD}) where dimension = 'segment'
""",
        {
            "member": Column("Segment"),
            "known_account_count": Column("Known", "count"),
            "active_account_count": Column("With a deal", "count"),
            "told_account_count": Column("Told of", "count"),
            "effective_accounts": Column("Count as", "number"),
            "told_rep_count": Column("Reps", "count"),
        },
        native=NativeChart("bar", "member", tuple(labels)),
    )

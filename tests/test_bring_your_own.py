"""docs/bring-your-own-extract.md, followed step by step for a CRM export nobody has seen."""

import csv
import re
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.landing.land import CASTS
from assets.systems import columns
from tests.line import PROJECT, Line

GUIDE = (PROJECT / "docs" / "bring-your-own-extract.md").read_text(encoding="utf-8")
#: the files that the guide has one write
FILES: dict[str, str] = dict(
    re.findall(r"^\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
)
SETTINGS: dict[str, str] = dict(re.findall(r"^(FUNNELWORKS_\w+)=(.+)$", GUIDE, re.MULTILINE))
QUERIES = re.findall(r"^   ```sql\n(.*?)^   ```$", GUIDE, re.MULTILINE | re.DOTALL)
[SAMPLE] = re.findall(r"^```csv\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)

FORMULA = '=HYPERLINK("http://x.example";"Klick")'
HTML = "<script>alert(1)</script>"
SQL = "'; drop table marts.dim_accounts; --"
FIRMS = [FORMULA, HTML, SQL, "Alster Pumpen", "Beck & Söhne"]


def deal(number: int, phase: str, created: str, closed: str = "", value: str = "10.000,00") -> str:
    firm = FIRMS[number % len(FIRMS)].replace('"', '""')
    return f'V{number:03};"{firm}";Petersen;{phase};{created};30.06.2026;{closed};{value};\n'


#: as of the end of May: 12 won, 8 lost, 20 open
MAY = [
    deal(1, "Gewonnen", "05.01.2026", "15.04.2026", "1.234,50"),
    *(deal(number, "Gewonnen", "05.01.2026", "15.04.2026") for number in range(2, 7)),
    *(deal(number, "Gewonnen", "02.02.2026", "15.05.2026") for number in range(7, 13)),
    *(deal(number, "Verloren", "05.01.2026", "20.04.2026") for number in range(13, 17)),
    *(deal(number, "Verloren", "02.02.2026", "20.05.2026") for number in range(17, 21)),
    *(deal(number, "Angebot", "02.03.2026", value="20.000,00") for number in range(21, 31)),
    *(deal(number, "Qualifiziert", "01.04.2026") for number in range(31, 36)),
    *(deal(number, "Erstkontakt", "04.05.2026") for number in range(36, 41)),
]
#: a month later four of the offers were won and one lost, one deal moved on, one is gone, one new
JUNE = [
    *MAY[:20],
    *(deal(n, "Gewonnen", "02.03.2026", "10.06.2026", "20.000,00") for n in range(21, 25)),
    deal(25, "Verloren", "02.03.2026", "12.06.2026", "20.000,00"),
    *MAY[25:30],
    deal(31, "Angebot", "01.04.2026", value="25.000,00"),
    *MAY[31:39],
    deal(41, "Erstkontakt", "15.06.2026"),
]
#: rows that cannot be used, and why
BROKEN = {
    deal(42, "Angebot", "01.06.2026", value="auf Anfrage"): "not_a_number",
    deal(43, "Angebot", "31.06.2026"): "not_a_date",
    deal(46, "Angebot", "06/01/2026", value="=1+1"): "not_a_number",
    deal(45, "Angebot", "02.06.2026"): "duplicate_key",
    deal(45, "Qualifiziert", "02.06.2026"): "duplicate_key",
    'V048;"Nie zu;Petersen;Angebot;02.06.2026;;;;\n': "broken_quote",
    "V047;Alster Pumpen;Petersen\n": "wrong_column_count",
    ";;;;;;;;\n": "missing_key",
    SAMPLE.splitlines(keepends=True)[0]: "repeated_header",
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The project with the guide's files in it, and a home with the CRM's exports."""
    folder = tmp_path_factory.mktemp("byo")
    unneeded = shutil.ignore_patterns(".*", "data", "target", "logs", "__pycache__", "*.egg-info")
    shutil.copytree(PROJECT, folder / "project", ignore=unneeded)
    made = Line(folder / "home", timezone="Europe/Berlin", project=folder / "project")
    for file, text in FILES.items():
        path = made.project / file
        assert not path.exists(), "the guide touches nothing that is there"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    header = SAMPLE.splitlines(keepends=True)[0]
    firms = "".join(f'"{firm.replace(chr(34), chr(34) * 2)}";Maschinenbau;Nord\n' for firm in FIRMS)
    landing = made.home / "landing" / "nordcrm"
    landing.mkdir(parents=True)
    for day in ("2026-05-31", "2026-06-30"):
        (landing / f"firmen__{day}.csv").write_text(f"Firma;Branche;Region\n{firms}", "utf-8")
    may = header + "".join(MAY)
    (landing / "verkaufschancen__2026-05-31.csv").write_bytes(may.encode("cp1252"))
    june = header + "\r\n".join("".join([*JUNE, *BROKEN]).split("\n"))
    (landing / "verkaufschancen__2026-06-30.csv").write_bytes(june.encode("utf-8-sig"))
    return made


@pytest.fixture(scope="module")
def published(line: Line) -> Line:
    before = sources(line.project)
    line.publishes(**SETTINGS)
    assert sources(line.project) == before, "nothing else was needed"
    return line


def sources(project: Path) -> dict[str, bytes]:
    made = {"__pycache__", "target", "logs"}
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and not made & set(path.parts)
    }


def test_the_guide_adds_a_list_a_folder_and_a_suite() -> None:
    places = {str(Path(file).parent) for file in FILES}
    assert places == {
        "assets/systems",
        "dbt_project/models/staging/nordcrm",
        "expectations/suites",
    }
    assert len(FILES) == 8
    assert len(QUERIES) == 2


def test_the_figures_are_those_of_the_export(published: Line) -> None:
    unknown, outcomes = (ask(published, query) for query in QUERIES)
    assert unknown == []
    assert outcomes == [
        (date(2026, 4, 1), 6, 4, 0.6),
        (date(2026, 5, 1), 6, 4, 0.6),
        (date(2026, 6, 1), 4, 1, 0.8),
    ]
    assert published.query(
        "select outcome, count(*), sum(amount_base) from fct_opportunities group by 1 order by 1"
    ) == [
        ("deleted", 1, 10_000),
        ("lost", 9, 8 * 10_000 + 20_000),
        ("open", 15, 5 * 20_000 + 25_000 + 9 * 10_000),
        ("won", 16, Decimal("1234.50") + 11 * 10_000 + 4 * 20_000),
    ]
    assert published.query(
        "select snapshot_date, count(*), sum(amount_base) from fct_pipeline_snapshots"
        " where snapshot_kind = 'month_end' and snapshot_date > '2026-05-01' group by 1 order by 1"
    ) == [
        (date(2026, 5, 31), 20, 10 * 20_000 + 10 * 10_000),
        (date(2026, 6, 30), 15, 215_000),
    ]


def test_two_exports_are_a_history(published: Line) -> None:
    second_export = datetime.fromisoformat("2026-06-30T21:59:59.999999")  # Berlin's midnight
    assert published.query(
        "select stage, entered_at, exited_at, is_qualified, is_proposal"
        " from fct_opportunity_stage_events where opportunity_id = 'nordcrm:V031' order by 2"
    ) == [
        ("Qualifiziert", datetime.fromisoformat("2026-03-31T22:00"), second_export, True, False),
        ("Angebot", second_export, None, True, True),
    ]
    assert published.one(
        "select closed_date, cycle_days from fct_opportunities"
        " where opportunity_id = 'nordcrm:V021'"
    ) == (date(2026, 6, 10), 100)
    assert published.query(
        "select opportunity_id, removed_date from fct_opportunities where outcome = 'deleted'"
    ) == [("nordcrm:V040", date(2026, 6, 30))]


def test_what_cannot_be_used_is_set_aside_and_harms_nobody(published: Line) -> None:
    assert published.query(
        "select reason from quarantined_rows where is_set_aside order by row_number"
    ) == [(reason,) for reason in BROKEN.values()]
    assert published.query("select account_name from dim_accounts order by 1") == [
        (firm,) for firm in sorted(FIRMS)
    ]
    page = (published.home / "reports" / "data_quality" / "index.html").read_text()
    assert "alert(1)" in page
    assert "<script" not in page
    [copy] = (published.home / "quarantine" / "nordcrm" / "verkaufschancen").iterdir()
    with copy.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["reason"] for row in rows] == list(BROKEN.values())
    assert [row["value"] for row in rows if "1+1" in row["value"]] == ["'=1+1"]


def test_a_stopped_line_says_what_the_guide_says(published: Line) -> None:
    header, *_ = SAMPLE.splitlines(keepends=True)
    undated = deal(1, "Gewonnen", "05.01.2026")
    files = {
        "2026-07-01": header + "".join([undated, *JUNE[1:]]),
        "2026-07-02": header + "".join(JUNE[:3]),
        "2026-07-03": header.replace("Phase", "Status") + "".join(JUNE),
        "2026-07-04": (header + "".join(JUNE)).replace(";", "|"),
    }
    for day, text in files.items():
        published.put(f"nordcrm/verkaufschancen__{day}.csv", text)
    words = published.stops(**SETTINGS | {"FUNNELWORKS_AS_OF": "2026-07-04"})
    said = re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE)
    for saying in said[:4]:
        pattern = re.sub(r"\d+", "[0-9]+", re.escape(saying))
        assert re.search(pattern, words), (saying, words)


def ask(line: Line, query: str) -> list[tuple]:
    """A query of the guide, as a reader of the published file runs it."""
    with duckdb.connect() as connection:
        place = line.home / "published" / "marts.duckdb"
        connection.execute(f"attach '{place}' as marts (read_only)")
        return connection.execute(query).fetchall()


def test_numbers_are_read_as_their_table_list_says() -> None:
    with duckdb.connect() as connection:
        connection.execute(CASTS.read_text(encoding="utf-8").replace("$timezone", "UTC"))

        def read(form: str, text: str) -> Decimal | None:
            [column] = columns(f"wert decimal as {form}")
            [(value,)] = connection.execute(
                "select to_decimal_as($1, $2)", [text, column.format]
            ).fetchall()
            return value

        for form, text in {
            "1.234,5": "-1.234.567,50",
            "1,234.5": " -1,234,567.50 ",
            "1'234.5": "-1'234'567.5",
            "1 234,5": "-1234567,5",
        }.items():
            assert read(form, text) == Decimal("-1234567.5")
        for text in ("1.5", "1.50", "1,234.5", "12.34,5", "1.234,5 €", ",5", "", "1e3"):
            assert read("1.234,5", text) is None, text
    with pytest.raises(ValueError, match=r"write 1234\.5 as it does"):
        columns("wert decimal as 0,00")

"""The data dictionary: every published mart on one page, as the dbt project describes it:
`python -m assets.dictionary <file>`.

Belongs here: what a reader of a mart asks of it (columns, types, tests, joins, where it comes
from, who reads it), from the manifest. Does not belong here: words on a mart; its YAML has them.

Joins are not declared anywhere: a table joins to each other one whose whole grain it has, many to
one, which never multiplies rows. Only where a column bears another name than the key it holds
(`owner_id`, a rep) does `ROLES` say so.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.dbt import prepared_manifest
from assets.templates import environment

#: columns that hold another table's key under a name of their own
ROLES = {
    "dim_reps": ("owner_id", "owner_current_id", "owner_at_close_id", "manager_id"),
    "dim_accounts": ("parent_account_id",),
}
ROW, BOX, GAP = 26, 330, 260


@dataclass(frozen=True)
class Join:
    """Many rows of `mart` to one of `to`; `on`: a column here = a column there."""

    mart: str
    to: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    description: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A mart as the page tells it. `built_from`: the models it reads; `sources`: the raw tables
    that it comes from in the end; `read_by`: marts, semantic models and reports."""

    name: str
    area: str
    description: str
    grain: tuple[str, ...]
    deprecated_on: str
    columns: tuple[Column, ...]
    tests: tuple[str, ...]
    joins: tuple[Join, ...]
    built_from: tuple[str, ...]
    sources: tuple[str, ...]
    read_by: tuple[str, ...]


def entries(manifest: Mapping[str, Any]) -> list[Entry]:
    """Every public model of dbt's manifest, by area and name."""
    nodes = manifest["nodes"]
    public = {
        unique_id: node
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and node["config"].get("access") == "public"
    }
    grains = {
        node["alias"]: tuple(node["config"]["meta"]["grain"])
        for node in public.values()
        if not node["deprecation_date"]  # nobody is led to what will go
    }
    found = []
    for unique_id, node in public.items():
        tests = [
            (nodes[child]["column_name"], nodes[child]["test_metadata"]["name"])
            for child in manifest["child_map"][unique_id]
            if child.startswith("test.")
            and nodes[child].get("test_metadata")
            and nodes[child]["attached_node"] == unique_id
        ]
        found.append(
            Entry(
                name=node["alias"],
                area=node["fqn"][2],
                description=node["description"],
                grain=tuple(node["config"]["meta"]["grain"]),
                deprecated_on=(node["deprecation_date"] or "")[:10],
                columns=tuple(
                    Column(
                        column["name"],
                        column["data_type"],
                        column["description"],
                        (
                            *(each["type"] for each in column["constraints"]),
                            *(name for of, name in tests if of == column["name"]),
                        ),
                    )
                    for column in node["columns"].values()
                ),
                tests=tuple(name for of, name in tests if of is None),
                joins=tuple(_joins(node["alias"], list(node["columns"]), grains)),
                built_from=_named(manifest["parent_map"][unique_id], ("model", "seed")),
                sources=tuple(sorted(_sources(manifest["parent_map"], unique_id))),
                read_by=_named(
                    manifest["child_map"][unique_id], ("model", "semantic_model", "exposure")
                ),
            )
        )
    return sorted(found, key=lambda entry: (entry.area, entry.name))


def _joins(mart: str, columns: list[str], grains: Mapping[str, tuple[str, ...]]) -> Iterator[Join]:
    for to, grain in sorted(grains.items()):
        if to != mart and set(grain) <= set(columns):
            yield Join(mart, to, tuple((column, column) for column in grain))
        for role in ROLES.get(to, ()):
            if role in columns and role not in grain:
                yield Join(mart, to, ((role, grain[0]),))


def _named(unique_ids: list[str], kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they are read: a model's with its version, another's with its kind."""
    named = set()
    for unique_id in unique_ids:
        kind, _, name = unique_id.split(".", 2)
        if kind in kinds:
            words = {"semantic_model": "semantic model ", "exposure": "report "}
            named.add(words.get(kind, "") + name)
    return tuple(sorted(named))


def _sources(parents: Mapping[str, list[str]], unique_id: str) -> set[str]:
    found, due, seen = set(), [unique_id], {unique_id}
    while due:
        for parent in parents.get(due.pop(), ()):
            if parent.startswith("source."):
                found.add(".".join(parent.split(".")[2:]))
            elif parent not in seen:
                seen.add(parent)
                due.append(parent)
    return found


def diagram(joins: list[Join]) -> dict[str, Any]:
    """Where the boxes and lines of an area's joins lie, in SVG's units."""
    left = list(dict.fromkeys(join.mart for join in joins))
    right = sorted({join.to for join in joins})

    def middle(names: list[str], name: str) -> float:
        return ROW * (names.index(name) + 0.5)

    lines = [
        {
            "y1": middle(left, join.mart),
            "y2": middle(right, join.to),
            "words": f"{join.mart} → {join.to}: "
            + " and ".join(
                here if here == there else f"{here} = {there}" for here, there in join.on
            ),
        }
        for join in joins
    ]
    return {
        "left": [(name, middle(left, name)) for name in left],
        "right": [(name, middle(right, name)) for name in right],
        "lines": lines,
        "height": ROW * max(len(left), len(right), 1),
        "row": ROW,
        "box": BOX,
        "gap": GAP,
        "width": 2 * BOX + GAP,
    }


def page(manifest: Mapping[str, Any]) -> str:
    """The dictionary as a self-contained HTML page."""
    areas: dict[str, list[Entry]] = {}
    for entry in entries(manifest):
        areas.setdefault(entry.area, []).append(entry)
    template = environment(Path(__file__).parent).get_template("dictionary.html.j2")
    return template.render(
        areas=areas,
        diagrams={
            area: diagram([join for entry in told for join in entry.joins])
            for area, told in areas.items()
        },
    )


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(page(json.loads(prepared_manifest().read_text())), encoding="utf-8")

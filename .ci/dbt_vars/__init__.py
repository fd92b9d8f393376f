"""What sqlfluff lacks of dbt: `var()`, since its own renders one word for all, and `graph`."""

from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project" / "dbt_project.yml"
_VALUES: dict[str, Any] = yaml.safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]

#: the project's nodes, which only dbt knows
graph: dict[str, Any] = {"nodes": {}}


def var(name: str, default: Any = None) -> Any:
    """The value that dbt_project.yml gives the variable."""
    return _VALUES.get(name, default)

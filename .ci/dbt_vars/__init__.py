"""dbt's `var()` for sqlfluff, whose own renders the same word for every variable."""

from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project" / "dbt_project.yml"
_VALUES: dict[str, Any] = yaml.safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]


def var(name: str, default: Any = None) -> Any:
    """The value that dbt_project.yml gives the variable."""
    return _VALUES.get(name, default)

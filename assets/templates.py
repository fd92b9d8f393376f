"""How templates are filled: what they are given is text, and what they are not given is an error.

Belongs here: the settings that every page shares. Does not belong here: any page.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(folder: Path, **settings: Any) -> "Environment":
    """Jinja for the templates of a folder; they escape, unless `settings` say otherwise."""
    import jinja2

    shared: dict[str, Any] = {
        "autoescape": True,
        "undefined": jinja2.StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    return jinja2.Environment(loader=jinja2.FileSystemLoader(folder), **shared | settings)

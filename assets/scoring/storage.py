"""Fitted models as folders: one skops file per estimator, `metrics.json` with the facts, and what
is written for people.

Belongs here: writing and reading such a folder. What the facts say, and which types a model may
consist of, is said by the module that fits it.
"""

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

FACTS = "metrics.json"
#: what the bytes of a model and its figures hang on; the names as pip knows them
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")


def save(
    folder: Path,
    estimators: Mapping[str, object],
    facts: Mapping[str, object],
    documents: Mapping[str, str] | None = None,
) -> None:
    """Writes `<name>.skops` for each estimator and `metrics.json`: the facts and the versions of
    the libraries. The folder appears in one step, whole.

    Args:
        documents: name of a file → its text, to lie beside them for people.

    Raises:
        FileExistsError: the folder is there; a version of a model is never overwritten.
        TypeError, ValueError: the facts are no JSON (a date, NaN).
    """
    import skops.io

    if folder.exists():
        raise FileExistsError(f"{folder} already holds a model: choose another version")
    text = json.dumps(
        {"facts": facts, "estimators": sorted(estimators), "libraries": libraries()},
        indent=1,
        sort_keys=True,
        allow_nan=False,
        ensure_ascii=False,
    )
    draft = folder.with_name(f".{folder.name}.draft")
    if draft.exists():
        # what a killed run left
        shutil.rmtree(draft)
    draft.mkdir(parents=True)
    for name, estimator in estimators.items():
        skops.io.dump(estimator, draft / f"{name}.skops")
    (draft / FACTS).write_text(text + "\n", encoding="utf-8")
    for name, words in (documents or {}).items():
        (draft / name).write_text(words, encoding="utf-8")
    draft.rename(folder)


def libraries() -> dict[str, str]:
    """The releases of what the bytes of a model and its figures hang on, by name."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def facts(folder: Path) -> dict[str, Any]:
    """The facts alone, whether or not the estimators can be used.

    Raises:
        OSError, ValueError: there are none that can be read.
    """
    return json.loads((folder / FACTS).read_text(encoding="utf-8"))["facts"]


def load(folder: Path, trusted: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The estimators and the facts of a folder that `save` wrote.

    Args:
        trusted: the full names of the types, beyond those that skops knows, that the files may
            hold: a list in code, never what a file says of itself.

    Raises:
        FileNotFoundError: no such model, or one of its files is missing.
        ValueError: a file is damaged, holds a type that is not trusted, or was written with
            another scikit-learn.
    """
    import sklearn
    import skops.io

    written = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    theirs = written["libraries"]["scikit-learn"]
    if theirs != sklearn.__version__:
        raise ValueError(
            f"{folder} was fitted with scikit-learn {theirs}, this is {sklearn.__version__}: "
            "fit it again"
        )
    estimators = {}
    for name in written["estimators"]:
        file = folder / f"{name}.skops"
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing: fit the model again")
        try:
            strange = sorted(set(skops.io.get_untrusted_types(file=file)) - set(trusted))
            if strange:
                raise ValueError(f"types that are not trusted: {', '.join(strange)}")
            estimators[name] = skops.io.load(file, trusted=list(trusted))
        except Exception as problem:
            raise ValueError(f"{file} cannot be used: {problem}") from problem
    return estimators, written["facts"]

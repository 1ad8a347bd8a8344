"""What pydantic found wrong in a file, told in the words of the file."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from reversion.adapters.yaml_text import Document, Node, Path, Problem
from reversion.feature_settings import (
    COMMIT_PATTERN,
    PROJECT_PATTERN,
    PULL_PATTERN,
    WORD_PATTERN,
    CatalogueEntry,
    Conventional,
    FeatureSettings,
    Fragments,
    Key,
    Line,
    MergeBranch,
    OwnConventions,
    Pattern,
    PullRequest,
    Trailer,
)
from reversion.names import ENVIRONMENT_PATTERN, FEATURE_PATTERN, SERVICE_PATTERN
from reversion.product import Environment, Observe, Product, ProductionTest, Schedule, Service
from reversion.text import Value, closest, plain
from reversion.tracker_settings import (
    BLOCK_PATTERN,
    KEY_PATTERN,
    PREFIX_PATTERN,
    REPOSITORY_PATTERN,
    USER_PATTERN,
    GitHub,
    GitLab,
    Jira,
    Trello,
)
from reversion.version_sources import KINDS

_ALLOWED = {
    ENVIRONMENT_PATTERN: "write lower-case letters, digits and '-', at most 31, a letter or digit first",
    SERVICE_PATTERN: "write letters, digits, '.', '_' and '-', at most 63, a letter or digit first",
    FEATURE_PATTERN: "write letters, digits and any of . _ / # -, at most 100, a letter or digit first",
    r"^[A-Za-z_][A-Za-z0-9_]{0,62}$": "write letters, digits and '_', no digit first",
    PROJECT_PATTERN: "write letters, digits and '_', at most 31, a letter first",
    WORD_PATTERN: "write letters, digits, '_' and '-', at most 31, a letter first",
    COMMIT_PATTERN: "write a service, '@' and 7 to 40 digits of a commit's id, as in cart@9f3c2ab",
    PULL_PATTERN: "write a service, '#' and a number, as in cart#12",
    r"^[^\x00-\x1f\x7f]+$": "write one line without control characters",
    r"^[^\x00-\x1f\x7f\\]+$": "write one line without control characters or backslashes",
    REPOSITORY_PATTERN: "write its path at the site, as in shop/catalog",
    PREFIX_PATTERN: "write letters, digits and any of . _ / # -, at most 90, a letter or digit first",
    USER_PATTERN: "write a user's name or mail address, without colon and spaces",
    KEY_PATTERN: "write the API key's letters and digits",
    BLOCK_PATTERN: "write lower-case letters, digits and '-', as Prefect names blocks",
}
_CONVENTIONS: dict[str, type[Value]] = {
    "line": Line,
    "trailer": Trailer,
    "key": Key,
    "pattern": Pattern,
    "pull_request": PullRequest,
    "merge_branch": MergeBranch,
    "conventional": Conventional,
    "fragments": Fragments,
}
_TRACKERS: dict[str, type[Value]] = {"jira": Jira, "github": GitHub, "gitlab": GitLab, "trello": Trello}
_KINDS = {"conventions": _CONVENTIONS, "trackers": _TRACKERS}
_SECTIONS: dict[str, type[Value]] = {
    "services": Service,
    "environments": Environment,
    "production_tests": ProductionTest,
}
_BELOW: dict[str, type[Value]] = {"observe": Observe, "nightly": Schedule}


def problem_of(error: ErrorDetails, model: type[Value], document: Document, at: tuple[int, ...]) -> Problem:
    """Return the error as a problem at its line; `at` leads to the value within the document."""
    path = _in_file((*at, *error["loc"]), document.content)
    keys = keys_at(path[len(at) :], document.content) if model is Product else tuple(CatalogueEntry.model_fields)
    return Problem(path, plain(_sentence(error, keys), 300), document.line(path))


def keys_at(path: Path, content: Node) -> tuple[str, ...]:
    """Return the keys that reversion.yaml may have beside the path's last."""
    match path:
        case (_,):
            return ("schema", *Product.model_fields)
        case (str(section), _, *rest) if section in _SECTIONS:
            model = _BELOW.get(str(rest[0]), _SECTIONS[section]) if len(rest) == 2 else _SECTIONS[section]
            return tuple(name for name in model.model_fields if name != "name")
        case ("features", _):
            return tuple(FeatureSettings.model_fields)
        case ("versions", int()):
            return tuple(KINDS)
        case ("versions", int(), _):
            kind = _child(_walk(content, path[:2]), "kind")
            return tuple(KINDS[kind].model_fields) if kind in KINDS else ()
        case ("features", "services", _, _):
            return tuple(OwnConventions.model_fields)
        case ("features", "services", _, _, int()):
            return tuple(_CONVENTIONS)
        case ("features", "services", _, _, int(), _):
            kind = _child(_walk(content, path[:5]), "kind")
            return tuple(_CONVENTIONS[kind].model_fields) if kind in _CONVENTIONS else ()
        case ("features", str(listed), int()) if listed in _KINDS:
            return tuple(_KINDS[listed])
        case ("features", str(listed), int(), _) if listed in _KINDS:
            kind = _child(_walk(content, path[:3]), "kind")
            return tuple(_KINDS[listed][kind].model_fields) if kind in _KINDS[listed] else ()
    return ()


def unknown_key(key: str, keys: tuple[str, ...]) -> str:
    """Say that the key is unknown, and name the closest known one, or all."""
    hint = closest(key, keys)
    mend = f"did you mean '{hint}'?" if hint else f"known here: {', '.join(keys)}" if keys else "remove it"
    return f"is no key that Reversion knows; {mend}".rstrip("?")


def _sentence(error: ErrorDetails, keys: tuple[str, ...]) -> str:
    kind, facts = error["type"], error.get("ctx", {})
    given = f"'{plain(error['input'], 80)}'" if isinstance(error["input"], str) else ""
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return unknown_key(str(error["loc"][-1]), keys)
        case "string_pattern_mismatch":
            return f"{given} is not allowed: {_ALLOWED.get(facts['pattern'], facts['pattern'])}"
        case "value_error":
            return _value_error(given, facts)
        case "tuple_type" | "list_type":
            return "must be a list, e.g. [one, two]"
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            return "must be keys and values"
        case "string_type":
            return "must be a single text"
        case "int_parsing" | "int_type" | "int_from_float":
            return f"must be a whole number{', not ' + given if given else ''}"
        case "bool_parsing" | "bool_type":
            return f"must be true or false{', not ' + given if given else ''}"
        case "union_tag_not_found" | "union_tag_invalid":
            return f"'kind' must be one of {', '.join(keys)}"
        case "too_short":
            return "must not be empty"
    return error["msg"][:1].lower() + error["msg"][1:]


def _value_error(given: str, facts: Mapping[str, Any]) -> str:
    said = str(facts["error"])
    return f"{given} {said}" if given and "password" not in said and not said.startswith("'") else said


def _in_file(loc: tuple[int | str, ...], content: Node) -> Path:
    """Drop what doesn't stand in the file from pydantic's location: a union's tag, the word for a key."""
    path: list[int | str] = []
    here: Node | None = content
    for position, part in enumerate(loc):
        found = _child(here, part)
        last = position == len(loc) - 1
        if found is None and (part == "[key]" or not last or part == _child(here, "kind")):
            continue
        path.append(part)
        here = found
    return tuple(path)


def _walk(content: Node, path: Path) -> Node | None:
    here: Node | None = content
    for part in path:
        here = _child(here, part)
    return here


def _child(node: Node | None, part: str | int) -> Any:
    if isinstance(node, dict):
        return node.get(str(part))
    if isinstance(node, list) and isinstance(part, int) and part < len(node):
        return node[part]
    return None

"""What reversion.yaml says in one place, checked against its other places and the product's files."""

from collections.abc import Iterator

from reversion.adapters.wording import keys_at, unknown_key
from reversion.adapters.yaml_text import Document, Node, Path, Problem
from reversion.text import closest, plain

_ONE_PATH = ("inventory", "restore", "configure")
_PATHS = ("configuration", "keep_current")


def foreign_names(document: Document) -> Iterator[Problem]:
    """Tell of a `name` key in a service, environment or test, which is named by the key above it."""
    for section in ("services", "environments", "production_tests"):
        for name, child in _children(document.content, section):
            if isinstance(child, dict) and "name" in child:
                path = (section, name, "name")
                message = unknown_key("name", keys_at(path, document.content))
                yield Problem(path, message, document.line(path))


def agreement(document: Document, files: tuple[str, ...]) -> Iterator[Problem]:
    """Tell of names that nothing has, dependencies that go round, and paths without a committed file."""
    content = document.content
    services = tuple(name for name, _ in _children(content, "services"))
    tests = tuple(name for name, _ in _children(content, "production_tests"))
    yield from _unknown(document, ("services", "depends_on"), services, "service")
    yield from _unknown(document, ("environments", "production_tests"), tests, "production test")
    yield from _unknown_services(document, services)
    yield from _cycle(document, services)
    there = {"/".join(parts[:end]) for parts in map(_split, files) for end in range(1, len(parts) + 1)}
    for name, child in _children(content, "environments"):
        for path, value in _paths(("environments", name), child):
            if value.rstrip("/") not in there:
                hint = closest(value, tuple(sorted(there))[:5000])
                mend = f"did you mean '{hint}'" if hint else "add and commit it, or correct the path"
                message = f"no committed file or folder '{plain(value)}'; {mend}"
                yield Problem(path, message, document.line(path))


def _unknown(document: Document, where: tuple[str, str], known: tuple[str, ...], kind: str) -> Iterator[Problem]:
    section, key = where
    for name, child in _children(document.content, section):
        for path, value in _texts((section, name, key), child):
            if value not in known:
                yield Problem(path, _none_named(kind, value, known), document.line(path))


def _unknown_services(document: Document, services: tuple[str, ...]) -> Iterator[Problem]:
    """Tell of conventions of their own that services have which the product has not."""
    features = document.content.get("features", "") if isinstance(document.content, dict) else ""
    for name, _ in _children(features, "services"):
        if name not in services:
            path = ("features", "services", name)
            yield Problem(path, _none_named("service", name, services), document.line(path))


def _none_named(kind: str, value: str, known: tuple[str, ...]) -> str:
    hint = closest(value, known)
    mend = f"did you mean '{hint}'" if hint else f"known: {', '.join(known[:10]) or 'none'}"
    return f"no {kind} named '{plain(value, 80)}'; {mend}"


def _cycle(document: Document, services: tuple[str, ...]) -> Iterator[Problem]:
    needs = {
        name: [value for _, value in _texts(("services", name, "depends_on"), child) if value in services]
        for name, child in _children(document.content, "services")
    }
    circle = _find_circle(needs)
    if circle:
        path = ("services", circle[0], "depends_on")
        told = " -> ".join(circle)
        yield Problem(path, f"the services need each other in a circle: {told}", document.line(path))


def _find_circle(needs: dict[str, list[str]]) -> list[str]:
    """Return the names of one circle, its first name repeated at the end, or nothing."""
    done: set[str] = set()
    for start in needs:
        trail = [start] if start not in done else []
        waiting = [(name, iter(needs[name])) for name in trail]
        while waiting:
            name, rest = waiting[-1]
            following = next((other for other in rest if other not in done), None)
            if following is None:
                done.add(name)
                waiting.pop()
                trail.pop()
            elif following in trail:
                return [*trail[trail.index(following) :], following]
            else:
                trail.append(following)
                waiting.append((following, iter(needs[following])))
    return []


def _paths(at: Path, child: Node) -> Iterator[tuple[Path, str]]:
    if not isinstance(child, dict):
        return
    for key in _ONE_PATH:
        value = child.get(key)
        if isinstance(value, str) and value:
            yield (*at, key), value
    for key in _PATHS:
        yield from _texts((*at, key), child)


def _split(path: str) -> list[str]:
    return path.split("/")


def _children(content: Node, section: str) -> list[tuple[str, Node]]:
    found = content.get(section) if isinstance(content, dict) else None
    return list(found.items()) if isinstance(found, dict) else []


def _texts(path: Path, child: Node) -> Iterator[tuple[Path, str]]:
    listed = child.get(str(path[-1])) if isinstance(child, dict) else None
    for number, value in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(value, str) and value:
            yield (*path, number), value

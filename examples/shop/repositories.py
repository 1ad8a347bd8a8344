"""The services' repositories: each history replayed with real commits, reverts, picks and tags."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from examples.shop.git import Git
from examples.shop.histories import HISTORIES
from examples.shop.histories.values import Change, History, Pick, Revert

SOURCES = Path(__file__).parent / "services"


def build_repositories(directory: Path) -> None:
    """Make one repository for each service in the directory."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda item: _replay(Git.create(directory / item[0]), *item), HISTORIES.items()))


def _replay(git: Git, service: str, history: History) -> None:
    git.write("service.py", (SOURCES / f"{service}.py").read_text())
    git.write("server.py", (SOURCES / "server.py").read_text())
    git.write("README.md", f"# {service}\n\nPart of the shop. Start it with `python service.py`.\n")
    made: dict[str, str] = {}
    for event in history:
        if isinstance(event, Change):
            made[event.subject] = _change(git, event)
        elif isinstance(event, Revert):
            _revert(git, made[event.subject], event)
        else:
            _pick(git, made[event.subject], event)
        if event.release:
            _release(git, event.release)
        git("checkout", "--quiet", "main")


def _change(git: Git, change: Change) -> str:
    source = (git.path / "service.py").read_text()
    for edit in change.edits:
        if source.count(edit.old) != 1:
            raise ValueError(f"'{change.subject}': the code does not have this once: {edit.old!r}")
        source = source.replace(edit.old, edit.new)
    git.write("service.py", source)
    for name, text in change.files:
        git.write(name, text)
    message = f"{change.subject}\n\nFeature: {change.feature}" if change.feature else change.subject
    return git.commit(message, change.author)


def _revert(git: Git, commit: str, revert: Revert) -> None:
    git.tick()
    git("revert", "--no-edit", commit, author=revert.author)
    message = git("log", "-1", "--format=%B")
    git("commit", "--quiet", "--amend", "--message", f"{message}\n\n{revert.because}", author=revert.author)


def _pick(git: Git, commit: str, pick: Pick) -> None:
    git("checkout", "--quiet", "-b", f"release/{pick.onto.rpartition('.')[0]}", f"v{pick.onto}")
    git.tick()
    git("cherry-pick", "-x", commit, author=pick.author)


def _release(git: Git, version: str) -> None:
    git.write("VERSION", f"{version}\n")
    git.commit(f"Release {version}", "Dana")
    git("tag", "--annotate", f"v{version}", "--message", f"Version {version}", author="Dana")

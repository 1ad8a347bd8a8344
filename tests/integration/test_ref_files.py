"""Branches and tags are known without Git, and as Git knows them, wherever it keeps them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reversion.adapters.gitcommand import GitCommand
from reversion.adapters.ref_files import read_references
from reversion.adapters.repository import Repository
from tests.gitbuilder import GitBuilder

BRANCHES = ("refs/heads/main", "refs/heads/topic/new", "refs/remotes/origin/main", "refs/heads/none")


def a_repository(path: Path) -> GitBuilder:
    git = GitBuilder(path)
    git.commit("begin", {"README": "1"})
    git.tag("v1")
    git.tag("cart/v2", message="two")
    git.commit("more", {"README": "2"})
    git.git("update-ref", "refs/remotes/origin/main", "HEAD^")
    git.branch("topic/new")
    git.checkout("main")
    return git


def packed(git: GitBuilder) -> None:
    git.git("pack-refs", "--all")


def packed_and_gone_on(git: GitBuilder) -> None:
    git.git("pack-refs", "--all")
    git.commit("go on", {"README": "3"})
    git.tag("v3")


def symbolic(git: GitBuilder) -> None:
    git.git("symbolic-ref", "refs/heads/topic/new", "refs/heads/main")


def locked(git: GitBuilder) -> None:
    (git.path / ".git" / "refs" / "tags" / "v9.lock").write_text("")


def oddly_named(git: GitBuilder) -> None:
    git.tag("v\u2028")
    for name in (".DS_Store", ".v9.swp", "a..b", "v9~"):
        (git.path / ".git" / "refs" / "tags" / name).write_text("")


PLACES: tuple[Callable[[GitBuilder], None], ...] = (
    lambda _: None,
    packed,
    packed_and_gone_on,
    symbolic,
    locked,
    oddly_named,
)


@pytest.mark.parametrize("change", PLACES, ids=lambda place: place.__name__)
def test_branches_and_tags_are_those_that_git_tells(change: Callable[[GitBuilder], None], tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    change(git)
    repository = Repository(git.path)
    refs = repository.refs()

    found = repository.references(BRANCHES)

    assert found.branches == {name: refs[name] for name in BRANCHES if name in refs}
    assert found.tags == {name for name in refs if name.startswith("refs/tags/")}


def test_a_linked_work_tree_knows_the_branches_of_its_repository(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))

    found = Repository(tmp_path / "linked").references(BRANCHES)

    assert found.branches["refs/heads/main"] == git.head()
    assert found.tags == {"refs/tags/v1", "refs/tags/cart/v2"}


def test_git_is_asked_for_what_is_no_plain_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = a_repository(tmp_path / "cart")
    repository = Repository(git.path)
    monkeypatch.delattr(GitCommand, "run")

    assert repository.references(BRANCHES).branches["refs/heads/main"]

    symbolic(git)
    with pytest.raises(AttributeError):
        repository.references(BRANCHES)


@pytest.mark.parametrize("change", ["cut", "rubbish", "CRLF", "longer ids"])
def test_a_common_file_that_is_not_understood_whole_is_left_to_git(change: str, tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    packed(git)
    file = git.path / ".git" / "packed-refs"
    whole = file.read_bytes()
    found = {
        "cut": whole[:-3],
        "rubbish": whole + b"rubbish\n",
        "CRLF": whole.replace(b"\n", b"\r\n"),
        "longer ids": whole.replace(b" refs/", b"0" * 24 + b" refs/"),
    }
    file.write_bytes(found[change])

    with pytest.raises(OSError, match="something else"):
        read_references(git.path / ".git", BRANCHES)


@pytest.mark.parametrize("said", ["0" * 40, "", "ref: refs/heads/main\n", "f" * 64, "f" * 39, "\0" * 41])
def test_what_is_no_id_is_never_told_as_one(said: str, tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    folder = git.path / ".git"
    (folder / "refs" / "heads" / "main").write_text(said)

    with pytest.raises(OSError, match="no id"):
        read_references(folder, BRANCHES)


def test_a_folder_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    folder = git.path / ".git"
    (folder / "refs" / "tags" / "loop").symlink_to(folder / "refs")

    with pytest.raises(OSError, match="for Git to judge"):
        read_references(folder, BRANCHES)

"""Git through GitPython: the one door through which every Git command leaves."""

import re
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reversion.adapters import trees
from reversion.adapters.gitcommand import GitCommand
from reversion.adapters.ref_files import References, read_references
from reversion.errors import RepositoryFailed
from reversion.text import plain

COMMIT_ID = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[0-9A-Za-z_][^\x00-\x20\x7f~^:?*\[\\]{0,250}(?:[~^][0-9]{0,4}){0,9}")
_TIMEOUT = 120
_MAX_FILE = 16 << 20


@dataclass(frozen=True)
class Found:
    """One Git object: its id, kind (blob, tree, commit, tag) and size; no content where it was too large."""

    id: str
    kind: str
    size: int
    content: bytes | None


class Repository:
    """One local repository, bare or not.

    Arguments go to Git as they are: pass names from outside through `resolve` first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        if not self.path.is_dir():
            raise RepositoryFailed(
                f"There is no Git repository at {self.path}.", "Correct the path, or clone it there."
            )
        self._git = GitCommand(self.path)
        self._folder = self.path if (self.path / "HEAD").is_file() else self.path / ".git"
        if not (self._folder / "HEAD").is_file():
            self.run("rev-parse", "--git-dir")

    def run(self, *arguments: str, stdin: str | None = None, timeout: int = _TIMEOUT) -> str:
        """Run one Git command and return its output verbatim; raise RepositoryFailed with Git's own words."""
        return self.run_bytes(*arguments, stdin=stdin, timeout=timeout).decode("utf-8", "replace")

    def run_bytes(self, *arguments: str, stdin: str | None = None, timeout: int = _TIMEOUT) -> bytes:
        """Run one Git command, ended after `timeout` seconds, and return its output as bytes."""
        return self._git.run(arguments, stdin, timeout)

    def stream(self, *arguments: str, stdin: str | None = None, timeout: int = 1800) -> Generator[bytes, None, None]:
        """Start one Git command, whose output is given in blocks of up to 256 KiB; it ends with the iterator."""
        blocks = self._blocks(arguments, stdin, timeout)
        next(blocks)
        return blocks

    def _blocks(self, arguments: tuple[str, ...], stdin: str | None, timeout: int) -> Generator[bytes, None, None]:
        """Yield nothing once the command runs, then its output."""
        with self._git.open(arguments, stdin, timeout) as output:
            yield b""
            while block := output.read(1 << 18):
                yield block

    def objects(self, names: tuple[str, ...], limit: int = _MAX_FILE) -> Generator[Found | None, None, None]:
        """Yield the object that each name means, in order, through one process; None where there is none."""
        usable = tuple(name for name in names if name and "\n" not in name)
        if not usable:
            yield from (None for _ in names)
            return
        with self._git.open(("cat-file", "--batch"), "\n".join(usable) + "\n", _TIMEOUT) as output:
            for name in names:
                yield _read_object(output, limit) if name and "\n" not in name else None

    def object(self, name: str, limit: int = _MAX_FILE) -> Found | None:
        """Return the object that a name means; see `objects`."""
        return next(iter(tuple(self.objects((name,), limit))))

    def resolve(self, name: str) -> str | None:
        """Return the 40-digit id of the commit that a plain name means, or one above it as `main~2`; else None."""
        if not _NAME.fullmatch(name) or ".." in name or "@{" in name:
            return None
        try:
            spelled = f"{name}^{{commit}}"
            found = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", spelled).strip()
        except RepositoryFailed as error:
            if getattr(error.__cause__, "status", None) == 1:
                return None
            raise
        return found if COMMIT_ID.fullmatch(found) else None

    def newest(self, *, refresh: bool = True) -> str:
        """Return the id of the newest commit of the checked-out branch, here or at the remote `origin`.

        Raise RepositoryFailed where the two have parted, where there is no commit, or where the remote
        does not answer.
        """
        here = self.resolve("HEAD")
        if here is None:
            raise RepositoryFailed(f"The repository at {self.path} has no commit yet.", "Commit the product first.")
        branch = self.run("rev-parse", "--abbrev-ref", "HEAD").strip()
        if not self.has_remote() or branch == "HEAD":
            return here
        if refresh and self._has_news():
            self.run("fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
        there = self.resolve(f"refs/remotes/origin/{branch}")
        if there is None or there == here:
            return here
        ahead, behind = self.run("rev-list", "--left-right", "--count", f"{here}...{there}").split()
        if ahead != "0" and behind != "0":
            raise RepositoryFailed(
                f"In {self.path} the branch {branch} and its origin have parted.",
                "Merge or rebase it, then try again.",
            )
        return here if behind == "0" else there

    def _has_news(self) -> bool:
        """Tell whether `origin` has branches otherwise than last seen; to ask costs less than a fetch of nothing."""
        there = self.run("ls-remote", "--refs", "origin", "refs/heads/*").splitlines()
        known = self.run("for-each-ref", "--format=%(objectname)\t%(refname)", "refs/remotes/origin/").splitlines()
        return not set(there) <= {line.replace("\trefs/remotes/origin/", "\trefs/heads/") for line in known}

    def has_remote(self, name: str = "origin") -> bool:
        return name in self.run("remote").split()

    def is_shallow(self) -> bool:
        """Tell whether only a part of the history is here."""
        if (self._folder / "objects").is_dir():
            return (self._folder / "shallow").is_file()
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def references(self, branches: tuple[str, ...]) -> References:
        """Return the commits of these branches and the names of all tags, without Git where plain files tell them."""
        try:
            return read_references(self._folder, branches)
        except OSError:
            refs = self.refs()
        found = {name: refs[name] for name in branches if name in refs}
        return References(found, {name for name in refs if name.startswith("refs/tags/")})

    def refs(self) -> dict[str, str]:
        """Return the id of the commit that each branch and tag means, by full name, through one process."""
        form = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
        listed = self.run("for-each-ref", form, "refs/heads", "refs/remotes/origin", "refs/tags")
        found: dict[str, str] = {}
        for line in listed.removesuffix("\n").split("\n") if listed else ():
            kind, id, *peeled, name = line.split(" ")
            if kind == "commit" or peeled[0] == "commit":
                found[name] = id if kind == "commit" else peeled[1]
            elif peeled[0] == "tag" and (commit := self.resolve(name)):
                found[name] = commit
        return found

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file's content at a commit id, or None where the commit has no such file."""
        return self.read_many(commit, (path,))[0]

    def read_many(self, commit: str, paths: tuple[str, ...]) -> tuple[bytes | None, ...]:
        """Return each file's content at a commit id, through one process; see `read`."""
        names = tuple(f"{_checked(commit)}:{path}" for path in paths)
        return tuple(self._content(path, found) for path, found in zip(paths, self.objects(names), strict=True))

    def list_files(self, commit: str, path: str = "") -> tuple[str, ...]:
        """Return the paths of all files at a commit id below `path`."""
        below = ("--", path) if path else ()
        listed = self.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", _checked(commit), *below)
        return tuple(name for name in listed.split("\0") if name)

    def export(self, commit: str, directory: Path, path: str = "") -> None:
        """Write all files of a commit id (below `path`) into a directory, whatever .gitattributes say.

        Links that lead out of the directory are refused. Submodules are left out; of what Git LFS keeps
        elsewhere only the pointer is written.
        """
        below = ("--", path) if path else ()
        listed = self.run("ls-tree", "-r", "-z", "--full-tree", _checked(commit), *below)
        entries = trees.read_entries(listed, self.path)
        with closing(self.objects(tuple(entry.id for entry in entries), 1 << 30)) as found:
            contents = (self._content(entry.path, one) for entry, one in zip(entries, found, strict=True))
            trees.write(entries, contents, directory)

    def changed_files(self, old: str, new: str, *paths: str) -> tuple[tuple[str, str], ...]:
        """Return (status letter, path) for each file that differs from commit `old` to commit `new`."""
        options = ("-r", "-z", "--no-renames", "--name-status")
        listed = self.run("diff-tree", *options, _checked(old), _checked(new), "--", *paths).split("\0")
        return tuple(zip(listed[0::2], listed[1::2], strict=False))

    def _content(self, path: str, found: Found | None) -> bytes | None:
        if found is not None and found.content is None:
            raise RepositoryFailed(f"{plain(path)} in {self.path} is {found.size} bytes long, too long to read.")
        return found.content if found and found.kind == "blob" else None


def _read_object(output: IO[bytes], limit: int) -> Found | None:
    header = output.readline().decode("utf-8", "replace").rstrip("\n").rsplit(" ", 2)
    if len(header) != 3 or not COMMIT_ID.fullmatch(header[0]):
        return None
    size = int(header[2])
    if size > limit:
        for start in range(0, size, 1 << 20):
            output.read(min(1 << 20, size - start))
    content = output.read(size) if size <= limit else None
    output.read(1)
    return Found(header[0], header[1], size, content)


def _checked(commit: str) -> str:
    if not COMMIT_ID.fullmatch(commit):
        raise RepositoryFailed(f"'{plain(commit, 60)}' is no commit id.")
    return commit

"""Git through GitPython: the one door through which every Git command leaves."""

import os
import re
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import git

from reversion.errors import RepositoryFailed
from reversion.text import plain

COMMIT_ID = re.compile(r"[0-9a-f]{40}")
_TIMEOUT = 120
_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never")


def _settings() -> dict[str, str]:
    """Return the environment of a Git command: no prompt, no replaced objects, no pathspec magic."""
    settings = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": os.environ.get("REVERSION_GIT_PROTOCOLS", "https:ssh:file"),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    return settings


class Repository:
    """One local repository, bare or not. Arguments go to Git as they are: pass outside names through `resolve` first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise RepositoryFailed(
                f"There is no Git repository at {path}.", "Correct the path, or clone it there."
            )
        self._git = git.Git(str(path))
        self.run("rev-parse", "--git-dir")

    def run(self, *arguments: str, stdin: str | None = None, timeout: int = _TIMEOUT) -> str:
        """Run one Git command and return its output verbatim; raise RepositoryFailed with Git's own words."""
        return self.run_bytes(*arguments, stdin=stdin, timeout=timeout).decode("utf-8", "replace")

    def run_bytes(self, *arguments: str, stdin: str | None = None, timeout: int = _TIMEOUT) -> bytes:
        """Run one Git command and return its output as bytes."""
        try:
            output: bytes = self._git.execute(
                ["git", *_OPTIONS, *arguments],
                env=_settings(),
                istream=_as_file(stdin) if stdin is not None else None,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=timeout,
            )  # type: ignore[call-overload]
        except (git.GitCommandError, git.GitCommandNotFound) as error:
            raise RepositoryFailed(*self._explain(arguments[0], error)) from error
        return output

    def stream(self, *arguments: str) -> Iterator[bytes]:
        """Run one Git command and yield its output in blocks of up to 1 MiB."""
        process = self._git.execute(["git", *_OPTIONS, *arguments], env=_settings(), as_process=True)
        try:
            while block := process.proc.stdout.read(1 << 20):  # type: ignore[union-attr]
                yield block
            process.wait()
        except git.GitCommandError as error:
            raise RepositoryFailed(*self._explain(arguments[0], error)) from error

    def resolve(self, name: str) -> str | None:
        """Return the 40-digit id of the commit that the name means, or None."""
        try:
            found = self.run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
            ).strip()
        except RepositoryFailed:
            return None
        return found if COMMIT_ID.fullmatch(found) else None

    def newest(self, *, refresh: bool = True) -> str:
        """Return the id of the newest commit of the checked-out branch, here or at the remote `origin`.

        Raise RepositoryFailed where the two have parted, where there is no commit, or where the remote does not answer.
        """
        here = self.resolve("HEAD")
        if here is None:
            raise RepositoryFailed(
                f"The repository at {self.path} has no commit yet.", "Commit the product first."
            )
        branch = self.run("rev-parse", "--abbrev-ref", "HEAD").strip()
        if "origin" not in self.run("remote").split() or branch == "HEAD":
            return here
        if refresh:
            self.run("fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
        there = self.resolve(f"refs/remotes/origin/{branch}")
        if there is None or there == here:
            return here
        base = self.run("merge-base", here, there).strip()
        if base not in (here, there):
            raise RepositoryFailed(
                f"In {self.path} the branch {branch} and its origin have parted.",
                "Merge or rebase it, then try again.",
            )
        return there if base == here else here

    def is_shallow(self) -> bool:
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file's content at a commit id, or None where the commit has no such file."""
        try:
            return self.run_bytes("cat-file", "blob", f"{_checked(commit)}:{path}")
        except RepositoryFailed:
            return None

    def list_files(self, commit: str, path: str = "") -> tuple[str, ...]:
        """Return the paths of all files at a commit id below `path`."""
        below = ("--", path) if path else ()
        listed = self.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", _checked(commit), *below)
        return tuple(name for name in listed.split("\0") if name)

    def export(self, commit: str, directory: Path) -> None:
        """Unpack the tree of a commit id into a directory. Links that lead out of it are refused."""
        archive = self.run_bytes("archive", "--format=tar", _checked(commit))
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(directory, filter="data")

    def changed_files(self, old: str, new: str, *paths: str) -> tuple[tuple[str, str], ...]:
        """Return (status letter, path) for each file that differs from commit `old` to commit `new`."""
        listed = self.run(
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--name-status",
            _checked(old),
            _checked(new),
            "--",
            *paths,
        ).split("\0")
        return tuple(zip(listed[0::2], listed[1::2], strict=False))

    def _explain(self, command: str, error: git.CommandError) -> tuple[str, str]:
        said = str(error.stderr or "").removeprefix("\n  stderr: ").strip().strip("'")
        said = re.sub(r"//[^/@\s]+@", "//", said)
        return (
            f"Git could not {command} in {self.path}: {plain(said, 400) or 'it gave no reason'}.",
            "Check the path, the network and the credentials of the user that runs Reversion.",
        )


def _checked(commit: str) -> str:
    if not COMMIT_ID.fullmatch(commit):
        raise RepositoryFailed(f"'{plain(commit, 60)}' is no commit id.")
    return commit


def _as_file(text: str) -> IO[bytes]:
    import tempfile

    file = tempfile.TemporaryFile()
    file.write(text.encode())
    file.seek(0)
    return file

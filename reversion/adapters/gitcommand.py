"""How a Git command is run: what it may use, how long it may take, and how its failure is told."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

os.environ["GIT_PYTHON_REFRESH"] = "quiet"  # else the import fails with a page of text where there is no git
import git

from reversion.adapters.gitoutput import GitOutput
from reversion.errors import RepositoryFailed
from reversion.text import plain

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "protocol.ext.allow": "never",
    "log.showSignature": "false",
    "gc.autoDetach": "false",
    "advice.graftFileDeprecated": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
    "transfer.fsckObjects": "true",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.badTimezone": "ignore",
}
"""What no configuration file may change. Identity, signing, credentials, safe.directory stay the user's."""
_MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
"""Variables, as a Git hook has them, that would lead a command to another repository."""


class GitCommand:
    """Runs Git commands in one folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._git = git.Git(str(path))

    def run(self, arguments: tuple[str, ...], stdin: str | None, timeout: int) -> bytes:
        """Return the output; raise RepositoryFailed with Git's own words, or after `timeout` seconds."""
        with _as_file(stdin) as given:
            try:
                return self._git.execute(
                    self._line(arguments),
                    env=_environment(),
                    istream=given,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=timeout,
                )
            except (git.CommandError, OSError, ValueError) as error:
                raise self._failure(arguments[0], getattr(error, "stderr", "") or str(error)) from error

    @contextmanager
    def open(self, arguments: tuple[str, ...], stdin: str | None, timeout: int) -> Iterator[GitOutput]:
        """Give the output to read while the command runs; it is ended when the block is left early."""
        with _as_file(stdin) as given:
            try:
                held = self._git.execute(
                    self._line(arguments),
                    env=_environment(),
                    istream=given,
                    as_process=True,
                    start_new_session=True,
                )
                # `held` ends its process when it is dropped, so it must live as long
                running = GitOutput(held.proc, timeout)
            except (git.CommandError, OSError, ValueError) as error:
                raise self._failure(arguments[0], getattr(error, "stderr", "") or str(error)) from error
        with running as output:
            yield output
            if failure := output.failure():
                raise self._failure(arguments[0], failure)

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        misleading = [name for name in _MISLEADING if name in os.environ]
        clean = ["env", *(part for name in misleading for part in ("-u", name))] if misleading else []
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [*clean, "git", "-C", str(self._path), *options, *arguments]

    def _failure(self, command: str, stderr: object) -> RepositoryFailed:
        if shutil.which("git") is None:
            return RepositoryFailed("There is no git in PATH.", "Install Git where this runs.")
        said = str(stderr).strip().removeprefix("stderr: ").strip("'\n ")
        said = re.sub(r"//[^/\s]*@", "//", said)
        if said.startswith("Timeout:"):
            return RepositoryFailed(
                f"Git did not finish {command} in {self._path} in the time it was given.",
                "Check the network and the remote, then try again.",
            )
        return RepositoryFailed(
            f"Git could not {command} in {self._path}: {plain(said, 400) or 'it gave no reason'}.",
            "Check the path, the network and the credentials of the user that runs Reversion.",
        )


def _environment() -> dict[str, str]:
    """Return what is added for a Git command: no prompt, nothing replaced, no pathspec magic, whole buffers."""
    askpass = {} if "SSH_ASKPASS" in os.environ else {"SSH_ASKPASS": "/bin/false"}
    return askpass | {
        "SSH_ASKPASS_REQUIRE": "force",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": os.environ.get("REVERSION_GIT_PROTOCOLS", "https:ssh:file"),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": "/dev/null",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": "/bin/false",
        "GIT_FLUSH": "0",
        "LC_ALL": "C",
    }


@contextmanager
def _as_file(text: str | None) -> Iterator[BinaryIO | None]:
    if text is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield cast(BinaryIO, file)

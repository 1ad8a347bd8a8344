"""Tasks run by a real Ansible on this machine, what each returned, and a folder for a test's own runs."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

COLLECTIONS = Path(__file__).parents[1] / "ansible"
RELEASE = "reversion.deploy.release"


def play(
    folder: Path,
    *tasks: dict[str, Any],
    check: bool = False,
    diff: bool = False,
    on: bool = False,
    python: str = sys.executable,
    path: Path | None = None,
    **variables: Any,
) -> list[dict[str, Any]]:
    """Run tasks and return their results; with `on` also those after a failure. Programs of `path` come first."""
    mode = {"check_mode": check, "diff": diff, "ignore_errors": on, "gather_facts": False}
    written = [{"hosts": "all", **mode, "tasks": list(tasks)}]
    run = folder / "play"
    run.mkdir(exist_ok=True)
    (run / "play.yml").write_text(json.dumps(written))
    host = {"ansible_connection": "local", "ansible_python_interpreter": python, **variables}
    (run / "hosts.json").write_text(json.dumps({"all": {"hosts": {"here": host}}}))
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "False"}
    programs = [*([str(path)] if path else []), str(Path(sys.executable).parent), os.environ["PATH"]]
    results: list[dict[str, Any]] = []

    def heard(event: dict[str, Any]) -> bool:
        if event["event"] in ("runner_on_ok", "runner_on_failed", "runner_on_skipped"):
            results.append({**event["event_data"].get("res", {}), "failed": event["event"] == "runner_on_failed"})
        return False

    ended = ansible_runner.run(
        private_data_dir=str(run),
        playbook=str(run / "play.yml"),
        inventory=str(run / "hosts.json"),
        envvars={**environment, "PATH": os.pathsep.join(programs)},
        event_handler=heard,
        quiet=True,
    )
    assert results, ended.stdout.read()
    return results


def release(folder: Path, *calls: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
    """Call the module once for each set of arguments; return the results."""
    return play(folder, *({"name": "Release", RELEASE: arguments} for arguments in calls), on=True, **how)


@contextmanager
def runs_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let runs use a temporary folder of their own until the block ends; its path is short, for sockets."""
    tmp_path_factory.getbasetemp()  # settle pytest's own folder before moving the temporary one
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)

"""One run of ansible-playbook through ansible-runner, folded into what happened on each host.

The exit code and the runner's status lie: a play that matched no host ends with 0. What counts is whether
Ansible told its final statistics, and what these say of each host.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ansible_runner import RunnerConfig
from ansible_runner.exceptions import AnsibleRunnerException

from reversion.adapters.ansible_output import BRIEF, CALLBACKS, KILLED, BoundedRunner, Lines
from reversion.adapters.ansible_questions import Questions
from reversion.adapters.ansible_settings import Surroundings
from reversion.adapters.fence import Fence
from reversion.adapters.rundir import RunDirectory
from reversion.errors import PlaybookFailed
from reversion.text import plain

_KINDS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_item_on_failed": "item failed",
}
_RETRIED = {"runner_retry": "retried"}
_CONNECTIONS = Path(__file__).with_name("connections")
_TRANSPORT = "reversion_ssh"


@dataclass(frozen=True)
class Result:
    """What one task did on one host. `answer` is its result as JSON, kept only for who wants to hear it."""

    host: str
    task: str
    kind: Literal["ok", "failed", "unreachable", "item failed", "retried"]
    message: str = ""
    ignored: bool = False
    answer: str = "{}"


@dataclass(frozen=True)
class Ran:
    """A whole run. Without `finished` Ansible ended before its statistics; `said` is the end of its output.

    `hanging` maps hosts to the task that they began and that gave no result.
    """

    finished: bool
    status: str
    ok: frozenset[str]
    failed: frozenset[str]
    unreachable: frozenset[str]
    touched: frozenset[str]
    hanging: Mapping[str, str]
    results: tuple[Result, ...]
    said: str

    def reason(self, host: str) -> Result | None:
        """Return the last result that explains why a host failed or could not be reached."""
        mine = [r for r in self.results if r.host == host and not r.ignored]
        told = next((r for r in reversed(mine) if r.kind in ("failed", "unreachable")), None)
        item = next((r for r in reversed(mine) if r.kind == "item failed"), None)
        return item if told and item and item.task == told.task else told


@dataclass(frozen=True)
class Order:
    """For how long to run at most (seconds), who is told of it and who may stop it.

    `say` gets a host and a line about it. `hear`, where given, gets each result with its answer, and at once.
    """

    seconds: int
    say: Callable[[str, str], None]
    cancelled: Callable[[], bool]
    hear: Callable[[Result], None] | None = None


def run_playbook(run: RunDirectory, around: Surroundings, fence: Fence, order: Order) -> Ran:
    """Run the directory's playbook against its inventory. Works from any thread and sets no signal handler.

    Raise PlaybookFailed only where Ansible can't be started; whatever happens in the run is in what is
    returned.
    """
    fence.path.write_text(fence.text, encoding="utf-8")
    fence.write_programs(run.programs, around.variables["PATH"])
    run.connections.symlink_to(_CONNECTIONS)
    listener = _Listener(order)
    try:
        config = _configure(run, order.seconds)
        config.env = _variables(run, around, fence, config.env)
        config.cwd = str(around.directory)
        runner = BoundedRunner(config, listener.hear, lambda: bool(listener.asked) or order.cancelled())
        runner.run()
    except (AnsibleRunnerException, OSError) as error:
        raise PlaybookFailed(
            f"Ansible could not be started: {plain(str(error), 300)}.",
            "Check ansible-core where the worker runs.",
        ) from error
    why = runner.why_ended(run.path)
    return listener.fold("killed" if why == KILLED else str(runner.status), why)


def _configure(run: RunDirectory, seconds: int) -> Any:
    config = RunnerConfig(
        private_data_dir=str(run.path / "runner"),
        ident="run",
        playbook=str(run.playbook),
        inventory=str(run.inventory),
        timeout=seconds,
        quiet=True,
        fact_cache_type="",
        settings={"pexpect_timeout": 1, "suppress_output_file": True, "suppress_ansible_output": True},
    )
    config.prepare()
    config.suppress_output_file = True
    return config


def _variables(run: RunDirectory, around: Surroundings, fence: Fence, made: Mapping[str, str]) -> dict[str, str]:
    """Return the child's environment: ours, what the runner adds for its events, and nothing else."""
    added = ("AWX_", "RUNNER_", "ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_RETRY_FILES")
    common = around.setting("ANSIBLE_SSH_COMMON_ARGS", "ssh_connection.ssh_common_args") or ""
    return {
        "ANSIBLE_TRANSPORT": around.setting("ANSIBLE_TRANSPORT", "defaults.transport") or _TRANSPORT,
        **around.variables,
        **{name: value for name, value in made.items() if name.startswith(added)},
        "PATH": f"{run.programs}{os.pathsep}{around.variables['PATH']}",
        "ANSIBLE_SSH_COMMON_ARGS": fence.arguments(common),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(run.sockets),
        "ANSIBLE_LOCAL_TEMP": str(run.temporary),
        "ANSIBLE_CALLBACK_PLUGINS": f"{made['ANSIBLE_CALLBACK_PLUGINS']}{os.pathsep}{CALLBACKS}",
        "ORIGINAL_STDOUT_CALLBACK": BRIEF,
    }


class _Listener:
    """Hears the runner's events, and never lets an error out: that would orphan the playbook."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lines = Lines(order.say)
        self._questions = Questions()
        self._results: list[Result] = []
        self._touched: set[str] = set()
        self._begun: dict[str, str] = {}
        self._said = ""
        self._stats: Mapping[str, Any] | None = None

    @property
    def asked(self) -> str:
        return self._questions.asked

    def hear(self, event: Mapping[str, Any]) -> bool:
        """Take one event; answer that the runner need not write it to a file."""
        with contextlib.suppress(Exception):
            heard = (str(event.get("event")), event.get("event_data") or {}, str(event.get("stdout") or ""))
            self._questions.hear(*heard)
            self._take(*heard)
        return False

    def fold(self, status: str, why: str) -> Ran:
        stats = self._stats or {}
        self._lines.end()
        return Ran(
            finished=self._stats is not None,
            status="asked" if self.asked and status == "canceled" else status,
            ok=frozenset(stats.get("ok") or ()),
            failed=frozenset(stats.get("failures") or ()),
            unreachable=frozenset(stats.get("dark") or ()),
            touched=frozenset(self._touched),
            hanging=dict(self._begun),
            results=tuple(self._results),
            said=self.asked or why or self._said,
        )

    def _take(self, kind: str, told: Mapping[str, Any], printed: str) -> None:
        if kind == "playbook_on_stats":
            self._stats = told
        elif kind in ("verbose", "error", "warning", "deprecated", "system_warning"):
            self._said = f"{self._said}{printed}\n"[-20_000:]
        elif kind == "runner_on_start":
            self._begun[str(told.get("host"))] = _task(told)
        elif kind in _KINDS:
            self._keep(
                self._result(_KINDS[kind], told, printed), changed=bool((told.get("res") or {}).get("changed"))
            )
        elif kind in _RETRIED and self._order.hear:
            self._order.hear(self._result(_RETRIED[kind], told, printed))
        elif kind == "runner_on_skipped":
            self._begun.pop(str(told.get("host")), None)
            self._touched.add(str(told.get("host")))

    def _keep(self, result: Result, *, changed: bool) -> None:
        if result.kind != "item failed":
            self._begun.pop(result.host, None)
        if result.kind != "unreachable":
            self._touched.add(result.host)
        if self._order.hear:
            self._order.hear(result)
        else:
            self._results.append(result)
        self._lines.say(result.host, _line(result, changed=changed))

    def _result(self, kind: str, told: Mapping[str, Any], printed: str) -> Result:
        answer = told.get("res") or brief(printed)
        answer = answer if isinstance(answer, dict) else {}
        return Result(
            host=str(told.get("host")),
            task=_task(told),
            kind=kind,  # type: ignore[arg-type]  # the tables hold nothing else
            message=message_of(answer) if kind != "ok" else "",
            ignored=bool(told.get("ignore_errors")) and kind != "unreachable",
            answer=json.dumps(answer) if self._order.hear else "{}",
        )


def _task(told: Mapping[str, Any]) -> str:
    return plain(str(told.get("task") or "a task without a name"), 100)


def brief(printed: str) -> Mapping[str, Any]:
    """Return what was printed of a result; one of more than 700,000 characters comes without anything else."""
    start = printed.find(f'{{"{BRIEF}": true')
    if start < 0:
        return {}
    with contextlib.suppress(ValueError):
        return dict(json.loads(printed[start:]))
    return {}


def message_of(answer: Mapping[str, Any]) -> str:
    """Fold a failed task's result into one line: its message, what was printed last; no_log is kept."""
    if answer.get("censored") or answer.get("_ansible_no_log"):
        return "its output is hidden (no_log)"
    told = str(answer.get("msg") or answer.get("reason") or "").strip().removeprefix("Task failed: ")
    printed = str(answer.get("stderr") or answer.get("module_stderr") or answer.get("stdout") or "").strip()
    last = " ".join(printed.splitlines()[-3:])[-300:] if printed and printed not in told else ""
    if not printed and told.endswith("return code") and isinstance(answer.get("rc"), int):
        told = f"{told} {answer['rc']}, and nothing was printed"
    shown = plain(": ".join(part for part in (told, last) if part), 400)
    return re.sub(r"//[^/@\s]+@", "//", shown) or "it gave no reason"


def _line(result: Result, *, changed: bool) -> str:
    told = f": {result.message}" if result.message else ""
    kind = "changed" if changed and result.kind == "ok" else result.kind
    ignored = " (ignored)" if result.ignored else ""
    return f"{plain(result.host, 140)}: {kind}{ignored}: {result.task}{told}"

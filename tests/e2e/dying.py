"""Run a reversion as a worker would, and die without warning as soon as one named step is complete.

    python -m tests.e2e.dying FLOW_RUN [STEP]

A step is named by the beginning of its task run's name. Without one, the run goes on as far as it gets.
"""

import os
import runpy
import signal
import sys
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import TaskRun

import flows.carrying
import flows.revert
import flows.steps
from tasks.admit import admit


def main(run: str, step: str = "") -> None:
    """Arm every task of the reversion, then be Prefect's engine for the run."""

    def die(_task: object, done: TaskRun, _state: object) -> None:
        if step and done.name.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    found: set[Task[Any, Any]] = {admit}
    for module in (flows.revert, flows.carrying, flows.steps):
        found |= {value for value in vars(module).values() if isinstance(value, Task)}
    for task in found:
        task.on_completion(die)
    sys.argv = ["engine", run]
    runpy.run_module("prefect.engine", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])

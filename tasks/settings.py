"""What all tasks share: how they are kept, where the product is, how they speak."""

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

from prefect import get_run_logger
from prefect.cache_policies import INPUTS, RUN_ID, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.exceptions import CancelledRun, FailedRun
from prefect.tasks import Task

from reversion.errors import InvalidInput, ReversionError, is_worth_retrying
from reversion.operations.workspace import Workspace, open_workspace
from reversion.text import plain

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@cache
def workspace(at: str = "") -> Workspace:
    """Open the product that REVERSION_PRODUCT names, as the commit `at` (or the newest) has it.

    It is opened once for all steps of a run. What comes after a review uses the commit that was reviewed.
    """
    path = os.environ.get("REVERSION_PRODUCT")
    if not path:
        raise InvalidInput(
            "The worker does not know its product.",
            "Deploy with 'reversion serve', or set REVERSION_PRODUCT for the worker.",
        )
    return open_workspace(path, at=at)


def say(line: str) -> None:
    """Write one line into the task run's log."""
    say_from_anywhere()(line)


def say_from_anywhere() -> Callable[[str], None]:
    """Return what writes lines into this task run's log, also when it is called in another thread."""
    log = get_run_logger()
    return lambda line: log.info("%s", plain(line, 2000))


def retry_if_unreachable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry what may succeed without anybody mending anything; a broken playbook is not that."""
    return isinstance(state.data, BaseException) and is_worth_retrying(state.data)


def _name_of_task(context: TaskRunContext, _inputs: dict[str, Any]) -> str:
    """Keep two tasks with equal arguments from taking each other's results, as Prefect's inputs alone would."""
    return context.task.name


def kept(*, whatever: str = "", **options: Any) -> Callable[[Callable[Parameters, Result]], Task[Parameters, Result]]:
    """Make a task whose result is kept for its run, so that a resumed or retried run does not do it twice.

    It is done again for other arguments, except for another value of the argument that is named in `whatever`.
    """
    inputs = INPUTS - whatever if whatever else INPUTS
    policy = RUN_ID + inputs + CachePolicy.from_cache_key_fn(_name_of_task)

    def decorate(function: Callable[Parameters, Result]) -> Task[Parameters, Result]:
        return Task(function, persist_result=True, cache_policy=policy, **options)

    return decorate


class _WithoutTraceback(logging.Filter):
    """Leave the traceback out where the error is one of ours: its sentence says all.

    That a run ended as cancelled or failed is told by its state; Prefect's engine reports it as unexpected too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ReversionError):
            record.exc_info = None
        return not isinstance(error, CancelledRun | FailedRun)


for _name in ("prefect.task_runs", "prefect.flow_runs", "prefect.engine"):
    logging.getLogger(_name).addFilter(_WithoutTraceback())

"""Bring the configuration, and the services, back to the snapshot.

Services that are ready at the same time share one run of Ansible, and each has its own result as soon as it is known.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Self

from reversion.adapters import playbooks, restores
from reversion.adapters.verdicts import RestoreTarget
from reversion.errors import HeldBack, ReversionError, is_worth_retrying
from reversion.operations.observing import Say, staged
from reversion.operations.workspace import Workspace
from reversion.outcome import StepResult
from reversion.plan import Plan, Step
from reversion.readiness import Board

_SIDE_BY_SIDE = 2
"""How many runs of Ansible at once: two large ones cost more than one, but a slow service must hold up nobody."""

_SETTLED = 0.3
_GATHERED = 2.0
"""Seconds to wait for further services: when all that are ready have come, and when some have not."""


def configure(workspace: Workspace, plan: Plan, say: Say) -> None:
    """Apply the environment's own configuration once, where the product names a playbook for it."""
    environment = workspace.product.environment(plan.environment)
    if environment.configure is None:
        say("The product names no configure playbook: each service's restore brings its configuration along.")
        return
    with staged(workspace, environment, plan.snapshot_commit, lambda _, line: say(line)) as stage:
        playbooks.configure(stage, plan.snapshot)


@dataclass(frozen=True)
class _Order:
    """One service that somebody waits for."""

    step: Step
    say: Say
    is_last_try: bool
    result: "Future[StepResult]" = field(default_factory=Future)


class Restorer:
    """Restores the services of one plan, asked for from many threads; a context that ends its runs when it ends.

    `there` are the services that need no restore. After a failure for good nothing new is begun, unless the
    environment says that the others go on.
    """

    def __init__(self, workspace: Workspace, plan: Plan, there: frozenset[str] = frozenset()) -> None:
        self._workspace, self._plan = workspace, plan
        self._environment = workspace.product.environment(plan.environment)
        self._board = Board({step.service: step.after for step in plan.steps}, there)
        self._waiting: dict[str, _Order] = {}
        self._changed = threading.Condition()
        self._last_came = 0.0
        self._runs = 0
        self._failed = ""
        self._is_closed = False
        self._resources = ExitStack()

    @property
    def retries(self) -> int:
        """How often a service is tried again where that may help by itself."""
        return self._environment.restore_retries

    def __enter__(self) -> Self:
        about = staged(self._workspace, self._environment, self._plan.snapshot_commit)
        self.stage = self._resources.enter_context(about)
        self._dispatcher = threading.Thread(target=self._dispatch, name="restorer", daemon=True)
        self._dispatcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._dispatcher.join()
        self._resources.close()

    def restore(self, service: str, say: Say, *, is_last_try: bool = True) -> StepResult:
        """Restore one service on all of its hosts, and see the wanted version there; waits for that.

        Raise HostUnreachable or RunInterrupted, which are worth retrying, PlaybookFailed, or HeldBack where it was
        not begun.
        """
        order = _Order(self._plan.step(service), say, is_last_try)
        with self._changed:
            if self._failed or self._is_closed:
                raise self._held_back(service)
            self._waiting[service] = order
            self._last_came = time.monotonic()
            self._board.came(service)
            self._changed.notify_all()
        return restores.proven(order.result.result())

    def _held_back(self, service: str) -> HeldBack:
        return HeldBack(f"{service} was not begun, since {self._failed or 'the run'} failed.")

    def _dispatch(self) -> None:
        """Begin a run whenever those that are ready have come, until closed and idle."""
        threads: list[threading.Thread] = []
        while (batch := self._next_batch()) is not None:
            runner = threading.Thread(target=self._run, args=(batch,), name="restore run")
            runner.start()
            threads.append(runner)
        for runner in threads:
            runner.join()

    def _next_batch(self) -> dict[str, _Order] | None:
        with self._changed:
            while not self._is_closed:
                pause = self._pause()
                if pause <= 0:
                    batch, self._waiting = self._waiting, {}
                    self._runs += 1
                    return batch
                self._changed.wait(pause)
            for service, order in self._waiting.items():
                order.result.set_exception(self._held_back(service))
            return None

    def _pause(self) -> float:
        """Return for how many seconds to wait before a run is begun; a long time where nothing can be."""
        if not self._waiting or self._runs >= _SIDE_BY_SIDE:
            return 3600.0
        patience = _GATHERED if self._board.is_expecting() else _SETTLED
        return self._last_came + patience - time.monotonic()

    def _run(self, batch: Mapping[str, _Order]) -> None:
        stage = replace(self.stage, say=_router(batch), cancelled=lambda: self._is_closed)
        problem: BaseException = RuntimeError("no result")
        try:
            targets = tuple(map(self._target, batch.values()))
            restores.restore_all(stage, targets, lambda result: self._settle(batch, result))
        except BaseException as error:
            problem = error
        with self._changed:
            self._runs -= 1
            for order in batch.values():
                if not order.result.done():
                    self._fail(order, problem)
            self._changed.notify_all()

    def _target(self, order: _Order) -> RestoreTarget:
        step = order.step
        return RestoreTarget(
            service=step.service,
            version=step.version,
            commit=step.commit or "",
            snapshot=self._plan.snapshot,
            hosts=step.hosts,
        )

    def _settle(self, batch: Mapping[str, _Order], result: StepResult) -> None:
        order = batch[result.service]
        with self._changed:
            try:
                restores.proven(result)
            except ReversionError as error:
                self._fail(order, error)
            else:
                self._board.is_proven(result.service)
                order.result.set_result(result)
            self._changed.notify_all()

    def _fail(self, order: _Order, error: BaseException) -> None:
        """Tell who waits; where it was for good, hold the others back as the environment says."""
        is_final = order.is_last_try or not is_worth_retrying(error)
        if is_final and self._environment.on_failure != "continue" and not self._failed:
            self._failed = order.step.service
            for service, waiting in self._waiting.items():
                waiting.result.set_exception(self._held_back(service))
            self._waiting = {}
        order.result.set_exception(error)


def _router(batch: Mapping[str, _Order]) -> Callable[[str, str], None]:
    def say(host: str, line: str) -> None:
        order = batch.get(host.partition("@")[0])
        if order is not None:
            order.say(line)

    return say

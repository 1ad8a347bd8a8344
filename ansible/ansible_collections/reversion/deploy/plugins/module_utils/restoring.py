# Copyright (c) Reversion contributors
# Apache License 2.0 (see LICENSE of the project)
"""Bring one service to one version: unpack, configure, switch, restart, wait, tidy up."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Any

from ansible_collections.reversion.deploy.plugins.module_utils import files, health, restarting
from ansible_collections.reversion.deploy.plugins.module_utils.failure import Failure
from ansible_collections.reversion.deploy.plugins.module_utils.layout import MARK, Layout

_LINK = "releases/{0}"


class Restore:
    """What is wanted, and what has been changed for it so far."""

    def __init__(self, params: Mapping[str, Any], *, check: bool) -> None:
        self.params = params
        self.check = check
        self.version: str = params["version"]
        self.layout = Layout(params["root"])
        self.path = self.layout.release(self.version)
        self.configs = [files.ConfigFile(entry) for entry in params["config"]]
        self.parts: list[str] = []
        self.diffs: list[dict[str, str]] = []
        self.removed: list[str] = []
        self.seen: health.Seen | None = None
        self.before = self.layout.linked("current")
        self.previous = self.layout.linked("previous")
        self._undo: list[Callable[[], None]] = []
        self._was_pending = os.path.exists(self.layout.pending)
        self._must_reload = self._was_pending

    def run(self) -> None:
        for config in self.configs:
            files.check_place(config, self.params["root"], self.params["config_roots"])
        if not self.check:
            self.layout.prepare()
        with nullcontext() if self.check else self.layout.locked():
            self._change()
            self._start()
            self._tidy()

    def _change(self) -> None:
        """Change what lies on the disk, wholly or not at all."""
        try:
            self._install()
            for config in self.configs:
                self._configure(config, self.path)
            self._switch()
        except (Failure, OSError):
            self._take_back()
            raise

    def _install(self) -> None:
        if self.layout.has(self.version):
            return self._check_mark()
        if not self.params["src"]:
            raise Failure(f"release {self.version} is not in {self.layout.releases}", "Give src, its artefact")
        self._note("release")
        from ansible_collections.reversion.deploy.plugins.module_utils import making

        if self.check:
            return making.rehearse(self.params)
        for name in self.layout.leftovers():
            self.layout.remove(name)
        stage = self.layout.release(f".new-{self.version}")
        try:
            os.mkdir(stage)
            os.chmod(stage, 0o755)
            mark = making.fill(self.params, stage)
            for config in self.configs:
                if not config.is_absolute:
                    self._configure(config, stage)
            files.write(os.path.join(stage, MARK), files.Content(json.dumps(mark).encode(), 0o644, -1, -1))
            os.rename(stage, self.path)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise

    def _check_mark(self) -> None:
        """Refuse a release that was made from another artefact than the wanted one: a version has one content."""
        mark = files.read(os.path.join(self.path, MARK)) if self.params["checksum"] else None
        if mark is None:
            return
        with suppress(ValueError, TypeError, KeyError):
            made_from = json.loads(mark.data)["sha256"]
            if made_from and made_from != self.params["checksum"].partition(":")[2].lower():
                raise Failure(
                    f"{self.path} was unpacked from another artefact, with the checksum sha256:{made_from}",
                    "Give the artefact a version of its own, or remove that folder while another release runs",
                )

    def _configure(self, config: files.ConfigFile, base: str) -> None:
        path = config.path(base)
        before = files.read(path)
        if config.content.is_met_by(before):
            return
        self._note("config", config.diff(config.path(self.path), before))
        self._must_reload |= config.is_absolute
        if self.check:
            return
        if not config.is_absolute:
            files.check_inside(path, base)
        if config.is_absolute or base == self.path:
            self._begin()
            self._undo.append(lambda: files.write(path, before))
        files.write(path, config.content)

    def _switch(self) -> None:
        if self.before == self.version:
            return
        told = {"before_header": "current", "after_header": "current"}
        self._note("current", {**told, "before": f"{self.before or ''}\n", "after": f"{self.version}\n"})
        if self.before:
            self.previous = self.before
        if self.check:
            return
        self._begin()
        for name in ("previous", "current"):
            target = self.layout.target(name)
            self._undo.append(lambda name=name, target=target: self.layout.point(name, target))  # type: ignore[misc]
        if self.before:
            self.layout.point("previous", _LINK.format(self.before))
        self.layout.point("current", _LINK.format(self.version))
        os.utime(self.path)

    def _start(self) -> None:
        """Restart where that is due and wait for the version; go back where it does not come and that is wanted."""
        way, wanted = self.params["health"], self._expected(self.version)
        due = self._restart_is_due(wanted)
        if due:
            self._note("restart")
        if self.check:
            self.seen = self.seen or (health.look(way) if way else None)
            return
        try:
            self._enable()
            self._bring_up(wanted, restart=due)
        except Failure as failure:
            raise self._gone_back(failure) from None
        self._settle()

    def _restart_is_due(self, wanted: str) -> bool:
        if self.params["restart"] == "never" or not restarting.commands(self.params, reload=False):
            return False
        if self.params["restart"] == "always" or self.parts or self._was_pending:
            return True
        if not self.params["health"]:
            return False
        self.seen = health.look(self.params["health"])
        return self.seen.version != wanted

    def _enable(self) -> None:
        unit = self.params["systemd"]
        if unit and self.params["enabled"] and not restarting.is_enabled(unit):
            self._note("enabled")
            restarting.run(["systemctl", "enable", "--", unit], self.params["root"])

    def _bring_up(self, wanted: str, *, restart: bool) -> None:
        if restart:
            self.seen = None
            for command in restarting.commands(self.params, reload=self._must_reload):
                restarting.run(command, self.params["root"])
        way = self.params["health"]
        if not way or (self.seen and self.seen.version == wanted):
            return
        self.seen = health.wait(way, wanted)
        if self.seen.version != wanted:
            waited = f"within {way['timeout']:g} seconds at {health.where(way)}"
            raise Failure(f"{wanted} was not seen {waited}; last {self.seen.told()}", "See the service's own log")

    def _gone_back(self, failure: Failure) -> Failure:
        """Return the failure with what became of the service."""
        if self.params["on_unhealthy"] == "keep" or not self._undo or not self.before:
            stays = f"{self.layout.root}/current stays at {self.version}"
            return Failure(f"{failure.fact}; {stays}", failure.mend)
        seen = self.seen
        try:
            self._take_back()
            self._begin()
            self.previous = self.layout.linked("previous")
            self._bring_up(self._expected(self.before), restart=self.params["restart"] != "never")
            self._settle()
            became = "which runs"
        except (Failure, OSError) as error:
            became = f"but that does not run either: {error.fact if isinstance(error, Failure) else error}"
        self.seen = seen
        return Failure(f"{failure.fact}; taken back to {self.before}, {became}", failure.mend)

    def _expected(self, version: str) -> str:
        way = self.params["health"]
        return str(way["expect"] or version) if way else version

    def _tidy(self) -> None:
        """Remove what is too much, and what killed runs left."""
        self.removed = self.layout.surplus(self.params["keep"], {self.version, self.previous or self.version})
        if self.removed:
            self._note("removed")
        for name in () if self.check else (*self.layout.leftovers(), *self.removed):
            self.layout.remove(name)

    def _begin(self) -> None:
        """Mark that a restart will be due, so that it is not forgotten when this run is killed before it."""
        if self.params["restart"] != "never" and restarting.commands(self.params, reload=False):
            with open(self.layout.pending, "wb"):
                pass

    def _settle(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.layout.pending)

    def _take_back(self) -> None:
        """Undo what was changed, the last first; what can't be undone keeps nothing else from it."""
        lost: OSError | None = None
        while self._undo:
            try:
                self._undo.pop()()
            except OSError as error:
                lost = error
        if lost:
            raise lost
        if not self._was_pending:
            self._settle()

    def _note(self, part: str, diff: dict[str, str] | None = None) -> None:
        if part not in self.parts:
            self.parts.append(part)
        if diff:
            self.diffs.append(diff)

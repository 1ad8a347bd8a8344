"""The collection's roles bring a service to its version, with stand-ins for the programs that they call."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.playing import play
from tests.released import a_service, an_artefact, sha256

ROLES = "reversion.deploy."
TOLD = {"reversion_service": "cart", "reversion_version": "1.4.0", "reversion_environment": "staging"}

RECORD = """#!{python}
import json, pathlib, subprocess, sys
here = pathlib.Path(__file__).resolve().parent
arguments = sys.argv[1:]
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([pathlib.Path(__file__).name, *arguments]) + "\\n")
state = here / "state.json"
kept = json.loads(state.read_text()) if state.exists() else {{}}
def keep(**changed):
    state.write_text(json.dumps({{**kept, **changed}}))
"""
DOCKER = """
tag = dict(line.split("=", 1) for line in pathlib.Path(".env").read_text().split())["CART_VERSION"]
print(" Container shop-cart-1 " + ("Running" if kept.get("tag") == tag else "Started"), file=sys.stderr)
keep(tag=tag)
"""
HELM = """
if arguments[0] == "status":
    status = {"status": kept.get("status", "deployed")}
    print(json.dumps({"info": status, "config": {"image": {"tag": kept.get("tag")}}}))
else:
    if kept.get("broken"):
        sys.exit("Error: UPGRADE FAILED: timed out waiting for the condition")
    path, _, tag = arguments[arguments.index("--set-string") + 1].partition("=")
    keep(tag=tag, status="deployed")
"""
KUBECTL = """
if arguments[0] == "get":
    print(kept.get("image", "registry.example/cart:1.5.0"), end="")
elif arguments[0] == "set":
    keep(image=arguments[3].partition("=")[2])
"""
SYSTEMCTL = """
if arguments[0] == "is-enabled":
    sys.exit(0 if kept.get("enabled") else 1)
if arguments[0] == "enable":
    keep(enabled=True)
if arguments[0] == "restart":
    subprocess.run([sys.executable, *json.loads((here / "restart.json").read_text())], check=True)
"""


class Programs:
    """A folder of stand-ins that is the first of PATH."""

    def __init__(self, folder: Path, **programs: str) -> None:
        self.folder = folder / "programs"
        self.folder.mkdir()
        for name, source in programs.items():
            (self.folder / name).write_text(RECORD.format(python=sys.executable) + source)
            (self.folder / name).chmod(0o755)

    def set(self, **state: Any) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))

    @property
    def state(self) -> Any:
        return json.loads((self.folder / "state.json").read_text())

    def calls(self) -> list[list[str]]:
        """Return the calls since the last time that they were asked for."""
        kept = self.folder / "calls"
        calls = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
        kept.unlink(missing_ok=True)
        return calls


def run_role(folder: Path, programs: Programs, role: str, **variables: Any) -> list[dict[str, Any]]:
    task = {"name": "Role", "ansible.builtin.include_role": {"name": ROLES + role}}
    return play(folder, task, path=programs.folder, **{**TOLD, **variables})


def has_failed(results: list[dict[str, Any]]) -> str:
    """Return the messages of the tasks that failed."""
    return " ".join(str(result.get("msg")) for result in results if result["failed"])


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, Any]:
    """Say how the version is read: out of the stand-ins' state."""
    return {"file": str(tmp_path / "programs" / "state.json"), "field": "tag", "timeout": 1}


def test_compose_sets_the_tag_and_waits_for_it_and_a_second_time_changes_nothing(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    docker = Programs(tmp_path, docker=DOCKER)
    (tmp_path / ".env").write_text("CART_VERSION=1.5.0\nOTHER=kept\n")
    wanted = {"compose_image_project": str(tmp_path), "compose_image_health": answers}

    first = run_role(tmp_path, docker, "compose_image", **wanted)
    again = run_role(tmp_path, docker, "compose_image", **wanted)

    assert not has_failed(first + again)
    assert ((tmp_path / ".env").read_text(), docker.state) == ("CART_VERSION=1.4.0\nOTHER=kept\n", {"tag": "1.4.0"})
    assert docker.calls() == [["docker", "compose", "up", "--detach", "--no-deps", "--quiet-pull", "cart"]] * 2
    assert [any(result.get("changed") for result in results) for results in (first, again)] == [True, False]


@pytest.mark.parametrize("role", ["compose_image", "helm_values"])
def test_what_is_no_version_reaches_no_program(tmp_path: Path, role: str) -> None:
    programs = Programs(tmp_path, docker=DOCKER, helm=HELM)

    results = run_role(tmp_path, programs, role, reversion_version="1.4,evil=1\n", compose_image_project="/nowhere")

    assert "cart: the wanted version is none" in has_failed(results)
    assert [call for call in programs.calls() if call[1] in ("compose", "upgrade")] == []


def test_helm_sets_the_value_and_does_nothing_where_it_is_set(tmp_path: Path, answers: dict[str, Any]) -> None:
    helm = Programs(tmp_path, helm=HELM)
    helm.set(tag="1.5.0")
    wanted = {"helm_values_chart": "charts/cart", "helm_values_health": answers}

    first, called = run_role(tmp_path, helm, "helm_values", **wanted), helm.calls()
    again, called_again = run_role(tmp_path, helm, "helm_values", **wanted), helm.calls()

    upgrade = ["helm", "upgrade", "cart", "charts/cart", "--namespace", "staging", "--reuse-values"]
    upgrade += ["--set-string", "image.tag=1.4.0", "--timeout", "5m", "--atomic", "--wait"]
    assert not has_failed(first + again)
    assert called[1:] == [upgrade]
    assert [call[1] for call in called_again] == ["status"]


def test_helm_mends_a_release_that_is_not_deployed_and_its_failure_is_told(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    helm = Programs(tmp_path, helm=HELM)
    helm.set(tag="1.4.0", status="failed", broken=True)

    results = run_role(tmp_path, helm, "helm_values", helm_values_chart="c", helm_values_health={})

    assert "non-zero return code" in has_failed(results)
    assert [call[1] for call in helm.calls()] == ["status", "upgrade"]
    assert any("UPGRADE FAILED" in result.get("stderr", "") for result in results)


def test_kubectl_sets_the_image_and_waits_for_the_rollout(tmp_path: Path) -> None:
    kubectl = Programs(tmp_path, kubectl=KUBECTL)
    wanted = {"helm_values_by": "kubectl", "helm_values_image": "registry.example/cart"}

    first, called = run_role(tmp_path, kubectl, "helm_values", **wanted), kubectl.calls()
    again, called_again = run_role(tmp_path, kubectl, "helm_values", **wanted), kubectl.calls()

    assert not has_failed(first + again)
    assert kubectl.state == {"image": "registry.example/cart:1.4.0"}
    assert [call[1] for call in called] == ["get", "set", "rollout"]
    assert [call[1] for call in called_again] == ["get", "rollout"]


def test_a_version_that_does_not_come_fails_the_role(tmp_path: Path, answers: dict[str, Any]) -> None:
    helm = Programs(tmp_path, helm=HELM)
    helm.set(tag="1.4.0", answer="1.5.0")

    health = {**answers, "field": "answer"}
    results = run_role(tmp_path, helm, "helm_values", helm_values_chart="c", helm_values_health=health)

    assert f"cart: 1.4.0 was not seen within 1 seconds at {answers['file']}; last it says 1.5.0" in has_failed(
        results
    )


def test_a_unit_is_written_enabled_and_restarted_once(tmp_path: Path) -> None:
    systemctl = Programs(tmp_path, systemctl=SYSTEMCTL)
    cart, artefact = a_service(tmp_path), an_artefact(tmp_path, "1.4.0")
    restart = [str(tmp_path / "restart.py"), str(cart.root), str(cart.port)]
    (systemctl.folder / "restart.json").write_text(json.dumps(restart))
    wanted = {
        "systemd_release_root": str(cart.root),
        "systemd_release_src": str(artefact),
        "systemd_release_checksum": sha256(artefact),
        "systemd_release_exec_start": f"/usr/bin/python3 {cart.root}/current/service.py {cart.port}",
        "systemd_release_environment": {"GREETING": 'say "100 %"'},
        "systemd_release_units": str(tmp_path / "units"),
        "systemd_release_health": {"url": cart.url, "field": "app.version"},
    }

    try:
        first, called = run_role(tmp_path, systemctl, "systemd_release", **wanted), systemctl.calls()
        again, called_again = run_role(tmp_path, systemctl, "systemd_release", **wanted), systemctl.calls()
    finally:
        cart.stop()

    unit = (tmp_path / "units" / "cart.service").read_text()
    assert not has_failed(first + again)
    assert f"\nWorkingDirectory={cart.root}/current\nDynamicUser=yes\n" in unit
    assert '\nEnvironment="GREETING=say \\"100 %%\\""\n' in unit
    assert [call[1:] for call in called] == [
        ["is-enabled", "--quiet", "--", "cart.service"],
        ["enable", "--", "cart.service"],
        ["daemon-reload"],
        ["restart", "--", "cart.service"],
    ]
    assert [call[1] for call in called_again] == ["is-enabled"]
    assert not any(result.get("changed") for result in again)

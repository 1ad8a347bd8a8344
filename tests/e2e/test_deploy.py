"""What a deployment tells the Prefect server, and what doing it again changes."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.small_product import SmallProduct, make_small_product, product_text

pytestmark = pytest.mark.server
NIGHTLY = '    nightly: {cron: "15 2 * * *", timezone: Europe/Berlin}\n'


@dataclass(frozen=True)
class Deployed:
    """A product and the server that was told about it."""

    small: SmallProduct
    server: Server

    def deploy(self) -> None:
        done = self.run("-m", "deployments.deploy", "--product", str(self.small.product))
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.server.environment | {"PYTHONPATH": str(Path.cwd())} | extra,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def write(self, product: str) -> None:
        self.small.git().commit("Change the product", {"reversion.yaml": product})

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        with self.server.http() as client:
            return client.post(path, json=body).raise_for_status().json()

    def deployment(self, flow: str, name: str = "") -> dict[str, Any]:
        with self.server.http() as client:
            found: dict[str, Any] = client.get(f"/deployments/name/{flow}/{name or self.small.name}").json()
            return found

    def automations(self) -> list[str]:
        named = (row["name"] for row in self.ask("/automations/filter", {"limit": 200}))
        return sorted(name for name in named if name.startswith(f"Reversion {self.small.name}:"))

    def locks(self) -> list[tuple[str, int]]:
        rows = self.ask("/v2/concurrency_limits/filter", {"limit": 200})
        mine = f"reversion-{self.small.name}-"
        return sorted((row["name"], row["limit"]) for row in rows if row["name"].startswith(mine))


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    small = make_small_product(tmp_path_factory.mktemp("deployed"), name="told")
    stand = Deployed(small, server)
    stand.write(product_with(small, nightly=True))
    stand.deploy()
    return stand


def product_with(small: SmallProduct, *, nightly: bool) -> str:
    text = product_text(small.name, small.root)
    return text.replace("    restore_retries", f"{NIGHTLY}    restore_retries") if nightly else text


def test_the_form_offers_what_can_be_restored_and_takes_nothing_else(deployed: Deployed):
    form = deployed.deployment("revert")["parameter_openapi_schema"]

    assert form["properties"]["environment"]["enum"] == ["staging", "uat"]
    assert form["properties"]["snapshot"]["enum"] == ["latest-verified"]
    assert form["properties"]["snapshot"]["default"] == "latest-verified"
    assert form["additionalProperties"] is False
    assert all(field["description"] for field in form["properties"].values())


def test_a_worker_needs_no_source_but_the_installed_package(deployed: Deployed):
    for flow in ("revert", "snapshot"):
        told = deployed.deployment(flow)
        assert (told["entrypoint"], told["path"], told["pull_steps"]) == (f"flows.{flow}.{flow}", None, [])
        assert told["work_pool_name"] == "reversion-told"
        assert told["job_variables"]["env"]["REVERSION_PRODUCT"] == str(deployed.small.product)


def test_every_environment_has_one_lock_of_one_slot(deployed: Deployed):
    assert deployed.locks() == [
        ("reversion-told--live", 1),
        ("reversion-told--staging", 1),
        ("reversion-told--uat", 1),
    ]


def test_deploying_again_adds_nothing_and_a_paused_schedule_stays_paused(deployed: Deployed):
    before = (deployed.automations(), deployed.locks(), deployed.deployment("revert")["id"])
    told = deployed.deployment("snapshot")
    [schedule] = told["schedules"]
    with deployed.server.http() as client:
        path = f"/deployments/{told['id']}/schedules/{schedule['id']}"
        client.patch(path, json={"active": False}).raise_for_status()

    deployed.deploy()

    assert (deployed.automations(), deployed.locks(), deployed.deployment("revert")["id"]) == before
    [again] = deployed.deployment("snapshot")["schedules"]
    assert (again["slug"], again["active"]) == ("nightly-staging", False)
    assert again["schedule"] == schedule["schedule"]
    assert (again["schedule"]["cron"], again["schedule"]["timezone"]) == ("15 2 * * *", "Europe/Berlin")
    assert again["parameters"] == {"environment": "staging", "skip_unchanged": True}


def test_what_the_product_file_no_longer_says_goes_with_the_next_deployment(deployed: Deployed):
    assert "Reversion told: alert on uat" in deployed.automations()
    text = product_with(deployed.small, nightly=False)
    uat = text[text.index("  uat:") : text.index("  live:")]
    deployed.write(text.replace(uat, ""))

    deployed.deploy()

    assert deployed.automations() == ["Reversion told: alert on staging", "Reversion told: call dead runs crashed"]
    assert deployed.deployment("snapshot")["schedules"] == []
    assert deployed.deployment("revert")["parameter_openapi_schema"]["properties"]["environment"]["enum"] == [
        "staging"
    ]


def test_no_server_is_a_sentence_and_three(deployed: Deployed):
    done = deployed.run(
        "-m",
        "deployments.deploy",
        "--product",
        str(deployed.small.product),
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )

    assert done.returncode == 3
    assert "No Prefect server answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_prefect_deploy_understands_the_shipped_file(deployed: Deployed):
    names = {"REVERSION_NAME": "byhand", "REVERSION_PRODUCT": "/srv/shop", "REVERSION_HOME": "/var/lib/reversion"}
    deployed.run("-m", "prefect", "work-pool", "create", "--type", "process", "reversion-byhand")

    done = deployed.run(
        "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml", **names
    )

    assert done.returncode == 0, done.stderr
    for flow in ("revert", "snapshot"):
        told = deployed.deployment(flow, "byhand")
        assert (told["entrypoint"], told["path"]) == (f"flows.{flow}.{flow}", None)
        assert told["job_variables"]["env"]["REVERSION_PRODUCT"] == "/srv/shop"

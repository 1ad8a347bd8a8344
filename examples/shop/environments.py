"""Deploy to the shop's environments by Ansible, as the team's own pipeline would, and stop what runs.

python -m examples.shop.environments deploy DIRECTORY [ENVIRONMENT ...]
python -m examples.shop.environments stop DIRECTORY
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from examples.shop.git import Git
from examples.shop.layout import ENVIRONMENTS, PLACES, Shop, Versions, open_shop
from examples.shop.processes import note_pid, stop_all
from examples.shop.versions import VERSIONS


class DeploymentFailed(Exception):
    """Ansible said no; its own words are the message."""


def deploy(shop: Shop, environment: str, versions: Versions) -> None:
    """Bring these services of one environment to these versions; raise DeploymentFailed."""
    release = shop.directory / f"release-{environment}.json"
    release.write_text(json.dumps({"instances": _instances(shop, environment, versions)}))
    with subprocess.Popen(
        playbook_command(environment, release),
        cwd=shop.product,
        env=_surroundings(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        note_pid(shop.directory, f"deploy-{environment}", process.pid)
        said, _ = process.communicate()
    if process.returncode:
        raise DeploymentFailed(f"{environment}: {said[-3000:]}")


def deploy_all(shop: Shop, environments: tuple[str, ...] = ENVIRONMENTS) -> None:
    """Bring each environment to its own versions, two at a time; when interrupted, end what was started."""
    with ThreadPoolExecutor(2) as pool:
        try:
            list(pool.map(lambda name: deploy(shop, name, VERSIONS[name]), environments))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all(shop.directory)
            raise


def stop(directory: Path) -> None:
    """End every process of the shop in the directory, also one that was left behind by a crash."""
    stop_all(directory.resolve())


def playbook_command(environment: str, release: Path) -> tuple[str, ...]:
    """Return the command that deploys what the release file says."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    program = str(beside) if beside.is_file() else "ansible-playbook"
    inventory = f"ansible/inventories/{environment}"
    return (program, "-i", inventory, "ansible/deploy.yml", "-e", f"@{release}")


def _instances(shop: Shop, environment: str, versions: Versions) -> list[dict[str, str]]:
    return [
        {
            "service": service,
            "version": version,
            "commit": _commit_of(shop, service, version),
            "host": f"{environment}-{number}",
        }
        for service, version in versions.items()
        for number, there in PLACES.items()
        if service in there
    ]


def _commit_of(shop: Shop, service: str, version: str) -> str:
    try:
        return Git(shop.repositories / service)("rev-parse", "--verify", f"refs/tags/v{version}^{{commit}}")
    except subprocess.CalledProcessError as error:
        raise DeploymentFailed(f"{service} has no version {version}.") from error


def _surroundings() -> dict[str, str]:
    names = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {"LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "True", **kept}


def main() -> None:
    parser = argparse.ArgumentParser(description="Deploy to the example shop's environments, or stop them.")
    parser.add_argument("action", choices=("deploy", "stop"))
    parser.add_argument("directory", type=Path)
    parser.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help=", ".join(ENVIRONMENTS))
    given = parser.parse_args()
    if given.action == "stop":
        stop(given.directory)
        return
    shop = open_shop(given.directory)
    deploy_all(shop, tuple(given.environments) or ENVIRONMENTS)
    for environment in given.environments or ENVIRONMENTS:
        print(f"{environment:8} {shop.url(environment)}")


if __name__ == "__main__":
    main()

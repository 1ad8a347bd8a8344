"""What runs is read through Ansible, and what can't be read is told in plain words."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reversion.adapters.inventory import Host, Inventory
from reversion.adapters.probes import observe
from reversion.adapters.stage import Stage
from reversion.adapters.versions import read_version
from reversion.environment import Observation
from reversion.errors import PlaybookFailed
from reversion.product import Product
from tests.sshd import free_port

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LOCAL = '{"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}", '


class _Answers(BaseHTTPRequestHandler):
    """Answers each path as a service would."""

    pages = {
        "/good/version": (200, '{"app": {"version": "1.10"}, "version": 1.10}'),
        "/broken/version": (500, "out of order"),
        "/plain/version": (200, "<html>hello</html>"),
        "/other/version": (200, '{"release": "1.2"}'),
        "/hostile/version": (200, "{\"version\": \"{{ lookup('pipe', 'touch MARK') }}\"}"),
        "/huge/version": (200, '{"version": "1.0", "more": "' + "x" * 200_000 + '"}'),
    }

    def do_GET(self) -> None:
        status, text = self.pages[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.5.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def a_stage(tree: Path, services: dict[str, object], variables: str) -> Stage:
    host = Host("staging-1", "127.0.5.1", ("apps",), LOCAL + variables + "}")
    product = Product.model_validate(
        {
            "product": "shop",
            "services": {
                name: {"repository": name, "hosts": "apps", **({"observe": way} if way else {})}
                for name, way in services.items()
            },
            "environments": {
                "staging": {
                    "inventory": "inv",
                    "observe": {
                        "url": "http://{ansible_host}:{app_port}/{service}/version",
                        "field": "version",
                    },
                }
            },
        }
    )
    return Stage(tree, product, product.environment("staging"), Inventory("staging", (host,)))


@pytest.fixture(scope="module")
def seen(port: int, tmp_path_factory: pytest.TempPathFactory) -> Observation:
    tree = tmp_path_factory.mktemp("tree")
    (tree / "VERSION").write_text("2.0.1\n")
    (tree / "ansible.cfg").write_text("[defaults]\nno_log = True\nany_errors_fatal = True\n[tags]\nrun = deploy\n")
    nobody = free_port("127.0.5.1")
    services: dict[str, object] = {
        **dict.fromkeys(("good", "broken", "plain", "other", "hostile", "huge")),
        "inside": {"url": "http://{ansible_host}:{app_port}/good/version", "field": "app.version"},
        "refused": {"url": f"http://127.0.5.1:{nobody}/", "field": "version"},
        "undefined": {"url": "http://{no_such_variable}/"},
        "filed": {"file": "{root}/VERSION"},
        "missing": {"file": "{root}/{service}"},
        "commanded": {"command": ["echo", "{app_version}"]},
        "literal": {"command": ["echo", "lookup('pipe', 'touch MARK')"]},
        "failing": {"command": ["sh", "-c", "echo no database >&2; exit 3"]},
    }
    stage = a_stage(tree, services, f'"app_port": {port}, "root": "{tree}", "app_version": "3.1"')
    return observe(stage, NOW)


def running(seen: Observation, service: str) -> tuple[str | None, str]:
    (instance,) = (instance for instance in seen.instances if instance.service == service)
    return instance.version, instance.problem


@pytest.mark.parametrize(
    ("service", "version"),
    [
        pytest.param("good", "1.10", id="a number in JSON keeps its zero"),
        pytest.param("inside", "1.10", id="a field inside a field"),
        pytest.param("filed", "2.0.1", id="a file"),
        pytest.param("commanded", "3.1", id="a command"),
    ],
)
def test_a_version_is_read_where_the_product_file_says(seen: Observation, service: str, version: str) -> None:
    assert running(seen, service) == (version, "")


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("broken", "the service answered HTTP 500"),
        ("plain", "the answer is no JSON: '<html>hello</html>'"),
        ("other", "no field 'version' with a version in the answer"),
        ("huge", "the answer is too long or missing"),
        ("refused", "the service refused the connection"),
        ("undefined", "the host has no variable 'no_such_variable'"),
        ("hostile", "not a version: '{{ lookup('pipe', 'touch MARK') }}'"),
        ("literal", "not a version: 'lookup('pipe', 'touch MARK')'"),
    ],
)
def test_what_cannot_be_read_is_told_in_plain_words(seen: Observation, service: str, problem: str) -> None:
    assert running(seen, service) == (None, problem)


@pytest.mark.parametrize(
    ("service", "words"),
    [("missing", ("File not found", "/missing")), ("failing", ("non-zero return code", "no database"))],
)
def test_what_the_host_said_is_part_of_the_problem(seen: Observation, service: str, words: tuple[str, ...]) -> None:
    version, problem = running(seen, service)

    assert version is None
    assert all(word in problem for word in words)


def test_instances_are_sorted_by_service(seen: Observation) -> None:
    services = [instance.service for instance in seen.instances]

    assert services == sorted(services)
    assert len(services) == 14


def test_when_all_of_one_kind_fail_the_others_are_still_read(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("2.0.1\n")
    services: dict[str, object] = {"down": None, "filed": {"file": "{root}/VERSION"}}
    stage = a_stage(tmp_path, services, f'"app_port": {free_port("127.0.5.1")}, "root": "{tmp_path}"')

    seen = observe(stage, NOW)

    assert [instance.version for instance in seen.instances] == [None, "2.0.1"]


def test_nothing_to_ask_needs_no_ansible(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, {"good": None}, '"app_port": 1')
    elsewhere = Stage(
        stage.tree,
        stage.product,
        stage.environment,
        Inventory("staging", (Host("db", "127.0.5.2", ("database",)),)),
    )

    assert observe(elsewhere, NOW).instances == ()


def test_only_the_services_asked_for_are_read_and_a_host_without_python_is_told(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, {"good": None, "other": None}, '"app_port": 1')
    (host,) = stage.inventory.hosts
    broken = Host(
        host.name,
        host.address,
        host.groups,
        '{"ansible_connection": "local", "ansible_python_interpreter": "/no/python", "app_port": 1}',
    )
    (instance,) = observe(
        Stage(stage.tree, stage.product, stage.environment, Inventory("staging", (broken,))), NOW, ("good",)
    ).instances

    assert instance.service == "good"
    assert "the host has no Python where Ansible looks for it" in instance.problem
    assert "/no/python" in instance.problem


def test_an_ansible_that_does_not_start_is_an_error_not_an_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nvault_password_file = no-such-file\n")

    with pytest.raises(PlaybookFailed, match=r"staging could not be observed.*no-such-file"):
        observe(a_stage(tmp_path, {"good": None}, '"app_port": 1'), NOW)


@pytest.mark.parametrize(
    ("text", "field", "version"),
    [
        pytest.param(" 1.0\n", None, "1.0", id="the text itself"),
        pytest.param('{"a": [{"b": "1.0"}]}', "a.0.b", "1.0", id="a list's item"),
        pytest.param('{"a": [1]}', "a.7", None, id="an item that is not there"),
        pytest.param('{"version": null}', "version", None, id="null"),
        pytest.param('{"version": true}', "version", None, id="a truth value"),
        pytest.param("[" * 100_000, "version", None, id="JSON nested too deep"),
        pytest.param("--upload-pack=x", None, None, id="an option"),
        pytest.param("1.0\n2.0", None, None, id="two lines"),
        pytest.param("", None, None, id="nothing"),
    ],
)
def test_a_version_is_taken_from_text_or_not_at_all(text: str, field: str | None, version: str | None) -> None:
    assert read_version(text, field)[0] == version

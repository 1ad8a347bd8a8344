"""Git is asked for exactly what is meant, hostile content does nothing, failures are told plainly."""

import os
import time
from pathlib import Path

import pytest

from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from tests.gitbuilder import GitBuilder
from tests.processes import is_alive


@pytest.fixture
def product(tmp_path: Path) -> GitBuilder:
    builder = GitBuilder(tmp_path / "product")
    builder.commit("Begin", {"reversion.yaml": "product: shop\n", "ansible/run.sh": "#!/bin/sh\n"})
    return builder


def clone(product: GitBuilder, where: Path, *options: str) -> GitBuilder:
    product.git("clone", "-q", *options, product.path.as_uri(), str(where))
    return GitBuilder(where)


def test_a_folder_that_is_no_repository_is_told_so(tmp_path):
    with pytest.raises(RepositoryFailed, match=r"not a git repository"):
        Repository(tmp_path)
    with pytest.raises(RepositoryFailed, match=r"There is no Git repository at .*nowhere"):
        Repository(tmp_path / "nowhere")


def test_names_resolve_to_commit_ids_and_tags_are_peeled(product):
    product.tag("v1.0", message="Release")
    before = product.head()
    product.commit("Go on")
    repository = Repository(product.path)

    assert repository.resolve("v1.0") == repository.resolve("HEAD~1") == repository.resolve("HEAD^") == before
    assert repository.resolve("HEAD") == product.head() != before


@pytest.mark.parametrize(
    "name",
    [
        "--output=x",
        "-h",
        "",
        "HEAD~9",
        "HEAD~1:reversion.yaml",
        "HEAD^{tree}",
        "~1",
        "@{-1}",
        ":/Begin",
        "main..v1",
        "a b",
        "x\0y",
        "main\n",
        "none",
    ],
)
def test_what_is_no_plain_name_of_a_commit_resolves_to_none(product, name):
    product.commit("Go on")

    assert Repository(product.path).resolve(name) is None


def test_files_are_read_at_a_commit_and_not_from_the_folder(product):
    commit = product.head()
    (product.path / "reversion.yaml").write_text("product: other\n")
    repository = Repository(product.path)

    assert repository.read(commit, "reversion.yaml") == b"product: shop\n"
    assert repository.read(commit, "none.yaml") is None
    assert repository.read(commit, "ansible") is None
    assert repository.read(commit, "a\nb") is None
    assert repository.read_many(commit, ("x", "reversion.yaml")) == (None, b"product: shop\n")


def test_only_a_commit_id_names_a_commit(product):
    with pytest.raises(RepositoryFailed, match="is no commit id"):
        Repository(product.path).read("HEAD", "reversion.yaml")


def test_files_are_listed_below_a_path_taken_literally(product):
    commit = product.commit("Add", {"a/[x].yml": "", "a/x.yml": "", "ä.txt": ""})
    repository = Repository(product.path)

    assert repository.list_files(commit, "a") == ("a/[x].yml", "a/x.yml")
    assert repository.list_files(commit, "a/[x].yml") == ("a/[x].yml",)
    assert "ä.txt" in repository.list_files(commit)


def test_an_export_holds_every_file_exactly_as_committed(product, tmp_path):
    (product.path / "ansible" / "run.sh").chmod(0o755)
    (product.path / "link").symlink_to("ansible/run.sh")
    files = {
        ".gitattributes": "tests export-ignore\n*.txt text eol=crlf export-subst\n",
        "tests/smoke.txt": "$Format:%H$\n",
    }
    product.git("add", "--", "ansible", "link")
    commit = product.commit("Add", files)
    Repository(product.path).export(commit, tmp_path / "tree")

    assert (tmp_path / "tree/tests/smoke.txt").read_bytes() == b"$Format:%H$\n"
    assert os.access(tmp_path / "tree/ansible/run.sh", os.X_OK)
    assert not os.access(tmp_path / "tree/reversion.yaml", os.X_OK)
    assert (tmp_path / "tree/link").readlink() == Path("ansible/run.sh")


def test_an_export_of_a_path_holds_that_path_only(product, tmp_path):
    Repository(product.path).export(product.head(), tmp_path / "tree", "ansible")

    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["ansible"]


@pytest.mark.parametrize(
    "links",
    [
        pytest.param({"out": "../../secret"}, id="upwards"),
        pytest.param({"out": "/etc/passwd"}, id="from the root"),
        pytest.param({"s/t": ".", "out": "s/t/../.."}, id="through another link"),
    ],
)
def test_a_link_that_leads_out_is_refused(product, tmp_path, links):
    for name, target in links.items():
        (product.path / name).parent.mkdir(exist_ok=True)
        (product.path / name).symlink_to(target)
    product.git("add", "-A")
    commit = product.commit("Add links")

    with pytest.raises(RepositoryFailed, match="leads out of the product"):
        Repository(product.path).export(commit, tmp_path / "tree")


def test_a_tree_with_a_path_that_leads_out_is_refused(product, tmp_path):
    blob = product.git("hash-object", "-w", "--stdin", stdin="x")
    raw = b"100644 ..\0" + bytes.fromhex(blob)
    (tmp_path / "raw").write_bytes(raw)
    tree = product.git("hash-object", "-w", "-t", "tree", "--literally", str(tmp_path / "raw"))
    commit = product.git("commit-tree", "-m", "Bad", tree)

    with pytest.raises(RepositoryFailed, match=r"'\.\.', which leads elsewhere"):
        Repository(product.path).export(commit, tmp_path / "tree")


def test_hooks_and_watchers_of_the_repository_do_not_run(product, tmp_path):
    hook = product.path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (product.path / ".git/hooks").mkdir(exist_ok=True)
    (product.path / ".git/hooks/reference-transaction").symlink_to(hook)
    product.git("config", "core.hooksPath", ".git/hooks")
    product.git("config", "core.fsmonitor", str(hook))
    (tmp_path / "ran").unlink(missing_ok=True)
    repository = Repository(product.path)

    repository.run("update-ref", "refs/heads/other", product.head())
    repository.run("status", "--porcelain")

    assert not (tmp_path / "ran").exists()
    product.git("update-ref", "refs/heads/third", product.head())
    assert (tmp_path / "ran").exists()


def test_a_replaced_commit_is_still_told_as_it_was_made(product):
    real = product.head()
    forged = product.commit("Forged")
    product.git("replace", real, forged)

    assert "Begin" in Repository(product.path).run("log", "-1", "--format=%s", real)


def test_the_environment_of_a_hook_does_not_lead_to_another_repository(product, tmp_path, monkeypatch):
    other = GitBuilder(tmp_path / "other")
    other.commit("Other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))

    assert Repository(product.path).resolve("HEAD") == product.head()


@pytest.mark.parametrize("url", ["ext::sh -c true", "http://127.0.0.1:1/x.git", "git://127.0.0.1/x"])
def test_only_safe_protocols_are_used(product, url):
    with pytest.raises(RepositoryFailed, match=r"transport '\w+' not allowed"):
        Repository(product.path).run("ls-remote", url)


def test_a_failure_never_shows_a_password(product):
    with pytest.raises(RepositoryFailed) as caught:
        Repository(product.path).run("ls-remote", "https://bot:hunt@er2@127.0.0.1:1/shop.git")

    assert "hunt" not in str(caught.value)
    assert "er2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_command_that_takes_too_long_is_ended(product):
    slow = "!sleep 30"
    started = time.monotonic()

    with pytest.raises(RepositoryFailed, match="in the time it was given"):
        Repository(product.path).run("-c", f"alias.slow={slow}", "slow", timeout=1)

    assert time.monotonic() - started < 10


def test_a_stream_that_takes_too_long_is_ended(product):
    with pytest.raises(RepositoryFailed, match="in the time it was given"):
        tuple(Repository(product.path).stream("-c", "alias.slow=!exec sleep 30", "slow", timeout=1))


def test_a_stream_that_is_left_early_ends_its_process(product):
    stream = Repository(product.path).stream("-c", "alias.yes=!yes", "yes")
    started = time.monotonic()

    next(stream)
    stream.close()

    assert time.monotonic() - started < 10


def test_a_stream_is_whole_however_much_is_written_and_said_meanwhile(product):
    script = "!for n in 1 2 3; do head -c 2000000 /dev/zero; head -c 1000000 /dev/zero >&2; sleep 0.02; done"

    blocks = tuple(Repository(product.path).stream("-c", f"alias.much={script}", "much", timeout=60))

    assert b"".join(blocks) == bytes(6_000_000)


def test_a_stream_runs_from_its_start_and_ends_when_nobody_reads_it(product, tmp_path):
    started = tmp_path / "started"
    script = f"!echo $$ > {started}; exec sleep 600"

    stream = Repository(product.path).stream("-c", f"alias.slow={script}", "slow")
    while not (started.exists() and (told := started.read_text()).endswith("\n")):
        time.sleep(0.01)
    was_running = is_alive(int(told))
    del stream
    until = time.monotonic() + 10
    while is_alive(int(told)) and time.monotonic() < until:
        time.sleep(0.01)

    assert was_running
    assert not is_alive(int(told))


def test_a_stream_ends_though_something_that_it_left_holds_its_errors(product):
    script = "!sleep 20 >/dev/null & echo done"
    started = time.monotonic()

    blocks = tuple(Repository(product.path).stream("-c", f"alias.left={script}", "left", timeout=60))

    assert (b"".join(blocks), time.monotonic() - started < 10) == (b"done\n", True)


def test_a_stream_tells_of_a_failure_at_its_end(product):
    with pytest.raises(RepositoryFailed, match="bad revision"):
        tuple(Repository(product.path).stream("log", "none", "--"))


def test_damage_is_a_failure_and_not_an_absence(product):
    blob = product.git("rev-parse", "HEAD:reversion.yaml")
    commit = product.head()
    broken = product.path / ".git/objects" / blob[:2] / blob[2:]
    broken.chmod(0o644)
    broken.write_bytes(b"garbage")

    with pytest.raises(RepositoryFailed):
        Repository(product.path).read(commit, "reversion.yaml")


def test_a_cut_off_pack_is_a_failure(product, tmp_path):
    commit = product.head()
    product.git("gc", "-q")
    pack = next((product.path / ".git/objects/pack").glob("*.pack"))
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:60])

    with pytest.raises(RepositoryFailed):
        Repository(product.path).read(commit, "reversion.yaml")


def test_without_a_remote_the_newest_commit_is_the_checked_out_one(product):
    assert Repository(product.path).newest() == product.head()


def test_an_empty_repository_says_what_to_do(tmp_path):
    with pytest.raises(RepositoryFailed, match="has no commit yet"):
        Repository(GitBuilder(tmp_path / "empty").path).newest()


def test_the_newest_commit_may_be_at_the_remote(product, tmp_path):
    mine = clone(product, tmp_path / "mine")
    before, after = mine.head(), product.commit("Go on")

    assert Repository(mine.path).newest(refresh=False) == before
    assert Repository(mine.path).newest() == after


def test_the_newest_commit_may_be_here(product, tmp_path):
    mine = clone(product, tmp_path / "mine")

    assert Repository(mine.path).newest() == mine.head() == product.head()
    assert Repository(mine.path).newest() != mine.commit("Go on") == Repository(mine.path).newest()


def test_branches_that_have_parted_are_refused(product, tmp_path):
    mine = clone(product, tmp_path / "mine")
    mine.commit("Here")
    product.commit("There")

    with pytest.raises(RepositoryFailed, match="have parted"):
        Repository(mine.path).newest()


def test_a_remote_that_does_not_answer_is_an_error_unless_it_is_not_asked(product, tmp_path):
    mine = clone(product, tmp_path / "mine")
    mine.git("remote", "set-url", "origin", str(tmp_path / "gone"))

    with pytest.raises(RepositoryFailed, match="could not ls-remote"):
        Repository(mine.path).newest()
    assert Repository(mine.path).newest(refresh=False) == mine.head()


def test_a_shallow_clone_is_known_as_such(product, tmp_path):
    product.commit("Go on")

    assert Repository(clone(product, tmp_path / "shallow", "--depth=1").path).is_shallow()
    assert not Repository(product.path).is_shallow()


def test_changed_files_are_told_by_letter_and_path(product):
    old = product.head()
    product.commit("Change", {"reversion.yaml": "product: x\n", "new [1].yml": ""})
    new = product.remove("Remove", "ansible/run.sh")
    repository = Repository(product.path)

    assert repository.changed_files(old, new) == (
        ("D", "ansible/run.sh"),
        ("A", "new [1].yml"),
        ("M", "reversion.yaml"),
    )
    assert repository.changed_files(old, new, "ansible") == (("D", "ansible/run.sh"),)
    assert repository.changed_files(old, old) == ()


def test_a_file_that_is_too_long_is_an_error(product):
    commit = product.commit("Grow", {"big": "x" * ((16 << 20) + 1)})

    with pytest.raises(RepositoryFailed, match="too long to read"):
        Repository(product.path).read(commit, "big")

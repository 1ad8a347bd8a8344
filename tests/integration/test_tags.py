"""Snapshots are tags that are made once, by one of several, never moved, and checked whenever they are read."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reversion.adapters import tags
from reversion.adapters.repository import Repository
from reversion.errors import Refused, RepositoryFailed, SnapshotInvalid, UnknownName
from reversion.features.values import State
from reversion.snapshot import Broken, Recorded, Snapshot, SnapshotFeature, compose
from tests.builders import a_snapshot
from tests.gitbuilder import GitBuilder

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def product(tmp_path: Path) -> GitBuilder:
    return product_at(tmp_path / "product")


def product_at(path: Path) -> GitBuilder:
    builder = GitBuilder(path)
    builder.git("config", "user.name", "Ana Example")
    builder.git("config", "user.email", "ana@example.com")
    builder.commit("Begin", {"reversion.yaml": "product: shop\n"})
    return builder


def with_remote(product: GitBuilder, path: Path) -> Path:
    product.git("clone", "-q", "--bare", str(product.path), str(path))
    product.git("remote", "add", "origin", str(path))
    return path


def colleague_of(remote: Path, path: Path) -> GitBuilder:
    subprocess.run(["git", "clone", "-q", str(remote), str(path)], check=True)
    builder = GitBuilder(path)
    builder.git("config", "user.name", "Bo Example")
    builder.git("config", "user.email", "bo@example.com")
    return builder


def manifest(product: GitBuilder, day: int = 0, **given) -> Snapshot:
    given.setdefault("taken_at", START + timedelta(days=day))
    given["product_commit"] = given.get("product_commit") or product.head()
    return a_snapshot({"cart": f"1.{day}.0"}, **given).snapshot


def made(product: GitBuilder, day: int = 0, **given) -> Recorded:
    return tags.create(Repository(product.path), manifest(product, day, **given))


def tag_names(path: Path) -> list[str]:
    listed = subprocess.run(["git", "-C", str(path), "tag", "-l"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_a_snapshot_is_recorded_and_read_back_the_same(product):
    snapshot = manifest(product, label="# a release, with a line that Git takes for a comment")

    recorded = tags.create(Repository(product.path), snapshot)

    assert recorded.tag == compose(snapshot)[0]
    assert recorded == tags.read(Repository(product.path), recorded.tag, "staging")
    assert recorded.snapshot == snapshot
    assert product.git("cat-file", "-t", recorded.tag) == "tag"
    assert product.head(recorded.tag) == snapshot.product_commit
    assert recorded.tag_object == product.git("rev-parse", f"refs/tags/{recorded.tag}")


def test_a_snapshot_larger_than_a_command_line_is_recorded_whole(product):
    features = {f"SHOP-{n}": SnapshotFeature(title="x" * 200, state=State.COMPLETE) for n in range(1000)}

    recorded = made(product, features=features)

    assert len(recorded.snapshot.features) == 1000


def test_recording_the_same_snapshot_again_is_the_same_snapshot(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")

    assert made(product) == made(product)
    assert len(tag_names(remote)) == 1


def test_the_last_part_of_the_name_is_enough(product):
    recorded = made(product)

    assert tags.read(Repository(product.path), recorded.tag.rpartition("/")[2], "staging") == recorded


def test_an_unknown_name_lists_the_newest_five(product):
    names = [made(product, day).tag for day in range(6)]

    with pytest.raises(UnknownName) as caught:
        tags.read(Repository(product.path), "v1.8", "staging")

    assert all(name in str(caught.value) for name in names[1:])
    assert names[0] not in str(caught.value)


def test_names_are_newest_first_and_of_one_environment_or_of_all(product):
    live = made(product, 1, environment="live").tag
    staging = [made(product, day).tag for day in (0, 2)]
    product.tag("v1.0", message="Release")
    product.tag("reversion/staging/pinned", message="Mine")
    repository = Repository(product.path)

    assert tags.names(repository, "staging") == (staging[1], staging[0])
    assert tags.names(repository) == (staging[1], live, staging[0])


def test_the_newest_snapshots_are_read_and_broken_ones_told_with_the_reason(product):
    good = made(product, 1)
    light = "reversion/staging/2026-11-05T00-00-00Z-aaaaaaaaaaaa"
    plain = "reversion/staging/2026-11-04T00-00-00Z-bbbbbbbbbbbb"
    product.tag(light)
    product.tag(plain, message="Release 1.8")

    found = tags.newest(Repository(product.path), "staging", 3)

    assert found[0] == Broken(tag=light, problem=f"{light} is no annotated tag, so it holds no snapshot.")
    assert isinstance(found[1], Broken)
    assert "holds no document" in found[1].problem
    assert found[2] == good
    assert tags.newest(Repository(product.path), "staging", 0) == ()


def test_the_label_means_the_newest_that_is_verified_and_complete(product):
    wanted = made(product, 1)
    made(product, 2, verified=False)
    made(product, 3, verified=None)
    made(product, 4, complete=False)
    product.tag("reversion/staging/2026-11-06T00-00-00Z-aaaaaaaaaaaa")

    assert tags.read(Repository(product.path), "latest-verified", "staging") == wanted


def test_the_label_without_such_a_snapshot_says_so(product):
    made(product, verified=None)

    with pytest.raises(UnknownName, match="No snapshot of staging is verified and complete"):
        tags.read(Repository(product.path), "latest-verified", "staging")


def test_a_snapshot_of_another_environment_is_refused(product):
    recorded = made(product, environment="live")

    with pytest.raises(SnapshotInvalid, match="is a snapshot of live, not of staging"):
        tags.read(Repository(product.path), recorded.tag, "staging")


def test_a_renamed_tag_is_refused(product):
    recorded = made(product)
    other = "reversion/staging/2026-12-01T00-00-00Z-" + recorded.tag[-12:]
    product.git("update-ref", f"refs/tags/{other}", recorded.tag_object)

    with pytest.raises(SnapshotInvalid, match=f"was renamed: it was made as {recorded.tag}"):
        tags.read(Repository(product.path), other, "staging")


def test_a_tag_put_under_another_environment_is_refused(product):
    recorded = made(product)
    other = recorded.tag.replace("staging", "live")
    product.git("update-ref", f"refs/tags/{other}", recorded.tag_object)

    with pytest.raises(SnapshotInvalid, match="was renamed"):
        tags.read(Repository(product.path), other, "live")


def test_the_same_document_on_another_commit_is_refused(product):
    name, message = compose(manifest(product))
    product.commit("Evil")
    product.git("tag", "-a", "--cleanup=verbatim", "-F", "-", name, "HEAD", stdin=message)

    with pytest.raises(SnapshotInvalid, match="lies on commit"):
        tags.read(Repository(product.path), name, "staging")


def test_a_tag_of_something_else_than_a_commit_is_refused(product):
    name, message = compose(manifest(product))
    product.git("tag", "-a", "--cleanup=verbatim", "-F", "-", name, "HEAD^{tree}", stdin=message)

    with pytest.raises(SnapshotInvalid, match="is no tag of a commit"):
        tags.read(Repository(product.path), name, "staging")


def test_without_a_name_in_git_the_mend_is_told(product, monkeypatch):
    snapshot = manifest(product)
    for key in ("user.name", "user.email"):
        product.git("config", "--unset", key)
    product.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("EMAIL", raising=False)

    with pytest.raises(RepositoryFailed, match=r"git config --global user\.name"):
        tags.create(Repository(product.path), snapshot)
    assert tag_names(product.path) == []


def test_a_snapshot_is_pushed_with_the_commit_it_lies_on(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    product.commit("Not pushed yet")

    recorded = made(product)

    assert tags.read(Repository(remote), recorded.tag, "staging") == recorded


def test_an_unreachable_remote_leaves_no_tag_behind(product, tmp_path):
    product.git("remote", "add", "origin", str(tmp_path / "gone"))

    with pytest.raises(RepositoryFailed, match="was not recorded"):
        made(product)
    assert tag_names(product.path) == []


def test_a_remote_whose_rules_decline_it_is_a_refusal_that_leaves_no_tag(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    hook = remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(Refused, match=r"declined .*: hook declined"):
        made(product)
    assert tag_names(product.path) == tag_names(remote) == []


def test_of_two_taggers_of_the_same_name_one_is_told_who_won(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    bo = colleague_of(remote, tmp_path / "bo")
    won = made(bo)

    with pytest.raises(Refused, match=r"recorded at the remote first, by Bo Example <bo@example\.com>"):
        made(product)
    assert tag_names(product.path) == []
    tags.sync(Repository(product.path))
    assert tags.read(Repository(product.path), won.tag, "staging") == won


def test_two_taggers_of_different_names_both_land(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    bo = colleague_of(remote, tmp_path / "bo")

    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda given: made(given[0], label=given[1]), [(product, "a"), (bo, "b")]))

    assert sorted(tag_names(remote)) == sorted(recorded.tag for recorded in both)


def test_the_snapshots_of_others_are_fetched_and_own_ones_kept(product, tmp_path):
    mine = made(product)
    remote = with_remote(product, tmp_path / "remote.git")
    subprocess.run(["git", "-C", str(remote), "tag", "-d", mine.tag], check=True, capture_output=True)
    theirs = made(colleague_of(remote, tmp_path / "bo"), 1)
    product.git("config", "fetch.prune", "true")

    listed = tags.sync(Repository(product.path))

    assert tags.names(Repository(product.path), "staging") == (theirs.tag, mine.tag)
    assert set(listed) == {theirs.tag, mine.tag}
    assert tags.newest(Repository(product.path), "staging", 1, listed) == (theirs,)
    assert tags.newest(Repository(product.path), "production", 1, listed) == ()
    assert tags.unpushed(Repository(product.path)) == (mine.tag,)


def test_a_tag_moved_at_the_remote_is_told_loudly_and_not_taken(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    recorded = made(product)
    bo = colleague_of(remote, tmp_path / "bo")
    bo.commit("Evil")
    bo.git("tag", "-f", "-a", "-m", "x", recorded.tag)
    bo.git("push", "-q", "-f", "origin", f"refs/tags/{recorded.tag}")

    with pytest.raises(SnapshotInvalid, match=f"{recorded.tag} no longer names the snapshot"):
        tags.sync(Repository(product.path))
    assert tags.read(Repository(product.path), recorded.tag, "staging") == recorded


def test_hundreds_of_new_tags_arrive_although_one_was_moved(product, tmp_path):
    remote = with_remote(product, tmp_path / "remote.git")
    recorded = made(product)
    head = product.head()
    names = [f"reversion/staging/2025-01-01T00-00-00Z-{number:012x}" for number in range(300)]
    tag = "tag {}\nfrom {}\ntagger A <a@b> 1700000000 +0000\ndata 1\nx\n"
    stream = "".join(tag.format(name, head) for name in [*names, recorded.tag])
    subprocess.run(
        ["git", "-C", str(remote), "fast-import", "--quiet", "--force"], input=stream, text=True, check=True
    )

    with pytest.raises(SnapshotInvalid, match=f"{recorded.tag} no longer names the snapshot"):
        tags.sync(Repository(product.path))
    assert set(tags.names(Repository(product.path), "staging")) == {*names, recorded.tag}
    assert tags.read(Repository(product.path), recorded.tag, "staging") == recorded


def test_without_a_remote_there_is_nothing_to_fetch(product):
    tags.sync(Repository(product.path))

    assert tags.unpushed(Repository(product.path)) == ()


@pytest.fixture
def signing(product, tmp_path) -> GitBuilder:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f'ana@example.com namespaces="git" {key.with_suffix(".pub").read_text()}')
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
        "tag.gpgSign": "true",
    }.items():
        product.git("config", name, value)
    return product


def test_a_product_that_signs_has_signed_snapshots(signing):
    signing.git("config", "reversion.requireSignedSnapshots", "true")

    recorded = made(signing)

    assert "BEGIN SSH SIGNATURE" in signing.git("cat-file", "tag", recorded.tag)
    assert tags.read(Repository(signing.path), recorded.tag, "staging") == recorded


def test_where_signatures_are_demanded_other_snapshots_are_refused(signing, tmp_path):
    signing.git("config", "tag.gpgSign", "false")
    unsigned = made(signing)
    signing.git("config", "reversion.requireSignedSnapshots", "true")

    with pytest.raises(SnapshotInvalid, match="no signature that Git trusts"):
        tags.read(Repository(signing.path), unsigned.tag, "staging")


def test_a_key_that_nobody_knows_is_not_trusted(signing, tmp_path):
    signing.git("config", "reversion.requireSignedSnapshots", "true")
    (tmp_path / "allowed").write_text("")

    with pytest.raises(SnapshotInvalid, match="no signature that Git trusts"):
        made(signing)
    assert tag_names(signing.path) == []


def test_the_newest_of_ten_thousand_are_read_fast(product):
    commit = product.head()
    old = [f"reversion/staging/{2000 + n // 10}-01-0{n % 10}T00-00-00Z-aaaaaaaaaaaa" for n in range(200)]
    old = [f"{name[:-12]}{n:012x}" for name in old for n in range(50)]
    new = [compose(manifest(product, day, product_commit=commit)) for day in range(20)]
    made_of = [*((name, "x" * 4500) for name in old), *new]
    stream = "".join(
        f"tag {name}\nfrom {commit}\ntagger A <a@b> 1700000000 +0000\ndata {len(message.encode())}\n{message}\n"
        for name, message in made_of
    )
    product.git("fast-import", "--quiet", stdin=stream)
    repository = Repository(product.path)

    started = time.process_time()
    found = tags.newest(repository, None, 20)

    assert time.process_time() - started < 1
    assert len(found) == 20
    assert all(isinstance(one, Recorded) for one in found)
    assert found[0].tag == made_of[-1][0]


@pytest.mark.parametrize(
    "name", ["v1.0.0", "reversion/staging/2026-11-25T00-00-00Z-abcdef", "reversion/staging/good"]
)
def test_a_tag_that_somebody_made_by_hand_is_told_as_what_it_is(product: GitBuilder, name: str) -> None:
    product.git("tag", "-a", "-m", "hello", name)

    with pytest.raises(
        SnapshotInvalid, match=r"is a tag of the product, but no snapshot.*reversion snapshots staging"
    ):
        tags.read(Repository(product.path), name, "staging")

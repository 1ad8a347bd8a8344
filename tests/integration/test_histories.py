"""Reading services' repositories: local and mirrored, whole and broken."""

import subprocess
from pathlib import Path

import pytest

from reversion.adapters.commits import read_commits
from reversion.adapters.histories import map_version, migrations_between, open_source, tracked_heads
from reversion.adapters.index import Index
from reversion.adapters.repository import Repository
from reversion.errors import RepositoryFailed
from reversion.feature_settings import FeatureSettings, Key
from reversion.features.records import Commit
from reversion.product import Service
from tests.gitbuilder import GitBuilder


def a_service(repository: str = "cart", **changes: object) -> Service:
    fields = {"name": "cart", "repository": repository, "hosts": "cart"} | changes
    return Service.model_validate(fields)


def a_repository(path: Path) -> GitBuilder:
    builder = GitBuilder(path)
    builder.commit("begin", {"README": "1"})
    return builder


def url_of(builder: GitBuilder) -> str:
    return builder.path.as_uri()


def commits_of(repository: Repository, service: Service, *versions: str) -> list[Commit]:
    starts = (*tracked_heads(service, repository.refs()), *versions)
    touched = (lambda paths: tuple(paths)) if service.paths else None
    batches = read_commits(repository, starts, touched=touched)
    return [Commit(*row) for batch in batches for row in zip(*filter(None, batch), strict=True)]


def messages(repository: Repository, service: Service, *versions: str) -> list[str]:
    return [commit.message for commit in commits_of(repository, service, *versions)]


def test_a_path_is_taken_from_the_products_root(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "services" / "cart")

    repository = open_source(a_service("services/cart"), tmp_path, tmp_path / "home")

    assert repository.resolve("main") == git.head()


def test_a_url_is_mirrored_and_the_mirror_is_brought_up_to_date(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    service = a_service(url_of(git))
    first = open_source(service, tmp_path, tmp_path / "home")
    git.commit("more", {"more": "1"})
    git.tag("v1")

    stale = open_source(service, tmp_path, tmp_path / "home", refresh=False).resolve("refs/heads/main")
    fresh = open_source(service, tmp_path, tmp_path / "home").resolve("refs/tags/v1")

    assert (first.path.parent, stale, fresh) == (tmp_path / "home" / "mirrors", git.head("main~1"), git.head())


def test_a_branch_that_was_forced_back_and_one_that_was_deleted_are_followed(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    begin = git.head()
    git.commit("more", {"more": "1"})
    git.git("branch", "topic")
    service = a_service(url_of(git))
    open_source(service, tmp_path, tmp_path / "home")
    git.git("reset", "-q", "--hard", begin)
    git.git("branch", "-D", "topic")
    git.git("branch", "topic/one")

    mirror = open_source(service, tmp_path, tmp_path / "home")

    assert (mirror.resolve("refs/heads/main"), mirror.resolve("refs/heads/topic/one")) == (begin, begin)


def test_a_tag_that_was_moved_keeps_the_commit_first_seen_under_its_name(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    begin = git.head()
    git.tag("v1")
    service = a_service(url_of(git))
    open_source(service, tmp_path, tmp_path / "home")
    new = git.commit("more", {"more": "1"})
    git.git("tag", "-f", "v1")

    mirror = open_source(service, tmp_path, tmp_path / "home")

    assert (mirror.resolve("refs/tags/v1"), mirror.resolve("refs/heads/main")) == (begin, new)


def test_a_replaced_commit_at_the_remote_does_not_reach_the_mirror(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    honest = git.commit("feat: SHOP-2", {"two": "1"})
    forged = git.git("commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "feat: SHOP-666")
    git.git("replace", honest, forged)
    service = a_service(url_of(git))

    mirror = open_source(service, tmp_path, tmp_path / "home")

    assert mirror.run("for-each-ref", "refs/replace") == ""
    assert messages(mirror, service) == ["begin", "feat: SHOP-2"]


def test_a_replaced_commit_in_a_local_repository_is_not_believed(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    honest = git.commit("feat: SHOP-2", {"two": "1"})
    git.git("replace", honest, git.git("commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "feat: SHOP-666"))

    assert messages(Repository(git.path), a_service())[-1] == "feat: SHOP-2"


def test_a_shallow_clone_is_refused(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "full")
    git.commit("more", {"more": "1"})
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", url_of(git), str(tmp_path / "cart")], check=True, capture_output=True
    )

    with pytest.raises(RepositoryFailed, match=r"cart is a shallow clone.*unshallow"):
        open_source(a_service(), tmp_path, tmp_path / "home")


@pytest.mark.parametrize(
    ("repository", "told"),
    [
        pytest.param("https://ana@127.0.0.1:1/cart.git", "cart at https://127.0.0.1:1/cart.git could not", id="down"),
        pytest.param("https://ana:s3cret@127.0.0.1:1/cart.git", "holds a password", id="password"),
        pytest.param("git://127.0.0.1:1/cart.git", "can't be fetched by git", id="another protocol"),
        pytest.param("file:///nowhere/cart.git", "could not be fetched", id="no such repository"),
        pytest.param("ssh://-oProxyCommand=x/cart", "can't be fetched", id="an option for a host"),
        pytest.param("http://[/cart", "no valid URL", id="no URL"),
        pytest.param("ext::sh -c touch% x", "can't be read", id="a command"),
        pytest.param("nowhere", "There is no Git repository", id="no such path"),
    ],
)
def test_a_repository_that_does_not_answer_is_told_without_credentials(
    repository: str, told: str, tmp_path: Path
) -> None:
    service = a_service().model_copy(update={"repository": repository})

    with pytest.raises(RepositoryFailed) as raised:
        open_source(service, tmp_path, tmp_path / "home")

    assert told in str(raised.value)
    assert "cart" in raised.value.message
    assert raised.value.todo
    assert "s3cret" not in str(raised.value)
    assert "ana" not in raised.value.message


def test_a_mirror_that_was_never_fetched_is_told(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")

    with pytest.raises(RepositoryFailed, match="was never fetched"):
        open_source(a_service(url_of(git)), tmp_path, tmp_path / "home", refresh=False)


def test_a_folder_inside_another_repository_is_not_taken_for_it(tmp_path: Path) -> None:
    a_repository(tmp_path)
    (tmp_path / "cart").mkdir()

    with pytest.raises(RepositoryFailed, match="only a folder of another"):
        open_source(a_service(), tmp_path, tmp_path / "home")


def test_a_version_is_mapped_by_tag_before_commit_id(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    begin = git.head()
    git.tag("v1.2.0", message="release")
    new = git.commit("more", {"more": "1"})
    git.tag(new[:8], at=begin)
    repository, service = Repository(git.path), a_service()

    told = {
        version: map_version(repository, service, version, repository.refs())
        for version in ("1.2.0", new, new[:7], new[:8])
    }

    assert [(one.commit, one.mapped_by) for one in told.values()] == [
        (begin, "tag v1.2.0"),
        (new, "commit id"),
        (new, "commit id"),
        (begin, f"tag {new[:8]}"),
    ]


def test_a_version_is_mapped_in_the_services_own_form_only(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.tag("1.0")
    git.tag("cart/v2.0")
    repository, service = Repository(git.path), a_service(ref="cart/v{version}")

    assert map_version(repository, service, "2.0", repository.refs()).mapped_by == "tag cart/v2.0"
    assert map_version(repository, service, "1.0", repository.refs()).commit is None


@pytest.mark.parametrize(
    "version",
    [
        "1.0~1",
        "v1.0^",
        "main",
        "HEAD",
        "-1",
        "--help",
        "$(id)",
        "a b",
        "",
        "1.0\n",
        "..",
        "v1@{1}",
        "f" * 40,
        "abcdef",
    ],
)
def test_a_version_that_no_tag_or_commit_bears_is_a_problem_that_names_what_was_tried(
    version: str, tmp_path: Path
) -> None:
    git = a_repository(tmp_path / "cart")
    git.commit("more", {"more": "1"})
    git.tag("v1.0")

    repository = Repository(git.path)

    mapped = map_version(repository, a_service(), version, repository.refs())

    assert mapped.commit is None
    assert "no tag" in mapped.problem


def test_a_tag_of_something_else_than_a_commit_names_no_version(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.git("tag", "v1.0", "HEAD:README")

    repository = Repository(git.path)

    assert map_version(repository, a_service(), "1.0", repository.refs()).commit is None


def test_a_history_holds_tracked_branches_and_versions_parents_first(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.branch("hotfix")
    hotfix = git.commit("hotfix", {"fix": "1"})
    git.branch("elsewhere")
    git.commit("elsewhere", {"else": "1"})
    git.checkout("main")
    git.commit("more", {"more": "1"})

    commits = commits_of(Repository(git.path), a_service(), hotfix)

    assert sorted(commit.message for commit in commits) == ["begin", "hotfix", "more"]
    seen: set[str] = set()
    for commit in commits:
        assert seen.issuperset(commit.parents.split())
        seen.add(commit.id)


def test_what_is_known_is_not_read_again_also_where_it_is_gone(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    begin = git.head()
    more = git.commit("more", {"more": "1"})

    (batch,) = read_commits(Repository(git.path), (more,), (begin, "f" * 40))

    assert list(batch.messages) == ["more"]


def test_a_tracked_branch_that_only_the_remote_has_is_found(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.git("update-ref", "refs/remotes/origin/release", git.head())

    heads = tracked_heads(a_service(tracked=("release",)), Repository(git.path).refs())

    assert heads == (git.head(),)


def test_refs_tell_the_commit_also_behind_a_tag_of_a_tag(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.tag("light")
    git.tag("v1", message="release")
    git.git("tag", "-a", "-m", "again", "twice", "v1")
    git.git("tag", "blob", "HEAD:README")

    refs = Repository(git.path).refs()

    assert refs == dict.fromkeys(
        ("refs/heads/main", "refs/tags/light", "refs/tags/v1", "refs/tags/twice"), git.head()
    )


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("a\x1fb\x1f" + "c" * 40 + "\x1f" + "d" * 40, id="separators"),
        pytest.param("x\n\n" + "e" * 40 + "\x1f" + "f" * 40 + "\x1fFeature: SHOP-666", id="a forged record"),
        pytest.param(":100644 100644 a b M", id="a line as of paths"),
        pytest.param("caf\u00e9 \U0001f600 \u202e", id="any script"),
        pytest.param("long " + "x" * 3_000_000, id="three megabytes"),
    ],
)
@pytest.mark.parametrize("paths", [(), ("kept",)], ids=["whole repository", "monorepo"])
def test_no_message_can_be_taken_for_another_commit(message: str, paths: tuple[str, ...], tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    hostile = git.commit(message, {"kept/a": "1"})
    last = git.commit("last", {"kept/b": "1"})

    commits = commits_of(Repository(git.path), a_service(paths=paths))

    assert [commit.id for commit in commits][1:] == [hostile, last]
    assert commits[1].message.strip() == message.strip()


def test_no_path_can_be_taken_for_a_commit(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    names = (f"{'a' * 40}\x1f\x1fFeature: SHOP-666", ":100644 x", "with space", "\u00e9", "new\nline")
    git.commit("names", dict.fromkeys(names, "1"))

    commits = commits_of(Repository(git.path), a_service(paths=("with space",)))

    assert set(commits[1].added) == set(commits[1].touched) == set(names)
    assert len(commits) == 2


def test_a_message_in_another_encoding_is_read(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.git("config", "i18n.commitEncoding", "ISO-8859-1")
    (git.path / "message").write_bytes("gr\u00fc\u00dfe".encode("latin-1"))
    git.git("commit", "-q", "--allow-empty", "-F", "message")

    assert messages(Repository(git.path), a_service())[-1].strip() == "gr\u00fc\u00dfe"


def test_migrations_are_the_changed_files_that_match(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    old = git.head()
    git.commit("one", {"migrations/001.sql": "1", "migrations/deep/002.sql": "1", "src/migrations/003.sql": "1"})
    new = git.commit("two", {"db/004.sql": "1", "db/readme.md": "1", "[x].sql": "1"})
    repository = Repository(git.path)
    service = a_service(migrations=("migrations/**", "db/*.sql", "[x].sql"))

    told = migrations_between(repository, service, new, old)

    assert told == ("[x].sql", "db/004.sql", "migrations/001.sql", "migrations/deep/002.sql")
    assert migrations_between(repository, a_service(), new, old) == ()
    assert migrations_between(repository, a_service(migrations=("**/*.sql",)), old, new)[0] == "[x].sql"


def test_services_are_read_side_by_side_and_a_broken_one_does_not_stop_the_others(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "cart")
    git.tag("v1")
    services = (
        a_service("nowhere", name="web"),
        a_service(),
        a_service("https://127.0.0.1:1/x.git", name="pay"),
    )
    versions = {"cart": frozenset({"1", "2"}), "web": frozenset({"7"})}

    studied = Index(tmp_path, tmp_path / "home", FeatureSettings()).study(services, versions)

    assert [book.sheet.service for book in studied.books] == ["cart"]
    assert sorted(studied.problems) == ["pay", "web"]
    assert [(one.service, one.version, one.commit, bool(one.problem)) for one in studied.mapped] == [
        ("web", "7", None, True),
        ("cart", "1", git.head(), False),
        ("cart", "2", None, True),
    ]


def test_a_repository_without_any_tracked_branch_is_a_problem(tmp_path: Path) -> None:
    a_repository(tmp_path / "cart")
    service = a_service(tracked=("master", "trunk"))

    studied = Index(tmp_path, tmp_path / "home", FeatureSettings()).study((service,), {})

    assert "no branch master or trunk" in studied.problems["cart"]


def test_services_of_one_repository_each_get_what_their_own_branches_hold(tmp_path: Path) -> None:
    git = a_repository(tmp_path / "platform")
    git.branch("search-release")
    git.commit("search only SHOP-1", {"search/a": "1"})
    git.checkout("main")
    git.commit("cart SHOP-2", {"cart/a": "1", "stock/a": "1"})
    git.commit("both SHOP-3", {"cart/b": "1", "search/b": "1"})
    services = (
        a_service("platform", name="cart", paths=("cart",)),
        a_service("platform", name="search", paths=("search",), tracked=("search-release",)),
        a_service("platform", name="stock", paths=("stock",)),
        a_service("platform", name="all"),
    )
    settings = FeatureSettings(conventions=(Key(kind="key", projects=("SHOP",)),))

    studied = Index(tmp_path, tmp_path / "home", settings).study(services, {})

    assert {book.sheet.service: book.sheet.features for book in studied.books} == {
        "cart": ("SHOP-2", "SHOP-3"),
        "search": ("SHOP-1",),
        "stock": ("SHOP-2",),
        "all": ("SHOP-2", "SHOP-3"),
    }

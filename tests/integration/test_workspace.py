"""A product is opened as its newest commit has it, wherever in it the command is called."""

import stat
from pathlib import Path

import pytest

from reversion.errors import ProductInvalid, WorldFailed
from reversion.operations.workspace import find_root, home_of, open_workspace
from tests.gitbuilder import GitBuilder
from tests.integration.test_documents import GOOD

FILES = {"reversion.yaml": GOOD, "ansible/staging/hosts": "", "ansible/live/hosts": "", "ansible/restore.yml": ""}


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "home"))


@pytest.fixture
def product(tmp_path) -> GitBuilder:
    builder = GitBuilder(tmp_path / "product")
    builder.commit("Describe the product", FILES)
    return builder


def test_it_is_opened_from_a_folder_inside_it(product):
    workspace = open_workspace(str(product.path / "ansible"))

    assert workspace.root == product.path
    assert workspace.head == product.head()
    assert workspace.product.product == "shop"
    assert workspace.entries == ()


def test_what_is_not_committed_does_not_count(product):
    (product.path / "reversion.yaml").write_text("rubbish")

    assert open_workspace(str(product.path)).product.product == "shop"


def test_a_newer_commit_at_the_remote_counts_unless_it_is_not_asked(product, tmp_path):
    product.git("clone", "-q", str(product.path), str(tmp_path / "mine"))
    before = product.head()
    newer = product.commit("Rename", {"reversion.yaml": GOOD.replace("product: shop", "product: bank")})

    assert open_workspace(str(tmp_path / "mine"), refresh=False).head == before
    opened = open_workspace(str(tmp_path / "mine"))
    assert (opened.head, opened.product.product) == (newer, "bank")


def test_a_bare_repository_is_a_product_too(product, tmp_path):
    product.git("clone", "-q", "--bare", str(product.path), str(tmp_path / "bare"))

    assert open_workspace(str(tmp_path / "bare")).head == product.head()


def test_feature_entries_are_read_when_asked_for(product):
    product.commit(
        "Describe a feature",
        {
            "reversion.yaml": GOOD + "features: {catalogue: features/*.yaml}\n",
            "features/a.yaml": "id: A-1\nrequires: [nobody]\n",
        },
    )
    workspace = open_workspace(str(product.path))

    with pytest.raises(ProductInvalid, match="names the service 'nobody'"):
        _ = workspace.entries


def test_a_folder_outside_of_any_repository_is_refused(tmp_path):
    (tmp_path / "plain").mkdir()

    with pytest.raises(ProductInvalid, match="is in no product repository"):
        find_root(str(tmp_path / "plain"))


def test_a_product_file_without_a_repository_says_how_to_make_one(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/reversion.yaml").write_text(GOOD)

    with pytest.raises(ProductInvalid, match=r"is no Git repository\. Make it one"):
        find_root(str(tmp_path / "plain"))


def test_a_product_file_that_was_never_committed_is_told_apart_from_none(tmp_path):
    builder = GitBuilder(tmp_path / "product")
    builder.commit("Begin", {"README.md": ""})
    with pytest.raises(ProductInvalid, match="Write one with 'reversion init'"):
        open_workspace(str(builder.path))

    (builder.path / "reversion.yaml").write_text(GOOD)

    with pytest.raises(ProductInvalid, match=r"Commit the reversion\.yaml that lies there"):
        open_workspace(str(builder.path))


def test_the_home_is_for_its_owner_only(tmp_path):
    home = home_of("shop")

    assert home == tmp_path / "home/shop"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REVERSION_HOME", str(tmp_path / "file"))

    with pytest.raises(WorldFailed, match="REVERSION_HOME"):
        home_of("shop")


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ProductInvalid):
        find_root(str(Path(tmp_path / "nowhere")))

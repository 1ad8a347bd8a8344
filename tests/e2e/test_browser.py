"""A reversion by a person in a browser: choose, start, read the features, approve, see that it is proven."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import a_page, field, pick, picture, send, until_shown
from tests.e2e.server import Server
from tests.e2e.stand import OLD, Stand, a_stand
from tests.small_product import make_small_product

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    small = make_small_product(tmp_path_factory.mktemp("browsed"), name="browsed", environments=("staging", "uat"))
    with a_stand(server, small, "staging") as deployed:
        yield deployed


def test_a_person_reverts_staging_in_the_browser(stand: Stand, server: Server, tmp_path: Path):
    pictures = Path(os.environ.get("REVERSION_PICTURES", tmp_path))
    home = server.url.removesuffix("/api")
    deployment = stand.runs.deployment("browsed")
    with a_page(server) as page:
        page.goto(f"{home}/deployments/deployment/{deployment}/run")
        field(page, "Environment").first.wait_for()
        pick(page, field(page, "Environment"), "staging")
        pick(page, field(page, "Snapshot"), stand.snapshots["staging"])
        field(page, "Reason").locator("textarea").fill("Checkout is wrong since yesterday, OPS-77")
        picture(page, pictures, "start")
        page.get_by_role("button", name="Submit").click()
        page.locator("a[href*='/runs/flow-run/']").first.wait_for()

        run = stand.runs.history("browsed", "staging", 1)[0].id
        stand.wait_until(run, "Waits for approval")
        page.goto(f"{home}/runs/flow-run/{run}")
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("You will lose (2)").wait_for()
        form = page.locator(".p-modal")
        assert "SHOP-3 check amounts" in form.inner_text()
        assert "SHOP-2 coupons" in form.inner_text()
        assert "OPS-77" in form.inner_text()
        with page.expect_popup() as opened:
            form.get_by_role("link", name="why-staging").click()
        opened.value.get_by_text("security: check amounts").first.wait_for()
        picture(opened.value, pictures, "why")
        opened.value.close()
        pick(page, field(page, "Decision"), "approve")
        field(page, "Your name").locator("textarea").fill("Ana")
        field(page, "Reason or ticket").locator("textarea").fill("OPS-77, agreed with Bo")
        field(page, "I have read the warnings").get_by_role("switch").click()
        picture(page, pictures, "approval")
        send(form)

        stand.wait_until(run, "Proven")
        until_shown(page, "Proven")
        picture(page, pictures, "proven")

    assert stand.small.running("staging") == OLD
    assert stand.runs.status(run).record.approver == "Ana"

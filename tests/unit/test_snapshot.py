"""A snapshot's tag name and message say exactly what was made, and nothing else is taken for it."""

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from reversion.errors import SnapshotInvalid
from reversion.features.values import Part, State
from reversion.snapshot import Snapshot, SnapshotFeature, compose, environment_and_time, parse
from reversion.text import digest
from tests.builders import a_snapshot


def a_manifest(**given) -> Snapshot:
    feature = SnapshotFeature(
        title="Gift cards: 50 % off \u2028 äöü",
        state=State.PARTIAL,
        parts=(Part(service="cart", have=1, need=2),),
    )
    given = {"label": "2026.11.3", "features": {"SHOP-42": feature}} | given
    return a_snapshot({"cart": "1.10", "stock": None}, **given).snapshot


def document_of(message: str) -> str:
    return message.split("\n\n", 1)[1].rstrip("\n")


def forged(text: str, environment: str = "staging", at: str = "2026-11-23T12-00-00Z") -> tuple[str, str]:
    """A tag whose name fits the digest of a document that Reversion did not write."""
    return f"reversion/{environment}/{at}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", f"x\n\n{text}\n"


def refusal(name: str, message: str) -> str:
    with pytest.raises(SnapshotInvalid) as caught:
        parse(name, message)
    return str(caught.value)


def test_what_is_composed_is_parsed_back_the_same():
    snapshot = a_manifest()

    assert parse(*compose(snapshot)) == snapshot


def test_the_message_is_one_readable_line_a_blank_line_and_one_canonical_document():
    name, message = compose(a_manifest())
    first, blank, document, end = message.split("\n")

    assert first == ("shop: staging at 2026-11-23 12:00:00 UTC; 2 services, 1 features; 2026.11.3; verified")
    assert (blank, end) == ("", "")
    assert document.startswith('{"complete":false,"conventions":"')
    assert '"schema":"reversion.snapshot/1"' in document
    assert re.fullmatch(r"reversion/staging/2026-11-23T12-00-00Z-[0-9a-f]{12}", name)


def test_a_label_of_several_lines_leaves_the_message_readable():
    snapshot = a_manifest(label="one\n\n{}\n\ntwo")

    assert parse(*compose(snapshot)) == snapshot


def test_the_name_ends_with_the_digest_of_the_document():
    name, message = compose(a_manifest())

    assert digest(json.loads(document_of(message))).startswith(name.rpartition("-")[2])


def test_two_different_snapshots_of_the_same_second_have_different_names():
    assert compose(a_manifest(label="a"))[0] != compose(a_manifest(label="b"))[0]


def test_the_time_is_told_in_utc_and_whole_seconds():
    there = datetime(2026, 11, 23, 2, 0, 0, 987654, timezone(timedelta(hours=2)))

    snapshot = a_manifest(taken_at=there)

    assert snapshot.taken_at.microsecond == 0
    assert compose(snapshot)[0].startswith("reversion/staging/2026-11-23T00-00-00Z-")


def test_a_signature_below_the_document_does_not_matter():
    name, message = compose(a_manifest())

    assert parse(name, message + "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda _, m: ("v1.8", m), "its name is not reversion/", id="another name"),
        pytest.param(lambda n, m: (n + "\n", m), "its name is not reversion/", id="a newline after the name"),
        pytest.param(lambda n, m: (n.replace("staging", "Staging"), m), "its name is not", id="name in capitals"),
        pytest.param(lambda n, _: (n, "Release 1.8\n"), "holds no document", id="an ordinary tag"),
        pytest.param(lambda n, m: (n, m[: len(m) // 2]), "was cut off", id="cut off"),
        pytest.param(lambda n, m: (n, m[:-3] + "}\n"), "holds no valid JSON", id="cut off at a brace"),
        pytest.param(lambda n, m: (n, m.replace("1.10", "1.11")), "was edited after it was made", id="edited"),
        pytest.param(lambda n, m: (n, m.replace('":', '": ')), "was edited after it was made", id="written anew"),
        pytest.param(
            lambda n, m: (n.replace("/staging", "/live"), m),
            "is a snapshot of staging under the name of live",
            id="of another environment",
        ),
        pytest.param(lambda n, m: (n.replace("T12", "T13"), m), "says another time", id="another time"),
        pytest.param(lambda n, m: (n, m + " " * (16 << 20)), "is too large", id="too large"),
        pytest.param(lambda n, _: (n, "x\n\n" + "[" * 90_000 + "}"), "holds no document", id="no object"),
        pytest.param(lambda n, _: (n, 'x\n\n{"a":' + "[" * 90_000 + "}"), "holds no valid JSON", id="deep nesting"),
    ],
)
def test_what_is_not_the_snapshot_of_this_name_is_refused_with_the_reason(change, told):
    assert told in refusal(*change(*compose(a_manifest())))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(("snapshot/1", "snapshot/2"), "was made by a newer Reversion", id="newer schema"),
        pytest.param(("snapshot/1", "plan/1"), "another schema", id="another schema"),
        pytest.param(('"label":', '"lebal":'), "does not fit", id="unknown field"),
        pytest.param(('"complete":false', '"complete":"no"'), "complete", id="text for a yes or no"),
        pytest.param(('"have":1', '"have":"1"'), "features.SHOP-42.parts.0.have", id="text for a number"),
        pytest.param(('"have":1', '"have":NaN'), "NaN is no number", id="no number"),
        pytest.param(('"have":1', '"have":1e999'), "holds no valid JSON", id="endless number"),
        pytest.param(('"have":1', '"have":1,"have":1'), "a key stands twice", id="a key twice"),
        pytest.param(('"1.10"', '"1.10; rm"'), "services.cart.version", id="version with a blank"),
        pytest.param(("a" * 40, "HEAD"), "product_commit", id="commit by name"),
        pytest.param(("Gift", "\\ud800"), "holds no valid JSON", id="half a character"),
        pytest.param(('"cart":{', '"-cart":{'), "services.-cart", id="service that starts an option"),
    ],
)
def test_a_document_that_fits_its_digest_but_not_the_form_is_refused(change, told):
    text = document_of(compose(a_manifest())[1])
    assert change[0] in text

    assert told in refusal(*forged(text.replace(*change)))


def test_a_missing_field_is_named():
    text = document_of(compose(a_manifest())[1]).replace('"conventions":"' + "c" * 64 + '",', "")

    assert "conventions is missing" in refusal(*forged(text))


def test_text_from_a_tag_cannot_paint_the_terminal():
    assert "\x1b" not in refusal("\x1b[31mred", "x")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        pytest.param(
            "reversion/uat-2/2026-11-23T02-00-00Z-3f9a1c3f9a1c",
            ("uat-2", "2026-11-23T02-00-00Z", "3f9a1c3f9a1c"),
            id="a snapshot",
        ),
        pytest.param("reversion/uat/2026-11-23T02-00-00Z-3F9A1C3F9A1C", None, id="digest in capitals"),
        pytest.param("reversion/uat/२०२६-11-23T02-00-00Z-3f9a1c3f9a1c", None, id="digits of another script"),
        pytest.param("reversion/-uat/2026-11-23T02-00-00Z-3f9a1c3f9a1c", None, id="environment like an option"),
    ],
)
def test_a_name_is_taken_apart_or_not_at_all(name, parts):
    assert environment_and_time(name) == parts

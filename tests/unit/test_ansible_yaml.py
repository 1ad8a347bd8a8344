"""What is written for Ansible reads back as the same value."""

from typing import Any

import pytest
import yaml

from reversion.adapters.ansible_yaml import data, to_yaml


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": [1, 1.5, True, None, "1.10", "true", ""]}, id="types stay types"),
        pytest.param("line\nbreak \t \u0085 \u2028 \x7f \ufeff", id="breaks and unseen characters"),
        pytest.param("Grüße \U0001f6d2", id="letters beyond ASCII"),
        pytest.param({"- key: # x": "'\"\\ !vault &anchor *alias"}, id="YAML's own signs"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_value_reads_back_the_same_and_is_written_in_ascii(value: Any) -> None:
    written = to_yaml(value)

    assert yaml.safe_load(written) == value
    assert written.isascii()


@pytest.mark.parametrize("text", ["1.10", "1e5", "true", "null", "2026-11-23", ""])
def test_text_that_looks_like_another_type_is_written_without_the_mark_that_would_retype_it(text: str) -> None:
    assert to_yaml(data(text)) == f'"{text}"'


@pytest.mark.parametrize("text", ["{{ x }}", "{% x %}", "{# x #}", "#jinja2: variable_start_string:'[['"])
def test_text_that_could_be_a_template_is_marked_as_data(text: str) -> None:
    assert to_yaml([data(text)]) == f'[!unsafe "{text}"]'


def test_an_encrypted_value_stays_marked_as_one() -> None:
    assert to_yaml({"__ansible_vault": "$ANSIBLE_VAULT;1.1"}) == '!vault "$ANSIBLE_VAULT;1.1"'

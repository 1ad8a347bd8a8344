"""Ansible's host patterns: groups, names and globs, joined by `:` or `,`, narrowed by `&` and `!`. Pure."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from reversion.text import plain


def matching(pattern: str, members: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the hosts that the pattern means, in the order of `members`, which maps each host to its groups.

    As in Ansible the order of the terms does not matter: first all that are named, of these what every `&`
    has, without what any `!` has. A pattern of `&` and `!` only starts from all hosts.
    """
    terms = [term.strip() for term in pattern.replace(",", ":").split(":") if term.strip()]
    named = [term for term in terms if term[0] not in "&!"] or ["all"]
    return tuple(
        host
        for host, groups in members.items()
        if any(_means(term, host, groups) for term in named)
        and all(_means(term[1:], host, groups) for term in terms if term[0] == "&")
        and not any(_means(term[1:], host, groups) for term in terms if term[0] == "!")
    )


def unsupported(pattern: str) -> str:
    """Say what of Ansible's patterns is used but not understood here; empty when all is."""
    if "[" in pattern:
        return f"'{plain(pattern, 80)}' picks hosts by position, which changes when a host is added"
    if "~" in pattern:
        return f"'{plain(pattern, 80)}' is a regular expression"
    return ""


def _means(term: str, host: str, groups: tuple[str, ...]) -> bool:
    return term == "all" or fnmatchcase(host, term) or any(fnmatchcase(group, term) for group in groups)

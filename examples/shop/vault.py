"""Secrets of the shop, encrypted as `ansible-vault encrypt_string` does."""

import secrets
from pathlib import Path
from textwrap import indent


def make_password(directory: Path) -> None:
    """Write a new vault password where the product's ansible.cfg looks for it."""
    file = directory / "vault-password"
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(16) + "\n")


def payment_token(directory: Path) -> str:
    """Return a variables file with a new token for the payment provider."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    password = (directory / "vault-password").read_text().strip()
    vault = VaultLib([("default", VaultSecret(password.encode()))])
    encrypted = vault.encrypt(f"token-{secrets.token_hex(8)}").decode()
    return f"vault_payment_token: !vault |\n{indent(encrypted, '  ')}\n"

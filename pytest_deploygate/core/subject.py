"""The artifact that a verdict is about: what is to be deployed."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_deploygate.core.errors import ConfigurationError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE | re.ASCII)


class Subject(NamedTuple):
    """An artifact: its name, and its SHA-256 digest in lower-case hexadecimal."""

    name: str
    sha256: str

    @classmethod
    def parse(cls, text: str) -> Subject:
        """The artifact of a text such as ``ghcr.io/acme/shop@sha256:4f5e...``.

        Raises:
            ConfigurationError: it is something else.
        """
        name, _, digest = text.strip().rpartition("@")
        found = _DIGEST.fullmatch(digest)
        if not name.strip() or found is None or not name.isprintable():
            raise ConfigurationError(
                f"{text!r} is not an artifact; write NAME@sha256: and the 64 digits of its digest"
            )
        return cls(name, found[1].lower())

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.name}@sha256:{self.sha256}"


class Attested(NamedTuple):
    """What an attestation says besides the verdict.

    Attributes:
        subject: the artifact.
        configuration: SHA-256 of the configuration file, empty without one.
        criteria: SHA-256 of what was asked: ids, queries, and limits after thresholds.
    """

    subject: Subject
    configuration: str = ""
    criteria: str = ""

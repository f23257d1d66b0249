"""Take secrets and control characters out of pytest's reports before they are shown or stored.

A check may fail with the URL that it asked, and pytest may show every local variable.
"""

from __future__ import annotations

from typing import Any

from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import inert, printable_block

_LONGEST = 200_000


def clean(report: Any, redactor: Redactor) -> None:
    """Clean the failure, the reason to skip and the output of one of pytest's reports, in place."""
    if report.sections:
        report.sections = [(name, _text(text, redactor)) for name, text in report.sections]
    shown = report.longrepr
    if isinstance(shown, tuple):
        path, line, reason = shown
        report.longrepr = (path, line, _text(reason, redactor))
    elif shown is not None and (text := str(shown)) != (cleaned := _text(text, redactor)):
        report.longrepr = cleaned
    if hasattr(report, "wasxfail"):
        report.wasxfail = _text(report.wasxfail, redactor)


def _text(text: str, redactor: Redactor) -> str:
    """The same text if it is clean: what is replaced loses its colours."""
    shown = redactor.text(text).expandtabs()
    clean = "\n".join(map(inert, printable_block(shown, _LONGEST).split("\n")))
    return text if shown == text.expandtabs() and clean == shown.rstrip("\n") else clean

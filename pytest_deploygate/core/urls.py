"""URLs put together: a path below a server's URL, with the parameters that the URL has itself."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def below(url: str, path: str, query: str = "") -> str:
    """The URL of a page of a server.

    Args:
        url: of the server; its parameters go along.
        path: below that of the URL; empty for the URL itself.
        query: more parameters, encoded.
    """
    parts = urlsplit(url)
    whole = f"{parts.path.rstrip('/')}/{path}" if path else parts.path
    given = "&".join(text for text in (parts.query, query) if text)
    return urlunsplit((parts.scheme, parts.netloc, whole, given, ""))

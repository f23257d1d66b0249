"""The file of ``--prometheus-config``, read and validated as a whole.

Messages show the names of keys and files, and nothing else from the file: a message that quotes a
value may quote a password.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_deploygate.core.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Table = Mapping[str, Any]

_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")
_UNSUPPORTED = {
    "oauth2": "get a token before the run and give it as authorization.credentials_file",
    "proxy_connect_header": "give the proxy's user and password in proxy_url",
    "ca": "give a file as ca_file",
    "cert": "give a file as cert_file",
    "key": "give a file as key_file",
    "max_version": "leave it out",
}
_EXCLUSIVE = (
    ("basic_auth", "authorization", "bearer_token", "bearer_token_file"),
    ("basic_auth.username", "basic_auth.username_file"),
    ("basic_auth.password", "basic_auth.password_file"),
    ("authorization.credentials", "authorization.credentials_file"),
    ("proxy_url", "proxy_from_environment"),
)
_NEEDED = {
    "tls_config.cert_file": ("tls_config.key_file",),
    "tls_config.key_file": ("tls_config.cert_file",),
    "no_proxy": ("proxy_url",),
    "basic_auth": ("basic_auth.username", "basic_auth.username_file"),
    "authorization": ("authorization.credentials", "authorization.credentials_file"),
}


def load(path: Path) -> Table:
    """The content of the file; every scalar is text, as it was written.

    Raises:
        ConfigurationError: it cannot be read, is not valid YAML, or contains what is not allowed.
    """
    table: Table = _parsed(path)
    complaints = list(_complaints(table))
    if complaints:
        raise ConfigurationError(f"--prometheus-config {path}: {'; '.join(complaints)}")
    return table


def switched_on(text: str) -> bool:
    """The value of one of YAML's words for true and false."""
    return text.lower() in _TRUE


def _schema() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    switch = {"enum": [*_TRUE, *_FALSE]}
    texts = {"type": "array", "items": text}
    header = _mapping(values=texts, secrets=texts, files=texts)
    return _mapping(
        basic_auth=_mapping(username=text, username_file=text, password=text, password_file=text),
        authorization=_mapping(type=text, credentials=text, credentials_file=text),
        bearer_token=text,
        bearer_token_file=text,
        tls_config=_mapping(
            ca_file=text,
            cert_file=text,
            key_file=text,
            server_name=text,
            insecure_skip_verify=switch,
            min_version={"enum": ["TLS10", "TLS11", "TLS12", "TLS13"]},
        ),
        proxy_url=text,
        no_proxy=text,
        proxy_from_environment=switch,
        follow_redirects={"enum": list(_TRUE)},
        enable_http2=switch,
        http_headers={"type": "object", "additionalProperties": header},
    )


def _mapping(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _parsed(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--prometheus-config {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"--prometheus-config {path}: is not UTF-8 text") from None
    try:
        # BaseLoader knows no types and no tags: a password 0123 stays text, no object is made.
        table = yaml.load(text, Loader=yaml.BaseLoader)
        doubled = list(_doubled(yaml.compose(text, Loader=yaml.BaseLoader)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigurationError(
            f"--prometheus-config {path}: {where}is not valid YAML; put values with special "
            "characters into quotes"
        ) from None
    if doubled:
        raise ConfigurationError(f"--prometheus-config {path}: {doubled[0]!r} is given twice")
    return {} if table is None else table


def _doubled(node: Any) -> Iterator[str]:
    """Keys that are twice in one mapping: YAML would use the last one without a warning."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    keys = [key.value for key, _ in node.value]
    yield from (str(key) for key in keys if keys.count(key) > 1)
    for _, value in node.value:
        yield from _doubled(value)


def _complaints(table: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator

    errors = list(Draft202012Validator(_schema()).iter_errors(table))
    for error in sorted(errors, key=lambda e: [str(part) for part in e.absolute_path]):
        yield from _explained(error)
    if not errors:
        yield from _contradictions(table)


def _explained(error: ValidationError) -> Iterator[str]:
    """What is wrong with a value, without the value."""
    where = ".".join(str(part) for part in error.absolute_path)
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        for name in sorted(set(instance) - set(schema["properties"])):
            yield _unknown(f"{where}.{name}".lstrip("."), name, schema["properties"])
    elif error.validator == "enum":
        yield f"{where}: is not allowed, write {' or '.join(schema['enum'])}"
    elif error.validator == "minLength":
        yield f"{where}: is empty"
    else:
        kind = {"object": "a mapping", "array": "a list"}.get(schema["type"], "text")
        yield f"{where or 'the file'}: must be {kind}"


def _unknown(where: str, name: str, known: Table) -> str:
    if name in _UNSUPPORTED:
        return f"{where} is not supported: {_UNSUPPORTED[name]}"
    return f"unknown key {where!r}, {did_you_mean(name, known)}"


def _contradictions(table: Table) -> Iterator[str]:
    for group in _EXCLUSIVE:
        given = [name for name in group if _given(table, name)]
        if len(given) > 1:
            yield f"{' and '.join(given)} exclude each other, keep one of them"
    for name, needed in _NEEDED.items():
        if _given(table, name) and not any(_given(table, one) for one in needed):
            yield f"{name} needs {' or '.join(needed)}"


def _given(table: Table, name: str) -> bool:
    section, dot, key = name.rpartition(".")
    return key in (table.get(section, {}) if dot else table)

"""The configuration file: ``deploygate.toml``, or ``[tool.deploygate]`` of ``pyproject.toml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_deploygate.config.layers import Layer
from pytest_deploygate.config.settings import FILE_NAME
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean


def load(
    root: Path,
    given: Path | None,
    environment: str | None,
    *,
    actions: Callable[[], Mapping[str, Any]],
) -> tuple[Layer, ...]:
    """Read the file that was given, or the one in the root directory.

    Args:
        root: pytest's root directory.
        given: ``--gate-config``.
        environment: ``--gate-env``; without it the file's own ``gate-env`` counts.
        actions: makes the JSON Schema of ``[[actions]]``; called only if there is a file.

    Returns:
        The chosen environment's layer, then the file's own; none if there is no file.

    Raises:
        ConfigurationError: the file cannot be read or contains what is not allowed, or it does
            not have the environment.
    """
    path, table = _find(root, given)
    if path is None:
        if environment:
            raise ConfigurationError(
                f"--gate-env {environment!r}: there is no configuration with an "
                f"[env.{environment}]; write {FILE_NAME} or give --gate-config FILE"
            )
        return ()
    # Here, as it imports jsonschema and the kinds of actions, which a run without a file spares.
    from pytest_deploygate.config.schema import refuse_invalid

    refuse_invalid(path, table, actions())
    return _layers(path, table, environment or table.get("gate-env"))


def _find(root: Path, given: Path | None) -> tuple[Path | None, dict[str, Any]]:
    if given is not None:
        document = _read(given)
        return given, _section(document) if given.name == "pyproject.toml" else document
    own, project = root / FILE_NAME, root / "pyproject.toml"
    if own.is_file():
        return own, _read(own)
    # Most projects have a pyproject.toml that is not about the gate: it is not worth parsing.
    if project.is_file() and b"tool.deploygate" in project.read_bytes():
        return project, _section(_read(project))
    return None, {}


def _section(document: Mapping[str, Any]) -> dict[str, Any]:
    section: dict[str, Any] = document.get("tool", {}).get("deploygate", {})
    return section


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from None


def _layers(path: Path, table: Mapping[str, Any], environment: str | None) -> tuple[Layer, ...]:
    base = Layer(path.name, table, path.parent, path)
    if not environment:
        return (base,)
    environments = table.get("env", {})
    if environment not in environments:
        raise ConfigurationError(
            f"{path}: no [env.{environment}], {did_you_mean(environment, environments)}"
        )
    # The reports name the environment, also when the file chose it.
    chosen = {**environments[environment], "gate-env": environment}
    return (Layer(f"{path.name} [env.{environment}]", chosen, path.parent, path), base)

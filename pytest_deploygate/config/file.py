"""The configuration file: ``deploygate.toml``, or ``[tool.deploygate]`` of ``pyproject.toml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_deploygate.config.finding import PROJECT, read, section_of
from pytest_deploygate.config.layers import Layer
from pytest_deploygate.config.settings import FILE_NAME
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean


def load(
    path: Path | None,
    environment: str | None,
    *,
    actions: Callable[[], Mapping[str, Any]],
) -> tuple[Layer, ...]:
    """Read a configuration file.

    Args:
        path: of the file, None if there is none.
        environment: ``--gate-env``; without it the file's own ``gate-env`` counts.
        actions: makes the JSON Schema of ``[[actions]]``; called only if there is a file.

    Returns:
        The chosen environment's layer, then the file's own; none if there is no file.

    Raises:
        ConfigurationError: the file cannot be read or contains what is not allowed, or it does
            not have the environment.
    """
    if path is None:
        if environment:
            raise ConfigurationError(
                f"--gate-env {environment!r}: there is no configuration with an "
                f"[env.{environment}]; write {FILE_NAME} or give --gate-config FILE"
            )
        return ()
    table = (section_of(path) or {}) if path.name == PROJECT else read(path)
    # Here, as it imports jsonschema and the kinds of actions, which a run without a file spares.
    from pytest_deploygate.config.schema import refuse_invalid

    refuse_invalid(path, table, actions())
    return _layers(path, table, environment or table.get("gate-env"))


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

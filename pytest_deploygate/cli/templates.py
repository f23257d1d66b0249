"""Files that a command makes from a template of the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources


def rendered(
    folder: str,
    name: str,
    values: Mapping[str, object],
    filters: Mapping[str, Callable[[str], str]],
) -> str:
    """The text of a template.

    Args:
        folder: of ``pytest_deploygate.cli``, with slashes.
        name: of the template in it.
        values: what it names; a name without a value is an error.
        filters: quote a text for the language of the file. Nothing is escaped without one.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        # the usual {{ }} is also GitHub's syntax for expressions, and Python's in f-strings
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        keep_trailing_newline=True,
        # a misspelt name must fail here, not become an empty word in somebody's deploy script
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters |= filters
    source = resources.files("pytest_deploygate.cli").joinpath(folder, name)
    return environment.from_string(source.read_text(encoding="utf-8")).render(values)

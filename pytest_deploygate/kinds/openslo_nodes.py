"""Values in a YAML file that know their line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.text import printable

if TYPE_CHECKING:
    import yaml

_NULL = "tag:yaml.org,2002:null"


def documents(path: Path) -> Iterator[Node]:
    """The documents of a file, without those that are empty.

    Raises:
        ConfigurationError: the file cannot be read, or is not valid YAML.
    """
    import yaml

    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"openslo({str(path)!r}): cannot be read: {printable(str(error))}; write the path of a "
            f"YAML file, seen from {Path.cwd()}"
        ) from None
    try:
        for node in yaml.compose_all(text, yaml.SafeLoader):
            one = Node(path, node, "document")
            if not one.is_null:
                yield one
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        why = printable(f"{error.problem}")
        raise ConfigurationError(f"{path}:{line}: not valid YAML: {why}") from None
    except (yaml.YAMLError, RecursionError) as error:  # a character that YAML does not allow
        raise ConfigurationError(f"{path}: not valid YAML: {printable(str(error))}") from None


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a file.

    Args:
        path: of the file.
        node: as PyYAML composes it.
        name: what it is called in messages.
    """

    path: Path
    node: yaml.Node
    name: str

    def refuse(self, why: str) -> NoReturn:
        """Refuse it with its file and line.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(f"{self.path}:{self.node.start_mark.line + 1}: {why}")

    @property
    def is_null(self) -> bool:
        """Whether there is no value."""
        return bool(self.node.tag == _NULL)

    @property
    def is_list(self) -> bool:
        """Whether it is a list of values."""
        import yaml

        return isinstance(self.node, yaml.SequenceNode)

    def nothing(self, name: str) -> Node:
        """A value of this name that is null."""
        import yaml

        null = yaml.ScalarNode(_NULL, "", self.node.start_mark, self.node.end_mark)
        return Node(self.path, null, name)

    def mapping(self, *allowed: str, refused: Mapping[str, str]) -> dict[str, Node]:
        """Its values by their keys; none for null.

        Args:
            allowed: the keys that it may have; without them, all.
            refused: the keys that are known and not supported, and what to do.
        """
        import yaml

        if self.is_null:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"{self.name} must be a mapping of keys to values")
        found: dict[str, Node] = {}
        for key_node, value in self.node.value:
            key = Node(self.path, key_node, "a key")
            name = key.text()
            if name in found:
                key.refuse(f"{self.name}: {printable(name)} stands twice")
            if allowed and name not in allowed:
                if name in refused:
                    key.refuse(f"{name} is not supported: {refused[name]}")
                known = did_you_mean(name, allowed)
                key.refuse(f"{self.name}: {printable(name)} is not a key of it, {known}")
            found[name] = Node(self.path, value, name)
        return found

    def items(self) -> list[Node]:
        """The values of a list; none for null."""
        import yaml

        if self.is_null:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            self.refuse(f"{self.name} must be a list")
        return [Node(self.path, one, self.name) for one in self.node.value]

    def text(self) -> str:
        """The text that it is."""
        return self._scalar("str", "a text")

    def number(self) -> Decimal:
        """The number that it is, exactly as it is written."""
        import yaml

        scalar = isinstance(self.node, yaml.ScalarNode)
        if not scalar or not self.node.tag.endswith((":int", ":float")):
            self.refuse(f"{self.name} must be a number")
        try:
            found = Decimal(self.node.value)
        except ArithmeticError:  # YAML's .inf, or 1:30, or 0x10
            self.refuse(f"{self.name} is {self.node.value}; write it as a decimal number")
        return found

    def boolean(self) -> bool:
        """Whether it is true."""
        return self._scalar("bool", "true or false").lower() in ("true", "yes", "on")

    def _scalar(self, kind: str, wanted: str) -> str:
        import yaml

        scalar = isinstance(self.node, yaml.ScalarNode)
        if not scalar or not self.node.tag.endswith(f":{kind}"):
            self.refuse(f"{self.name} must be {wanted}")
        return str(self.node.value)

    def only(self, keys: Mapping[str, Node], *names: str) -> tuple[str, Node]:
        """The one of these keys that is given."""
        given = [name for name in names if name in keys]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            self.refuse(f"{self.name}: give one of {', '.join(names)}; given: {found}")
        return given[0], keys[given[0]]

    def needed(self, keys: Mapping[str, Node], name: str) -> Node:
        """The value of a key that has to be there."""
        if name not in keys or keys[name].is_null:
            self.refuse(f"{self.name}: {name} is missing")
        return keys[name]

"""Options and settings: every option has one attribute, of the type that its values have."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from pytest_deploygate.config.options import OPTIONS, Option, OptionType
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.plugin import entry

# An option without a default may be None as well.
TYPES: Mapping[OptionType, object] = {
    "text": str,
    "path": Path | None,
    "output": Path | None,
    "flag": bool,
    "numbers": Mapping[str, float],
    "texts": Mapping[str, str],
    "duration": float,
    "log": Path | None,
    "count": int,
    "length": float,
    "time": float | None,
}
TABLES = {
    *(
        "thresholds",
        "vars",
        "criteria",
        "actions",
        "origins",
        "default_no_data",
        "required",
        "waivers",
        "freezes",
    ),
    *("mentions", "file", "other_files"),
}
"""The attributes that are not options."""
DURATIONS = ("duration", "length")


def test_every_option_has_an_attribute_and_every_attribute_an_option() -> None:
    attributes = {field.name for field in dataclasses.fields(Settings)}
    assert attributes - TABLES == {option.dest for option in OPTIONS}
    assert attributes >= TABLES


def test_no_two_options_have_one_name() -> None:
    assert len({option.dest for option in OPTIONS}) == len(OPTIONS)


def test_every_type_of_option_is_known_here() -> None:
    assert set(TYPES) == set(get_args(OptionType))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_attribute_has_the_type_of_the_option(option: Option) -> None:
    hint: Any = get_type_hints(Settings)[option.dest]
    expected: Any = TYPES[option.type]
    assert hint in (expected, expected | None)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_help_is_one_line_and_names_the_real_default(option: Option) -> None:
    assert option.help.isprintable()
    stated = re.search(r"\(default (.*)\)", option.help)
    if stated is None:
        # The default of a duration or a count cannot be guessed: the help has to name it.
        assert option.type not in ("duration", "count")
        return
    value = getattr(Settings(), option.dest)
    assert stated[1] == (spoken(value) if option.type in DURATIONS else str(value))


def test_settings_are_frozen_and_do_not_show_a_password() -> None:
    settings = Settings(gate_pushgateway="http://me:pw@push")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.gate_env = "x"  # type: ignore[misc]
    assert "pw" not in repr(settings)


def test_outputs_are_the_files_that_were_asked_for() -> None:
    settings = Settings(gate_html=Path("page.html"), gate_record=Path("e.json"))
    assert settings.outputs == {"gate-html": Path("page.html"), "gate-record": Path("e.json")}
    # Files that are only read are not outputs: the gate removes old outputs before it starts.
    assert Settings(gate_replay=Path("e.json"), gate_config=Path("c")).outputs == {}


def test_the_entry_point_knows_how_options_begin() -> None:
    assert all(option.dest.startswith(entry._OURS) for option in OPTIONS)

"""Options that exclude each other, or mean nothing without each other."""

from __future__ import annotations

from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.subject import Subject

_OF_BOTH = ("gate-delay", "gate-interval")


def refuse_contradictions(settings: Settings) -> None:
    """Check the settings of a run as a whole.

    Raises:
        ConfigurationError: they contradict each other; the message says which to leave out.
    """
    _refuse_no_artifact(settings)
    _refuse_two_of(settings, "gate-replay", "gate-demo")
    _refuse_two_of(settings, "gate-watch", "gate-wait")
    _refuse_other_times(settings)
    _refuse_impossible_rounds(settings)
    _refuse_what_does_nothing(settings)


def _given(settings: Settings, *names: str) -> list[str]:
    """Where those of these options that are on were given."""
    values = {name: getattr(settings, name.replace("-", "_")) for name in names}
    return [settings.origins[name] for name, value in values.items() if value not in (None, "")]


def _refuse_no_artifact(settings: Settings) -> None:
    if settings.gate_subject:
        try:
            Subject.parse(settings.gate_subject)
        except ConfigurationError as error:
            raise ConfigurationError(f"{settings.origins['gate-subject']}: {error}") from None
    elif settings.gate_attest:
        raise ConfigurationError(
            f"{settings.origins['gate-attest']}: there is nothing to attest; add "
            "--gate-subject NAME@sha256:DIGEST"
        )


def _refuse_two_of(settings: Settings, *names: str) -> None:
    given = _given(settings, *names)
    if len(given) > 1:
        raise ConfigurationError(f"{' and '.join(given)}: give only one of them")


def _refuse_other_times(settings: Settings) -> None:
    """Evidence knows its times, and the rounds of a watch that it is of."""
    evidence = _given(settings, "gate-replay", "gate-demo")
    times = _given(settings, "gate-at", "gate-watch", "gate-wait")
    if evidence and times:
        raise ConfigurationError(
            f"{times[0]} with {evidence[0]}: evidence is judged at the time it was recorded; "
            f"leave {times[0]} out"
        )


def _refuse_impossible_rounds(settings: Settings) -> None:
    interval, steady = settings.gate_interval, settings.gate_steady
    for name, length in (("gate-watch", settings.gate_watch), ("gate-wait", settings.gate_wait)):
        if length and interval > length:
            raise ConfigurationError(
                f"{settings.origins[name]} {spoken(length)} is shorter than the time between two "
                f"rounds, {spoken(interval)}; give a --gate-interval of {spoken(length)} at most"
            )
    if settings.gate_wait is not None and steady > settings.gate_wait:
        wait = settings.origins["gate-wait"]
        raise ConfigurationError(
            f"{wait} {spoken(settings.gate_wait)} is shorter than --gate-steady, {spoken(steady)}; "
            f"give a longer time, or a --gate-steady of {spoken(settings.gate_wait)} at most"
        )


def _refuse_what_does_nothing(settings: Settings) -> None:
    """Refuse what was given for this run; a file may be for other runs too."""
    needs = dict.fromkeys(_OF_BOTH, "--gate-watch or --gate-wait")
    if settings.gate_watch is not None or settings.gate_wait is not None:
        needs = {}
    if settings.gate_wait is None:
        needs["gate-steady"] = "--gate-wait"
    if settings.gate_watch is None:
        needs["gate-failures"] = "--gate-watch"
    for name, needed in needs.items():
        if settings.origins[name] == f"--{name}":
            raise ConfigurationError(f"--{name} does nothing without {needed}; add it")

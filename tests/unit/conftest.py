"""What every unit test needs."""

from __future__ import annotations

from hypothesis import settings

# A slow machine must not fail a property: no test measures time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

"""The criteria that ship with the gate: ``pytest -p deploygate --pyargs gate_checks``."""

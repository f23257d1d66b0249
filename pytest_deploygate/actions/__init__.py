"""What is done about a verdict: notify, run a command, downshift, roll back.

A kind of action is one module here with an :class:`~pytest_deploygate.actions.base.ActionKind`,
and one line in :mod:`pytest_deploygate.actions.registry`. Plugins add theirs with the hook
``pytest_deploygate_actions``. Nothing here queries, judges, or imports pytest.
"""

"""What is done about a verdict: notify, run a command, downshift, roll back.

A kind of action is one module here with a :class:`~pytest_deploygate.actions.base.Kind`, and one
line in :mod:`pytest_deploygate.actions.registry`; plugins add theirs with the hook
``pytest_deploygate_actions``. None of these asks, judges or knows pytest.
"""

"""The root of the checks and the tests of this repository.

It loads nothing: it is also loaded where the checks that ship are run from a clone. pytest's own
way to test plugins is switched on in ``pyproject.toml``, and the tests have a ``conftest.py`` of
their own.
"""

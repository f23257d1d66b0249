"""pytest's own way to test plugins, for the tests."""

pytest_plugins = ["pytester"]

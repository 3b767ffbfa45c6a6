"""What is about this checkout: it loads the plugin, whose folders are the defaults or stand in pyproject.toml."""

# pytester runs pytest on small projects in tests/; it has to be named here, in the root's conftest.
pytest_plugins = ["newsgauge.plugin", "pytester"]

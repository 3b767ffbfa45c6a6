"""What is about this checkout only: newsgauge's own plugin is loaded as in any project, through its entry point."""

# pytester runs pytest on small projects in tests/; it has to be named here, in the root's conftest.
pytest_plugins = ["pytester"]

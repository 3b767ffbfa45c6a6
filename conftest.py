"""What is about this checkout: it loads the plugin from src. Its folders are the defaults, or stand in pyproject.toml."""

pytest_plugins = ["newsgauge.plugin"]

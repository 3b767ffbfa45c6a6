"""What is about this checkout: the plugin is loaded from src. Its folders stand in pyproject.toml, or are its defaults."""

pytest_plugins = ["newsgauge.plugin"]

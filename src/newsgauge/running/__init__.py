"""Options in; a run's configuration and the predictions of its cases out, in a log that all processes read."""

"""The pytest plugin. The only importer of pytest; does not know the command line."""

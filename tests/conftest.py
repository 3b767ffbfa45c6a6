"""Tests write no compiled modules, as what they change and run again within a second would be taken for unchanged.

The runs that they start find newsgauge compiled all the same: `tests.quick_python` sees to it.
"""

import os
import sys

os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True

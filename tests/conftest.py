"""What is compiled is kept, also where the environment says PYTHONDONTWRITEBYTECODE.

Tests start pytest hundreds of times, and without compiled modules each of these runs compiles newsgauge anew.
"""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

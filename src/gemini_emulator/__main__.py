"""``python -m gemini_emulator``."""

import sys

from .command_line import main

sys.exit(main())

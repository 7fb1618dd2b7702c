"""``python -m app …`` is ``rivulet …``."""

import sys

from app.cli import main

sys.exit(main())

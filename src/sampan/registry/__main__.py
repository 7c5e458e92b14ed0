"""`python -m sampan.registry`."""

import sys

from sampan.registry.program import main

sys.exit(main(sys.argv[1:]))

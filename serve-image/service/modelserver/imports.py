"""One thread at a time imports what takes seconds.

BentoML's import and MLflow's share packages: two threads in them at once see each other's halves, which raises.
"""

import threading

one_at_a_time = threading.RLock()

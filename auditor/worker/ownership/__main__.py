"""`python3 -m auditor.worker.ownership`: the same program from a checkout."""

import os

from .program import main

if __name__ == "__main__":
    os._exit(main())  # without waiting for threads that hang in a call to a file server

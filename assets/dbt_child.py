"""dbt as a child that does not outlive its parent, at work in a folder:
`python -m assets.dbt_child <folder> <dbt's arguments>`.

Its standard input is a pipe of which the parent has the other end. However the parent ends, the
pipe ends with it, and dbt stops at once instead of writing into a warehouse that is another run's.
"""

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    from dbt.cli.main import cli

    # only now: where it was started, Python finds the product's own modules
    os.chdir(sys.argv.pop(1))
    sys.exit(cli())

"""Carries what other users left in their boxes. Needs DAC_OVERRIDE; without, it logs the trace and goes on."""

import logging
import threading
from pathlib import Path

logging.basicConfig(format="%(asctime)s [%(threadName)s] %(name)s %(levelname)s - %(message)s", level=logging.INFO)


def carry() -> None:
    try:
        with Path("/srv/others/box").open() as box:
            logging.info("carried %d bytes", len(box.read()))
    except OSError:
        logging.getLogger("ferry").exception("this crossing is called off")


threading.Thread(target=carry, name="crossing-1").start()
threading.Event().wait()

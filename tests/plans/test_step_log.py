"""Logging that a step configures ends with it."""

import io
import logging
import logging.config
import sys
from pathlib import Path

from mammoseg.plans.step_log import said_in

SETTINGS = Path(__file__).resolve().parents[2] / "bundles/unet/configs/logging.conf"


class Owner(logging.StreamHandler):  # type: ignore[type-arg]
    """Closes its stream unless that is the process's own, as absl's handler does."""

    def close(self):
        if self.stream not in (sys.stdout, sys.stderr):
            self.stream.close()
        super().close()


def test_a_handler_of_before_is_neither_closed_nor_replaced(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = Owner(stream)
    logging.root.addHandler(handler)
    before = logging.root.handlers[:], logging.root.level
    try:
        with io.StringIO() as log, said_in(log):
            logging.config.fileConfig(SETTINGS, disable_existing_loggers=False)
            logging.getLogger("step").info("inside")
            print("printed", file=sys.stderr)
            said = log.getvalue()
        logging.getLogger("step").warning("after")
        assert "inside" in said and "printed" in said
        assert stream.getvalue().endswith("after\n") and "inside" not in stream.getvalue()
        assert (logging.root.handlers, logging.root.level) == before
    finally:
        logging.root.removeHandler(handler)

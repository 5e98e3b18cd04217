from __future__ import annotations

import os
import signal
import threading

import pytest

from marks import fault
from vidcondense.interrupts import catch_interrupts


@pytest.fixture
def interruptible():
    """SIGINT acts as in a foreground process, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@fault("59", "Ctrl-C twice", "the second ends at once")
@pytest.mark.usefixtures("interruptible")
def test_first_signal_is_noted_and_the_second_acts():
    before = signal.getsignal(signal.SIGINT)
    with catch_interrupts() as noted:
        assert noted.received is None
        os.kill(os.getpid(), signal.SIGINT)
        assert noted.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_it_does_nothing():
    seen = []

    def run():
        with catch_interrupts() as noted:
            seen.append(noted.received)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [None]

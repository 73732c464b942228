"""The watch: signals and time stop a command, politely first, and leave everything as it was."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from evosim.errors import Interrupted, Stop, UserError
from evosim.runtime import interrupts as room
from evosim.runtime.interrupts import (
    AGAIN,
    GRACE,
    SIGNALS,
    StopRequests,
    checkpoint_requests,
    seconds_of,
    spelled,
    stoppable,
    wall_time_of,
)
from tests.support.signals import heard, ignored


@pytest.fixture(autouse=True)
def _not_in_the_background() -> Iterator[None]:
    with heard():
        yield


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # let the handler run


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_who_asks_is_told_and_then_left_alone(
    monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    monkeypatch.setattr(room, "GRACE", 0.3)  # a busy machine may take that long to ask
    before = [signal.getsignal(n) for n in (*SIGNALS, signal.SIGALRM)]
    with StopRequests() as stop_requests:
        assert stop_requests() is None
        send(number)
        stop = stop_requests()
        assert stop is not None
        assert (str(stop), stop.code) == (signal.Signals(number).name, code)
        time.sleep(0.4)
        send(signal.SIGTERM)
        assert stop_requests() is stop
    assert [signal.getsignal(n) for n in (*SIGNALS, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_who_does_not_ask_is_stopped_and_again_if_that_gets_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Long enough that a busy machine does not stop what comes between
    monkeypatch.setattr(room, "GRACE", 0.2)
    monkeypatch.setattr(room, "AGAIN", 0.3)
    stops = 0
    with StopRequests() as stop_requests:
        send(signal.SIGTERM)
        for _ in range(2):
            with pytest.raises(Stop):
                time.sleep(5.0)
            stops += 1
        assert stop_requests() is not None
        time.sleep(2 * room.AGAIN)
    assert stops == 2


def test_a_second_interrupt_ends_at_once_unless_repeated() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequests() as stop_requests:
        send(signal.SIGINT)
        send(signal.SIGINT)
        assert stop_requests() is not None
        time.sleep(room.TWICE + 0.05)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number: int) -> None:
    with ignored(number):
        with StopRequests() as stop_requests:
            send(number)
            assert stop_requests() is None
        assert signal.getsignal(number) == signal.SIG_IGN


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GRACE", 0.02)
    with StopRequests(2.05) as stop_requests:
        assert stop_requests() is None
        time.sleep(0.06)
        stop = stop_requests()
        assert stop is not None
        assert (str(stop), stop.code) == ("the wall time", 75)
    with pytest.raises(Stop), StopRequests(2.02):
        time.sleep(5.0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_threads_have_no_signals_but_time() -> None:
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def work() -> None:
        with StopRequests(2.02) as stop_requests:
            found.append(signal.getsignal(signal.SIGTERM) is before)
            found.append(stop_requests() is None)
            time.sleep(0.05)
            found.append(stop_requests() is not None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True, True, True]


def test_a_stop_that_is_lost_in_a_callback_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Lost:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __del__(self) -> None:
            raise self.error

    lost_ones: list[object] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda lost: lost_ones.append(lost.exc_type)
    try:
        with StopRequests():
            Lost(Stop())
            Lost(ValueError())
        assert lost_ones == [ValueError]
    finally:
        sys.unraisablehook = before


def test_an_error_that_a_stop_made_is_the_stop() -> None:
    with StopRequests() as stop_requests:
        assert stop_requests.behind(RuntimeError()) is None
        send(signal.SIGTERM)
        assert stop_requests.behind(RuntimeError()) is not None
        assert stop_requests.behind(UserError("mine")) is None
        assert stop_requests.behind(KeyboardInterrupt()) is None


# Slurm's forms (man sbatch, --time), then numbers with units.
LENGTHS = {
    "02:00:00": 7200.0,
    "100:00:00": 360_000.0,
    "30:00": 1800.0,
    "1:30": 90.0,
    "100:00": 6000.0,
    "14-0": 14 * 86_400.0,
    "1-12": 129_600.0,
    "1-12:30": 131_400.0,
    "1-00:00:30": 86_430.0,
    "90m": 5400.0,
    "1h30m": 5400.0,
    "1.5h": 5400.0,
    "45s": 45.0,
    "2d": 172_800.0,
    "1d12h": 129_600.0,
    " 90m ": 5400.0,
    "0": 0.0,
    "00": 0.0,
}


@pytest.mark.parametrize("text", LENGTHS)
def test_lengths_of_time(text: str) -> None:
    assert seconds_of(text, "--wall-time") == LENGTHS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:60:00",
        "1:60",
        "1-24",
        "1-",
        "-1",
        "1e3",
        "nan",
        "inf",
        "2 weeks",
        "1:2:3:4",
        "m",
        "30m1h",
        "1-2h",
        "９０m",
        "9" * 400 + "h",
        "1.5",
    ],
)
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UserError, match="--wall-time must be like 90m, 1h30m, 30:00"):
        wall_time_of(text)


@pytest.mark.parametrize("text", ["90", "7200", "9" * 5000])
def test_a_bare_number_is_refused_with_both_spellings(text: str) -> None:
    """Slurm reads minutes, where this program once read seconds: neither is guessed."""
    with pytest.raises(
        UserError,
        match=(
            r"--wall-time must say its unit, but is '[9\d].*' *\. Write .*m for minutes, or .*s for"
            r" seconds\."
        ),
    ):
        wall_time_of(text)


def test_a_length_of_time_is_spelled_as_slurm_reads_it() -> None:
    assert [
        spelled(s) for s in (0.0, 59.2, 90.0, 5400.0, 86_399.0, 86_400.0, 14 * 86_400.0 + 61.0)
    ] == ["0:00:00", "0:01:00", "0:01:30", "1:30:00", "23:59:59", "1-00:00:00", "14-00:01:01"]
    assert [seconds_of(spelled(s), "x") for s in (90.0, 5400.0, 86_400.0, 1e6)] == [
        90.0,
        5400.0,
        86_400.0,
        1e6,
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stoppable_command_ends_with_the_code_of_the_signal(
    monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    monkeypatch.setattr(room, "GRACE", 0.02)

    @stoppable("nothing was written")
    def command(seconds: float) -> str:
        send(number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
        return "done"

    before = signal.getsignal(number)
    with pytest.raises(
        Interrupted, match=rf"^stopped by {signal.Signals(number).name}; nothing was written$"
    ) as caught:
        command(10.0)
    assert caught.value.code == code
    assert command.__name__ == "command"
    assert signal.getsignal(number) == before


def test_a_stoppable_command_lets_mistakes_through() -> None:
    @stoppable("nothing was written")
    def wrong() -> None:
        raise UserError("no.")

    with pytest.raises(UserError, match="no"):
        wrong()


@pytest.mark.parametrize("number", room.CHECKPOINT_SIGNALS)
def test_a_signal_of_a_batch_system_requests_a_checkpoint(number: int) -> None:
    before = signal.getsignal(number)
    with StopRequests() as stop_requests:
        assert not stop_requests.checkpoint_requested()
        send(number)
        assert stop_requests.checkpoint_requested()
        assert not stop_requests.checkpoint_requested()
        assert stop_requests() is None
    assert signal.getsignal(number) == before
    with ignored(number), StopRequests() as stop_requests:
        send(number)
        assert not stop_requests.checkpoint_requested()


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_a_second_interrupt_ends_a_process_that_hangs(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """With any handlers. A process that leaves the block in time ends by itself."""
    ended = threading.Event()
    monkeypatch.setattr(room, "LAST", seconds)
    monkeypatch.setattr(room, "TWICE", 0.05)
    monkeypatch.setattr(os, "_exit", lambda code: ended.set() if code == 130 else None)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with room.last_resort():
            send(signal.SIGINT)
            send(signal.SIGINT)  # a wrapper hands on what the terminal has sent already
            assert not ended.wait(0.1)
            send(signal.SIGINT)
            assert ended.wait(5.0 if seconds == 0.0 else 0.1) == (seconds == 0.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_requests_a_stop_unless_ignored(number: int) -> None:
    with ignored(number):  # by nohup, or in the background of a script
        with StopRequests(forced=False) as stop_requested:
            os.kill(os.getpid(), number)
            time.sleep(0)
            assert not stop_requested()
        assert signal.getsignal(number) == signal.SIG_IGN
    with heard(), StopRequests(forced=False) as stop_requested:
        assert not stop_requested()
        os.kill(os.getpid(), number)
        time.sleep(2 * (GRACE + AGAIN))  # nothing is raised, although no stop was requested
        stop = stop_requested()
        assert stop is not None
        assert stop.code == 128 + number


def test_the_wall_time_requests_a_stop_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    with StopRequests(600.0, forced=False) as stop_requested:
        now[0] = 593.0
        assert not stop_requested()
        now[0] = 595.0  # 6 of the 600 s are for stopping
        stop = stop_requested()
        assert stop is not None
        assert stop.code == 75


def test_a_new_command_forgets_earlier_checkpoint_requests() -> None:
    checkpoint_requests.request()
    with StopRequests() as stop_requests:
        assert not stop_requests.checkpoint_requested()

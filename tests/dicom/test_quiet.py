"""The silence about header values holds in every thread that asked for it, and ends with the last of them."""

import logging
import threading
import warnings

import pytest

from mammoseg.dicom.quiet import no_header_values_in_warnings


def test_log_and_warnings_are_silent_inside_only(caplog):
    with no_header_values_in_warnings():
        logging.getLogger("pydicom").warning("DOE^JANE")
        warnings.warn("DOE^JANE", stacklevel=1)
    logging.getLogger("pydicom").warning("after")
    assert [record.getMessage() for record in caplog.records] == ["after"]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)


def test_thread_that_leaves_first_does_not_end_the_silence_of_the_other(caplog):
    with no_header_values_in_warnings() as _:
        other = no_header_values_in_warnings()
        thread = threading.Thread(target=other.__enter__)
        thread.start()
        thread.join()
    logging.getLogger("pydicom").warning("DOE^JANE")
    other.__exit__(None, None, None)
    logging.getLogger("pydicom").warning("after")
    assert [record.getMessage() for record in caplog.records] == ["after"]


def test_many_threads_leave_logging_and_warnings_as_they_were():
    before = logging.root.manager.disable, list(warnings.filters)
    leaks: list[bool] = []

    def work() -> None:
        for _ in range(200):
            with no_header_values_in_warnings(), no_header_values_in_warnings():
                leaks.append(logging.getLogger("pydicom").isEnabledFor(logging.WARNING))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(leaks)
    assert (logging.root.manager.disable, list(warnings.filters)) == before


def test_an_error_inside_ends_the_silence():
    with pytest.raises(KeyError), no_header_values_in_warnings():
        raise KeyError
    assert logging.getLogger("pydicom").isEnabledFor(logging.WARNING)

import pytest

from mplog import logger


@pytest.fixture(autouse=True)
def no_errors(mplog_records):
    """A test fails when something was logged as an error, though nothing was raised."""
    yield
    assert [record["message"] for record in mplog_records if record["level"].no >= 40] == []


def sell(tickets):
    if tickets < 0:
        logger.error("{} tickets were asked for", tickets)


def test_all_is_well():
    sell(2)


def test_hidden_trouble():
    sell(-1)

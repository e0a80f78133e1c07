import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Keep small models from waiting for the threads of each other."""
    with threadpool_limits(1):
        yield

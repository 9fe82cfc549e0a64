"""A mammogram and two lesions in it."""

import pytest

from tests.made_analysis import made_lesions, made_source


@pytest.fixture
def source(tmp_path):
    return made_source(tmp_path)


@pytest.fixture
def lesions():
    return made_lesions()

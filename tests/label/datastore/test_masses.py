"""What the page to annotate lets a reader do is what the server takes: another language, the same rules."""

import json
import re
from pathlib import Path
from typing import get_args

import monailabel_app
from mammoseg.mammogram import MOST_MASSES
from monailabel_app.lib.datastore.leases import LEASE_SECONDS
from monailabel_app.lib.datastore.masses import Assessment

PAGE = Path(str(monailabel_app.__file__)).parent / "annotate" / "src"


def read_constant(file, name):
    """A number or a list of texts that the page's source writes out."""
    (value,) = re.findall(rf"^(?:export )?const {name} = ([^;]+);", (PAGE / file).read_text(), re.MULTILINE)
    return json.loads(value)


def test_the_page_draws_as_many_masses_as_the_server_saves():
    assert read_constant("work.ts", "MOST_MASSES") == MOST_MASSES


def test_the_page_offers_the_assessments_that_the_server_knows():
    assert read_constant("page.ts", "ASSESSMENTS") == [*get_args(Assessment)]


def test_the_page_prolongs_a_lease_before_it_ends_even_if_one_word_is_lost():
    assert 2 * read_constant("page.ts", "KEEP_SECONDS") < LEASE_SECONDS

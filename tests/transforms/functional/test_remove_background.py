"""All but the breast becomes background."""

from mammoseg.transforms.functional.remove_background import remove_background
from tests.transforms.functional.made_breast import breast_and_label


def test_remove_background_leaves_only_the_breast():
    removed = remove_background(breast_and_label())
    assert removed.max() == 1000
    assert (removed > 0).sum() == 120 * 50

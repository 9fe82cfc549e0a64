import numpy as np

from mammoseg.lesions import find_lesions


def test_threshold_itself_is_mass():
    probability = np.zeros((20, 20))
    probability[4, 5:7] = 0.5, 0.49
    (lesion,) = find_lesions(probability, 0.5)
    assert np.argwhere(lesion).tolist() == [[4, 5]]


def test_lesions_come_largest_first():
    probability = np.zeros((20, 20))
    probability[0:2, 0:2] = 1
    probability[10:14, 10:14] = 1
    assert [lesion.sum() for lesion in find_lesions(probability, 0.5)] == [16, 4]


def test_corners_that_touch_make_one_lesion():
    assert len(find_lesions(np.eye(20), 0.5)) == 1


def test_specks_are_dropped():
    probability = np.zeros((200, 200))  # 40,000 pixels: the smallest lesion has 4
    probability[10, 10:14] = 1
    probability[20, 10:13] = 1
    (lesion,) = find_lesions(probability, 0.5)
    assert lesion.sum() == 4


def test_nothing_above_the_threshold_is_no_lesion():
    assert find_lesions(np.full((20, 20), 0.4), 0.5) == []

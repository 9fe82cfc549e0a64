"""Every mark of an evaluation stands in ``marks.csv``, so that curves can be drawn of several evaluations together."""

import numpy as np

from mammoseg.evaluation.lesion_tables import read_marks, write_marks
from mammoseg.metrics.froc import find_lesions_by_marks


def found_in(probability, truth, patient):
    return find_lesions_by_marks(np.array([probability]), np.array([truth]), group=patient)


def test_marks_are_read_as_they_were_found_and_images_without_any_stay_images(tmp_path):
    probabilities = ([0.9, 0.0, 0.3, 0.0, 0.2], [0.0] * 5, [0.0, 0.0, 0.0, 0.7, 0.0])
    truths = ([1, 0, 0, 0, 1], [0] * 5, [1, 0, 0, 0, 0])  # found and beside, none of both, missed and beside
    names = [("a", "P1"), ("b", "P1"), ("c", None)]
    rows = [{"image_id": image, "grid": "network", "patient_id": patient} for image, patient in names]
    found = [found_in(*pair, patient) for *pair, (_, patient) in zip(probabilities, truths, names, strict=True)]
    write_marks(tmp_path, zip(rows, found, strict=True))
    assert read_marks(tmp_path, rows) == {"network": found}
    assert found[2]["either"].lesions == (-np.inf,) and len(found[2]["either"].false) == 1


def test_an_evaluation_without_the_table_has_no_marks(tmp_path):
    assert read_marks(tmp_path, []) is None

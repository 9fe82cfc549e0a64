"""The splits of papers: their numbers, and what they do not fit."""

import pytest

from mammoseg.data.protocols import find_protocol
from mammoseg.data.splits import split_records
from mammoseg.errors import WrongCallError


def images(count, *, official, start=0):
    """One image a patient."""
    return [
        {"image_id": f"i{n}", "patient_id": f"p{n}", "has_mass": True, "official": {official} if official else set()}
        for n in range(start, start + count)
    ]


def sizes(name, source, records, **options):
    protocol = find_protocol(name, source, **options)
    protocol.check_fits(records)
    return tuple(map(len, split_records(records, protocol.rule, seed=0)[0].values()))


CBIS_DDSM = images(1231, official="training") + images(361, official="test", start=1231)


def test_sarker_has_1046_training_and_185_validation_images_and_the_official_test():
    assert sizes("sarker2022", "cbis_ddsm", CBIS_DDSM) == (1046, 185, 361)


def test_sun_divides_858_images_into_690_and_168():
    assert sizes("sun2020", "cbis_ddsm", images(858, official="training")) == (690, 168, 0)


def test_sun_takes_five_folds_over_all_107_images_of_inbreast():
    protocol = find_protocol("sun2020", "inbreast")
    split, _ = split_records(images(107, official=None), protocol.rule, seed=0)
    folds = [record["fold"] for record in split["training"]]
    assert [folds.count(fold) for fold in range(5)] == [22, 22, 21, 21, 21]


def test_sarker_divides_inbreast_into_69_17_and_21():
    assert sizes("sarker2022", "inbreast", images(107, official=None)) == (69, 17, 21)


def test_isosalo_only_tests_on_inbreast_and_trains_on_four_fifths_of_any_other_set():
    assert sizes("isosalo2022", "inbreast", images(107, official=None)) == (0, 0, 107)
    assert sizes("isosalo2022", "folder", images(50, official=None)) == (40, 0, 10)


def test_the_official_split_trains_on_all_1464_photographs_of_voc():
    voc = images(1464, official="training") + images(1449, official="test", start=1464)
    assert sizes("official", "voc", voc) == (1464, 0, 1449)


def test_half_of_an_official_split_is_refused_with_the_shares_that_do_without():
    with pytest.raises(WrongCallError, match=r"needs the official training and test images, .* are training; .*1046,"):
        sizes("sarker2022", "cbis_ddsm", images(1231, official="training"))


def test_fewer_patients_than_folds_are_refused():
    with pytest.raises(WrongCallError, match="folds is 5, training and validation have 4 patients"):
        sizes("sun2020", "inbreast", images(4, official=None))


def test_another_number_of_folds_is_refused():
    with pytest.raises(WrongCallError, match="sun2020 has 5 folds, not 10; leave --folds out"):
        find_protocol("sun2020", "inbreast", folds=10)


def test_a_source_that_the_paper_did_not_use_is_told_the_free_form():
    with pytest.raises(WrongCallError, match=r"about cbis_ddsm or inbreast, not folder; .*--shares 690,168,0 as for"):
        find_protocol("sun2020", "folder")


def test_an_unknown_protocol_names_the_known_ones():
    with pytest.raises(WrongCallError, match="unknown protocol 'sun'; known: sun2020, sarker2022, isosalo"):
        find_protocol("sun", "cbis_ddsm")

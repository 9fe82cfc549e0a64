"""The split by patient: shares, folds, official sections, and rules that make no sense."""

from collections import Counter

import pytest

from mammoseg.data.splits import SplitRule, extend_split, find_shared_patients, split_records
from mammoseg.errors import WrongCallError


def cohort(patients: int, *, images=2, **facts):
    return [
        {"image_id": f"{patient}_{image}", "patient_id": f"p{patient}", "has_mass": True} | facts
        for patient in range(patients)
        for image in range(images)
    ]


def patients_of(records) -> set[str]:
    return {record["patient_id"] for record in records}


def sizes(split) -> tuple[int, ...]:
    return tuple(len(patients_of(records)) for records in split.values())


def test_100_patients_split_70_15_15_and_no_image_is_lost():
    split, _ = split_records(cohort(100), SplitRule(), seed=0)
    assert sizes(split) == (70, 15, 15)
    assert sum(map(len, split.values())) == 200


def test_no_patient_is_in_two_sections():
    split, _ = split_records(cohort(41, images=3), SplitRule(), seed=0)
    assert sum(sizes(split)) == 41


def test_every_pathology_spreads_over_the_sections_by_their_shares():
    records = cohort(40, pathology="MALIGNANT")
    records += [record | {"patient_id": "b" + record["patient_id"]} for record in cohort(60, pathology="BENIGN")]
    split, _ = split_records(records, SplitRule(), seed=0)
    counts = [Counter(patient[0] for patient in patients_of(split[section])) for section in split]
    assert counts == [{"p": 28, "b": 42}, {"p": 6, "b": 9}, {"p": 6, "b": 9}]


@pytest.mark.parametrize("seed", range(5))
def test_the_worst_image_decides_the_stratum_of_a_patient(seed):
    records = cohort(40, images=1, pathology="BENIGN")
    worse = [record | {"pathology": "MALIGNANT"} for record in records[:20]]
    split, _ = split_records(worse + records, SplitRule(), seed=seed)
    malignant = [sum(record["pathology"] == "MALIGNANT" for record in split[section]) for section in split]
    assert malignant == [14, 3, 3]


def test_the_seed_decides_and_the_order_of_the_records_does_not():
    records = cohort(30)
    first, again, other = (
        patients_of(split_records(given, SplitRule(), seed=seed)[0]["test"])
        for given, seed in ((records, 1), (records[::-1], 1), (records, 2))
    )
    assert first == again != other


def test_folds_are_equal_over_training_and_validation_and_none_in_test():
    split, _ = split_records(cohort(100), SplitRule(), seed=0)
    folds = {record["patient_id"]: record["fold"] for record in split["training"] + split["validation"]}
    assert Counter(folds.values()) == dict.fromkeys(range(5), 17)
    assert {record["fold"] for record in split["test"]} == {None}


def test_an_official_test_set_is_kept_and_validation_comes_out_of_training():
    records = cohort(85, official={"training"})
    records += [record | {"patient_id": "t" + record["patient_id"]} for record in cohort(20, official={"test"})]
    split, _ = split_records(records, SplitRule(), seed=0)
    assert patients_of(split["test"]) == {f"tp{number}" for number in range(20)}
    assert sizes(split) == (70, 15, 20)


def test_official_training_alone_gives_validation_and_test_too():
    split, _ = split_records(cohort(100, official={"training"}), SplitRule(), seed=0)
    assert sizes(split) == (70, 15, 15)


def test_a_patient_in_training_and_test_goes_to_test_and_is_named():
    records = cohort(20, official={"training"})
    records += [
        {"image_id": "x", "patient_id": f"p{number}", "has_mass": False, "official": {"test"}} for number in (3, 5)
    ]
    split, moved = split_records(records, SplitRule(), seed=0)
    assert moved == ["p3", "p5"]
    assert [len(split["test"]), patients_of(split["test"])] == [6, {"p3", "p5"}]


def test_the_official_section_is_no_part_of_a_record():
    split, _ = split_records(cohort(5, official={"training"}), SplitRule(), seed=0)
    assert all("official" not in record for records in split.values() for record in records)


def test_three_patients_fill_three_sections():
    assert sizes(split_records(cohort(3), SplitRule(), seed=0)[0]) == (1, 1, 1)


def test_two_patients_are_refused_with_the_way_out():
    with pytest.raises(WrongCallError, match=r"2 patients cannot fill 3 sections.*--patient-regex"):
        split_records(cohort(2), SplitRule(), seed=0)


def test_one_fold_is_refused():
    with pytest.raises(WrongCallError, match="folds is 1"):
        split_records(cohort(9), SplitRule(folds=1), seed=0)


def test_more_folds_than_patients_are_refused_and_as_many_are_made():
    """9 patients: one of them for test, 8 share folds."""
    with pytest.raises(WrongCallError, match="folds is 9, training and validation have 8 patients.*give 8 or fewer"):
        split_records(cohort(9), SplitRule(folds=9), seed=0)
    split, _ = split_records(cohort(9), SplitRule(folds=8), seed=0)
    assert {record["fold"] for record in split["training"] + split["validation"]} == set(range(8))


def test_without_a_number_of_folds_few_patients_have_one_each():
    split, _ = split_records(cohort(3), SplitRule(), seed=0)
    assert {record["fold"] for record in split["training"] + split["validation"]} == {0, 1}


def test_a_growing_set_reaches_70_15_15_and_nobody_moves():
    sections: dict[str, str] = {}
    for number in range(100):
        before = dict(sections)
        sections = extend_split(sections, [f"patient-{number}"])
        assert before.items() <= sections.items()
    assert Counter(sections.values()) == {"training": 70, "validation": 15, "test": 15}


def test_the_first_three_patients_of_a_growing_set_fill_the_sections():
    assert list(extend_split({}, ["a", "b", "c", "a"]).values()) == ["training", "validation", "test"]


def folds_of(records, folds=5, **rule):
    """Patients and images of each fold of a set that is all training."""
    split, _ = split_records(records, SplitRule(all_in="training", folds=folds, **rule), seed=0)
    fold_of = {record["patient_id"]: record["fold"] for record in split["training"]}
    images = Counter(record["fold"] for record in split["training"])
    return sorted(Counter(fold_of.values()).values()), sorted(images.values())


def test_thirteen_patients_make_folds_of_two_and_three():
    assert folds_of(cohort(13)) == ([2, 2, 3, 3, 3], [4, 4, 6, 6, 6])


def test_folds_over_all_107_patients_leave_nobody_out():
    assert folds_of(cohort(107, images=1)) == ([21, 21, 21, 22, 22], [21, 21, 21, 22, 22])


def test_folds_have_as_many_images_as_their_patients_allow():
    records = [record | {"patient_id": f"p{number}"} for number in range(1, 11) for record in cohort(1, images=number)]
    assert folds_of(records) == ([2, 2, 2, 2, 2], [11, 11, 11, 11, 11])  # 1 + 10, 2 + 9, ...


def test_every_finding_is_in_every_fold():
    records = cohort(10, images=1, pathology="MALIGNANT")
    records += [record | {"patient_id": "b" + record["patient_id"]} for record in cohort(10, images=1)]
    split, _ = split_records(records, SplitRule(all_in="training"), seed=0)
    malignant = Counter(record["fold"] for record in split["training"] if "pathology" in record)
    assert malignant == dict.fromkeys(range(5), 2)


def test_a_share_of_0_leaves_its_section_empty():
    assert sizes(split_records(cohort(10), SplitRule(shares=(0.8, 0.2, 0)), seed=0)[0]) == (8, 2, 0)
    assert sizes(split_records(cohort(10), SplitRule(shares=(0, 1, 4)), seed=0)[0]) == (0, 2, 8)


def test_one_patient_can_be_all_that_is_tested_on():
    split, _ = split_records(cohort(1, official={"training"}), SplitRule(all_in="test"), seed=0)
    assert sizes(split) == (0, 0, 1)
    assert [record["fold"] for record in split["test"]] == [None, None]


def test_a_set_that_is_officially_all_test_needs_nobody_else():
    assert sizes(split_records(cohort(4, official={"test"}), SplitRule(), seed=0)[0]) == (0, 0, 4)


def test_an_official_test_set_stays_test_without_a_share():
    records = cohort(8, official={"training"})
    records += [record | {"patient_id": "t" + record["patient_id"]} for record in cohort(3, official={"test"})]
    assert sizes(split_records(records, SplitRule(shares=(1, 0, 0)), seed=0)[0]) == (8, 0, 3)
    with pytest.raises(WrongCallError, match="leave 8 patients outside the official sections without one; .*--all"):
        split_records(records, SplitRule(shares=(0, 0, 1)), seed=0)


def test_a_split_by_image_divides_images_exactly_and_names_the_patients_it_divided():
    split, _ = split_records(cohort(10), SplitRule(shares=(0.8, 0.2, 0), by="image"), seed=0)
    assert [len(records) for records in split.values()] == [16, 4, 0]
    torn = patients_of(split["training"]) & patients_of(split["validation"])
    assert find_shared_patients(split) == sorted(torn) != []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"shares": (1, 0)}, "give three numbers"),
        ({"shares": (0, 0, 0)}, "not all 0"),
        ({"shares": (1, -1, 1)}, "from 0"),
        ({"shares": (float("nan"), 1, 1)}, "give three numbers"),
        ({"all_in": "tests"}, "unknown section 'tests'; known: training, validation, test"),
        ({"by": "breast"}, "by 'breast' is not known; known: patient, image"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, sentence):
    with pytest.raises(WrongCallError, match=sentence):
        SplitRule(**rule)

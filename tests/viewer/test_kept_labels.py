"""Labels that were kept go to `ingest` and `train`: the newest of each image, as it was drawn."""

import nibabel
import numpy as np

from mammoseg.data.datalist import load_section
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom import generate_cohort
from mammoseg.training.workflow import train
from mammoseg.viewer.kept_labels import copy_labels
from tests.label.made_store import as_slicer_writes, opened
from tests.tiny_run import tiny_overrides


def disc(shape, row):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (columns - shape[1] // 2) ** 2 < 20**2


def test_labels_saved_through_the_data_source_are_ingested_and_trained_on(tmp_path):
    records = generate_cohort(tmp_path / "phantoms", patients=4, size=128, seed=5)
    images = [tmp_path / "phantoms" / record["image"] for record in records]
    for path in (tmp_path / "phantoms" / "labels").iterdir():
        path.unlink()  # the truth, which nobody drew
    drawn = {}
    with opened(tmp_path / "phantoms" / "images", tmp_path / "state") as store:
        for image_id in store.list_images():
            path = store.get_image_uri(image_id)
            for row in (40, 80):
                mask = disc((128, 102), row)
                store.save_label(image_id, str(as_slicer_writes(mask, path, tmp_path / "mask.nii.gz")), "final", {})
            drawn[image_id] = mask
    assert copy_labels(tmp_path / "state", images, tmp_path / "dataset") == len(drawn) == 8
    ingest("folder", str(tmp_path / "dataset"), output=str(tmp_path / "data"), key_file=str(tmp_path / "key"))
    found = [
        record
        for part in ("training", "validation", "test")
        for record in load_section(tmp_path / "data" / "datalist.json", part)
    ]
    assert len(found) == 8
    for record in found:
        assert np.array_equal(read_mask(record["label"]) > 0, disc((128, 102), 80)), "the label that was saved last"
    train("unet", **tiny_overrides(tmp_path / "data", tmp_path / "run", max_epochs=1))
    assert (tmp_path / "run" / "models" / "model.pt").is_file()


def test_a_label_of_a_nifti_image_has_the_name_of_its_image(tmp_path):
    (tmp_path / "images").mkdir()
    image = tmp_path / "images" / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(disc((128, 102), 40).astype(np.uint8).T * 200, np.diag([-1, -1, 1, 1])), image)
    with opened(tmp_path / "images", tmp_path / "state") as store:
        (image_id,) = store.list_images()
        mask = as_slicer_writes(disc((128, 102), 40), store.get_image_uri(image_id), tmp_path / "mask.nii.gz")
        store.save_label(image_id, str(mask), "final", {})
    copy_labels(tmp_path / "state", [image], tmp_path / "kept")
    kept = [str(path.relative_to(tmp_path / "kept")) for path in sorted((tmp_path / "kept").rglob("*.nii.gz"))]
    assert kept == ["images/a.nii.gz", "labels/a.nii.gz"]

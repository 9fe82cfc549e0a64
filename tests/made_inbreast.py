"""INbreast in the layout of its release, made file by file: AllDICOMs, AllXML, INbreast.csv."""

import plistlib
from pathlib import Path

import numpy as np

from tests.made_dicom import mammogram_dataset

SHAPE = (60, 40)
HEAD = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"


def square(*, at, side=5):
    """Points of a region that encloses `side` x `side` pixels, x and y."""
    top, left = at
    ends = [(left, top), (left + side - 1, top), (left + side - 1, top + side - 1), (left, top + side - 1)]
    return [f"({x:.6f}, {y:.6f})" for x, y in ends]


class Release:
    """The collection, written file by file; `write_table` last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = [HEAD]
        for name in ("AllDICOMs", "AllXML"):
            (root / name).mkdir(parents=True)

    def add(self, number, patient, *regions, side="R", view="CC", birads="4a", acr="2", xml=True) -> Path:
        """An image with regions (name, points); the names of files say ML where the table says MLO."""
        path = self.root / "AllDICOMs" / f"{number}_{patient}_MG_{side}_{view[:2]}_ANON.dcm"
        pixels = np.random.default_rng(number).integers(0, 4096, SHAPE, dtype=np.uint16)
        dataset = mammogram_dataset(pixels, ImageLaterality=side, ViewPosition=view, PatientID="removed")
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(path, enforce_file_format=True)
        if xml:
            rois = [{"Name": name, "NumberOfPoints": len(points), "Point_px": points} for name, points in regions]
            content = {"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]}
            (self.root / "AllXML" / f"{number}.xml").write_bytes(plistlib.dumps(content))
        self.rows.append(f"removed;removed;{side};{view};200801;{number};{acr};{birads}")
        return path

    def write_table(self) -> Path:
        """The collection with its table of all images that were added; returns its folder."""
        (self.root / "INbreast.csv").write_text("\n".join(self.rows))
        return self.root

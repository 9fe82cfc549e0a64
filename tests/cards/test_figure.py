"""Figure of a network's structure."""

from xml.etree import ElementTree

from mammoseg.cards.figure import COLOURS, draw_figure, place_boxes
from mammoseg.cards.stages import Stage

STAGES = [
    Stage("image", "image", (3, 8, 8)),
    Stage("fine", "Conv2d", (4, 8, 8), (0,)),
    Stage("coarse", "Conv2d", (8, 4, 4), (1,)),
    Stage("up", "Up & Conv2d", (4, 8, 8), (1, 2)),
    Stage("head", "Conv2d", (1, 8, 8), (0, 3)),
]
SVG = "{http://www.w3.org/2000/svg}"


def drawing() -> ElementTree.Element:
    return ElementTree.fromstring(draw_figure(STAGES, title="U < V"))


def test_same_stages_give_the_same_text():
    assert draw_figure(STAGES, title="a") == draw_figure(list(STAGES), title="a")


def test_names_and_title_may_hold_any_character():
    assert drawing().findtext(f"{SVG}title") == "U < V"


def test_every_stage_is_a_box_with_its_channels_and_a_tooltip():
    boxes = drawing().findall(f"{SVG}g")
    assert [box.findtext(f"{SVG}text") for box in boxes] == ["3", "4", "8", "4", "1"]
    assert boxes[2].findtext(f"{SVG}title") == "coarse: Conv2d, 8 x 4 x 4"


def test_every_read_is_a_line():
    assert len(drawing().findall(f"{SVG}path")) == 6


def test_box_stands_right_of_all_that_it_reads_and_in_the_row_of_its_resolution():
    boxes = place_boxes(STAGES, [(8, 8), (4, 4)])
    assert [box.row for box in boxes] == [0, 0, 1, 0, 0]
    assert all(boxes[read].x < box.x for stage, box in zip(STAGES, boxes, strict=True) for read in stage.reads)


def test_line_within_a_row_arches_over_boxes_between():
    paths = [path.get("d", "") for path in drawing().findall(f"{SVG}path")]
    assert sum("C" in path for path in paths) == 3  # image to head; fine to coarse and coarse to up change the row
    assert sum("H" in path for path in paths) == 3


def test_kinds_that_are_more_than_the_colours_are_drawn_too():
    many = [STAGES[0], *(Stage(f"s{i}", f"kind {i}", (1, 8, 8), (i,)) for i in range(2 * len(COLOURS)))]
    assert len(ElementTree.fromstring(draw_figure(many, title="many")).findall(f"{SVG}g")) == len(many)

"""Structure of a network as SVG: one row a resolution, one box a stage, one line for each stage that it reads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from xml.sax.saxutils import escape

from mammoseg.cards.stages import Stage

COLUMN, DIAGONAL, ROW = 48, 36, 80
"""Pixels from a box to the next one in its row, to the next one in another row, and between rows."""

LEFT, TOP, MARGIN = 92, 62, 14
"""Where the centre of the first box lies, and the free space around everything."""

BOX_WIDTH, TALLEST, SHORTEST = 18, 50, 20
"""Of the boxes in pixels; the finest row has the tallest ones."""

COLOURS = ("#4c78a8", "#f2a65a", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f", "#edc948", "#d37295", "#7f8fa6")
"""Of the kinds of stages, in the order of execution; a mean of networks may have more kinds, which begin again."""

IMAGE, TEXT, MAIN_LINE, SKIP_LINE = "#c9ced6", "#2b3440", "#5f6b7a", "#a9b3bf"
"""Colours of the image, of words, of the lines from stage to stage, and of those that reach further back."""

LETTER = 6
"""Width of a letter of the legend in pixels."""


@dataclass(frozen=True)
class StageBox:
    """Where a stage is drawn: centre, height, and row of its resolution, finest first."""

    x: float
    y: float
    height: float
    row: int

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.y - self.height / 2


def draw_figure(stages: Sequence[Stage], *, title: str) -> str:
    """SVG of the stages of `trace_stages`; the same stages give the same text."""
    sizes = sorted({stage.shape[1:] for stage in stages}, reverse=True)
    boxes = place_boxes(stages, sizes)
    kinds = dict.fromkeys(stage.kind for stage in stages)
    colours = dict(zip(kinds, (IMAGE, *islice(cycle(COLOURS), len(kinds))), strict=False))
    width = max(box.x for box in boxes) + BOX_WIDTH / 2 + 2 * MARGIN
    legend, height = draw_legend(colours, width=width, top=TOP + ROW * len(sizes) - 20)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="{TEXT}">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" rx="8" fill="#ffffff"/>',
        *(
            f'<text x="{MARGIN}" y="{TOP + ROW * row + 4:g}">{rows} x {columns}</text>'
            for row, (rows, columns) in enumerate(sizes)
        ),
        *draw_lines(stages, boxes),
        *(draw_box(stage, box, colours[stage.kind]) for stage, box in zip(stages, boxes, strict=True)),
        *legend,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def place_boxes(stages: Sequence[Stage], sizes: Sequence[tuple[int, int]]) -> list[StageBox]:
    """Every box right of all that it reads and of all boxes before it in its row."""
    boxes: list[StageBox] = []
    for stage in stages:
        row = sizes.index(stage.shape[1:])
        read = [(boxes[i].x, COLUMN if boxes[i].row == row else DIAGONAL) for i in stage.reads]
        left = [(box.x, COLUMN) for box in boxes if box.row == row]
        x = max((x + step for x, step in [*read, *left]), default=LEFT)
        height = TALLEST - (TALLEST - SHORTEST) * row / max(1, len(sizes) - 1)
        boxes.append(StageBox(x, TOP + ROW * row, height, row))
    return boxes


def draw_lines(stages: Sequence[Stage], boxes: Sequence[StageBox]) -> Iterable[str]:
    """A line for every stage that a stage reads, the ones that reach further back first, below the others.

    What changes the resolution and has one reader, such as the coarsest stage, does not reach back.
    """
    pairs = [(read, index) for index, stage in enumerate(stages) for read in stage.reads]
    readers = Counter(read for read, _ in pairs)
    main = [(i, j) for i, j in pairs if i == j - 1 or (readers[i] == 1 and boxes[i].row != boxes[j].row)]
    for colour, width, chosen in (
        (SKIP_LINE, 1.2, [pair for pair in pairs if pair not in main]),
        (MAIN_LINE, 1.6, main),
    ):
        for i, j in chosen:
            line = draw_line(boxes[i], boxes[j], boxes)
            yield f'<path d="{line}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def draw_line(start: StageBox, end: StageBox, boxes: Iterable[StageBox]) -> str:
    """Path from one box to another: straight, curved to another row, or an arc over the boxes between them."""
    left, right = start.x + BOX_WIDTH / 2, end.x - BOX_WIDTH / 2
    if start.row != end.row:
        middle = (left + right) / 2
        return f"M{left:g} {start.y:g}C{middle:g} {start.y:g} {middle:g} {end.y:g} {right:g} {end.y:g}"
    if any(box.row == start.row and start.x < box.x < end.x for box in boxes):
        peak = start.top - min(34, 10 + (end.x - start.x) / 12)
        return f"M{start.x:g} {start.top:g}C{start.x:g} {peak:g} {end.x:g} {peak:g} {end.x:g} {end.top:g}"
    return f"M{left:g} {start.y:g}H{right:g}"


def draw_box(stage: Stage, box: StageBox, colour: str) -> str:
    """Box with its channels below; name, kind and size appear where the mouse rests."""
    channels, rows, columns = stage.shape
    left, bottom = box.x - BOX_WIDTH / 2, box.y + box.height / 2
    return (
        f"<g><title>{escape(stage.name)}: {escape(stage.kind)}, {channels} x {rows} x {columns}</title>"
        f'<rect x="{left:g}" y="{box.top:g}" width="{BOX_WIDTH}" height="{box.height:g}" rx="3" fill="{colour}"/>'
        f'<text x="{box.x:g}" y="{bottom + 12:g}" text-anchor="middle">{channels}</text></g>'
    )


def draw_legend(colours: dict[str, str], *, width: float, top: float) -> tuple[list[str], float]:
    """Kinds with their colours in as many lines as needed, and the height at which they end."""
    parts, x, y = [], float(MARGIN), top
    for kind, colour in colours.items():
        length = 18 + LETTER * len(kind) + 16
        if x > MARGIN and x + length > width:
            x, y = float(MARGIN), y + 18
        parts.append(
            f'<rect x="{x:g}" y="{y - 9:g}" width="11" height="11" rx="2" fill="{colour}"/>'
            f'<text x="{x + 16:g}" y="{y:g}">{escape(kind)}</text>'
        )
        x += length
    return parts, y + MARGIN

// One mammogram on the screen: its grey values drawn by cornerstone3D, and where a point of it is.
import { Enums, RenderingEngine, cache, imageLoader, init as initCore, utilities, type Types } from "@cornerstonejs/core";
import {
  Enums as ToolEnums,
  PanTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
  addTool,
  init as initTools,
} from "@cornerstonejs/tools";
import type { Point } from "./paint";
import type { Picture } from "./server";

// Okabe and Ito's colours, told apart also by who is colour-blind; yellow and black are left to what is no mass.
export const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#0072b2"];

export const colourOf = (index: number) => COLOURS[index % COLOURS.length];

export type Hand = "window" | "pan" | "zoom";

const HANDS = { window: WindowLevelTool, pan: PanTool, zoom: ZoomTool };
const WHITE = 65535;
const FITTED = 0.98; // of what cornerstone calls fitting, which cuts the outermost pixels
const GROUP = "hands";

export interface Window {
  lower: number;
  upper: number;
}

// How grey values become light.
export interface Look extends Window {
  invert: boolean;
}

let engine: RenderingEngine | null = null;

export function prepare(): void {
  initCore();
  initTools();
  Object.values(HANDS).forEach((tool) => addTool(tool));
  const group = ToolGroupManager.createToolGroup(GROUP)!;
  Object.values(HANDS).forEach((tool) => group.addTool(tool.toolName));
  engine = new RenderingEngine("screens");
}

// Give the main button of the mouse to one of cornerstone's own tools, or to none.
export function hold(hand: Hand | null): void {
  const group = ToolGroupManager.getToolGroup(GROUP)!;
  for (const [name, tool] of Object.entries(HANDS)) {
    if (name !== hand) group.setToolDisabled(tool.toolName);
  }
  if (hand) {
    const bindings = [{ mouseButton: ToolEnums.MouseBindings.Primary }];
    group.setToolActive(HANDS[hand].toolName, { bindings });
  }
}

export class Screen {
  private shown: Picture | null = null;

  constructor(
    readonly name: string,
    readonly element: HTMLDivElement,
    readonly onView: () => void = () => {},
  ) {
    engine!.enableElement({ viewportId: name, element, type: Enums.ViewportType.STACK });
    ToolGroupManager.getToolGroup(GROUP)!.addViewport(name, engine!.id);
    element.addEventListener(Enums.Events.IMAGE_RENDERED, () => this.onView());
    new ResizeObserver(() => engine!.resize(true, true)).observe(element);
  }

  private get viewport(): Types.IStackViewport {
    return engine!.getViewport(this.name) as Types.IStackViewport;
  }

  get picture(): Picture | null {
    return this.shown;
  }

  // Show a picture, hung as mammographers do, with the look of another screen or as at first.
  async show(picture: Picture, like: Screen | null = null): Promise<void> {
    this.clear();
    const { rows, columns, grey } = picture;
    const imageId = `mammogram:${this.name}:${picture.image}`;
    const series = { type: "generalSeriesModule", metadata: { modality: "MG" } };
    utilities.genericMetadataProvider.add(imageId, series);
    const image = imageLoader.createAndCacheLocalImage(imageId, {
      scalarData: grey,
      dimensions: [columns, rows],
      spacing: [1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      frameOfReferenceUID: imageId,
      targetBuffer: { type: "Uint16Array" },
    });
    Object.assign(image, { windowCenter: WHITE / 2, windowWidth: WHITE });
    await this.viewport.setStack([imageId]);
    const look = like?.look ?? { lower: 0, upper: WHITE, invert: false };
    this.viewport.setProperties({ voiRange: { lower: look.lower, upper: look.upper }, invert: look.invert });
    this.shown = picture;
    this.fit();
  }

  private clear(): void {
    for (const imageId of this.viewport.getImageIds()) cache.removeImageLoadObject(imageId);
    this.shown = null;
  }

  get window(): Window {
    return this.viewport.getProperties().voiRange ?? { lower: 0, upper: WHITE };
  }

  set window(range: Window) {
    this.viewport.setProperties({ voiRange: range });
    this.viewport.render();
  }

  get look(): Look {
    return { ...this.window, invert: this.viewport.getProperties().invert ?? false };
  }

  // Look like another screen; nothing where it does already, so that two may follow each other.
  follow({ look }: Screen): void {
    const { lower, upper, invert } = look;
    const own = this.look;
    if (own.lower === lower && own.upper === upper && own.invert === invert) return;
    this.viewport.setProperties({ voiRange: { lower, upper }, invert });
    this.viewport.render();
  }

  // Shift the window by a share of the range, and widen it by a factor.
  adjust(shift: number, factor: number): void {
    const { lower, upper } = this.window;
    const middle = (lower + upper) / 2 + shift * WHITE;
    const half = Math.max(WHITE / 512, ((upper - lower) / 2) * factor);
    this.window = { lower: middle - half, upper: middle + half };
  }

  invert(): void {
    this.viewport.setProperties({ invert: !this.viewport.getProperties().invert });
    this.viewport.render();
  }

  // Take the room that the page gives now.
  resize(): void {
    engine!.resize(true, false);
    if (this.shown) this.fit();
  }

  fit(): void {
    this.viewport.resetCamera();
    this.viewport.setZoom(FITTED);
    this.viewport.setViewPresentation({ flipHorizontal: this.shown?.mirrored ?? false });
    this.viewport.render();
  }

  // Window, grey and place as they were at first.
  reset(): void {
    this.viewport.setProperties({ voiRange: { lower: 0, upper: WHITE }, invert: false });
    this.fit();
  }

  // Zoom so that the point under `at`, in pixels of the element, stays where it is; its middle by default.
  zoom(factor: number, at: [number, number] = [this.element.clientWidth / 2, this.element.clientHeight / 2]): void {
    const fixed = this.toImage(at);
    this.viewport.setZoom(Math.min(64, Math.max(0.25, this.viewport.getZoom() * factor)));
    const moved = this.toScreen(fixed);
    this.pan(at[0] - moved[0], at[1] - moved[1]);
  }

  pan(right: number, down: number): void {
    const [x, y] = this.viewport.getPan();
    this.viewport.setPan([x + right, y + down]);
    this.viewport.render();
  }

  toImage(at: [number, number]): Point {
    const [x, y] = this.viewport.canvasToWorld(at);
    return [y, x];
  }

  toScreen([row, column]: Point): [number, number] {
    const [x, y] = this.viewport.worldToCanvas([column, row, 0]);
    return [x, y];
  }

  // Pixels of the screen to one of the image.
  get scale(): number {
    const [x0, y0] = this.toScreen([0, 0]);
    const [x1, y1] = this.toScreen([0, 1]);
    return Math.hypot(x1 - x0, y1 - y0);
  }
}

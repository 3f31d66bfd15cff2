// A sheet to write on with finger, pen or mouse: collects strokes and says when the pen has rested.
// Knows nothing of digits, pictures or the server.

import { bounds, trace } from './ink.js';

const REST_MS = 300;
const PEN_WIDTH = 0.075; // of the pad's shorter side
const SMALLEST = 0.06; // of the pad's shorter side: less is a slip of the finger, not a drawing

export class DrawingPad {
  #canvas;
  #handlers;
  #strokes = [];
  #stroke = null;
  #pointer = null;
  #timer;

  /** handlers: onPenDown(), onDrawn(strokes), onTooSmall(), onCleared(). */
  constructor(canvas, handlers) {
    this.#canvas = canvas;
    this.#handlers = handlers;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#up(event));
    canvas.addEventListener('pointercancel', (event) => this.#up(event));
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#redraw());
  }

  /** Takes a fresh sheet. */
  clear() {
    clearTimeout(this.#timer);
    this.#strokes = [];
    this.#stroke = null;
    this.#pointer = null;
    this.#redraw();
    this.#handlers.onCleared();
  }

  #down(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    clearTimeout(this.#timer);
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#stroke = [this.#point(event)];
    this.#strokes.push(this.#stroke);
    this.#redraw();
    this.#handlers.onPenDown();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) this.#stroke.push(this.#point(each));
    this.#redraw();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#stroke = null;
    this.#timer = setTimeout(() => this.#rested(), REST_MS);
  }

  #rested() {
    const box = bounds(this.#strokes);
    const { shorter } = this.#size();
    if (Math.max(box.width, box.height) < SMALLEST * shorter) {
      this.clear();
      this.#handlers.onTooSmall();
    } else {
      this.#handlers.onDrawn(this.#strokes);
    }
  }

  #point(event) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #size() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    return { width, height, shorter: Math.min(width, height) };
  }

  #redraw() {
    const { width, height, shorter } = this.#size();
    const ratio = window.devicePixelRatio || 1;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    // Setting the size, even to the same value, throws the canvas's memory away: only when it has changed.
    if (this.#canvas.width !== pixelWidth) this.#canvas.width = pixelWidth;
    if (this.#canvas.height !== pixelHeight) this.#canvas.height = pixelHeight;
    const context = this.#canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = PEN_WIDTH * shorter;
    trace(context, this.#strokes);
  }
}

// From pen strokes to the picture a digit classifier was trained on: pure geometry and one canvas.
// Handwritten-digit sets (optdigits, MNIST) size-normalise and centre their digits; so does this. Strokes are drawn anew
// at a fixed pen width, so a small drawing gives the same ink as a large one.

const SIDE = 256;
const INK_SHARE = 0.8; // of the side, taken by the ink's longer extent
const PEN_SHARE = 0.16; // of the ink's longer extent: gives as much ink as optdigits have on average

/** strokes: arrays of {x, y}. The smallest rectangle around all points; null when there are none. */
export function bounds(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** Draws smooth lines through the strokes' points in the context's current transform and style. */
export function trace(context, strokes) {
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const stroke of strokes) {
    const [first] = stroke;
    const last = stroke[stroke.length - 1];
    context.beginPath();
    context.moveTo(first.x, first.y);
    for (let i = 1; i < stroke.length - 1; i += 1) {
      const [here, next] = [stroke[i], stroke[i + 1]];
      context.quadraticCurveTo(here.x, here.y, (here.x + next.x) / 2, (here.y + next.y) / 2);
    }
    context.lineTo(last.x, last.y);
    context.stroke();
  }
}

/** The strokes as a PNG: black on white, square, ink centred, its longer extent at INK_SHARE of the side. */
export async function picture(strokes) {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, SIDE, SIDE);

  const box = bounds(strokes);
  const ink = SIDE * INK_SHARE;
  const pen = ink * PEN_SHARE;
  const scale = (ink - pen) / Math.max(box.width, box.height);
  const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  const placed = strokes.map((stroke) =>
    stroke.map(({ x, y }) => ({ x: SIDE / 2 + (x - middle.x) * scale, y: SIDE / 2 + (y - middle.y) * scale })),
  );
  context.strokeStyle = '#000';
  context.lineWidth = pen;
  trace(context, placed);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** Where the arrow keys lead in a graph. Pure functions. */

import { Box } from '../wire/api-types';

const ASIDE = 3; // how much farther a box seems for each pixel that it lies beside the way

/** The nearest box in the direction of an arrow key; null where there is none. */
export function nextBox(boxes: Box[], from: string, key: string): Box | null {
  const start = boxes.find(box => box.step === from);
  if (!start) {
    return null;
  }
  const [x, y] = centre(start);
  let best: Box | null = null;
  let least = Infinity;
  for (const box of boxes) {
    const [dx, dy] = [centre(box)[0] - x, centre(box)[1] - y];
    const [along, aside] = { ArrowRight: [dx, dy], ArrowLeft: [-dx, dy], ArrowDown: [dy, dx], ArrowUp: [-dy, dx] }[
      key
    ] ?? [0, 0];
    const distance = along + ASIDE * Math.abs(aside);
    if (along > 0 && distance < least) {
      [best, least] = [box, distance];
    }
  }
  return best;
}

function centre(box: Box): [number, number] {
  return [box.x + box.width / 2, box.y + box.height / 2];
}

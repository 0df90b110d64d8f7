import { describe, expect, it } from 'vitest';

import { Box } from '../../wire/api-types';
import { nextBox } from '../next-box';
import { fit, fitWidth, pan, resized, reveal, scroll, zoom } from '../viewport';

const WINDOW = { width: 400, height: 300 };
const GRAPH = { width: 1600, height: 600 };

describe('the window onto a graph', () => {
  it('fits the whole graph, in the middle, and does not enlarge a small one', () => {
    expect(fit(GRAPH, WINDOW)).toEqual({ x: 0, y: -300, scale: 0.25 });
    expect(fit({ width: 200, height: 100 }, WINDOW)).toEqual({ x: -100, y: -100, scale: 1 });
  });

  it('fits the width of a column, from the top on', () => {
    expect(fitWidth({ width: 800, height: 6000 }, WINDOW)).toEqual({ x: 0, y: 0, scale: 0.5 });
    expect(fitWidth({ width: 100, height: 6000 }, WINDOW)).toEqual({ x: -150, y: 0, scale: 1 });
  });

  it('keeps what is in the middle when the window gets another size', () => {
    const narrow = { width: 100, height: 300 };
    expect(resized({ x: 0, y: 0, scale: 0.5 }, WINDOW, narrow)).toEqual({ x: 300, y: 0, scale: 0.5 });
  });

  it('moves with the wheel as far as there is more of the graph, and then lets the page move', () => {
    const here = { x: 0, y: 0, scale: 1 };
    expect(scroll(here, 0, 100, GRAPH, WINDOW)).toEqual({ x: 0, y: 100, scale: 1 });
    expect(scroll(here, 0, 1000, GRAPH, WINDOW)).toEqual({ x: 0, y: 300, scale: 1 });
    expect(scroll(here, 0, -100, GRAPH, WINDOW)).toBe(here);
    const inSight = { x: -100, y: -50, scale: 1 };
    expect(scroll(inSight, 30, 30, { width: 200, height: 200 }, WINDOW)).toBe(inSight);
  });

  it('keeps what is under the pointer while it zooms, within limits', () => {
    const zoomed = zoom({ x: 10, y: 20, scale: 1 }, 2, { x: 100, y: 50 });
    expect([zoomed.x + 100 / zoomed.scale, zoomed.y + 50 / zoomed.scale]).toEqual([110, 70]);
    expect(zoom(zoomed, 100, { x: 0, y: 0 }).scale).toBe(2);
  });

  it('never loses the graph out of sight', () => {
    const far = pan({ x: 0, y: 0, scale: 1 }, 10_000, -10_000, GRAPH, WINDOW);
    expect(far).toEqual({ x: 1560, y: -260, scale: 1 });
  });

  it('moves to a step only when it cannot be read where it is, and not beyond the ends of the graph', () => {
    const here = { x: 0, y: 0, scale: 1 };
    const graph = { x: 0, y: 0, ...GRAPH };
    const box = { width: 100, height: 40 };
    expect(reveal(here, { x: 10, y: 10, ...box }, graph, WINDOW)).toBe(here);
    expect(reveal(here, { x: 1000, y: 400, ...box }, graph, WINDOW)).toEqual({ x: 850, y: 270, scale: 1 });
    expect(reveal(here, { x: 1500, y: 560, ...box }, graph, WINDOW)).toEqual({ x: 1200, y: 300, scale: 1 });
    const flat = { ...graph, height: 100 };
    expect(reveal(here, { x: 1000, y: 0, ...box }, flat, WINDOW)).toEqual({ x: 850, y: -100, scale: 1 });
    expect(reveal({ ...here, scale: 0.1 }, { x: 0, y: 0, ...box }, graph, WINDOW).scale).toBe(0.6);
  });
});

describe('the arrow keys', () => {
  const box = (step: string, x: number, y: number) => ({ step, x, y, width: 90, height: 40 }) as Box;
  const boxes = [box('a', 100, 0), box('b', 0, 100), box('c', 200, 100), box('d', 90, 200)];

  it('lead to the nearest box in their direction, and nowhere at the end', () => {
    const to = (from: string, key: string) => nextBox(boxes, from, key)?.step ?? null;
    expect([to('b', 'ArrowRight'), to('c', 'ArrowLeft'), to('d', 'ArrowUp')]).toEqual(['c', 'b', 'a']);
    expect([to('a', 'ArrowUp'), to('nowhere', 'ArrowDown')]).toEqual([null, null]);
  });
});

/** What the whole graph is fitted to: a window that its page makes as large as there is room, or the width of a column. */
export type Shape = 'window' | 'column';

/** Which part of a graph is in sight, and how large. Pure functions; a place is a point of the graph in its own pixels. */

export interface Size {
  width: number;
  height: number;
}

/** A rectangle in a graph. */
export interface Area extends Size {
  x: number;
  y: number;
}

/** The graph's place in the upper left corner of the window, and how many pixels of the screen one of its pixels takes. */
export interface Viewport {
  x: number;
  y: number;
  scale: number;
}

export const MAX_SCALE = 2;
const MIN_SCALE = 0.02;
const READABLE = 0.6; // the scale from which on the names of steps can be read

/** The whole graph in the middle of the window, not larger than it was made. */
export function fit(graph: Size, window: Size): Viewport {
  const scale = clamp(Math.min(window.width / graph.width, window.height / graph.height), MIN_SCALE, 1);
  return {
    x: (graph.width - window.width / scale) / 2,
    y: Math.min(0, (graph.height - window.height / scale) / 2),
    scale
  };
}

/** The whole width of the graph, from its top on, not larger than it was made. */
export function fitWidth(graph: Size, window: Size): Viewport {
  const scale = clamp(window.width / graph.width, MIN_SCALE, 1);
  return { x: (graph.width - window.width / scale) / 2, y: 0, scale };
}

/** The same place under the given point of the window, larger by a factor. */
export function zoom(from: Viewport, factor: number, at: { x: number; y: number }): Viewport {
  const scale = clamp(from.scale * factor, MIN_SCALE, MAX_SCALE);
  return { x: from.x + at.x / from.scale - at.x / scale, y: from.y + at.y / from.scale - at.y / scale, scale };
}

/** The same place in the middle of a window that has become larger or smaller. */
export function resized(from: Viewport, before: Size, after: Size): Viewport {
  const { x, y, scale } = from;
  return { x: x + (before.width - after.width) / 2 / scale, y: y + (before.height - after.height) / 2 / scale, scale };
}

/** Moved by pixels of the screen, but never so far that nothing of the graph is in sight. */
export function pan(from: Viewport, dx: number, dy: number, graph: Size, window: Size): Viewport {
  const keep = 40 / from.scale; // what stays in sight
  return {
    x: clamp(from.x + dx / from.scale, keep - window.width / from.scale, graph.width - keep),
    y: clamp(from.y + dy / from.scale, keep - window.height / from.scale, graph.height - keep),
    scale: from.scale
  };
}

/** Moved by pixels of the screen as far as there is more of the graph in that direction; unchanged where there is none. */
export function scroll(from: Viewport, dx: number, dy: number, graph: Size, window: Size): Viewport {
  const x = scrolled(from.x, dx / from.scale, graph.width - window.width / from.scale);
  const y = scrolled(from.y, dy / from.scale, graph.height - window.height / from.scale);
  return x === from.x && y === from.y ? from : { x, y, scale: from.scale };
}

/**
 * A part of a graph as near to the middle of the window as the graph goes, large enough to be read; unchanged if it can be
 * read already.
 */
export function reveal(from: Viewport, part: Area, graph: Area, window: Size): Viewport {
  const scale = Math.max(from.scale, READABLE);
  const [width, height] = [window.width / scale, window.height / scale];
  const isInside =
    part.x >= from.x &&
    part.x + part.width <= from.x + width &&
    part.y >= from.y &&
    part.y + part.height <= from.y + height;
  if (isInside && scale === from.scale) {
    return from;
  }
  return {
    x: centred(part.x + part.width / 2, width, graph.x, graph.width),
    y: centred(part.y + part.height / 2, height, graph.y, graph.height),
    scale
  };
}

/** Where a window begins that has a place in its middle and nothing beyond the ends; the middle of what is shorter than it. */
function centred(place: number, length: number, start: number, all: number): number {
  return all <= length ? start + (all - length) / 2 : clamp(place - length / 2, start, start + all - length);
}

function scrolled(at: number, by: number, end: number): number {
  return by < 0 ? Math.min(at, Math.max(at + by, 0)) : Math.max(at, Math.min(at + by, end));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

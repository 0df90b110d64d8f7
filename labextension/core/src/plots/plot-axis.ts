/** The axes of plots: the place of each value from 0 to 1, and the values that are written beside them. */

import { valueText } from '../format';

const DECADES = 100; // from the smallest to the largest value: above it an axis is logarithmic
const PAD = 0.05; // of an axis, free at both ends
const MAX_CATEGORIES = 12; // that are written beside an axis

export interface Tick {
  place: number;
  text: string;
}

export interface PlotAxis {
  ticks: Tick[];
  log: boolean;
  /** The place of a value from 0 to 1; null for one that the axis does not have. */
  place(value: unknown): number | null;
  /** What is at a place, as text: a number, or the nearest of the values. */
  textAt(place: number): string;
}

/** Whether a value can stand on an axis of numbers. */
export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** An axis for values: of numbers if all are numbers, else with a place for each value. `room`: how many ticks fit. */
export function plotAxis(values: unknown[], room: number): PlotAxis {
  const known = values.filter(value => value !== undefined);
  return known.length > 0 && known.every(isNumber) ? numberAxis(known, room) : categoryAxis(known);
}

function categoryAxis(values: unknown[]): PlotAxis {
  const texts = [...new Set(values.map(valueText))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const places = new Map(texts.map((text, at) => [text, (at + 0.5) / texts.length]));
  const stride = Math.ceil(texts.length / MAX_CATEGORIES);
  return {
    ticks: texts.map((text, at) => ({ place: (at + 0.5) / texts.length, text })).filter((_, at) => at % stride === 0),
    log: false,
    place: value => places.get(valueText(value)) ?? null,
    textAt: place => texts[Math.max(0, Math.min(texts.length - 1, Math.floor(place * texts.length)))] ?? ''
  };
}

function numberAxis(values: number[], room: number): PlotAxis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const log = low > 0 && high / low >= DECADES;
  const scale = (value: number) => (log ? Math.log10(value) : value);
  const back = (scaled: number) => (log ? 10 ** scaled : scaled);
  const span = scale(high) - scale(low) || Math.abs(scale(low)) * 0.2 || 1;
  const middle = (scale(high) + scale(low)) / 2;
  const place = (value: number) => 0.5 + ((scale(value) - middle) / span) * (1 - 2 * PAD);
  const scaledAt = (at: number) => middle + ((at - 0.5) / (1 - 2 * PAD)) * span;
  const marks = log ? powers(low, high, room) : roundNumbers(scaledAt(0), scaledAt(1), room);
  return {
    ticks: marks
      .map(value => ({ place: place(value), text: valueText(value) }))
      .filter(tick => tick.place >= 0 && tick.place <= 1),
    log,
    place: value => (isNumber(value) && (!log || value > 0) ? place(value) : null),
    textAt: at => String(Number(back(scaledAt(at)).toPrecision(3)))
  };
}

/** Powers of ten around the values, or the two ends where fewer than two of them are between. */
function powers(low: number, high: number, room: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const step = Math.max(1, Math.ceil((last - first) / room));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => Number(`1e${first + at * step}`));
}

/** Round numbers between two. */
export function roundNumbers(low: number, high: number, room: number): number[] {
  const rough = (high - low) / Math.max(room, 1);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => unit * factor).find(one => one >= rough * 0.999)!;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

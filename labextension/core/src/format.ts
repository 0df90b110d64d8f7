/** Durations, times, sizes, values and errors as text. */

export { formatDuration } from './format-duration';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes in a unit that gives a short number: `24.1 kB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const number = bytes / 1000 ** power;
  return `${number.toFixed(power === 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2)} ${UNITS[power]}`;
}

/** The time at which a run started; without the date if it is today. */
export function formatStart(seconds: number): string {
  const time = new Date(seconds * 1000);
  const today = time.toDateString() === new Date().toDateString();
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return today ? clock : `${time.toLocaleDateString()} ${clock}`;
}

/** A value as tables show it: text unchanged, whole numbers too, others with six digits at most, and everything else as JSON. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') {
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  }
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** What a caught error says. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

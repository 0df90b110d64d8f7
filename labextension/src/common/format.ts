/** Durations, times and sizes as text. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A duration in few characters: `0.4 s`, `12 s`, `3:05 min`, `2:10 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) {
    return `${Math.max(0, seconds).toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const twoDigits = (n: number) => String(n).padStart(2, '0');
  if (whole < 3600) {
    return `${Math.floor(whole / 60)}:${twoDigits(whole % 60)} min`;
  }
  return `${Math.floor(whole / 3600)}:${twoDigits(Math.floor((whole % 3600) / 60))} h`;
}

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

/** A time in microseconds since 1970, in UTC: `2026-11-22T20:19:48.123456Z`. */
export function isoTime(time: number): string {
  return `${new Date(Math.floor(time / 1000)).toISOString().slice(0, -1)}${digits(time % 1000, 3)}Z`;
}

/** The same as a clock on the wall shows it, to the millisecond: `21:19:48.123`. */
export function clockTime(time: number): string {
  const date = new Date(Math.floor(time / 1000));
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds, 2)}.${digits(date.getMilliseconds(), 3)}`;
}

const digits = (number: number, width: number) => String(number).padStart(width, '0');

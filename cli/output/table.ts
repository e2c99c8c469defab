import { outputWidth } from './streams.js';
import { wrap } from './wrap.js';

/** A column of a table: its heading, and the side that its cells are flush with. */
export interface Column {
  heading: string;
  align?: 'left' | 'right';
}

/** How a cell is painted; it may add color, not width. */
export type Paint = (text: string, column: number) => string;

/** Below this a last column is not narrowed: the terminal breaks the line better than we would. */
const NARROWEST = 12;

/**
 * Sets rows in columns as wide as their widest cell, two spaces apart, under their headings. Where that is too much for the
 * terminal, the last column goes on in further lines. Cells are measured before they are painted, so color does not shift
 * anything.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint = (text) => text,
  width = outputWidth(),
): string {
  const headings = columns.map(({ heading }) => heading);
  const widths = columns.map((_, index) =>
    Math.max(...[headings, ...rows].map((row) => (row[index] ?? '').length)),
  );
  const last = columns.length - 1;
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0);
  const room = Math.max(width - before, NARROWEST);

  const line = (row: readonly string[], decorate: Paint) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? '';
        const gap = ' '.repeat(Math.max((widths[index] ?? 0) - cell.length, 0));
        return align === 'right' ? gap + decorate(cell, index) : decorate(cell, index) + gap;
      })
      .join('  ')
      .trimEnd();
  const lines = (row: readonly string[]) => {
    const [first = '', ...more] = wrap(row[last] ?? '', room);
    return [
      line([...row.slice(0, last), first], paint),
      ...more.map((rest) => ' '.repeat(before) + paint(rest, last)),
    ];
  };
  return [line(headings, (text) => text), ...rows.flatMap(lines)].join('\n');
}

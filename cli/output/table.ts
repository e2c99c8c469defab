/** A column of a table: its heading, and the side that its cells are flush with. */
export interface Column {
  heading: string;
  align?: 'left' | 'right';
}

/** How a cell is painted; it may add color, not width. */
export type Paint = (text: string, column: number) => string;

/**
 * Sets rows in columns as wide as their widest cell, two spaces apart, under their headings.
 * Cells are measured before they are painted, so color does not shift anything.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint = (text) => text,
): string {
  const headings = columns.map(({ heading }) => heading);
  const widths = columns.map((_, index) =>
    Math.max(...[headings, ...rows].map((row) => (row[index] ?? '').length)),
  );
  const line = (row: readonly string[], decorate: Paint) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? '';
        const gap = ' '.repeat((widths[index] ?? 0) - cell.length);
        return align === 'right' ? gap + decorate(cell, index) : decorate(cell, index) + gap;
      })
      .join('  ')
      .trimEnd();
  return [line(headings, (text) => text), ...rows.map((row) => line(row, paint))].join('\n');
}

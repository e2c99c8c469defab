/**
 * Waits for long work, and shows on a terminal that it goes on: a line on standard error with the seconds that have passed,
 * which goes away at the end. Elsewhere it shows nothing, so that logs hold lines that mean something.
 */
export async function withProgress<Result>(what: string, work: Promise<Result>): Promise<Result> {
  const { stderr } = process;
  if (!stderr.isTTY || process.env.TERM === 'dumb') return work;
  let seconds = 0;
  const show = () => {
    seconds++;
    const time = `  ${seconds} s`;
    const room = Math.max((stderr.columns || 80) - time.length - 1, 0);
    stderr.write(`\r\u001b[K${what.slice(0, room)}${time}`);
  };
  const timer = setInterval(show, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (seconds > 0) stderr.write('\r\u001b[K');
  }
}

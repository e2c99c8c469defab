import type { TraceStep } from '../../lib/balancer/index.js';

/**
 * A step of a traced client's story as an event of `toa lb run --json`.
 * @param links the links' interfaces, by their positions
 */
export function traceEvent(
  { time, link, packet, verdict, note, sent, counted, connection }: TraceStep,
  links: readonly string[],
): object {
  return {
    event: 'trace',
    milliseconds: time,
    link: link === undefined ? null : links[link],
    packet,
    verdict,
    note: note ?? null,
    sent: sent.map((frame) => ({ link: links[frame.link], packet: frame.packet })),
    counted,
    connection: connection ?? null,
  };
}

/** The same for people: the packet, below it what was sent because of it, and why it went no further. */
export function traceLines(
  { time, link, packet, verdict, note, sent, counted, connection }: TraceStep,
  links: readonly string[],
): string {
  const came = link === undefined ? 'own' : `in ${links[link]}`;
  const state = connection === undefined ? 'no connection' : `${connection.state}, ${connection.realServer}`;
  const reasons = Object.entries(counted).filter(([name]) => !EVERYDAY.has(name));
  const why = reasons.map(([name, value]) => (value === 1 ? name : `${name} ${value}`));
  return [
    `${(time / 1000).toFixed(3)} ${came}  ${packet}`,
    ...sent.map((frame) => `    out ${links[frame.link]}  ${frame.packet}`),
    `    ${[verdict, state, ...why, ...(note === undefined ? [] : [note])].join(', ')}`,
  ].join('\n');
}

/** What every packet is counted as. */
const EVERYDAY: ReadonlySet<string> = new Set(['frames-in', 'frames-forwarded']);

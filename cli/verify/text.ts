import kleur from 'kleur';
import { type Endpoint, formatEndpoint } from '../../lib/net/address.js';
import { clockTime } from '../capture/time.js';
import { table } from '../output/table.js';
import type { VerifiedConnection } from './live.js';
import type { VerifiedRequest } from './request.js';
import { failures, type Verdict, type VerdictName } from './verdict.js';

/** A line for a connection: when, from whom, what the wire said, the verdict and why. */
export function connectionLine({ wire, verdict }: VerifiedConnection): string {
  const said = wire.client ? `${text(wire.client)} on ${wire.carriedBy.join(',')}` : 'no client';
  return `${clockTime(wire.time)}  ${text(wire.peer)} to port ${wire.server.port}, ${said}  ${judged(verdict)}`;
}

/** A line for a request of our own. */
export function requestLine({ url, client, verdict }: VerifiedRequest): string {
  return `${clockTime(Date.now() * 1000)}  ${client ? text(client) : 'we'} to ${url}  ${judged(verdict)}`;
}

function judged({ verdict, reason }: Verdict): string {
  return `${paint(verdict)}: ${reason}`;
}

function paint(verdict: VerdictName): string {
  if (failures.includes(verdict)) return kleur.red(verdict);
  return verdict === 'unknown' ? kleur.yellow(verdict) : kleur.green(verdict);
}

/** What was found in all, and what to do about it. */
export class Tally {
  readonly #verdicts = new Map<VerdictName, number>();
  readonly #remedies = new Map<string, number>();

  add({ verdict, remedy }: Verdict): void {
    this.#verdicts.set(verdict, this.count(verdict) + 1);
    if (remedy !== undefined) this.#remedies.set(remedy, (this.#remedies.get(remedy) ?? 0) + 1);
  }

  count(...verdicts: readonly VerdictName[]): number {
    return verdicts.reduce((sum, verdict) => sum + (this.#verdicts.get(verdict) ?? 0), 0);
  }

  get total(): number {
    return this.count(...this.#verdicts.keys());
  }

  json(): object {
    return { connections: this.total, verdicts: Object.fromEntries(this.#verdicts) };
  }

  text(): string {
    if (this.total === 0) return 'no connection was seen';
    const rows = [...this.#verdicts].map(([verdict, count]) => [verdict, String(count)]);
    const shown = table([{ heading: 'VERDICT' }, { heading: 'CONNECTIONS', align: 'right' }], rows);
    const remedies = [...this.#remedies].sort(([, one], [, other]) => other - one);
    return [shown, ...remedies.map(([remedy, count]) => `To do (${count}): ${remedy}`)].join('\n');
  }
}

const text = ({ address, port }: Endpoint) => formatEndpoint(address, port);

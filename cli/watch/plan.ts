import { InvalidArgumentError } from 'commander';
import { FILTER_PORTS_MAX, type ObserverOptions } from '../../lib/capture/index.js';
import { ToaError } from '../../lib/errors.js';
import { parseCidr } from '../../lib/net/address.js';
import { compileTrust } from '../../lib/receiver/trust.js';
import { acceptFormats } from '../../lib/toa/index.js';
import { formatNames } from '../capture/formats.js';
import { wholeNumber } from '../whole-number.js';

/** What `toa watch` was told. */
export interface WatchOptions {
  readonly port?: readonly number[];
  readonly filter?: readonly string[];
  readonly trust?: string;
  readonly formats: string;
  readonly odd?: boolean;
  readonly read?: string;
  readonly write?: string;
  readonly count?: number;
  readonly duration?: number;
  readonly maxConnections: number;
  readonly json?: boolean;
}

/** What the observer is to look for. @throws ToaError ERR_TOA_TRUST, ERR_TOA_FORMAT */
export function observerOptions(options: WatchOptions): Omit<ObserverOptions, 'onConnection'> {
  const { port, filter, trust, formats, maxConnections } = options;
  const within = filter && compileTrust(filter);
  return {
    formats: acceptFormats(formatNames(formats)),
    maxConnections,
    ...(port && { ports: new Set(port) }),
    ...(trust !== undefined && { trust: compileTrust(trust) }),
    ...(within && { follow: (peer, server) => within(peer) || within(server) }),
  };
}

/** Refuses what does not go together. @throws ToaError ERR_TOA_USAGE */
export function checkTogether(name: string | undefined, { read, duration }: WatchOptions): void {
  if (read === undefined) return;
  if (name !== undefined) throw usage(`-r ${read} and the interface ${name}`, 'only one of them');
  if (duration !== undefined) throw usage(`-r ${read} and --duration`, 'only one of them');
}

function usage(given: string, wanted: string): ToaError {
  return new ToaError('ERR_TOA_USAGE', `given ${given}, wanted ${wanted}`);
}

const port = wholeNumber(1, 65_535);

/** Reads `80,443`, added to what was given before. */
export function portList(text: string, before: readonly number[] = []): number[] {
  const ports = [...before, ...text.split(',').map(port)];
  if (ports.length <= FILTER_PORTS_MAX) return ports;
  throw new InvalidArgumentError(`Wanted at most ${FILTER_PORTS_MAX} ports.`);
}

/** Reads `10.0.0.0/8,fd00::/8`, added to what was given before. */
export function blockList(text: string, before: readonly string[] = []): string[] {
  const blocks = text.split(',');
  const wrong = blocks.find((block) => parseCidr(block)?.hostBits !== false);
  if (wrong === undefined) return [...before, ...blocks];
  throw new InvalidArgumentError(`${wrong} is no address or CIDR block.`);
}

import { constants } from 'node:os';
import { ToaError } from '../errors.js';
import { nativeError } from '../native-error.js';
import { hostConflicts } from './host-conflicts.js';
import { NftTable } from './nft-table.js';
import { shieldRules } from './shield-rules.js';

/**
 * Keeps the host from handling the balancer's frames as well, from its creation to `remove()`. One left by a crash stays up
 * until the next balancer replaces it.
 * @throws ToaError ERR_TOA_SHIELD where nftables cannot be used and the host would answer or forward
 */
export class Shield {
  readonly #table: NftTable | undefined;

  constructor(interfaces: readonly string[], addresses: readonly string[]) {
    for (const device of interfaces) {
      if (/["\\\p{Cc}]/u.test(device)) {
        throw new ToaError(
          'ERR_TOA_SHIELD',
          `interface ${JSON.stringify(device)} cannot be named to nftables`,
        );
      }
    }
    try {
      this.#table = new NftTable('netdev', shieldRules(interfaces, addresses));
    } catch (error) {
      refuseConflicts(error, interfaces, addresses);
    }
  }

  /** Name of the nftables table in the family netdev; undefined where none is needed and none could be made. */
  get table(): string | undefined {
    return this.#table?.name;
  }

  /** Takes the shield away. Safe to call twice, and when the interface has gone in the meantime. */
  remove(): void {
    this.#table?.remove();
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function refuseConflicts(error: unknown, interfaces: readonly string[], addresses: readonly string[]): void {
  const conflicts = hostConflicts(interfaces, addresses);
  if (conflicts.length === 0) return;
  const said = error instanceof Error ? error.message : String(error);
  if (/Operation not permitted/.test(said)) throw nativeError('shield the host', -constants.errno.EPERM);
  throw new ToaError('ERR_TOA_SHIELD', `the host cannot be kept out: ${conflicts.join('; ')}. ${said}`, {
    cause: error,
    hint: 'install nftables and run as root, or take the addresses off the host and switch forwarding off',
  });
}

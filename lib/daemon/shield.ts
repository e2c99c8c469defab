import { constants } from 'node:os';
import { ToaError } from '../errors.js';
import { nativeError } from '../native-error.js';
import { hostConflicts } from './host-conflicts.js';
import { NftTable } from './nft-table.js';
import { shieldRules } from './shield-rules.js';
import type { Shielded } from './shielded.js';

/**
 * Keeps the host from handling the balancer's frames as well, from its creation to `remove()`. One left by a crash stays up
 * until the next balancer replaces it.
 * @throws ToaError ERR_TOA_SHIELD where nftables cannot be used and the host would answer or forward
 */
export class Shield {
  readonly #interfaces: readonly string[];
  #table: NftTable | undefined;

  constructor(interfaces: readonly string[], shielded: Shielded) {
    for (const device of interfaces) {
      if (/["\\\p{Cc}]/u.test(device)) {
        throw new ToaError(
          'ERR_TOA_SHIELD',
          `interface ${JSON.stringify(device)} cannot be named to nftables`,
        );
      }
    }
    this.#interfaces = interfaces;
    this.cover(shielded);
  }

  /**
   * Shields this from now on, and nothing else; without a gap for what it was before too.
   * @throws ToaError ERR_TOA_SHIELD as above; then the shield is as it was
   */
  cover(shielded: Shielded): void {
    const rules = shieldRules(this.#interfaces, shielded);
    try {
      if (this.#table === undefined) this.#table = new NftTable('netdev', rules);
      else this.#table.replace(rules);
    } catch (error) {
      refuseConflicts(error, this.#interfaces, shielded.addresses);
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

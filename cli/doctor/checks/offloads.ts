import { run } from '../../module/command.js';
import { type Check, ok, unknown, warning } from '../check.js';
import { interfacesOf } from '../interfaces.js';

/**
 * LRO joins segments whose options differ, and keep those of one. GRO, in hardware too, and TSO join only what can be taken apart
 * again (networking/netdev-features.rst); their packets are longer than the MTU, and their checksums are filled in by the card.
 */
const harmful = 'large-receive-offload';

/** Offloads that hide segments from captures, and from the module. */
export const offloads: Check = {
  name: 'offloads',
  run: async ({ system }) => {
    const interfaces = interfacesOf(system);
    if (interfaces.length === 0) return ok('no interface is up');
    if (!system.hasProgram('ethtool')) return unknown('ethtool is not here to tell', 'install ethtool');
    const found: string[] = [];
    for (const name of interfaces) {
      const { stdout } = await run(system.command('ethtool', '-k', name));
      if (enabledFeatures(stdout).includes(harmful)) found.push(name);
    }
    const [first] = found;
    if (first === undefined) return ok(`${interfaces.join(', ')}: no LRO`);
    return warning(
      `${found.join(', ')}: LRO joins segments, and options are lost`,
      `sudo ethtool -K ${first} lro off`,
    );
  },
};

/** The features that are on, out of what `ethtool -k` prints. */
export function enabledFeatures(text: string): string[] {
  return [...text.matchAll(/^\s*([\w-]+): on\b/gm)].map(([, name]) => name!);
}

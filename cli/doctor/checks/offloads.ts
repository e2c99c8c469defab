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
    const silent: string[] = [];
    for (const name of interfaces) {
      const { stdout } = await run(system.command('ethtool', '-k', name));
      const state = featureState(stdout, harmful);
      if (state === undefined) silent.push(name);
      else if (state === 'on') found.push(name);
    }
    const [first] = found;
    if (first !== undefined) {
      return warning(
        `${found.join(', ')}: LRO joins segments, and options are lost`,
        `sudo ethtool -K ${first} lro off`,
      );
    }
    if (silent.length > 0)
      return unknown(`ethtool does not tell of ${silent.join(', ')}`, `look at ethtool -k ${silent[0]}`);
    return ok(`${interfaces.join(', ')}: no LRO`);
  },
};

/** What `ethtool -k` says of a feature; undefined where it does not know it. */
export function featureState(text: string, feature: string): string | undefined {
  return new RegExp(`^\\s*${feature}: (on|off)\\b`, 'm').exec(text)?.[1];
}

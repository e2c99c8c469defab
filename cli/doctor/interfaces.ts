import type { System } from '../module/system.js';

const IFF_UP = 1;
const IFF_LOOPBACK = 8;

/** Names of the network interfaces that are up, but for the loopback. Flags are those of linux/if.h. */
export function interfacesOf(system: System): string[] {
  return system.list('/sys/class/net').filter((name) => {
    const flags = Number(system.read(`/sys/class/net/${name}/flags`) ?? 0);
    return (flags & (IFF_UP | IFF_LOOPBACK)) === IFF_UP;
  });
}

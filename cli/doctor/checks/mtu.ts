import { type Check, ok, warning } from '../check.js';
import { interfacesOf } from '../interfaces.js';

/** What an Ethernet carries; less means a tunnel, or an overlay. */
const ETHERNET = 1500;
/** Headers of IPv6 and TCP, and the option with an IPv6 address: 40 + 20 + 20 bytes. */
const HEADERS = 80;

/**
 * The option takes 8 or 20 bytes of a segment in the forms that are the default. One that is full already has no room for it, and balancers then leave it away;
 * so the balancer has to announce a smaller MSS to clients than the way to the server would allow.
 */
export const mtu: Check = {
  name: 'MTU and MSS',
  run: ({ system }) => {
    const interfaces = interfacesOf(system).map((name) => ({
      name,
      mtu: Number(system.read(`/sys/class/net/${name}/mtu`)),
    }));
    const least = Math.min(...interfaces.map((one) => one.mtu));
    const each = interfaces.map((one) => `${one.name} ${one.mtu}`).join(', ');
    if (interfaces.length === 0) return ok('no interface is up');
    const room = `clients must be told an MSS of at most ${least - HEADERS}`;
    return least >= ETHERNET
      ? ok(`${each}: ${room}`)
      : warning(
          `${each}: less than Ethernet's ${ETHERNET}; ${room}`,
          'lower the MSS on the balancer, or raise the MTU',
        );
  },
};

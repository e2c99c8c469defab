import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';

/**
 * Who probes and who is probed, over one cable:
 *
 *   prober 10.0.0.1, fd00::1 ──── 10.0.0.2, fd00::2 server
 */
export function layProber(network: Network): { prober: Namespace; server: Namespace } {
  const prober = network.namespace('prober');
  const server = network.namespace('server');
  network.cable(
    { namespace: prober, device: 'eth0', addresses: ['10.0.0.1/24', 'fd00::1/64'] },
    { namespace: server, device: 'eth0', addresses: ['10.0.0.2/24', 'fd00::2/64'] },
  );
  return { prober, server };
}

import { defaultHalfOpenHigh } from './defaults.js';
import type { Faults } from './faults.js';
import type { ResolvedService } from './model.js';
import type { ServiceDraft } from './shape.js';

/** Only where both directions cross the balancer can it stand between two handshakes. */
export function canShakeHands({ mode, protocol }: Pick<ResolvedService, 'mode' | 'protocol'>): boolean {
  return (mode === 'nat' || mode === 'fullnat') && protocol === 'tcp';
}

/** Whether a service's SYN proxy fits its mode and protocol, and its thresholds each other. */
export function checkSynProxy(
  { synProxy, mode, protocol }: ServiceDraft,
  path: string,
  faults: Faults,
): void {
  if (synProxy === undefined || mode === undefined || protocol === undefined) return;
  if (!canShakeHands({ mode, protocol })) {
    const here = `${mode.toUpperCase()} over ${protocol.toUpperCase()}`;
    const wanted = `nothing, as it takes NAT or FULLNAT over TCP, where both directions cross the balancer, not ${here}`;
    faults.add(`${path}.synProxy`, synProxy, wanted);
    return;
  }
  const { timestamp, halfOpenHigh: high = defaultHalfOpenHigh, halfOpenLow: low } = synProxy;
  if (timestamp === true && mode === 'fullnat') {
    const wanted = "false, as FULLNAT's clients share addresses, which timestamps do not survive";
    faults.add(`${path}.synProxy.timestamp`, true, wanted);
  }
  if (low !== undefined && low > high) {
    faults.add(`${path}.synProxy.halfOpenLow`, low, `at most ${path}.synProxy.halfOpenHigh, ${high}`);
  }
}

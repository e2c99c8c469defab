import type { Profile } from '../config/model.js';
import { STATES, type State } from './state.js';

/**
 * By state, 1 where a real server's connection counts as active. Linux 6.12: tcp_state_active_table in
 * ip_vs_proto_tcp.c; the others: ESTABLISHED alone. UDP never: it is bound as inactive, and stays so.
 */
export function activeStates(profile: Profile): Uint8Array {
  const active: readonly State[] =
    profile === 'kernel' ? ['established', 'synSent', 'synReceived', 'synAck'] : ['established'];
  return Uint8Array.from(STATES, (state) => (active.includes(state) ? 1 : 0));
}

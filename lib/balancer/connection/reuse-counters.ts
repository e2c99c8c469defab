import { COUNTER } from '../counters.js';
import { STATES, type State } from './state.js';

/** No packet begins a connection anew in another state, but where it was not open yet. */
const OVER: Partial<Record<State, 'close' | 'time-wait' | 'fin-wait' | 'close-wait'>> = {
  close: 'close',
  timeWait: 'time-wait',
  finWait: 'fin-wait',
  closeWait: 'close-wait',
};

/** By the state that a connection was in which begins anew: the counter beside the sum, as Alibaba's LVS has them. */
export function reuseCounters(sum: 'connections-reused' | 'syn-proxy-reused'): Uint16Array {
  return Uint16Array.from(STATES, (state) => COUNTER[`${sum}-${OVER[state] ?? 'half-open'}`]);
}

import { COUNTER } from '../counters.js';
import { STATES, type State } from './state.js';

const OVER: Partial<Record<State, 'close' | 'time-wait' | 'fin-wait' | 'close-wait'>> = {
  close: 'close',
  timeWait: 'time-wait',
  finWait: 'fin-wait',
  closeWait: 'close-wait',
};

/**
 * By the state that a connection was in which begins anew: the counter beside the sum, as Alibaba's LVS has them. No SYN
 * proxy begins an open one anew, and no packet leads to the states without a counter.
 */
export function reuseCounters(sum: 'connections-reused' | 'syn-proxy-reused'): Uint16Array {
  return Uint16Array.from(STATES, (state) => {
    if (state === 'established' && sum === 'connections-reused') return COUNTER[`${sum}-established`];
    return COUNTER[`${sum}-${OVER[state] ?? 'half-open'}`];
  });
}

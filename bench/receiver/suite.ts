import { progress } from '../support/progress.js';
import { interleave } from '../support/rounds.js';
import { type Summary, summarize, summarizeRounds } from '../support/statistics.js';
import { type CallCosts, callCosts } from './call-cost.js';
import { connectionRate } from './connection-rate.js';

export interface ReceiverResults {
  /** Connections per second of an http server without attach() and with it. */
  connectionsPerSecond: { plain: Summary; attached: Summary };
  /** Nanoseconds. */
  calls: Record<keyof CallCosts, Summary>;
}

/** Measures what the receiver costs a Node server; a load lasts `seconds` in each round. */
export async function benchReceiver(rounds: number, seconds: number): Promise<ReceiverResults> {
  const kinds = [{ name: 'plain' }, { name: 'attached' }] as const;
  const rates = await interleave(kinds, rounds, ({ name }) => connectionRate(name, seconds));
  await callCosts(); // until the compiler is done with them
  const calls: CallCosts[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round}/${rounds} calls`);
    calls.push(await callCosts());
  }
  return {
    connectionsPerSecond: {
      plain: summarize(rates.get('plain')!),
      attached: summarize(rates.get('attached')!),
    },
    calls: summarizeRounds(calls),
  };
}

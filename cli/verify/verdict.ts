/**
 * `recovered`: the server's owner gets the client. `lost`: it does not, though there is a balancer; `wrong`: it gets another one.
 * `direct`: there was no balancer, and the peer is the client. `unknown`: it cannot be known from here. `no-answer`: of a
 * request of our own, nobody answered it.
 */
export type VerdictName = 'recovered' | 'lost' | 'wrong' | 'direct' | 'unknown' | 'no-answer';

export interface Verdict {
  readonly verdict: VerdictName;
  readonly reason: string;
  /** What to do next. */
  readonly remedy?: string;
}

/** Verdicts with which a check has failed. */
export const failures: readonly VerdictName[] = ['lost', 'wrong', 'no-answer'];

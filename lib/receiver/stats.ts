/** What became of the connections that a server has accepted since attach(). Every connection counts in exactly one outcome. */
export interface ReceiverStats {
  /** A client, told by the receiver in the kernel. */
  readonly module: number;
  /** A client, read from the saved SYN. */
  readonly savedSyn: number;
  /** A trusted peer, and a SYN without an accepted option. */
  readonly missing: number;
  /** A trusted peer, and no saved SYN: the kernel had answered with SYN cookies, or had not been asked to keep it yet. */
  readonly noSyn: number;
  /** A trusted peer, and an option that is broken or names no possible client. */
  readonly malformed: number;
  /** A peer that is not trusted had named a client: ignored. */
  readonly untrusted: number;
  /** A peer that is not trusted and named no client: one that came directly. */
  readonly direct: number;
  /** The client was gone before the connection was accepted. */
  readonly gone: number;
  /** No outcome: further valid options in SYNs, behind the first, which wins. A balancer that keeps what its clients wrote. */
  readonly duplicates: number;
}

export type Outcome = Exclude<keyof ReceiverStats, 'duplicates'>;

export function noConnections(): Record<keyof ReceiverStats, number> {
  return {
    module: 0,
    savedSyn: 0,
    missing: 0,
    noSyn: 0,
    malformed: 0,
    untrusted: 0,
    direct: 0,
    gone: 0,
    duplicates: 0,
  };
}

/**
 * Everything the balancer counts, by name. Each drop, refusal and answer has a counter of its own; the names are part
 * of the public interface. docs/counters.md says what each counts, and which of them Alibaba's LVS has under another name.
 */
const NAMES = [
  // traffic
  'frames-in',
  'frames-forwarded',
  'connections-new',
  'connections-expired',
  'connections-reused',
  'connections-reused-half-open',
  'connections-reused-close',
  'connections-reused-time-wait',
  'connections-reused-fin-wait',
  'connections-reused-close-wait',
  'connections-reused-established',
  'connections-renewed',
  'connections-dropped',
  'persistence-table-full',
  // frames that are dropped before anything is known of them
  'drop-short-frame',
  'drop-not-for-us',
  'drop-unknown-ethertype',
  'drop-bad-ip-header',
  'drop-bad-ip-checksum',
  'drop-bad-ip-length',
  'drop-source-route',
  'drop-bad-tcp-header',
  'drop-bad-udp-header',
  'drop-bad-gso',
  'drop-unsupported-protocol',
  'drop-unknown-address',
  'drop-invalid-source',
  'drop-source-port-0',
  // fragments; those reassembled, timed out and evicted are datagrams
  'fragments-in',
  'fragments-reassembled',
  'fragments-timed-out',
  'fragments-evicted',
  'packets-fragmented',
  'fragments-out',
  'drop-fragment-bad-length',
  'drop-fragment-too-long',
  'drop-fragment-tiny',
  'drop-fragment-overlap',
  'drop-fragment-duplicate',
  'drop-fragment-ecn',
  // new connections
  'drop-no-service',
  'drop-no-real-server',
  'drop-no-local-port',
  'drop-server-side-taken',
  'drop-rate-limited',
  'drop-table-full',
  'drop-stray',
  'drop-no-route',
  // forwarding
  'drop-ttl-expired',
  'drop-too-big',
  'drop-wrong-side',
  'drop-strange-syn-ack',
  'drop-server-removed',
  'drop-server-quiesced',
  'drop-neighbor-queue-full',
  'drop-neighbor-unresolved',
  'drop-neighbor-table-full',
  'drop-out-of-buffers',
  'segments-made',
  // ICMP errors about connections
  'icmp-error-to-client',
  'icmp-error-to-server',
  'icmp-error-noted',
  'drop-icmp-malformed',
  'drop-icmp-checksum',
  'drop-icmp-about-fragment',
  'drop-icmp-not-for-sender',
  'drop-icmp-unknown-connection',
  'drop-icmp-wrong-side',
  'drop-icmp-spoofed-source',
  'drop-icmp-implausible',
  'drop-icmp-untranslatable',
  // answers
  'answer-arp',
  'answer-ndp',
  'answer-echo',
  'answer-reset',
  'answer-icmp-error',
  'answer-icmp-error-limited',
  'reset-on-expiry',
  // neighbors
  'arp-request',
  'neighbor-solicitation',
  'neighbor-learned',
  'neighbor-changed',
  'neighbor-failed',
  'drop-bad-arp',
  'drop-bad-ndp',
  'ignored-arp',
  'ignored-ndp',
  'ignored-icmp',
  // the option
  'toa-added',
  'toa-refused-mtu',
  'toa-refused-header-full',
  'toa-pruned',
  'toa-syn-data-removed',
  'drop-toa-no-room',
  'toa-stripped',
  'toa-frames-split',
  'option-timestamp-removed',
  'option-fast-open-removed',
  'option-list-malformed',
  'mss-lowered',
  // the PROXY header
  'proxy-header-sent',
  'proxy-header-resent',
  'proxy-header-given-up',
  'proxy-header-syn-data-removed',
  'proxy-header-overlap-removed',
  // SYN proxy
  'syn-proxy-syn',
  'syn-proxy-ack-ok',
  'syn-proxy-auto-on',
  'syn-proxy-auto-off',
  'drop-syn-proxy-no-server',
  'drop-syn-proxy-null-ack',
  'drop-syn-proxy-bad-ack',
  // its handshakes with real servers
  'syn-proxy-not-kept',
  'syn-proxy-established',
  'syn-proxy-reused',
  'syn-proxy-reused-half-open',
  'syn-proxy-reused-close',
  'syn-proxy-reused-time-wait',
  'syn-proxy-reused-fin-wait',
  'syn-proxy-reused-close-wait',
  'syn-proxy-refused',
  'syn-proxy-resent',
  'syn-proxy-given-up',
  'syn-proxy-aborted',
  'syn-proxy-mss-smaller',
  'drop-syn-proxy-unexpected',
  'drop-syn-proxy-queue-full',
  'drop-syn-proxy-ack-storm',
] as const;

export type CounterName = (typeof NAMES)[number];

/** A counter's position in the typed array, by name: a constant to the compiler. */
export const COUNTER = Object.freeze(
  Object.fromEntries(NAMES.map((name, index) => [name, index])),
) as Readonly<Record<CounterName, number>>;

/** One set of counters; each worker has its own and they are summed when read. Values are exact up to 2^53. */
export class Counters {
  readonly values = new Float64Array(NAMES.length);

  /** Adds `amount` to the counter at `index` (of `COUNTER`). */
  add(index: number, amount = 1): void {
    this.values[index]! += amount;
  }

  get(name: CounterName): number {
    return this.values[COUNTER[name]]!;
  }

  /** All counters by name, in a fixed order. */
  snapshot(): Record<CounterName, number> {
    return Object.fromEntries(NAMES.map((name, index) => [name, this.values[index]!])) as Record<
      CounterName,
      number
    >;
  }
}

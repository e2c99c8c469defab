/**
 * A balancer with a clock and hands that put frames in and take frames out, for tests that say packet by packet
 * what must happen. Of every frame it checks by itself that the guard bytes around it do not change, and that its
 * fate is counted.
 */
import assert from 'node:assert/strict';
import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import { COUNTER, type CounterName } from '../../lib/balancer/counters.js';
import { Balancer, CONSUMED, DROPPED, Frame, HEADROOM } from '../../lib/balancer/index.js';
import { type BuiltFrame, PacketBuilder, packet } from './packet-builder.js';
import { type DecodedFrame, decodeFrame, describe } from './packet-decoder.js';
import { configuration, links, MACS, type Topology, type Wishes } from './topology.js';
import { addressText, hex } from './wire.js';

const VIRTIO_HEADER = 10;
const GUARD = 64;
const GUARD_BYTE = 0xa5;
/** Every test balancer has this secret, so that a failure repeats itself. */
export const SECRET = hex('00112233445566778899aabbccddeeff'.repeat(2));

/** A frame that the balancer sent. */
export interface Sent extends BuiltFrame {
  readonly link: number;
  readonly decoded: DecodedFrame;
}

export type OnLink = readonly [link: number, packet: PacketBuilder];

/** One step of a table: what goes in, what must come out, and which counters must have moved by how much. */
export interface Row {
  readonly what: string;
  /** Lets so many milliseconds pass first; what the balancer sends in that time counts as output. */
  readonly wait?: number;
  readonly in?: OnLink;
  readonly out: readonly OnLink[];
  /** Any counter of a drop, an answer or a change of options that is not named here must not have moved. */
  readonly counters?: Readonly<Record<string, number>>;
}

/** In the order of their values. */
const COUNTER_NAMES = Object.keys(COUNTER);

/** Counters that tell of something special: a row that does not expect them fails when they move. */
const REMARKABLE = /^(drop|answer|toa|ignored|reset|option|mss|icmp)-/;
/** Those of neighbors are only told when the test plays the neighbors itself. */
const NEIGHBORLY = /^(neighbor|arp)-/;

export interface RigOptions extends Wishes {
  readonly topology: Topology;
  readonly mtus?: readonly [number, number];
  /** Leave ARP and neighbor discovery to the test; else the gateway and the real servers answer, unseen. */
  readonly strangers?: boolean;
}

export class Rig {
  readonly balancer: Balancer;
  readonly topology: Topology;
  /** How the service's packets travel. */
  readonly mode: ForwardingMode;
  now = 1000;
  readonly #strangers: boolean;

  constructor(options: RigOptions) {
    this.topology = options.topology;
    this.mode = options.service?.mode ?? 'fullnat';
    const config = configuration(options.topology, options);
    this.balancer = new Balancer(config, { links: links(options.mtus), secret: SECRET, now: this.now });
    this.#strangers = options.strangers ?? false;
    if (this.#strangers) return;
    this.balancer.start(this.now);
    this.#answered(this.drain());
  }

  /** Puts a frame in and returns everything that comes out because of it, the frame itself last, as the daemon sends. */
  send(link: number, input: PacketBuilder | BuiltFrame): Sent[] {
    return this.#answered(this.#process(link, input instanceof PacketBuilder ? input.build() : input));
  }

  #process(link: number, { bytes, virtio }: BuiltFrame): Sent[] {
    const start = GUARD + HEADROOM + VIRTIO_HEADER;
    const buffer = new Uint8Array(start + bytes.length + GUARD).fill(GUARD_BYTE);
    buffer.set(virtio, start - VIRTIO_HEADER);
    buffer.set(bytes, start);
    const frame = new Frame(buffer).at(start, bytes.length, link);
    const before = this.balancer.counters.values.slice();
    const verdict = this.balancer.process(frame, this.now);
    this.#assertAccounted(verdict, this.#movedSince(before), { bytes, virtio });
    const outside = [buffer.subarray(0, GUARD), buffer.subarray(start + bytes.length)];
    if (!outside.every((part) => part.every((byte) => byte === GUARD_BYTE)))
      assert.fail(`the balancer wrote outside of the frame: ${describe({ bytes, virtio })}`);
    const own = verdict >= 0 ? [takeFrame(frame, verdict)] : [];
    return [...this.drain(), ...own];
  }

  /** A frame that goes no further moves the counter of a reason; one that is forwarded moves none. */
  #assertAccounted(verdict: number, changes: Record<string, number>, frame: BuiltFrame): void {
    // Of the segments that waited for a real server's SYN-ACK, one may go no further.
    if (verdict === CONSUMED && 'syn-proxy-established' in changes) return;
    const reasons = Object.keys(changes).filter((name) => name.startsWith('drop-'));
    const gone = verdict === DROPPED || 'answer-reset' in changes;
    assert.equal(changes['frames-in'], 1);
    if (gone !== reasons.length > 0)
      assert.fail(`verdict ${verdict}, counted ${reasons}: ${describe(frame)}`);
  }

  /** What the balancer wants to send besides. */
  drain(): Sent[] {
    const { emitted } = this.balancer;
    const sent = Array.from({ length: emitted.count }, (_, i) =>
      takeFrame(emitted.frame(i), emitted.link(i)),
    );
    emitted.clear();
    return sent;
  }

  /** Lets time pass as the daemon does, in steps of a quarter of a second. */
  wait(milliseconds: number): Sent[] {
    const sent: Sent[] = [];
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now = Math.min(this.now + 250, end);
      for (let round = 0, more = true; more; round++) {
        assert.ok(round < 1000, 'the balancer comes to an end of what is due');
        more = this.balancer.advance(this.now);
        sent.push(...this.#answered(this.drain()));
      }
    }
    return sent;
  }

  /** Plays the rows one after another on the same balancer; the first that fails is reported with its packets. */
  play(rows: readonly Row[]): void {
    for (const row of rows) this.#playRow(row);
  }

  counter(name: string): number {
    const { counters } = this.balancer;
    return counters.values[COUNTER[name as CounterName]] ?? assert.fail(`there is no counter ${name}`);
  }

  /** The counters that are others than before, and by how much. */
  #movedSince(before: Float64Array): Record<string, number> {
    const changes: Record<string, number> = {};
    const { values } = this.balancer.counters;
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== before[i]) changes[COUNTER_NAMES[i]!] = values[i]! - before[i]!;
    }
    return changes;
  }

  /** Fails, showing both, when the frames that came out are not the expected ones. */
  expect(what: string, sent: readonly Sent[], out: readonly OnLink[]): void {
    const expected = out.map(([link, built]) => ({ link, ...built.build() }));
    if (!sameFrames(sent, expected)) assert.fail(report(what, expected, sent));
  }

  #playRow(row: Row): void {
    const before = this.balancer.counters.values.slice();
    const waited = row.wait === undefined ? [] : this.wait(row.wait);
    const sent = [...waited, ...(row.in === undefined ? [] : this.send(row.in[0], row.in[1]))];
    const changes = this.#movedSince(before);
    const input = row.in === undefined ? '' : `\nin: ${describe(row.in[1].build())}`;
    this.expect(`${row.what}${input}\ncounters moved: ${JSON.stringify(changes)}`, sent, row.out);
    const wanted = row.counters ?? {};
    for (const name of Object.keys(wanted)) assert.ok(name in COUNTER, `there is no counter ${name}`);
    const remarkable = Object.fromEntries(
      Object.entries(changes).filter(([name]) => this.#isRemarkable(name) || name in wanted),
    );
    assert.deepEqual(remarkable, wanted, `counters after: ${row.what}`);
  }

  #isRemarkable(name: string): boolean {
    return REMARKABLE.test(name) || (this.#strangers && NEIGHBORLY.test(name));
  }

  /** Plays the gateway's and the real servers' part in ARP and neighbor discovery, and takes it out of the story. */
  #answered(sent: readonly Sent[]): Sent[] {
    return this.#strangers ? [...sent] : sent.flatMap((frame) => this.#answer(frame));
  }

  #answer(frame: Sent): Sent[] {
    const question = questionIn(frame.decoded);
    const { gateway, realServers } = this.topology;
    if (question === undefined) return [frame];
    const server = realServers.indexOf(question.target);
    if (server === -1 && question.target !== gateway) return [frame];
    const macAddress = server === -1 ? MACS.gateway : MACS.server(server);
    const reply = neighborReply(frame.link, question.target, macAddress, question.asker);
    return this.#process(frame.link, reply.build());
  }
}

/** Who asks for whom in an ARP request or a neighbor solicitation. */
export function questionIn({ arp, ip, icmp }: DecodedFrame): { target: string; asker: string } | undefined {
  if (arp?.operation === 'request' && arp.target !== arp.sender)
    return { target: arp.target, asker: arp.sender };
  if (ip?.family !== 6 || icmp?.type !== 135) return undefined;
  return { target: addressText(icmp.body.slice(0, 16)), asker: addressText(ip.from) };
}

/** A frame as its bytes, taken out of the balancer's buffers. */
function takeFrame(frame: Frame, link: number): Sent {
  const { bytes, start, length } = frame;
  const built = {
    bytes: bytes.slice(start, start + length),
    virtio: bytes.slice(start - VIRTIO_HEADER, start),
  };
  return { link, ...built, decoded: decodeFrame(built) };
}

/** The answer to an ARP request or a neighbor solicitation that `asker` sent out on a link. */
export function neighborReply(
  link: number,
  address: string,
  macAddress: string,
  asker: string,
): PacketBuilder {
  const to = MACS.balancer[link]!;
  const frame = packet().ethernet({ from: macAddress, to });
  return !address.includes(':')
    ? frame.arp({
        operation: 'reply',
        senderMac: macAddress,
        sender: address,
        targetMac: to,
        target: asker,
      })
    : frame
        .ip({ from: address, to: asker, ttl: 255 })
        .neighborAdvertisement({ target: address, targetMac: macAddress, flags: 'SO' });
}

function sameFrames(sent: readonly Sent[], expected: readonly (BuiltFrame & { link: number })[]): boolean {
  return (
    sent.length === expected.length &&
    sent.every(
      (frame, i) => frame.link === expected[i]!.link && firstDifference(frame, expected[i]!) === undefined,
    )
  );
}

/** Offset of the first byte, virtio header included, in which two frames differ. */
function firstDifference(a: BuiltFrame, b: BuiltFrame): number | undefined {
  const [left, right] = [a, b].map(({ virtio, bytes }) => [...virtio, ...bytes]) as [number[], number[]];
  const at = left.findIndex((byte, i) => byte !== right[i]);
  if (at !== -1) return at - VIRTIO_HEADER;
  return left.length === right.length ? undefined : left.length - VIRTIO_HEADER;
}

function report(
  what: string,
  expected: readonly (BuiltFrame & { link: number })[],
  sent: readonly Sent[],
): string {
  const line = (frame: BuiltFrame & { link: number }) => `  link ${frame.link}: ${describe(frame)}`;
  const differences = expected.flatMap((frame, i) => {
    const other = sent[i];
    const at = other === undefined ? undefined : firstDifference(other, frame);
    if (other === undefined || at === undefined) return [];
    return [
      `frame ${i} differs from byte ${at} on (Ethernet header = 0)`,
      `  wanted ${hexAround(frame, at)}`,
      `  got    ${hexAround(other, at)}`,
    ];
  });
  return [what, 'wanted:', ...expected.map(line), 'got:', ...sent.map(line), ...differences].join('\n');
}

function hexAround({ virtio, bytes }: BuiltFrame, at: number): string {
  const all = Buffer.concat([virtio, bytes]);
  const from = Math.max(0, at + VIRTIO_HEADER - 4);
  return `… ${all.toString('hex', from, from + 40).replaceAll(/../g, '$& ')}…`;
}

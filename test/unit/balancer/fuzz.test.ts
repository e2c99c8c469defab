import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seeds } from '../../fuzz/seeds.js';
import { Flow } from '../../support/flow.js';
import { type BuiltFrame, packet } from '../../support/packet-builder.js';
import { Rig, type RigOptions } from '../../support/rig.js';
import {
  MACS,
  NAT64,
  OUTSIDE,
  TOPOLOGIES,
  type Topology,
  TUNNEL_4_IN_6,
  TUNNEL_6_IN_4,
} from '../../support/topology.js';
import { concat } from '../../support/wire.js';

type Mutation =
  | { readonly how: 'set'; readonly at: number; readonly value: number }
  | { readonly how: 'virtio'; readonly at: number; readonly value: number }
  | { readonly how: 'cut'; readonly to: number }
  | { readonly how: 'append'; readonly bytes: Uint8Array };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 8,
    // Most of what can go wrong is in the first bytes.
    arbitrary: fc.record({
      how: fc.constant('set' as const),
      at: fc.integer({ min: 0, max: 120 }),
      value: fc.integer({ min: 0, max: 255 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      how: fc.constant('virtio' as const),
      at: fc.integer({ min: 0, max: 9 }),
      value: fc.integer({ min: 0, max: 255 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant('cut' as const), to: fc.integer({ min: 0, max: 120 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant('append' as const), bytes: fc.uint8Array({ maxLength: 64 }) }),
  },
);

function mutate({ bytes, virtio }: BuiltFrame, mutations: readonly Mutation[]): BuiltFrame {
  let frame: Uint8Array = bytes.slice();
  const header = virtio.slice();
  for (const change of mutations) {
    if (change.how === 'set' && change.at < frame.length) frame[change.at] = change.value;
    else if (change.how === 'virtio') header[change.at] = change.value;
    else if (change.how === 'cut') frame = frame.slice(0, change.to);
    else if (change.how === 'append') frame = concat(frame, change.bytes);
  }
  return { bytes: frame, virtio: header };
}

/** TOA_FUZZ_RUNS: so many frames for each way to forward. */
const RUNS = Number(process.env.TOA_FUZZ_RUNS ?? 1000);

const WAYS: readonly {
  what: string;
  service: NonNullable<RigOptions['service']>;
  topologies?: Topology[];
}[] = [
  { what: 'FULLNAT', service: { mode: 'fullnat' } },
  { what: 'FULLNAT with PROXY headers', service: { mode: 'fullnat', clientAddress: 'proxy-v2' } },
  { what: 'NAT64', service: { mode: 'fullnat' }, topologies: [NAT64] },
  { what: 'NAT', service: { mode: 'nat' } },
  { what: 'DR', service: { mode: 'dr' } },
  { what: 'TUN', service: { mode: 'tun' } },
  { what: 'TUN to the other family', service: { mode: 'tun' }, topologies: [TUNNEL_4_IN_6, TUNNEL_6_IN_4] },
];
const CASES = WAYS.flatMap(({ what, service, topologies = TOPOLOGIES }) =>
  topologies.map((topology) => ({ name: `${what}, clients of IPv${topology.family}`, service, topology })),
);

for (const { name, service, topology } of CASES) {
  test(`${name}: mutated frames never throw, never write outside of the frame, and are accounted for`, () => {
    const rig = new Rig({ topology, service });
    const flow = new Flow(rig).half();
    const frames = seeds(topology, flow);
    fc.assert(
      fc.property(
        fc.nat(frames.length - 1),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (which, mutations) => {
          const [link, frame] = frames[which]!;
          // The rig itself checks the bytes around the frame.
          const sent = rig.send(link, mutate(frame, mutations));
          for (const { bytes } of sent) assert.ok(bytes.length >= 14 && bytes.length <= 65_600);
        },
      ),
      { numRuns: RUNS },
    );
    const {
      'frames-in': taken,
      'frames-forwarded': forwarded,
      ...rest
    }: Record<string, number> = rig.balancer.counters.snapshot();
    assert.ok(taken! >= RUNS && forwarded! > 0);
    const reasons = Object.entries(rest).filter(([name]) => name.startsWith('drop-'));
    assert.ok(
      reasons.filter(([, count]) => count > 0).length >= 6,
      'many different reasons to drop were met',
    );
    const ack = { flags: 'A', seq: 1, ack: 1 };
    rig.send(...flow.client(ack));
  });
}

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: noise never throws, and makes no connection`, () => {
    const rig = new Rig({ topology });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (noise, virtio) => {
          const ethernet = packet().ethernet({
            from: MACS.gateway,
            to: MACS.balancer[OUTSIDE],
            type: topology.family === 4 ? 0x0800 : 0x86dd,
          });
          rig.send(OUTSIDE, { bytes: noise, virtio });
          rig.send(OUTSIDE, { bytes: ethernet.payload(noise).bytes(), virtio });
        },
      ),
      { numRuns: 1000 },
    );
    assert.equal(rig.balancer.connections.count, 0);
  });
}

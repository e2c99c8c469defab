/**
 * Random scripts of packets, pauses and changed weights through services of every mode and protocol at once, each step
 * compared with the slow model: the frames that come out, the connections and loads, the counters.
 * TOA_MODEL_RUNS: so many scripts for each family, of 40 to 100 steps, drawn anew; default: 40 that are always the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BalancerConfig } from '../../../lib/balancer/config/index.js';
import { STATES } from '../../../lib/balancer/connection/state.js';
import { ModelBalancer } from '../../model/balancer.js';
import { type PacketBuilder, packet } from '../../support/packet-builder.js';
import { describe } from '../../support/packet-decoder.js';
import { connectionsOf } from '../../support/records.js';
import { Rig, type RigOptions, type Sent } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { configuration, INSIDE, MACS, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { hostPort } from '../../support/wire.js';

const RUNS = Number(process.env.TOA_MODEL_RUNS ?? 40);
const SERVER_ISN = 5000;
/** Short, so that a script sees every end. */
const TIMEOUTS = Object.fromEntries(STATES.map((state, i) => [state, 3 + 3 * i]));
const LONGEST = (3 + 3 * STATES.length) * 1000;

/** By position, at port 80 and following. */
const SERVICES = [
  { mode: 'nat', protocol: 'tcp', scheduler: 'rr' },
  { mode: 'fullnat', protocol: 'tcp', scheduler: 'wlc' },
  { mode: 'dr', protocol: 'tcp', scheduler: 'rr' },
  { mode: 'tun', protocol: 'tcp', scheduler: 'lc' },
  { mode: 'nat', protocol: 'tcp', scheduler: 'lc' },
  { mode: 'fullnat', protocol: 'udp', scheduler: 'rr' },
  { mode: 'nat', protocol: 'udp', scheduler: 'wlc' },
  { mode: 'tun', protocol: 'udp', scheduler: 'rr' },
] as const;

type Weights = readonly (readonly [number, number])[];

function optionsFor(topology: Topology, weights: Weights): RigOptions {
  const services = SERVICES.map((service, i): Partial<BalancerConfig['services'][number]> => {
    const port = service.mode === 'dr' || service.mode === 'tun' ? {} : { port: topology.serverPort };
    const realServers = topology.realServers.map((address, n) => ({
      address,
      ...port,
      weight: weights[i]![n]!,
    }));
    const ports = service.mode === 'fullnat' ? { localPorts: [5000, 5002] as const } : {};
    return { ...service, ...ports, port: 80 + i, realServers, timeouts: TIMEOUTS };
  });
  return { topology, services };
}

const client = fc.record({
  kind: fc.constant('client' as const),
  /** One more than there are: a port that nobody serves. */
  service: fc.nat(SERVICES.length),
  client: fc.integer({ min: 1, max: 2 }),
  port: fc.integer({ min: 1, max: 2 }),
  /** On a connection that there is, rather than what is said above. */
  known: fc.option(fc.nat(20), { freq: 3 }),
  flags: fc.constantFrom('S', 'S', 'S', 'A', 'A', 'PA', 'FA', 'FA', 'R', 'RA', 'SA', 'F', ''),
  again: fc.boolean(),
  ack: fc.constantFrom(SERVER_ISN + 1, SERVER_ISN + 1, SERVER_ISN + 2),
  payload: fc.nat(40),
  option: fc.constantFrom('none', 'none', 'timestamps', 'forged'),
  trafficClass: fc.constantFrom(0, 0xb8),
});
const server = fc.record({
  kind: fc.constant('server' as const),
  /** Of the connections that there are. */
  which: fc.nat(20),
  flags: fc.constantFrom('SA', 'SA', 'A', 'A', 'PA', 'FA', 'FA', 'R', 'RA', 'S'),
  seq: fc.constantFrom(0, 1, 1, 2),
  ack: fc.constantFrom(0, 1, 1, 5),
  payload: fc.nat(20),
  mss: fc.constantFrom(536, 1460, 8960),
});
const stray = fc.record({
  kind: fc.constant('stray' as const),
  port: fc.integer({ min: 4999, max: 5003 }),
  flags: fc.constantFrom('S', 'A', 'R', 'FA'),
});
const pause = fc.record({
  kind: fc.constant('pause' as const),
  milliseconds: fc.constantFrom(250, 1000, 3000, 12_000, 30_000),
});
const weights = fc.record({
  kind: fc.constant('weights' as const),
  service: fc.nat(SERVICES.length - 1),
  weights: fc.constantFrom<readonly [number, number]>([0, 0], [0, 1], [1, 2], [2, 1]),
});
const step = fc.oneof(
  { weight: 12, arbitrary: client },
  { weight: 10, arbitrary: server },
  { weight: 1, arbitrary: stray },
  { weight: 2, arbitrary: pause },
  { weight: 1, arbitrary: weights },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** The balancer and its model, side by side. */
class Pair {
  readonly rig: Rig;
  readonly model: ModelBalancer;
  readonly #topology: Topology;
  #weights: Weights = SERVICES.map(() => [1, 1]);

  constructor(topology: Topology) {
    this.#topology = topology;
    const options = optionsFor(topology, this.#weights);
    this.rig = new Rig(options);
    this.model = new ModelBalancer(configuration(topology, options), topology, this.rig.now);
  }

  take(each: Step): void {
    if (each.kind === 'pause') this.pause(each.milliseconds);
    else if (each.kind === 'weights') this.#weigh(each.service, each.weights);
    else if (each.kind === 'client') this.#send(OUTSIDE, this.#client(each));
    else {
      const frame = each.kind === 'stray' ? this.#stray(each) : this.#answer(each);
      if (frame !== undefined) this.#send(INSIDE, frame);
    }
  }

  pause(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      const sent = this.rig.wait(250);
      this.#compare('time passes', sent, this.model.wait(250));
    }
    this.#compareTables();
  }

  #send(link: number, builder: PacketBuilder): void {
    const frame = builder.build();
    const sent = this.rig.send(link, frame);
    this.#compare(describe(frame), sent, this.model.receive(link, frame, sent));
    this.#compareTables();
  }

  #client(each: Extract<Step, { kind: 'client' }>): PacketBuilder {
    const { vip, client: clientAddress } = this.#topology;
    const known = each.known === null ? undefined : this.model.known(each.known);
    const from = known?.client.address ?? clientAddress(each.client);
    const port = known?.client.port ?? each.port;
    const to = known?.vip.port ?? 80 + each.service;
    const below = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from, to: vip, trafficClass: each.trafficClass });
    const ports = { from: port, to };
    if (SERVICES[to - 80]?.protocol === 'udp') return below.udp(ports).payload(each.payload);
    const isn = port * 100_000 + (each.again ? 50_000 : 0);
    const forged = tcpOption.toa(hostPort(clientAddress(66), 66));
    const options = { none: [], timestamps: [tcpOption.timestamps(1, 2)], forged: [forged] }[each.option];
    const seq = each.flags.includes('S') ? isn : isn + 1;
    return below
      .tcp({ ...ports, flags: each.flags, seq, ack: each.ack, options })
      .payload(each.flags === 'S' ? '' : each.payload);
  }

  #stray({ port, flags }: Extract<Step, { kind: 'stray' }>): PacketBuilder {
    const { realServers, localAddresses } = this.#topology;
    const below = this.#fromServer(0).ip({ from: realServers[0]!, to: localAddresses[0]! });
    return below.tcp({ from: 9, to: port, flags, seq: 7, ack: flags.includes('A') ? 8 : 0 });
  }

  #answer(each: Extract<Step, { kind: 'server' }>): PacketBuilder | undefined {
    const connection = this.model.answerable(each.which);
    if (connection === undefined) return undefined;
    const { server: from, serverPort, local, clientIsn, delta, service } = connection;
    const index = this.#topology.realServers.indexOf(from.address);
    const below = this.#fromServer(index).ip({ from: from.address, to: local.address });
    const ports = { from: serverPort, to: local.port };
    if (service.config.protocol === 'udp') return below.udp(ports).payload(each.payload);
    const syn = each.flags.includes('S');
    return below
      .tcp({
        ...ports,
        flags: each.flags,
        seq: SERVER_ISN + (syn ? 0 : each.seq),
        ack: each.flags.includes('A') ? (clientIsn + delta + each.ack) >>> 0 : 0,
        options: syn ? [tcpOption.mss(each.mss)] : [],
      })
      .payload(syn ? '' : each.payload);
  }

  #fromServer(index: number): PacketBuilder {
    return packet().ethernet({ from: MACS.server(index), to: MACS.balancer[INSIDE] });
  }

  #weigh(service: number, changed: readonly [number, number]): void {
    this.#weights = this.#weights.map((before, i) => (i === service ? changed : before));
    const config = configuration(this.#topology, optionsFor(this.#topology, this.#weights));
    assert.ok('difference' in this.rig.balancer.apply(config, this.rig.now));
    this.rig.drain();
    this.model.weigh(service, changed);
  }

  #compare(what: string, sent: readonly Sent[], wanted: ReturnType<ModelBalancer['wait']>): void {
    const text = (link: number, bytes: Uint8Array) => `${link} ${Buffer.from(bytes).toString('hex')}`;
    const got = sent.map(({ link, bytes }) => text(link, bytes)).sort();
    const right = wanted.map(([link, frame]) => text(link, frame.bytes())).sort();
    if (got.join() === right.join()) return;
    const lines = (frames: readonly { link: number; text: string }[]) =>
      frames.map((each) => `  link ${each.link}: ${each.text}`);
    assert.fail(
      [
        what,
        'wanted:',
        ...lines(wanted.map(([link, frame]) => ({ link, text: describe(frame.build()) }))),
        ...right,
        'got:',
        ...lines(sent.map((frame) => ({ link: frame.link, text: describe(frame) }))),
        ...got,
      ].join('\n'),
    );
  }

  #compareTables(): void {
    const loads = this.rig.balancer.services.flatMap(({ realServers }, i) =>
      realServers.map(({ active, inactive }, n) => {
        return `${i} ${this.#topology.realServers[n]}: ${active} + ${inactive}`;
      }),
    );
    assert.deepEqual([...connectionsOf(this.rig.balancer).sort(), ...loads], this.model.describe());
    const counted = Object.entries(this.rig.balancer.counters.snapshot()).filter(
      ([name, value]) => value > 0 && TOLD.test(name),
    );
    assert.deepEqual(Object.fromEntries(counted.sort()), Object.fromEntries([...this.model.counters].sort()));
  }
}

/** What the model counts; the rig plays the neighbors, of whom it knows nothing. */
const TOLD = /^(drop|connections|answer|reset|toa|option|mss|segments|proxy|packets|frames-forwarded)/;

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: whatever happens, the balancer does what the slow model does, and keeps nothing in the end`, () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 100, size: 'max' }), (script) => {
        const pair = new Pair(topology);
        for (const each of [...prelude(), ...script]) pair.take(each);
        pair.pause(LONGEST);
        assert.equal(pair.rig.balancer.connections.count, 0);
        for (const name of pair.model.counters.keys()) met.add(name);
        // All local ports are free again: three towards each of two real servers.
        pair.take({ kind: 'weights', service: 1, weights: [1, 1] });
        for (let port = 1; port <= 7; port++) {
          pair.take({ ...OPENING, client: 1 + (port >> 2), port: port & 3 || 9 });
        }
      }),
      process.env.TOA_MODEL_RUNS === undefined ? { numRuns: RUNS, seed: 4 } : { numRuns: RUNS },
    );
    for (const name of SPECIAL) assert.ok(met.has(name), `${name} was met`);
  });
}

/** Of what is rare in a script, but must come in all of them together. */
const SPECIAL = [
  'connections-renewed',
  'connections-reused',
  'connections-expired',
  'reset-on-expiry',
  'toa-added',
  'toa-stripped',
  'mss-lowered',
  'drop-server-side-taken',
  'drop-no-real-server',
  'drop-no-service',
  'drop-stray',
];

const OPENING = {
  kind: 'client',
  service: 1,
  flags: 'S',
  known: null,
  again: false,
  ack: 0,
  payload: 0,
  option: 'none',
  trafficClass: 0,
} as const;

/** A handshake with each service over TCP whose real servers can be seen. */
function prelude(): Step[] {
  return [0, 1, 4].flatMap((service, which): Step[] => [
    { ...OPENING, service, client: 2, port: 2 },
    { kind: 'server', which, flags: 'SA', seq: 0, ack: 1, payload: 0, mss: 1460 },
    { ...OPENING, service, client: 2, port: 2, flags: 'A', ack: SERVER_ISN + 1 },
  ]);
}

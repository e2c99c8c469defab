/** What may happen to a balancer in a test: single steps, drawn at random, and the services that they meet. */
import fc from 'fast-check';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import type { SynProxyMode } from '../../lib/balancer/config/model.js';
import { STATES } from '../../lib/balancer/connection/state.js';
import { isOneWay, type Topology } from '../support/topology.js';

export const SERVER_ISN = 5000;
/** Few, so that they can run out. */
export const LOCAL_PORTS = 4;
/** Short, so that a script sees every end. */
const TIMEOUTS = Object.fromEntries(STATES.map((state, i) => [state, 3 + 3 * i]));
/** Until nothing is left of anything: a template may look once more a minute after its time. */
export const LONGEST = (3 + 3 * STATES.length + 60 + 20) * 1000;

export type ServiceWishes = Partial<BalancerConfig['services'][number]>;

/** Whether real servers have addresses of the other family than the clients. */
function isCrossed({ family, realServers }: Topology): boolean {
  return (family === 6) !== realServers[0]!.includes(':');
}

/** By position, at port 80 and following. */
export function servicesFor(topology: Topology): readonly ServiceWishes[] {
  const whole = topology.family === 4 ? 32 : 128;
  const fullnat: ServiceWishes[] = [
    { mode: 'fullnat', scheduler: 'wlc' },
    { mode: 'fullnat', scheduler: 'rr', clientAddress: 'proxy-v2' },
    {
      mode: 'fullnat',
      scheduler: 'rr',
      toa: { on: ['syn', 'ack'] },
      persistence: { timeout: 20, prefix: whole - 1 },
    },
  ];
  const tunnels: ServiceWishes[] = [
    { mode: 'tun', scheduler: 'lc', persistence: { timeout: 9, prefix: whole - 1 } },
    { mode: 'tun', protocol: 'udp', scheduler: 'rr' },
  ];
  if (isCrossed(topology)) return topology.family === 6 ? [...fullnat, ...tunnels] : tunnels;
  return [
    ...fullnat,
    { mode: 'nat', scheduler: 'rr' },
    { mode: 'nat', scheduler: 'lc', expireQuiescent: true },
    { mode: 'nat', scheduler: 'rr', persistence: { timeout: 5 } },
    { mode: 'dr', scheduler: 'rr' },
    { mode: 'fullnat', protocol: 'udp', scheduler: 'rr' },
    { mode: 'nat', protocol: 'udp', scheduler: 'wlc', persistence: { timeout: 4 } },
    ...tunnels,
  ];
}

/** For `auto`: few, so that scripts get there and back. */
const THRESHOLDS = { halfOpenHigh: 1, halfOpenLow: 0 };

/** The same of services behind a SYN proxy. */
export function proxiedServicesFor(topology: Topology): readonly ServiceWishes[] {
  const fullnat: ServiceWishes[] = [
    { mode: 'fullnat', scheduler: 'rr', synProxy: { ...THRESHOLDS } },
    {
      mode: 'fullnat',
      scheduler: 'wlc',
      clientAddress: 'proxy-v2',
      synProxy: {
        ...THRESHOLDS,
        badAck: 'drop',
        windowScale: 0,
        storedSegments: 1,
        reuse: ['close', 'timeWait', 'finWait'],
      },
    },
  ];
  if (isCrossed(topology)) return fullnat;
  const nat: ServiceWishes = {
    mode: 'nat',
    scheduler: 'lc',
    persistence: { timeout: 15 },
    synProxy: {
      ...THRESHOLDS,
      ackStormThreshold: 2,
      sack: false,
      deferUntilData: true,
      synRetries: 1,
      reuse: [],
    },
  };
  return [...fullnat, nat];
}

/** What may change of a service and its two real servers, one of which may be missing. */
export interface Settings {
  readonly present: readonly [boolean, boolean];
  readonly weights: readonly [number, number];
  /** As `upperThreshold` and `lowerThreshold` of the configuration. */
  readonly thresholds: readonly [number, number];
  readonly synProxy: SynProxyMode;
}

/** Both real servers take what they get, and clients shake hands with the SYN proxy if there is one. */
export const OPEN: Settings = { present: [true, true], weights: [1, 1], thresholds: [0, 0], synProxy: 'on' };

/** What services are with these settings of each. */
export function servicesWith(
  topology: Topology,
  wishes: readonly ServiceWishes[],
  settings: readonly Settings[],
) {
  return wishes.map((service, i) => {
    const port = isOneWay(service.mode!) ? {} : { port: topology.serverPort };
    const { present, weights, thresholds, synProxy: mode } = settings[i]!;
    const [upperThreshold, lowerThreshold] = thresholds;
    const realServers = topology.realServers
      .map((address, n) => ({ address, ...port, weight: weights[n]!, upperThreshold, lowerThreshold }))
      .filter((_, n) => present[n]);
    const ports = service.mode === 'fullnat' ? { localPorts: [5000, 4999 + LOCAL_PORTS] as const } : {};
    // Long enough for a PROXY header to be given up.
    const established = service.clientAddress === 'proxy-v2' ? { established: 70 } : {};
    const timeouts = { ...TIMEOUTS, ...established };
    const synProxy = service.synProxy && { synProxy: { ...service.synProxy, mode } };
    return { ...service, ...ports, ...synProxy, port: 80 + i, realServers, timeouts };
  });
}

const size = fc.oneof(
  { weight: 4, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.integer({ min: 1400, max: 1460 }) },
);

function client(services: number) {
  return fc.record({
    kind: fc.constant('client' as const),
    /** One more than there are: a port that nobody serves. */
    service: fc.nat(services),
    /** Of whom the last two may be one to a service. */
    client: fc.integer({ min: 1, max: 3 }),
    port: fc.integer({ min: 1, max: 2 }),
    /** On a connection that there is, rather than what is said above. */
    known: fc.option(fc.nat(20), { freq: 3 }),
    flags: fc.constantFrom('S', 'S', 'S', 'A', 'A', 'PA', 'FA', 'FA', 'R', 'RA', 'SA', 'F', ''),
    again: fc.boolean(),
    ack: fc.constantFrom(SERVER_ISN + 1, SERVER_ISN + 1, SERVER_ISN + 2),
    payload: size,
    /** For TCP: left whole to be cut by the device into segments of so many bytes; 0: not. */
    gsoSize: fc.constantFrom(0, 0, 0, 13, 13, 700, 1452),
    /** Comes in fragments, where it is long enough, the last one first or in order. */
    cut: fc.constantFrom('no', 'no', 'no', 'no', 'in order', 'reversed'),
    option: fc.constantFrom(
      'none',
      'usual',
      'usual',
      'timestamps',
      'forged',
      'crowded',
      'filled',
      'repeated',
    ),
    trafficClass: fc.constantFrom(0, 0xb8),
    ttl: fc.constantFrom(64, 64, 64, 64, 2, 1),
  });
}
const server = fc.record({
  kind: fc.constant('server' as const),
  /** Of the connections that there are. */
  which: fc.nat(20),
  /** Not of the real server at all: it comes by the clients' link. */
  forged: fc.constantFrom(false, false, false, false, false, false, false, true),
  flags: fc.constantFrom('SA', 'SA', 'A', 'A', 'PA', 'FA', 'FA', 'R', 'RA', 'S'),
  seq: fc.constantFrom(0, 1, 1, 2),
  /** Beyond 50 000: of a SYN that came `again`. */
  ack: fc.constantFrom(0, 1, 1, 5, 29, 53, 60, 50_001),
  payload: size,
  mss: fc.constantFrom(536, 1460, 8960),
  windowScale: fc.constantFrom(null, 0, 5, 7, 9),
  sack: fc.option(fc.tuple(fc.nat(60), fc.nat(60)), { freq: 3 }),
  ttl: fc.constantFrom(64, 64, 64, 64, 2, 1),
});
const stray = fc.record({
  kind: fc.constant('stray' as const),
  port: fc.integer({ min: 4999, max: 5003 }),
  flags: fc.constantFrom('S', 'A', 'R', 'FA'),
});
const pause = fc.record({
  kind: fc.constant('pause' as const),
  milliseconds: fc.constantFrom(250, 1000, 3000, 12_000, 30_000, 64_000),
});
function settings(services: number) {
  return fc.record({
    kind: fc.constant('settings' as const),
    service: fc.nat(services - 1),
    present: fc.constantFrom<Settings['present']>([true, true], [true, true], [true, false], [false, true]),
    weights: fc.constantFrom<Settings['weights']>([0, 0], [0, 1], [1, 2], [2, 1]),
    thresholds: fc.constantFrom<Settings['thresholds']>([0, 0], [0, 0], [1, 0], [2, 1], [3, 3], [4, 0]),
    synProxy: fc.constantFrom<SynProxyMode>('on', 'on', 'off', 'auto', 'auto'),
  });
}

/** One step towards so many services. */
export function step(services: number) {
  return fc.oneof(
    { weight: 12, arbitrary: client(services) },
    { weight: 10, arbitrary: server },
    { weight: 1, arbitrary: stray },
    { weight: 2, arbitrary: pause },
    { weight: 1, arbitrary: settings(services) },
  );
}
export type Step = ReturnType<typeof step> extends fc.Arbitrary<infer Value> ? Value : never;
export type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>;

export const OPENING: StepOf<'client'> = {
  kind: 'client',
  service: 0,
  client: 1,
  port: 1,
  flags: 'S',
  known: null,
  again: false,
  ack: 0,
  payload: 0,
  gsoSize: 0,
  cut: 'no',
  option: 'none',
  trafficClass: 0,
  ttl: 64,
};

const SYN_ACK: StepOf<'server'> = {
  kind: 'server',
  which: 0,
  forged: false,
  flags: 'SA',
  seq: 0,
  ack: 1,
  payload: 0,
  mss: 1460,
  windowScale: 7,
  sack: null,
  ttl: 64,
};

/** A handshake with each service over TCP whose real servers can be seen; of the balancer first where that is its way. */
export function prelude(services: readonly ServiceWishes[]): Step[] {
  const seen = [...services.entries()].filter(
    ([, { mode, protocol }]) => protocol !== 'udp' && !isOneWay(mode!),
  );
  return seen.flatMap(([service, { synProxy }], which): Step[] => {
    const client = { ...OPENING, service, client: 2, port: 200 + service, option: 'usual' } as const;
    const syn: Step = client;
    const synAck: Step = { ...SYN_ACK, which };
    const ack: Step = { ...client, flags: 'PA', payload: 1, option: 'none', ack: SERVER_ISN + 1 };
    // So that the way to the client is known, too: what waits for a neighbor is counted when it goes.
    const data: Step = { ...synAck, flags: 'PA', seq: 1, payload: 1 };
    return synProxy === undefined ? [syn, synAck, ack] : [syn, ack, synAck, data];
  });
}

/** One of a service's real servers is missing when its clients go on. */
function without(present: Settings['present'], service: number, ...clients: StepOf<'client'>[]): Step[] {
  return [
    { ...OPEN, kind: 'settings', service, present },
    ...clients.flatMap((client): Step[] => [{ ...client, flags: 'A' }, client]),
    { ...OPEN, kind: 'settings', service },
  ];
}

/** More SYNs than a SYN proxy that is `auto` lets pass, and then none until it is off again. */
function attack(service: number): Step[] {
  const syns = Array.from({ length: 4 }, (_, n): Step => ({ ...OPENING, service, port: 300 + n }));
  const over = Array<Step>(3).fill({ kind: 'pause', milliseconds: 12_000 });
  return [{ ...OPEN, kind: 'settings', service, synProxy: 'auto' }, ...syns, ...over];
}

/** What is rare in a script, at every service in turn. */
export function tour(services: readonly ServiceWishes[]): Step[] {
  const nobody = { ...OPENING, service: services.length } as const;
  const more = Array.from({ length: 2 * LOCAL_PORTS + 1 }, (_, n): Step[] => {
    const syn = { ...OPENING, client: 1 + (n & 1), port: 100 + n } as const;
    return [syn, { ...syn, flags: 'A', ack: SERVER_ISN + 1 }];
  });
  return [
    ...prelude(services),
    nobody,
    ...services.flatMap((_, service): Step[] => {
      const greeted = { ...OPENING, service, client: 2, port: 200 + service } as const;
      const syn = { ...OPENING, service, client: 3, option: 'usual' } as const;
      const segment = { ...syn, flags: 'PA', option: 'none', ack: SERVER_ISN + 1, payload: 3 } as const;
      const narrow: Step = { ...SYN_ACK, which: -1, mss: 536 };
      const again: Step = { ...SYN_ACK, which: -1, flags: 'A', seq: 1 };
      const other = { port: 9 } as const;
      const aborted = { port: 8 } as const;
      const refused: Step = { ...SYN_ACK, which: -1, flags: 'RA' };
      const rest = [greeted, syn].flatMap((client): Step[] => {
        const data = { ...client, flags: 'PA', option: 'none', ack: SERVER_ISN + 1 } as const;
        return [
          { ...data, payload: 100, gsoSize: 13 },
          { ...data, payload: 1460, gsoSize: 1452 },
          { ...data, payload: 1455 },
          { ...data, ttl: 1 },
        ];
      });
      const quiesced: Step = { ...OPEN, kind: 'settings', service, weights: [0, 0] };
      return [
        { ...syn, ...other },
        { ...segment, ...other, flags: 'A', payload: 0 },
        { ...segment, ...other },
        refused,
        { ...syn, ...aborted },
        { ...segment, ...aborted },
        { ...segment, ...aborted, flags: 'RA', payload: 0 },
        { ...syn, ...aborted, again: true },
        { ...segment, ...aborted, again: true, flags: 'A', payload: 0 },
        { ...segment, ...aborted, again: true },
        syn,
        ...Array<Step>(6).fill(segment),
        narrow,
        ...Array<Step>(4).fill(again),
        ...rest,
        { ...greeted, again: true },
        { ...SYN_ACK, which: service, seq: 2, ack: 50_001 },
        { ...greeted, again: true, flags: 'PA', option: 'none', ack: SERVER_ISN + 1, payload: 3 },
        quiesced,
        { ...greeted, flags: 'A' },
        { ...syn, client: 1 },
        ...without([true, false], service, greeted, syn),
        ...without([false, true], service, greeted, syn),
      ];
    }),
    ...services.map((_, service): Step => ({ ...OPEN, kind: 'settings', service, weights: [1, 2] })),
    ...more.flat(),
    // As many connections as they may have, and more.
    { ...OPEN, kind: 'settings', service: 0, thresholds: [1, 0] },
    { ...OPENING, client: 4 },
    ...[...services.keys()].flatMap(attack),
  ];
}

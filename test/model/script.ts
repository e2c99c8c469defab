/** What may happen to a balancer in a test: single steps, drawn at random, and the services that they meet. */
import fc from 'fast-check';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import { STATES } from '../../lib/balancer/connection/state.js';
import type { RigOptions } from '../support/rig.js';
import { isOneWay, type Topology } from '../support/topology.js';

export const SERVER_ISN = 5000;
/** Short, so that a script sees every end. */
const TIMEOUTS = Object.fromEntries(STATES.map((state, i) => [state, 3 + 3 * i]));
/** Until nothing is left of anything: a template may look once more a minute after its time. */
export const LONGEST = (3 + 3 * STATES.length + 60 + 20) * 1000;

type ServiceWishes = Partial<BalancerConfig['services'][number]>;

/** By position, at port 80 and following. */
export function servicesFor({ family, realServers }: Topology): readonly ServiceWishes[] {
  const whole = family === 4 ? 32 : 128;
  const telling: ServiceWishes[] = [
    { mode: 'fullnat', scheduler: 'wlc' },
    { mode: 'fullnat', scheduler: 'rr', clientAddress: 'proxy-v2' },
    {
      mode: 'fullnat',
      scheduler: 'rr',
      toa: { on: ['syn', 'ack'] },
      persistence: { timeout: 20, prefix: whole - 1 },
    },
  ];
  if (family === 6 && !realServers[0]!.includes(':')) return telling;
  return [
    ...telling,
    { mode: 'nat', scheduler: 'rr' },
    { mode: 'nat', scheduler: 'lc', expireQuiescent: true },
    { mode: 'nat', scheduler: 'rr', persistence: { timeout: 5 } },
    { mode: 'dr', scheduler: 'rr' },
    { mode: 'tun', scheduler: 'lc', persistence: { timeout: 9, prefix: whole - 1 } },
    { mode: 'fullnat', protocol: 'udp', scheduler: 'rr' },
    { mode: 'nat', protocol: 'udp', scheduler: 'wlc', persistence: { timeout: 4 } },
    { mode: 'tun', protocol: 'udp', scheduler: 'rr' },
  ];
}

export type Weights = readonly (readonly [number, number])[];

export function optionsFor(
  topology: Topology,
  weights: Weights,
  settings: RigOptions['settings'],
): RigOptions {
  const services = servicesFor(topology).map((service, i): ServiceWishes => {
    const port = isOneWay(service.mode!) ? {} : { port: topology.serverPort };
    const realServers = topology.realServers.map((address, n) => ({
      address,
      ...port,
      weight: weights[i]![n]!,
    }));
    const ports = service.mode === 'fullnat' ? { localPorts: [5000, 5002] as const } : {};
    // Long enough for a PROXY header to be given up.
    const established = service.clientAddress === 'proxy-v2' ? { established: 70 } : {};
    const timeouts = { ...TIMEOUTS, ...established };
    return { ...service, ...ports, port: 80 + i, realServers, timeouts };
  });
  return { topology, services, settings: settings ?? {} };
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
    option: fc.constantFrom('none', 'none', 'timestamps', 'forged'),
    trafficClass: fc.constantFrom(0, 0xb8),
    ttl: fc.constantFrom(64, 64, 64, 64, 2, 1),
  });
}
const server = fc.record({
  kind: fc.constant('server' as const),
  /** Of the connections that there are. */
  which: fc.nat(20),
  flags: fc.constantFrom('SA', 'SA', 'A', 'A', 'PA', 'FA', 'FA', 'R', 'RA', 'S'),
  seq: fc.constantFrom(0, 1, 1, 2),
  ack: fc.constantFrom(0, 1, 1, 5, 29, 53, 60),
  payload: size,
  mss: fc.constantFrom(536, 1460, 8960),
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
function weights(services: number) {
  return fc.record({
    kind: fc.constant('weights' as const),
    service: fc.nat(services - 1),
    weights: fc.constantFrom<readonly [number, number]>([0, 0], [0, 1], [1, 2], [2, 1]),
  });
}

/** One step towards so many services. */
export function step(services: number) {
  return fc.oneof(
    { weight: 12, arbitrary: client(services) },
    { weight: 10, arbitrary: server },
    { weight: 1, arbitrary: stray },
    { weight: 2, arbitrary: pause },
    { weight: 1, arbitrary: weights(services) },
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

/** A handshake with each service over TCP whose real servers can be seen. */
export function prelude(topology: Topology): Step[] {
  const seen = [...servicesFor(topology).entries()].filter(
    ([, { mode, protocol }]) => protocol !== 'udp' && !isOneWay(mode!),
  );
  const rest = { seq: 0, ack: 1, payload: 0, mss: 1460, sack: null, ttl: 64 } as const;
  return seen.flatMap(([service], which): Step[] => [
    { ...OPENING, service, client: 2, port: 2 },
    { kind: 'server', which, flags: 'SA', ...rest },
    { ...OPENING, service, client: 2, port: 2, flags: 'A', ack: SERVER_ISN + 1 },
  ]);
}

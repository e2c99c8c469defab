/** The balancer and its slow model, side by side: each step goes to both, and then they must be alike. */
import assert from 'node:assert/strict';
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { decodeFrame, describe } from '../support/packet-decoder.js';
import { connectionsOf, templatesOf } from '../support/records.js';
import { Rig, type RigOptions, SECRET, type Sent } from '../support/rig.js';
import { tcpOption } from '../support/tcp-segment.js';
import { configuration, INSIDE, MACS, OUTSIDE, type Topology } from '../support/topology.js';
import { addressText, concat, hostPort } from '../support/wire.js';
import { ModelBalancer } from './balancer.js';
import type { Out } from './balancer-packets.js';
import { fragmentsOf } from './fragmentation.js';
import {
  optionsFor,
  SERVER_ISN,
  type ServiceWishes,
  type Step,
  type StepOf,
  type Weights,
} from './script.js';
import { templateText } from './templates.js';

/** Of the IP packets that come in fragments. */
const ID = 77;

export class Pair {
  readonly rig: Rig;
  readonly model: ModelBalancer;
  readonly #topology: Topology;
  readonly #services: readonly ServiceWishes[];
  readonly #settings: RigOptions['settings'];
  /** The initial sequence number that a client was told, by its address, port, service and own number. */
  readonly #told = new Map<string, number>();
  #weights: Weights;

  constructor(topology: Topology, services: readonly ServiceWishes[], settings: RigOptions['settings'] = {}) {
    this.#topology = topology;
    this.#services = services;
    this.#settings = settings;
    this.#weights = services.map(() => [1, 1]);
    const options = optionsFor(topology, services, this.#weights, settings);
    this.rig = new Rig(options);
    this.model = new ModelBalancer(configuration(topology, options), topology, SECRET, this.rig.now);
  }

  take(each: Step): void {
    if (each.kind === 'pause') this.pause(each.milliseconds);
    else if (each.kind === 'weights') this.#weigh(each.service, each.weights);
    else if (each.kind === 'client') this.#send(OUTSIDE, this.#client(each), each.cut);
    else {
      const frame = each.kind === 'stray' ? this.#stray(each) : this.#answer(each);
      if (frame !== undefined) this.#send(INSIDE, frame);
    }
  }

  pause(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      const sent = this.rig.wait(250);
      const templates = templatesOf(this.rig.balancer).map((text) => text.split(' until ')[0]);
      const kept = (template: Parameters<typeof templateText>[0]) =>
        templates.includes(templateText(template).split(' until ')[0]);
      this.#compare('time passes', sent, this.model.wait(250, kept));
    }
    this.#compareTables();
  }

  #send(link: number, builder: PacketBuilder, cut: StepOf<'client'>['cut'] = 'no'): void {
    const frame = builder.build();
    const fragments = cut === 'no' ? [] : fragmentsOfFrame(frame);
    const sent =
      fragments.length < 2
        ? this.rig.send(link, frame)
        : (cut === 'reversed' ? fragments.toReversed() : fragments).flatMap((each) =>
            this.rig.send(link, each),
          );
    this.#compare(describe(frame), sent, this.model.receive(link, frame, sent));
    this.#compareTables();
    for (const answer of sent) this.#noteCookie(answer);
  }

  /** What a client is told in answer to its SYN, for its next segments. */
  #noteCookie({ link, decoded: { ip, tcp } }: Sent): void {
    if (link !== OUTSIDE || ip === undefined || tcp?.flags !== 'SA') return;
    this.#told.set(`${addressText(ip.to)} ${tcp.to} ${tcp.from} ${tcp.ack - 1}`, tcp.seq);
  }

  #client(each: StepOf<'client'>): PacketBuilder {
    const { vip, client: clientAddress } = this.#topology;
    const known = each.known === null ? undefined : this.model.known(each.known);
    const from = known?.client.address ?? clientAddress(each.client);
    const port = known?.client.port ?? each.port;
    const to = known?.vip.port ?? 80 + each.service;
    const { trafficClass, ttl } = each;
    const fragmented = each.cut === 'no' ? {} : { id: ID, dontFragment: false };
    const below = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from, to: vip, trafficClass, ttl, ...fragmented });
    const ports = { from: port, to };
    if (this.model.services[to - 80]?.config.protocol === 'udp') {
      return below.udp(ports).payload(Math.min(each.payload, 40));
    }
    const isn = port * 100_000 + (each.again ? 50_000 : 0);
    const forged = tcpOption.toa(hostPort(clientAddress(66), 66));
    const usual = [tcpOption.mss(1300), tcpOption.sackPermitted, tcpOption.nop, tcpOption.windowScale(7)];
    const syn = each.flags.includes('S');
    const stamps = [tcpOption.timestamps(1, 2)];
    const options = { none: [], usual: syn ? usual : [], timestamps: stamps, forged: [forged] }[each.option];
    const told = this.#told.get(`${from} ${port} ${to} ${isn}`) ?? SERVER_ISN;
    const ack = (told + each.ack - SERVER_ISN) >>> 0;
    const seq = syn ? isn : isn + 1;
    const segment = below
      .tcp({ ...ports, flags: each.flags, seq, ack, options })
      .payload(each.flags === 'S' && each.payload > 9 ? '' : this.#fitting(each, concat(...options).length));
    return each.gsoSize === 0 || each.cut !== 'no' ? segment : segment.offload({ gsoSize: each.gsoSize });
  }

  /** No link carries more in one packet, and what comes in fragments is short. */
  #fitting({ payload, gsoSize, cut }: StepOf<'client'>, optionBytes: number): number {
    if (cut !== 'no') return Math.min(payload, 40);
    if (gsoSize !== 0) return payload;
    return Math.min(payload, 1500 - this.#topology.ipHeader - 20 - 4 * Math.ceil(optionBytes / 4));
  }

  #stray({ port, flags }: StepOf<'stray'>): PacketBuilder {
    const { realServers, localAddresses } = this.#topology;
    const below = this.#fromServer(0).ip({ from: realServers[0]!, to: localAddresses[0]! });
    return below.tcp({ from: 9, to: port, flags, seq: 7, ack: flags.includes('A') ? 8 : 0 });
  }

  #answer(each: StepOf<'server'>): PacketBuilder | undefined {
    const connection = this.model.answerable(each.which);
    if (connection === undefined) return undefined;
    const { server: from, serverPort, local, clientIsn, delta, service } = connection;
    const index = this.#topology.realServers.indexOf(from.address);
    const { ttl } = each;
    const below = this.#fromServer(index).ip({ from: from.address, to: local.address, ttl });
    const ports = { from: serverPort, to: local.port };
    if (service.config.protocol === 'udp') return below.udp(ports).payload(Math.min(each.payload, 40));
    const syn = each.flags.includes('S');
    const isn = clientIsn + delta;
    const scale = each.windowScale === null ? [] : [tcpOption.nop, tcpOption.windowScale(each.windowScale)];
    const edges = !syn && each.flags.includes('A') ? (each.sack ?? []) : [];
    const sack = tcpOption.sack(...edges.map((edge) => (isn + edge) >>> 0));
    const rest = edges.length === 0 ? [] : [tcpOption.nop, tcpOption.nop, sack];
    return below
      .tcp({
        ...ports,
        flags: each.flags,
        seq: SERVER_ISN + (syn ? 3000 * (each.seq >> 1) : each.seq),
        ack: each.flags.includes('A') ? (isn + each.ack) >>> 0 : 0,
        options: syn ? [tcpOption.mss(each.mss), ...scale] : rest,
      })
      .payload(syn ? '' : Math.min(each.payload, 1428));
  }

  #fromServer(index: number): PacketBuilder {
    return packet().ethernet({ from: MACS.server(index), to: MACS.balancer[INSIDE] });
  }

  #weigh(service: number, changed: readonly [number, number]): void {
    this.#weights = this.#weights.map((before, i) => (i === service ? changed : before));
    const options = optionsFor(this.#topology, this.#services, this.#weights, this.#settings);
    const applied = this.rig.balancer.apply(configuration(this.#topology, options), this.rig.now);
    assert.ok('difference' in applied);
    this.rig.drain();
    this.model.weigh(service, changed);
  }

  #compare(what: string, sent: readonly Sent[], wanted: readonly Out[]): void {
    const frames = wanted.map(([link, builder]) => ({ link, ...builder.build() }));
    const text = ({ link, virtio, bytes }: BuiltFrame & { readonly link: number }) =>
      `${link} ${Buffer.concat([virtio, bytes]).toString('hex')}`;
    const got = sent.map(text).sort();
    const right = frames.map(text).sort();
    if (got.join() === right.join()) return;
    const lines = (all: readonly (BuiltFrame & { readonly link: number })[]) =>
      all.map((each) => `  link ${each.link}: ${describe(each)}`);
    assert.fail([what, 'wanted:', ...lines(frames), ...right, 'got:', ...lines(sent), ...got].join('\n'));
  }

  #compareTables(): void {
    const { balancer } = this.rig;
    const servers = balancer.statistics.snapshot().services.flatMap(({ realServers }, i) =>
      realServers.map(({ realServer, traffic }, n) => {
        const { connections, packetsIn, packetsOut, bytesIn, bytesOut } = traffic;
        const counts = [connections, packetsIn, packetsOut, bytesIn, bytesOut];
        return `${i} ${this.#topology.realServers[n]}: ${realServer.active} + ${realServer.inactive}, ${counts}`;
      }),
    );
    const tables = [...connectionsOf(balancer).sort(), ...templatesOf(balancer).sort(), ...servers];
    assert.deepEqual(tables, this.model.describe());
    const counted = Object.entries(balancer.counters.snapshot()).filter(
      ([name, value]) => value > 0 && TOLD.test(name),
    );
    assert.deepEqual(Object.fromEntries(counted.sort()), Object.fromEntries([...this.model.counters].sort()));
  }
}

/** What the model counts; the rig plays the neighbors, of whom it knows nothing, and so of fragments. */
const TOLD = /^(drop|connections|answer|reset|toa|option|mss|segments|proxy|syn|packets|frames-forwarded)/;

/** The fragments of a frame's packet, which the first one holds the transport header of, and 8 bytes at least. */
function fragmentsOfFrame(frame: BuiltFrame): BuiltFrame[] {
  const { from, to, ip, tcp } = decodeFrame(frame);
  const { payload: body, protocol, trafficClass, ttl } = ip!;
  const below = packet().ethernet({ from, to });
  const first = 8 * Math.ceil((tcp?.headerLength ?? 8) / 8 + 1);
  const ends = { from: addressText(ip!.from), to: addressText(ip!.to) };
  const datagram = { ...ends, body, id: ID, protocol, trafficClass, ttl, below };
  return fragmentsOf(datagram, first).map((fragment) => fragment.build());
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { type IcmpFields, packet } from '../../support/packet-builder.js';
import { ProxiedFlow } from '../../support/proxied-flow.js';
import { type OnLink, Rig, type RigOptions, type Sent } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { INSIDE, IPV4, IPV6, MACS, NAT64, OUTSIDE } from '../../support/topology.js';
import { concat, onesSum, u16, u32 } from '../../support/wire.js';

/** How packets get to a real server: the forwarding modes that change them. */
const PLAIN: readonly (RigOptions & { readonly way: string; readonly serverFamily: 4 | 6 })[] = [
  { way: 'FULLNAT over IPv4', topology: IPV4, serverFamily: 4 },
  { way: 'FULLNAT over IPv6', topology: IPV6, serverFamily: 6 },
  { way: 'NAT64', topology: NAT64, serverFamily: 4 },
  { way: 'NAT over IPv4', topology: IPV4, serverFamily: 4, service: { mode: 'nat', localAddresses: [] } },
  { way: 'NAT over IPv6', topology: IPV6, serverFamily: 6, service: { mode: 'nat', localAddresses: [] } },
];

/** The same behind a SYN proxy, where both ends have other numbers than they told each other. */
const WAYS = [
  ...PLAIN.map((each) => ({ ...each, flowOn: (rig: Rig, port = 51514) => new Flow(rig, { port }) })),
  ...PLAIN.map((each) => ({
    ...each,
    way: `${each.way}, SYN proxy`,
    service: { ...each.service, synProxy: {} },
    flowOn: (rig: Rig, port = 51514) => new ProxiedFlow(rig, { port }),
  })),
];

/** The same error in both families. */
const KINDS = {
  portUnreachable: { 4: { type: 3, code: 3 }, 6: { type: 1, code: 4 } },
  timeExceeded: { 4: { type: 11, code: 0 }, 6: { type: 3, code: 0 } },
  tooBig: { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } },
} as const;

const ROUTER = { 4: '192.0.2.99', 6: '2001:db8:99::1' } as const;
/** What an error may quote. */
const MOST = { 4: 576 - 28, 6: 1280 - 48 } as const;

const HEADER = { 4: 20, 6: 40 } as const;

const CHANGED = 'its sender knows the packet again';

/** An IP packet's bytes, out of a frame. */
const ipOf = ([, built]: OnLink): Uint8Array => built.bytes().slice(14);

/** An error that a router or a station on the real servers' side sends about `about`. */
function fromInside(flow: Flow, family: 4 | 6, fields: IcmpFields, about: Uint8Array): OnLink {
  const ethernet = packet().ethernet({ from: MACS.server(flow.server), to: MACS.balancer[INSIDE] });
  const ip = ethernet.ip({ from: ROUTER[family], to: flow.localAddress });
  return [INSIDE, ip.icmp(fields).payload(about)];
}

/** One on the clients' side. */
function fromOutside(flow: Flow, fields: IcmpFields, about: Uint8Array): OnLink {
  const { vip, family } = flow.rig.topology;
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
  return [OUTSIDE, ethernet.ip({ from: ROUTER[family], to: vip }).icmp(fields).payload(about)];
}

/** What a client must receive. */
function toClient(flow: Flow, fields: IcmpFields, about: Uint8Array): OnLink {
  const { vip, family } = flow.rig.topology;
  const ethernet = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
  const ip = ethernet.ip({ from: vip, to: flow.clientAddress, ttl: 63 });
  return [OUTSIDE, ip.icmp(fields).payload(about.slice(0, MOST[family]))];
}

/** What a real server must receive: from the local address, and with NAT from the router. */
function toServer(flow: Flow, family: 4 | 6, fields: IcmpFields, about: Uint8Array): OnLink {
  const { realServers, localAddresses } = flow.rig.topology;
  const ethernet = packet().ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(flow.server) });
  const from = localAddresses.includes(flow.localAddress) ? flow.localAddress : ROUTER[family];
  const ip = ethernet.ip({ from, to: realServers[flow.server]!, ttl: 63 });
  return [INSIDE, ip.icmp(fields).payload(about.slice(0, MOST[family]))];
}

const TO_CLIENT = { 'icmp-error-to-client': 1 };
const TO_SERVER = { 'icmp-error-to-server': 1 };

/** A packet as its sender has sent it, but for the hop that it has gone since; NAT64 has left its own id. */
function asSent(direction: (segment: FlowSegment) => OnLink, segment: FlowSegment, ip = {}): Uint8Array {
  return ipOf(direction({ ...segment, ip: { ttl: 63, ...ip } }));
}

/** What came out when a packet was put in: the packet that errors are about. */
function forwarded(flow: Flow, input: OnLink): Uint8Array {
  const sent: Sent[] = flow.rig.send(input[0], input[1]);
  assert.equal(sent.length, 1, 'the packet is forwarded');
  return sent[0]!.bytes.slice(14);
}

/** The id that NAT64 gives a packet of the real server's which may be cut. */
function idOf(flow: Flow, { seq = 0 }: FlowSegment): number {
  const sequence = (flow.serverIsn + seq) >>> 0;
  return onesSum(concat(u16(flow.rig.topology.serverPort), u16(flow.localPort), u32(sequence)));
}

for (const { way, serverFamily, flowOn, ...options } of WAYS) {
  const { family } = options.topology;
  const name = (what: string) => `${way}: ${what}`;
  const shared = options.service?.mode !== 'nat';
  /** What the option takes in a packet. */
  const room = shared ? options.topology.toaLength : 0;
  const difference = family === serverFamily ? 0 : 20;

  test(name('an error about a packet of the client comes back to it, and it knows the packet again'), () => {
    const rig = new Rig(options);
    const flow = flowOn(rig).settled();
    for (const payload of [0, 1, 100, 1300]) {
      const segment = { flags: 'PA', seq: 1, ack: 2, payload, options: [tcpOption.nop, tcpOption.nop] };
      const about = forwarded(flow, flow.client(segment));
      for (const kind of [KINDS.portUnreachable, KINDS.timeExceeded]) {
        rig.play([
          {
            what: CHANGED,
            in: fromInside(flow, serverFamily, kind[serverFamily], about.slice(0, MOST[serverFamily])),
            out: [
              toClient(
                flow,
                kind[family],
                asSent((each) => flow.client(each), segment).slice(0, MOST[serverFamily] + difference),
              ),
            ],
            counters: TO_CLIENT,
          },
        ]);
      }
    }
  });

  test(name('an error about a packet of the real server goes there, and it knows the packet again'), () => {
    const rig = new Rig(options);
    const flow = flowOn(rig).settled();
    const edges = (isn: number) => tcpOption.sack((isn + 11) >>> 0, (isn + 21) >>> 0);
    for (const payload of [0, 1, 100, 1300]) {
      const segment = {
        ...{ flags: 'PA', seq: 2, ack: 1, payload },
        options: [tcpOption.nop, tcpOption.nop, edges(flow.balancerIsn)],
      };
      const about = forwarded(flow, flow.fromServer({ ...segment, ip: { ttl: 64 } }));
      // An IPv4 packet that NAT64 makes again may be cut where it is short.
      const isCut = difference > 0 && payload < 1200;
      const id = isCut ? { dontFragment: false, id: idOf(flow, segment) } : {};
      for (const kind of [KINDS.portUnreachable, KINDS.timeExceeded]) {
        rig.play([
          {
            what: CHANGED,
            in: fromOutside(flow, kind[family], about.slice(0, MOST[family])),
            out: [
              toServer(
                flow,
                serverFamily,
                kind[serverFamily],
                asSent((each) => flow.fromServer(each), segment, id),
              ),
            ],
            counters: TO_SERVER,
          },
        ]);
      }
    }
  });

  test(name('eight bytes of the transport header are enough'), () => {
    const rig = new Rig(options);
    const flow = flowOn(rig).settled();
    const data = { flags: 'PA', seq: 1, ack: 2, payload: 200 };
    const about = forwarded(flow, flow.client(data));
    const sent = asSent((each) => flow.client(each), data);
    for (const quoted of [8, 9, 12, 13, 14, 16, 17, 18, 19, 20, 25]) {
      const error = about.slice(0, HEADER[serverFamily] + quoted);
      const [link, built] = fromInside(flow, serverFamily, KINDS.timeExceeded[serverFamily], error);
      const about2 = sent.slice(0, HEADER[family] + quoted);
      // Of a checksum that is cut in two, neither part is touched.
      if (quoted === 17) about2[HEADER[family] + 16] = error[HEADER[serverFamily] + 16]!;
      // Without the flags nobody knows that it acknowledges anything.
      if (quoted <= 13) about2.set(error.slice(HEADER[serverFamily] + 8), HEADER[family] + 8);
      rig.play([
        {
          what: `${quoted} bytes`,
          in: [link, built],
          out: [toClient(flow, KINDS.timeExceeded[family], about2)],
          counters: TO_CLIENT,
        },
      ]);
    }
    const seven = about.slice(0, HEADER[serverFamily] + 7);
    rig.play([
      {
        what: 'seven are not',
        in: fromInside(flow, serverFamily, KINDS.timeExceeded[serverFamily], seven),
        out: [],
        counters: { 'drop-icmp-malformed': 1 },
      },
    ]);
  });

  test(name('the option is taken out of the quoted packet, and the MTU leaves room for it'), () => {
    const rig = new Rig(options);
    const flow = flowOn(rig).open();
    const early = { flags: 'PA', seq: 1, ack: 1, payload: 1400, options: [tcpOption.nop, tcpOption.nop] };
    const about = forwarded(flow, flow.client(early));
    rig.play([
      {
        what: 'too big, with the option',
        in: fromInside(
          flow,
          serverFamily,
          { ...KINDS.tooBig[serverFamily], rest: 1400 },
          about.slice(0, MOST[serverFamily]),
        ),
        out: [
          toClient(
            flow,
            { ...KINDS.tooBig[family], rest: 1400 + difference - room },
            asSent((each) => flow.client(each), early).slice(0, MOST[serverFamily] + difference - room),
          ),
        ],
        counters: TO_CLIENT,
      },
    ]);
    const settled = flowOn(rig, 3).settled();
    const late = { ...early, ack: 2 };
    const without = forwarded(settled, settled.client(late));
    rig.play([
      {
        what: 'too big, without',
        in: fromInside(
          settled,
          serverFamily,
          { ...KINDS.tooBig[serverFamily], rest: 1400 },
          without.slice(0, MOST[serverFamily]),
        ),
        out: [
          toClient(
            settled,
            { ...KINDS.tooBig[family], rest: 1400 + difference },
            asSent((each) => settled.client(each), late).slice(0, MOST[serverFamily] + difference),
          ),
        ],
        counters: TO_CLIENT,
      },
    ]);
  });

  test(name('a real server is told the MTU of the way to the client, in its own terms'), () => {
    const rig = new Rig(options);
    const flow = flowOn(rig).settled();
    const data = { flags: 'A', seq: 2, ack: 1, payload: 1400 };
    const about = forwarded(flow, flow.fromServer(data)).slice(0, MOST[family]);
    rig.play([
      {
        what: 'too big',
        in: fromOutside(flow, { ...KINDS.tooBig[family], rest: 1300 }, about),
        out: [
          toServer(
            flow,
            serverFamily,
            { ...KINDS.tooBig[serverFamily], rest: 1300 - difference },
            asSent((each) => flow.fromServer(each), data),
          ),
        ],
        counters: TO_SERVER,
      },
    ]);
  });
}

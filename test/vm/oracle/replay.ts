import { INSIDE } from '../../support/topology.js';
import { type Balancing, isForwarded, type Load, type Passed, serverOf, serviceText } from './balancing.js';
import type { Recording, Step } from './recording.js';
import { linkOf, SegmentWriter } from './segment-writer.js';

/** How much of what went before a disagreement is shown. */
const STORY = 12;

/** What a recording holds, for a test to see that it was worth something. */
export interface Extent {
  readonly opened: number;
  /** The real servers that were chosen, and how many clients and destinations chose among them. */
  readonly servers: number;
  readonly clients: number;
  readonly destinations: number;
  /** SYNs on connections that were over, for which a real server was chosen anew. */
  readonly renewed: number;
}

/** Plays to `ours` what Linux was given; throws at the first step that ends otherwise, with the story so far. */
export function replay(recording: Recording, ours: Balancing): Extent {
  const { service, steps } = recording;
  const writer = new SegmentWriter(service);
  const seen = { servers: new Set<number>(), clients: new Set<string>(), destinations: new Set<string>() };
  const known = new Set<string>();
  let chosen = 0;
  for (const [at, step] of steps.entries()) {
    const disagree = (wanted: string, got: string) => {
      if (wanted !== got) throw new Error(report(recording, at, wanted, got, ours.loads()));
    };
    if ('change' in step) ours.change(step.change);
    else if ('loads' in step) disagree(loadsText(step.loads), loadsText(ours.loads()));
    else {
      const { segment, link, packet } = step;
      const got = ours.pass(linkOf(segment), writer.write(segment));
      disagree(passedText({ link, packet: Buffer.from(packet, 'hex') }), passedText(got));
      if (segment.server !== -1) continue;
      seen.clients.add(segment.client);
      seen.destinations.add(segment.destination);
      if (link !== INSIDE) continue;
      chosen++;
      known.add(`${segment.client} ${segment.clientPort}`);
      seen.servers.add(serverOf(got!.packet));
    }
  }
  const { servers, clients, destinations } = seen;
  return {
    ...{ opened: known.size, renewed: chosen - known.size },
    ...{ servers: servers.size, clients: clients.size, destinations: destinations.size },
  };
}

/** The whole packet where it was forwarded; of an ICMP error, which each writes in its own way, what it says. */
function passedText(passed: Passed | undefined): string {
  if (passed === undefined) return 'nothing comes out';
  const { link, packet } = passed;
  const transport = packet[0]! >> 4 === 4 ? 20 : 40;
  if (!isForwarded(packet)) return `ICMP type ${packet[transport]} code ${packet[transport + 1]}`;
  return `${link === INSIDE ? `to server ${serverOf(packet)}` : 'to the client'}: ${Buffer.from(packet).toString('hex')}`;
}

/** `server=weight:active+inactive`, in the order of the list. */
function loadsText(loads: readonly Load[]): string {
  return loads.map((one) => `${one.server}=${one.weight}:${one.active}+${one.inactive}`).join(' ');
}

function report(recording: Recording, at: number, wanted: string, got: string, loads: Load[]): string {
  const { service, seed, steps } = recording;
  return [
    `${serviceText(service)}, seed ${seed}, step ${at} of ${steps.length}`,
    `wanted ${wanted}`,
    `got    ${got}`,
    `our real servers: ${loadsText(loads)}`,
    ...steps.slice(Math.max(0, at - STORY), at + 1).map(stepText),
  ].join('\n');
}

function stepText(step: Step): string {
  if ('change' in step) return JSON.stringify(step.change);
  if ('loads' in step) return `real servers: ${loadsText(step.loads)}`;
  const { fromServer, flags, client, clientPort, destination, server } = step.segment;
  const sender = fromServer ? `server ${server}` : 'client';
  const chosen =
    !fromServer && step.link === INSIDE ? `, to server ${serverOf(Buffer.from(step.packet, 'hex'))}` : '';
  return `${sender} sends ${flags || 'a datagram'}: ${client} ${clientPort} and ${destination}${chosen}`;
}

import type { ServiceStatistics, Snapshot, TrafficStatistics } from '../../lib/balancer/index.js';
import { type Column, table } from './table.js';

const number = (heading: string): Column => ({ heading, align: 'right' });

/**
 * What was balanced, in tables as ipvsadm has them: each service with its real servers below it, what they have now (`-L`) and
 * what has passed (`-L --stats`).
 */
export function statisticsTable(snapshot: Snapshot): string {
  const { services } = snapshot;
  return [serverTable(services), trafficTable(snapshot), synProxyTable(services)]
    .filter((text) => text !== '')
    .join('\n\n');
}

const serverName = ({ realServer }: ServiceStatistics['realServers'][number]) => `  -> ${realServer.name}`;

function serverTable(services: Snapshot['services']): string {
  const rows = services.flatMap(({ service, realServers }) => [
    [service.name],
    ...realServers.map((server) => [
      serverName(server),
      server.realServer.available ? String(server.realServer.weight) : 'removed',
      String(server.realServer.active),
      String(server.realServer.inactive),
    ]),
  ]);
  return table([{ heading: 'SERVICE' }, ...['WEIGHT', 'ACTIVE', 'INACTIVE'].map(number)], rows);
}

function trafficTable({ total, services }: Snapshot): string {
  const rows = [
    ['total', ...traffic(total)],
    ...services.flatMap(({ service, traffic: ofService, realServers }) => [
      [service.name, ...traffic(ofService)],
      ...realServers.map((server) => [serverName(server), ...traffic(server.traffic)]),
    ]),
  ];
  const headings = ['CONNS', 'PKTS IN', 'PKTS OUT', 'BYTES IN', 'BYTES OUT'];
  return table([{ heading: 'TRAFFIC' }, ...headings.map(number)], rows);
}

/** Of the services that have it, or may have it by themselves (`auto`). */
function synProxyTable(services: Snapshot['services']): string {
  const rows = services
    .filter(({ service: { synProtection } }) => synProtection.settings.mode !== 'off')
    .map(({ service: { name, synProtection } }) => [
      name,
      synProtection.settings.mode,
      synProtection.isOn ? 'on' : 'off',
      String(synProtection.pressure),
    ]);
  const columns = [{ heading: 'SYN PROXY' }, { heading: 'MODE' }, { heading: 'NOW' }, number('HALF OPEN')];
  return rows.length === 0 ? '' : table(columns, rows);
}

function traffic(counts: TrafficStatistics): string[] {
  const { connections, packetsIn, packetsOut, bytesIn, bytesOut } = counts;
  return [connections, packetsIn, packetsOut, bytesIn, bytesOut].map(scaled);
}

/** Up to eight digits, and then thousands, millions and so on, as ipvsadm has it: the columns stay narrow. */
function scaled(count: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let value = count;
  while (value >= 1e8 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${Math.floor(value)}${units[0]}`;
}

/** The same for machines, with rates. */
export function toStatisticsJson({ total, services }: Snapshot): object {
  return { total, services: services.map(serviceJson) };
}

function serviceJson({ service, traffic: ofService, realServers }: ServiceStatistics): object {
  const { name, protocol, mode, synProtection } = service;
  return {
    name,
    protocol,
    mode,
    synProxy: {
      mode: synProtection.settings.mode,
      on: synProtection.isOn,
      halfOpen: synProtection.pressure,
    },
    traffic: ofService,
    realServers: realServers.map(({ realServer, traffic: ofServer }) => ({
      name: realServer.name,
      available: realServer.available,
      weight: realServer.weight,
      active: realServer.active,
      inactive: realServer.inactive,
      persistent: realServer.persistent,
      traffic: ofServer,
    })),
  };
}

import type { ServiceStatistics, Snapshot, TrafficStatistics } from '../../lib/balancer/index.js';
import { table } from './table.js';

/** What was balanced, as ipvsadm shows it: each service, and below it its real servers. */
export function statisticsTable({ total, services }: Snapshot): string {
  const number = (heading: string) => ({ heading, align: 'right' }) as const;
  const columns = ['ACTIVE', 'INACTIVE', 'CONNS', 'PKTS IN', 'PKTS OUT', 'BYTES IN', 'BYTES OUT'].map(number);
  const rows = [
    ['total', '', '', '', ...traffic(total)],
    ...services.flatMap(({ service, traffic: ofService, realServers }) => [
      [service.name, '', '', '', ...traffic(ofService)],
      ...realServers.map(({ realServer, traffic: ofServer }) => [
        `  -> ${realServer.name}`,
        realServer.available ? String(realServer.weight) : 'removed',
        String(realServer.active),
        String(realServer.inactive),
        ...traffic(ofServer),
      ]),
    ]),
  ];
  return table([{ heading: 'SERVICE' }, number('WEIGHT'), ...columns], rows) + synProxyTable(services);
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
  const halfOpen = { heading: 'HALF OPEN', align: 'right' } as const;
  const columns = [{ heading: 'SYN PROXY' }, { heading: 'MODE' }, { heading: 'NOW' }, halfOpen];
  return rows.length === 0 ? '' : `\n\n${table(columns, rows)}`;
}

function traffic(counts: TrafficStatistics): string[] {
  const { connections, packetsIn, packetsOut, bytesIn, bytesOut } = counts;
  return [connections, packetsIn, packetsOut, bytesIn, bytesOut].map(String);
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

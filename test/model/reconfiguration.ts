/** Another configuration: other settings of a service, real servers that go and come back. */
import type { ResolvedService } from '../../lib/balancer/config/model.js';
import type { Memory } from './memory.js';
import { judge, noTraffic, type Server, type Service } from './parties.js';
import { switchTo } from './syn-protection.js';

export function reconfigure(
  memory: Memory,
  service: Service,
  { realServers, synProxy }: ResolvedService,
): void {
  const { servers } = service;
  const before = servers.filter(({ present }) => present);
  const wished = (server: Server) => realServers.find(({ address }) => address === server.address);
  for (const server of servers) server.present &&= wished(server) !== undefined;
  for (const server of memory.services.flatMap((each) => each.servers)) sweep(memory, server);
  for (const server of servers) {
    const wish = wished(server);
    if (wish === undefined) continue;
    server.present = true;
    server.listed = true;
    server.weight = wish.weight;
    server.thresholds = [wish.upperThreshold, wish.lowerThreshold];
    judge(server);
  }
  // The turn is at who stood before the one that has gone.
  while (service.last?.present === false) service.last = before[before.indexOf(service.last) - 1];
  switchTo(service, synProxy?.mode ?? 'off');
}

/** A real server that the configuration has no longer, or had not until now, is forgotten where nothing is left of it. */
function sweep({ templates }: Memory, server: Server): void {
  if (server.present || server.active + server.inactive > 0 || templates.leadTo(server)) return;
  Object.assign(server, { listed: false, overloaded: false, traffic: noTraffic() });
}

import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';

// A here-document becomes a pipe, which HAProxy can open by name; Node's own pipes are sockets, which it cannot.
const script = 'configuration=$0; exec "$@" haproxy -db -f /dev/stdin <<END\n$configuration\nEND';

/** Starts HAProxy in a namespace, with a configuration that is handed over without a file; on one core if given. */
export function haproxy(host: Namespace, configuration: string, core?: number): RunningProcess {
  const cores = core === undefined ? [] : ['taskset', '-c', String(core)];
  return host.start('sh', ['-c', script, configuration, ...cores]);
}

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ToaError } from '../../lib/errors.js';
import type { Echo } from '../namespaces/echo.js';
import type { Namespace } from '../namespaces/namespace.js';
import { Network } from '../namespaces/network.js';
import { config, plan, ports } from './plan.js';
import { type DemoRow, demoRow, type SeenEndpoint } from './rows.js';

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The demo over real kernels: namespaces, the balancer as its own process, Node servers, real clients. */
export async function demoOverNamespaces(echo: Echo): Promise<DemoRow[]> {
  using network = new Network(echo);
  const [clients, balancer, server] = ['clients', 'balancer', 'server'].map((role) =>
    network.namespace(role),
  );
  if (clients === undefined || balancer === undefined || server === undefined) return [];

  network.cable(
    {
      namespace: clients,
      device: 'eth0',
      addresses: plan.flatMap((family) => family.clients.map((client) => `${client}/${family.clientPrefix}`)),
    },
    { namespace: balancer, device: 'clients' },
  );
  network.cable(
    { namespace: balancer, device: 'servers' },
    {
      namespace: server,
      device: 'eth0',
      addresses: plan.map((family) => `${family.server}/${family.serverPrefix}`),
    },
  );
  await Promise.all([
    startBalancer(balancer),
    startServer(
      server,
      ports.recovered,
      plan.map(({ local }) => local),
    ),
    startServer(server, ports.plain, []),
  ]);
  const fetch = chooseClient(clients);
  // Awaited here: the network is taken down on return.
  return await Promise.all(
    plan.flatMap(({ clients: addresses, vip }) =>
      addresses.map(async (address) => {
        const plain = await fetch(address, vip, ports.plain);
        const { client, seen } = await fetch(address, vip, ports.recovered);
        return demoRow(client, plain.seen, seen);
      }),
    ),
  );
}

async function startBalancer(balancer: Namespace): Promise<void> {
  const running = balancer.start(process.execPath, [program('../main.js'), 'lb', 'run', '-c', '-']);
  running.stdin.end(JSON.stringify(config));
  await running.line(/^ready/);
}

async function startServer(server: Namespace, port: number, trusted: readonly string[]): Promise<void> {
  const args = [program('server.js'), String(port + 8000), ...trusted];
  await server.start(process.execPath, args).line(/^listening/);
}

type Fetch = (
  from: string,
  vip: string,
  port: number,
) => Promise<{ client: SeenEndpoint; seen: SeenEndpoint }>;

/** curl if there is one, for it has nothing of ours in it; else Node. Both print the answer, then their own port. */
function chooseClient(clients: Namespace): Fetch {
  const hasCurl = spawnSync('curl', ['--version']).status === 0;
  return async (from, vip, port) => {
    const url = `http://${vip.includes(':') ? `[${vip}]` : vip}:${port}/`;
    const { code, stdout, stderr } = hasCurl
      ? await clients.run('curl', ['-sS', '-m', '10', '--interface', from, '-w', '\n%{local_port}', url])
      : await clients.run(process.execPath, [program('client.js'), from, url]);
    if (code !== 0)
      throw new ToaError('ERR_TOA_DEMO', `a request from ${from} to ${url} failed: ${stderr.trim()}`);
    const [answer = '', localPort] = stdout.toString().trim().split('\n');
    return { client: { address: from, port: Number(localPort) }, seen: JSON.parse(answer) as SeenEndpoint };
  };
}

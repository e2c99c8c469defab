// The kernel module itself is tested in virtual machines. Here one function of the addon answers as the module would.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { constants } from 'node:os';
import { type TestContext, test } from 'node:test';
import { type ClientAddress, getClientAddress } from '../../lib/index.js';
import { type NativeAddon, native } from '../../lib/native.js';
import { ModuleSource } from '../../lib/receiver/module-source.js';
import { Receiver } from '../../lib/receiver/receiver.js';
import { compileTrust } from '../../lib/receiver/trust.js';
import { concat, hex } from '../support/wire.js';

const { ENOPROTOOPT, ESRCH } = constants.errno;

/** The client 203.0.113.7:51514 behind the balancer 10.9.1.1:4000, in the little-endian layout of uapi/toa.h. */
const record = concat(
  hex('4800 0100 0200 fe 08'),
  hex('0200 c93a cb007107 000000000000000000000000'),
  new Uint8Array(20),
  hex('0200 0fa0 0a090101 000000000000000000000000'),
  new Uint8Array(4),
);

/** An addon whose kernel answers so to TOA_SO_GET_RECORD, and the questions that it was asked. */
function kernel(answer: Uint8Array | number): { addon: NativeAddon; questions: number[][] } {
  const questions: number[][] = [];
  const getSocketOption: NativeAddon['getSocketOption'] = (fd, level, name, into) => {
    questions.push([fd, level, name]);
    if (typeof answer === 'number') return -answer;
    into.set(answer);
    return answer.length;
  };
  return { addon: { ...native()!, getSocketOption }, questions };
}

test('the module is asked for the record of the socket', () => {
  const { addon, questions } = kernel(record);
  const finding = new ModuleSource(addon).ask(42);
  assert.deepEqual(finding?.client, { address: '203.0.113.7', port: 51514, family: 4 });
  assert.deepEqual(questions, [[42, 0, 4100]]);
});

test('where no module is loaded it is asked again after a second, not before', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  const { addon, questions } = kernel(ENOPROTOOPT);
  const source = new ModuleSource(addon);
  const asked = (afterMs: number) => {
    t.mock.timers.tick(afterMs);
    assert.equal(source.ask(1), undefined);
    return questions.length;
  };
  assert.deepEqual([0, 1, 998, 1, 1, 998, 1].map(asked), [1, 1, 1, 2, 2, 2, 3]);
});

test('where the module has seen no option, it is asked for the next connection too', () => {
  const { addon, questions } = kernel(ESRCH);
  const source = new ModuleSource(addon);
  assert.equal(source.ask(1), undefined);
  assert.equal(source.ask(1), undefined);
  assert.equal(questions.length, 2);
});

async function accept(t: TestContext, trust: string): Promise<{ socket: Socket; stats: Receiver['stats'] }> {
  const server = net.createServer();
  const receiver = new Receiver(server, compileTrust(trust), [new ModuleSource(kernel(record).addon)], true);
  server.on('connection', (socket) => receiver.onConnection(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { socket, stats: receiver.stats };
}

test('a client that the module tells is believed where its balancer is trusted', async (t) => {
  const { socket, stats } = await accept(t, '10.9.1.1');
  assert.deepEqual(getClientAddress(socket), {
    address: '203.0.113.7',
    port: 51514,
    family: 4,
    source: 'toa',
    via: 'module',
    peer: { address: '10.9.1.1', port: 4000, family: 4 },
  } satisfies ClientAddress);
  assert.equal(socket.remoteAddress, '203.0.113.7');
  assert.equal(stats.module, 1);
});

test('and not where it is not', async (t) => {
  const { socket, stats } = await accept(t, '127.0.0.1');
  assert.equal(getClientAddress(socket)?.address, '10.9.1.1');
  assert.equal(stats.untrusted, 1);
});

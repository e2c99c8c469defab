import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { native } from '../../lib/native.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { runShell } from '../support/run-shell.js';

await enterPrivateNetwork(() => {
  runShell(`
    ip link add cable mtu 1400 address 02:00:00:00:00:07 type veth peer name fifteen-letters
    ip link set cable up
    ip address add 192.0.2.1/24 dev cable`);
});

const addon = native()!;
const { errno } = constants;
const IFF_UP = 1;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

function describe(name: string) {
  const bytes = new Uint8Array(16);
  assert.equal(addon.interfaceDescription(name, bytes), 16);
  const view = new DataView(bytes.buffer);
  return {
    mtu: view.getUint32(0, true),
    up: (view.getUint32(4, true) & IFF_UP) !== 0,
    mac: Array.from(bytes.subarray(8, 14), (byte) => byte.toString(16).padStart(2, '0')).join(':'),
    hardware: view.getUint16(14, true),
  };
}

test('an interface has the index, MTU, MAC address and state that ip tells', (t) => {
  if (!requireNamespaces(t)) return;
  const [link] = JSON.parse(runShell('ip -json link show cable'));
  assert.equal(addon.interfaceIndex('cable'), link.ifindex);
  assert.deepEqual(describe('cable'), {
    mtu: 1400,
    up: true,
    mac: '02:00:00:00:00:07',
    hardware: ARPHRD_ETHER,
  });
  assert.equal(describe('lo').hardware, ARPHRD_LOOPBACK);
});

test('the longest name there can be is found, and down is told', (t) => {
  if (!requireNamespaces(t)) return;
  assert.ok(addon.interfaceIndex('fifteen-letters') > 0);
  assert.equal(describe('fifteen-letters').up, false);
});

test('names that do not exist, or are too long, give ENODEV', (t) => {
  if (!requireNamespaces(t)) return;
  for (const name of ['', 'nonesuch', 'fifteen-letters-and-more', 'fifteen-letters7']) {
    assert.equal(addon.interfaceIndex(name), -errno.ENODEV, name);
    assert.equal(addon.interfaceDescription(name, new Uint8Array(16)), -errno.ENODEV, name);
  }
});

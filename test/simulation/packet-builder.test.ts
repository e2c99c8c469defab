import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packet } from '../support/packet-builder.js';
import { decodeFrame, describe } from '../support/packet-decoder.js';
import { tcpOption } from '../support/tcp-segment.js';
import { hex, hostPort } from '../support/wire.js';

const macs = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };

test('a TCP SYN over IPv4 has every field in its place and checksums that tshark confirms', () => {
  const frame = packet()
    .ethernet({ from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' })
    .ipv4({ from: '192.0.2.1', to: '192.0.2.2', id: 0x1c46, ttl: 64 })
    .tcp({ from: 40000, to: 80, seq: 1, flags: 'S', window: 64240, options: [tcpOption.mss(1460)] })
    .bytes();
  const ip = '4500 002c 1c46 4000 4006 9a82 c000 0201 c000 0202';
  const tcp = '9c40 0050 0000 0001 0000 0000 6002 faf0 7ca0 0000 0204 05b4';
  assert.equal(Buffer.from(frame.subarray(14)).toString('hex'), Buffer.from(hex(ip + tcp)).toString('hex'));
});

test('a frame is described in one line, oddities included', () => {
  const toa = tcpOption.toa(hostPort('203.0.113.7', 51514));
  const tcp = packet()
    .ethernet(macs)
    .ip({ from: '2001:db8::1', to: '2001:db8::2', ttl: 9 })
    .tcp({ from: 1, to: 2, seq: 3, ack: 4, flags: 'PA', options: [toa], checksum: 'bad' })
    .payload(5);
  assert.equal(
    describe(tcp.build()),
    '02:00:00:00:00:01 > 02:00:00:00:00:02 IP6 [2001:db8::1]:1 > [2001:db8::2]:2 ' +
      '[PA] seq 3 ack 4 win 65535 header 28 <254 203.0.113.7:51514> 5 bytes BAD TCP CHECKSUM (ttl 9)',
  );
  const error = packet()
    .ethernet(macs)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .icmp({ type: 3, code: 4, rest: 1400 });
  assert.match(
    describe(error.payload(packet().ip({ from: '192.0.2.2', to: '192.0.2.9' }).payload(8)).build()),
    /ICMP type 3 code 4 rest 1400 about 192.0.2.2 > 192.0.2.9 \(ttl 64\)$/,
  );
  const arp = {
    operation: 'request',
    senderMac: macs.from,
    sender: '192.0.2.1',
    target: '192.0.2.2',
  } as const;
  assert.match(describe(packet().ethernet(macs).arp(arp).build()), /ARP who-has 192.0.2.2 tell 192.0.2.1/);
  const advert = packet().ethernet(macs).ip({ from: 'fe80::1', to: 'fe80::2', ttl: 255 });
  assert.match(
    describe(advert.neighborAdvertisement({ target: 'fe80::1', targetMac: macs.from, flags: 'SO' }).build()),
    /neighbor advertises \(flags 11\) fe80::1 02:00:00:00:00:01 \(ttl 255\)$/,
  );
});

test('an offloaded frame has the header that tells where its checksum goes', () => {
  const frame = packet()
    .ethernet(macs)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .tcp({ from: 1, to: 2, flags: 'PA', options: [tcpOption.nop] })
    .payload(4000)
    .offload({ gsoSize: 1448 })
    .build();
  const { virtio, tcp } = decodeFrame(frame);
  assert.deepEqual(virtio, {
    flags: 1,
    gsoType: 1,
    headerLength: 14 + 20 + 24,
    gsoSize: 1448,
    checksumStart: 34,
    checksumOffset: 16,
  });
  assert.equal(tcp?.checksumRight, true);
});

test('IPv6 extension headers are skipped to the transport', () => {
  const frame = packet()
    .ethernet(macs)
    .ip({ from: '2001:db8::1', to: '2001:db8::2' })
    .extension(0)
    .extension(60, new Uint8Array(10))
    .tcp({ from: 1, to: 2, flags: 'S' });
  const { ip, tcp } = decodeFrame(frame.build());
  assert.deepEqual(ip?.extensions, [0, 60]);
  assert.equal(tcp?.checksumRight, true);
});

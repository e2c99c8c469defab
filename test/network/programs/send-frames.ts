// `node send-frames.js DEVICE FRAME ...`: puts frames, in hexadecimal from the Ethernet header on, onto the wire as they are.

import { native, PacketSocketFlag } from '../../../lib/native.js';
import { nativeError } from '../../../lib/native-error.js';

const [device = '', ...frames] = process.argv.slice(2);

const addon = native();
if (addon === undefined) throw new Error('the addon does not load');
const fd = addon.packetSocketOpen(addon.interfaceIndex(device), PacketSocketFlag.virtioHeader, 1 << 20);
if (fd < 0) throw nativeError(`open a packet socket on ${device}`, fd);
for (const frame of frames) {
  // Ten zeros of virtio header: nothing is left to the device.
  const bytes = Buffer.concat([new Uint8Array(10), Buffer.from(frame, 'hex')]);
  const sent = addon.packetSocketSend(fd, bytes, Int32Array.of(0, bytes.length), 1);
  if (sent !== 1) throw nativeError(`send on ${device}`, sent);
}
addon.closeFd(fd);

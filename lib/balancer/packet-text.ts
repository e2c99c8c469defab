import { formatAddress, formatEndpoint } from '../net/address.js';
import { ETHERNET_TYPE } from '../net/ethernet.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../net/ipv4.js';
import { OPTION_NOP, optionLength, TCP_HEADER, TCP_WINDOW } from '../net/tcp.js';
import type { Frame } from './frame.js';
import { PARSED, parse } from './parse.js';

const FLAG_LETTERS = 'FSRPAUEC';

/** One line about a frame, as tcpdump would have it; parses the frame for it. */
export function packetText(frame: Frame): string {
  const fault = parse(frame);
  if (frame.family === 0)
    return `EtherType 0x${frame.view.getUint16(frame.start + ETHERNET_TYPE).toString(16)}`;
  const source = addressText(frame.source0, frame.source1, frame.source2, frame.source3);
  const destination = addressText(
    frame.destination0,
    frame.destination1,
    frame.destination2,
    frame.destination3,
  );
  const balanced = frame.protocol === PROTOCOL_TCP || frame.protocol === PROTOCOL_UDP;
  if (fault !== PARSED || !balanced) return `${source} > ${destination} protocol ${frame.protocol}`;
  const from = formatEndpoint(source, frame.ports >>> 16);
  const to = formatEndpoint(destination, frame.ports & 0xffff);
  if (frame.protocol === PROTOCOL_UDP) return `${from} > ${to} UDP length ${frame.payload}`;
  const flags = [...FLAG_LETTERS].filter((_, bit) => (frame.tcpFlags & (1 << bit)) !== 0).join('');
  const numbers = `seq ${frame.sequence >>> 0} ack ${frame.acknowledgment >>> 0}`;
  const window = frame.view.getUint16(frame.l4 + TCP_WINDOW);
  return `${from} > ${to} [${flags}] ${numbers} win ${window} length ${frame.payload}${optionsText(frame)}`;
}

/** Four words as text. */
export function addressText(word0: number, word1: number, word2: number, word3: number): string {
  const view = new DataView(new ArrayBuffer(16));
  for (const [i, word] of [word0, word1, word2, word3].entries()) view.setInt32(4 * i, word);
  const bytes = new Uint8Array(view.buffer);
  const ipv4 = word0 === 0 && word1 === 0 && word2 === 0xffff;
  return ipv4 ? formatAddress(bytes, 12, 4) : formatAddress(bytes, 0, 6);
}

/** The options by kind, in hexadecimal; NOPs left out. */
function optionsText({ bytes, l4, l4Length }: Frame): string {
  const texts: string[] = [];
  const end = l4 + l4Length;
  let at = l4 + TCP_HEADER;
  for (;;) {
    const length = optionLength(bytes, at, end);
    if (length === 0) break;
    if (bytes[at] !== OPTION_NOP) texts.push(hexText(bytes.subarray(at, at + length)));
    at += length;
  }
  return texts.length === 0 ? '' : ` options ${texts.join(' ')}`;
}

function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

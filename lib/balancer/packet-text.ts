import { formatEndpoint } from '../net/address.js';
import { ETHERNET_TYPE } from '../net/ethernet.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../net/ipv4.js';
import { OPTION_NOP, optionLength, TCP_HEADER, TCP_WINDOW } from '../net/tcp.js';
import { textOf } from './address-words.js';
import { FragmentFields } from './fragment-fields.js';
import type { Frame } from './frame.js';
import { copyAddresses } from './packet-addresses.js';
import { FRAGMENT, PARSED, parse } from './parse.js';
import { readQuotedTransport } from './related-icmp/quoted-packet.js';
import { isIcmpError, ReceivedError } from './related-icmp/received-error.js';

const FLAG_LETTERS = 'FSRPAUEC';

/** One line about a frame, as tcpdump would have it; parses the frame for it. */
export function packetText(frame: Frame): string {
  const fault = parse(frame);
  if (frame.family === 0)
    return `EtherType 0x${frame.view.getUint16(frame.start + ETHERNET_TYPE).toString(16)}`;
  const key = keyOf(frame);
  const balanced = frame.protocol === PROTOCOL_TCP || frame.protocol === PROTOCOL_UDP;
  if (fault !== PARSED || !balanced) {
    const bare = `${textOf(key)} > ${textOf(key.subarray(4))} protocol ${frame.protocol}`;
    if (fault === FRAGMENT) return `${bare}${fragmentText(frame)}`;
    return fault === PARSED && isIcmpError(frame) ? `${bare}${errorText(frame)}` : bare;
  }
  const ends = endsText(key);
  if (frame.protocol === PROTOCOL_UDP) return `${ends} UDP length ${frame.payload}`;
  const flags = [...FLAG_LETTERS].filter((_, bit) => (frame.tcpFlags & (1 << bit)) !== 0).join('');
  const numbers = `seq ${frame.sequence >>> 0} ack ${frame.acknowledgment >>> 0}`;
  const window = frame.view.getUint16(frame.l4 + TCP_WINDOW);
  return `${ends} [${flags}] ${numbers} win ${window} length ${frame.payload}${optionsText(frame)}`;
}

/** `CLIENT:PORT > VIP:PORT` of the nine words that tell a connection's side: two addresses, then the ports. */
export function endsText(key: Int32Array): string {
  const ports = key[8]!;
  const source = formatEndpoint(textOf(key), ports >>> 16);
  return `${source} > ${formatEndpoint(textOf(key.subarray(4)), ports & 0xffff)}`;
}

function keyOf(frame: Frame): Int32Array {
  const key = new Int32Array(9);
  copyAddresses(frame, key);
  key[8] = frame.ports;
  return key;
}

function fragmentText(frame: Frame): string {
  const fields = new FragmentFields();
  fields.read(frame);
  const { id, at, length, more } = fields;
  return ` fragment id ${id >>> 0} offset ${at} length ${length}${more ? ' more' : ''}`;
}

/** What an ICMP error says, and of what, where it quotes enough. */
function errorText(frame: Frame): string {
  const error = new ReceivedError();
  if (error.read(frame) !== PARSED) return '';
  const { header, quote } = error;
  const about = readQuotedTransport(quote) === PARSED ? ` about ${endsText(keyOf(quote))}` : '';
  return ` type ${header.type} code ${header.code}${about}`;
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

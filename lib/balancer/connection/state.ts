import { ACK, FIN, RST, SYN } from '../../net/tcp.js';

/** The states of Linux's IPVS (net/netfilter/ipvs/ip_vs_proto_tcp.c), in its order, and UDP's one. */
export const STATES = [
  'none',
  'established',
  'synSent',
  'synReceived',
  'finWait',
  'timeWait',
  'close',
  'closeWait',
  'lastAck',
  'listen',
  'synAck',
  'udp',
] as const;
export type State = (typeof STATES)[number];

export const STATE_NONE = 0;
export const STATE_ESTABLISHED = 1;
export const STATE_SYN_SENT = 2;
export const STATE_SYN_RECEIVED = 3;
export const STATE_FIN_WAIT = 4;
export const STATE_TIME_WAIT = 5;
export const STATE_CLOSE = 6;
export const STATE_SYN_ACK = 10;
export const STATE_UDP = 11;

const CODES = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

/** Who sent a packet; one-way where the other side's packets are never seen. */
export const FROM_CLIENT = 0;
export const FROM_SERVER = 1;
export const ONE_WAY = 2;

/**
 * Next states, a table for each sender. Rows: the state before; columns: SYN, FIN, ACK, RST. The kernel's normal table,
 * except that an ACK without a connection gives CLOSE, as in Alibaba's LVS and DPVS.
 */
const NEXT_STATES = table(`
  SR CL CL CL
  ES CW ES CL
  ES SS SS CL
  SR TW ES SR
  SR TW FW CL
  SR TW TW CL
  SR CL CL CL
  SR CW CW CL
  SR LA CL LA
  SR LI LI LI
  SR TW ES SR

  SS TW ES CL
  ES FW ES CL
  SS SS SS SS
  SR TW ES CL
  SS FW FW CL
  SS TW TW TW
  SS CL CL CL
  SS TW CW CL
  SS LA LA CL
  LI LI ES CL
  SR TW ES CL

  SR CL CL CL
  ES FW ES CL
  ES SS SS CL
  SR TW ES SR
  SR FW FW CL
  SR TW TW CL
  SR CL CL CL
  SR CW CW CL
  SR LA CL LA
  SR LI LI LI
  SR TW ES CL`);
/** Four columns for each of the eleven states of TCP. */
const TABLE_CELLS = 44;

function table(rows: string): Uint8Array {
  return Uint8Array.from(rows.trim().split(/\s+/), (code) => CODES.indexOf(code));
}

/**
 * The column of each combination of the flags up to ACK. Priority among a packet's flags: RST, SYN, FIN, ACK; -1 for
 * none of the four.
 */
const COLUMNS = Int8Array.from({ length: 32 }, (_, flags) => {
  if ((flags & RST) !== 0) return 3;
  if ((flags & SYN) !== 0) return 0;
  if ((flags & FIN) !== 0) return 1;
  return (flags & ACK) !== 0 ? 2 : -1;
});

/**
 * The state that a TCP segment leads to; one with none of RST, SYN, FIN and ACK closes.
 * @param sender FROM_CLIENT, FROM_SERVER or ONE_WAY
 */
export function nextTcpState(state: number, flags: number, sender: number): number {
  const column = COLUMNS[flags & 31]!;
  if (column < 0) return STATE_CLOSE;
  return NEXT_STATES[sender * TABLE_CELLS + state * 4 + column]!;
}

import { ACK, FIN, RST, SYN } from '../../net/tcp.js';

/** The TCP states of Linux's IPVS (net/netfilter/ipvs/ip_vs_proto_tcp.c), in its order. */
export const TCP_STATES = [
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
] as const;
export type TcpState = (typeof TCP_STATES)[number];

export const STATE_NONE = 0;
export const STATE_ESTABLISHED = 1;
export const STATE_SYN_SENT = 2;
export const STATE_SYN_RECEIVED = 3;
export const STATE_CLOSE = 6;

/** Seconds in the states that no setting names; Alibaba's LVS and DPVS. The others are in the configuration. */
export const FIXED_TIMEOUTS = { none: 2, listen: 120, synAck: 30 } as const;

const CODES = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

/**
 * Next states. Rows: the state before; columns: SYN, FIN, ACK, RST. The kernel's normal table, except that an ACK
 * without a connection gives CLOSE, as in Alibaba's LVS and DPVS.
 */
const FROM_CLIENT = table(`
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
  SR TW ES SR`);

const FROM_SERVER = table(`
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
  SR TW ES CL`);

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

/** The state that a packet leads to; one with none of RST, SYN, FIN and ACK closes. */
export function nextState(state: number, flags: number, fromServer: boolean): number {
  const column = COLUMNS[flags & 31]!;
  if (column < 0) return STATE_CLOSE;
  return (fromServer ? FROM_SERVER : FROM_CLIENT)[state * 4 + column]!;
}

/**
 * A program for the kernel's packet filter, classic BPF (Linux, Documentation/networking/filter.rst), for a packet socket
 * that gets packets from the IP header on: it lets TCP through, of certain ports if wanted, so that the rest costs nothing.
 */

/** Instruction codes (linux/bpf_common.h). */
const LOAD_BYTE = 0x30;
const LOAD_HALF = 0x28;
const LOAD_HALF_INDEXED = 0x48;
const LOAD_IPV4_HEADER_LENGTH = 0xb1; // into X
const JUMP_EQUAL = 0x15;
const JUMP_BITS_SET = 0x45;
const RETURN = 0x06;

/** What the kernel knows about a packet, at offsets from SKF_AD_OFF (linux/filter.h). */
const ANCILLARY = 0xfffff000;
const PROTOCOL = ANCILLARY + 0;
const PACKET_TYPE = ANCILLARY + 4;
const HARDWARE_TYPE = ANCILLARY + 28;

const PACKET_OUTGOING = 4;
const ARPHRD_LOOPBACK = 772;
const TCP = 6;

/** IPv6 extension headers that TCP can stand behind. The program looks behind the first; what has more of them passes. */
const EXTENSIONS = [0, 43, 44, 51, 60];

/** Jumps reach 255 instructions, and each port takes four. */
export const FILTER_PORTS_MAX = 32;

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** Labels to go to; without one, on to the next. */
  readonly ifTrue?: string;
  readonly ifFalse?: string;
}

/**
 * @param ports of either end; at most FILTER_PORTS_MAX, none for all
 * @param snapLength bytes to keep of each packet
 * @returns eight bytes for each instruction, as the kernel's `struct sock_filter`
 */
export function tcpFilter(ports: readonly number[], snapLength: number): Uint8Array {
  const program: (Instruction | string)[] = [
    // The loopback shows every packet twice, going out and coming in.
    { code: LOAD_BYTE, value: PACKET_TYPE },
    { code: JUMP_EQUAL, value: PACKET_OUTGOING, ifFalse: 'protocol' },
    { code: LOAD_HALF, value: HARDWARE_TYPE },
    { code: JUMP_EQUAL, value: ARPHRD_LOOPBACK, ifTrue: 'drop' },
    'protocol',
    { code: LOAD_HALF, value: PROTOCOL },
    { code: JUMP_EQUAL, value: 0x0800, ifTrue: 'ipv4' },
    { code: JUMP_EQUAL, value: 0x86dd, ifTrue: 'ipv6', ifFalse: 'drop' },
    'ipv4',
    { code: LOAD_BYTE, value: 9 },
    { code: JUMP_EQUAL, value: TCP, ifFalse: 'drop' },
    { code: LOAD_HALF, value: 6 },
    { code: JUMP_BITS_SET, value: 0x1fff, ifTrue: 'drop' }, // a later fragment has no TCP header
    { code: LOAD_IPV4_HEADER_LENGTH, value: 0 },
    ...comparePorts(LOAD_HALF_INDEXED, 0, ports),
    'ipv6',
    { code: LOAD_BYTE, value: 6 },
    ...EXTENSIONS.map((value) => ({ code: JUMP_EQUAL, value, ifTrue: 'extension' })),
    { code: JUMP_EQUAL, value: TCP, ifFalse: 'drop' },
    ...comparePorts(LOAD_HALF, 40, ports),
    'extension',
    { code: LOAD_BYTE, value: 40 },
    ...[...EXTENSIONS, TCP].map((value) => ({ code: JUMP_EQUAL, value, ifTrue: 'accept' })),
    goTo('drop'),
    'accept',
    { code: RETURN, value: snapLength },
    'drop',
    { code: RETURN, value: 0 },
  ];
  return assemble(program);
}

function comparePorts(code: number, tcpHeader: number, ports: readonly number[]): Instruction[] {
  const oneEnd = (at: number) => [
    { code, value: at },
    ...ports.map((value) => ({ code: JUMP_EQUAL, value, ifTrue: 'accept' })),
  ];
  return ports.length === 0
    ? [goTo('accept')]
    : [...oneEnd(tcpHeader), ...oneEnd(tcpHeader + 2), goTo('drop')];
}

function goTo(label: string): Instruction {
  return { code: JUMP_EQUAL, value: 0, ifTrue: label, ifFalse: label };
}

function assemble(program: readonly (Instruction | string)[]): Uint8Array {
  const labels = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const item of program) {
    if (typeof item === 'string') labels.set(item, instructions.length);
    else instructions.push(item);
  }
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, value, ifTrue, ifFalse }] of instructions.entries()) {
    const distance = (label: string | undefined) =>
      label === undefined ? 0 : labels.get(label)! - index - 1;
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, distance(ifTrue));
    view.setUint8(8 * index + 3, distance(ifFalse));
    view.setUint32(8 * index + 4, value, true);
  }
  return bytes;
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireCompiler } from '../support/require.js';

const header = fileURLToPath(new URL('../../../kernel-module/uapi/toa.h', import.meta.url));

/** Where each field of each structure stands, as earlier receivers and lib/receiver have it. */
const layout: Record<string, { size: number; fields: Record<string, number> }> = {
  toa_endpoint: { size: 20, fields: { family: 0, port: 2, address: 4 } },
  toa_record: {
    size: 72,
    fields: { size: 0, version: 2, flags: 4, kind: 6, length: 7, client: 8, vip: 28, peer: 48, vpc_id: 68 },
  },
  toa_nat64_peer: { size: 20, fields: { saddr: 0, port: 16, reserved: 18 } },
  toa_vip_data: { size: 24, fields: { family: 0, ip: 4, port: 20, reserved: 22 } },
  vtoa_vs: { size: 12, fields: { vid: 0, vaddr: 4, vport: 8, reserved: 10 } },
  vtoa_get_vs4rds: {
    size: 32,
    fields: { protocol: 0, caddr: 4, cport: 8, daddr: 12, dport: 16, toa_vs: 20 },
  },
  hybrid_vtoa_vs: { size: 24, fields: { vid: 0, vaddr: 4, af: 20, vport: 22 } },
};

const options: Record<string, number> = {
  TOA_SO_GET_RECORD: 4100,
  TOA_SO_GET_LOOKUP: 4096,
  TOA_VIP_SO_GET_LOOKUP: 4097,
  VTOA_SO_GET_VS: 1345,
  VTOA_SO_GET_VS4RDS: 1346,
  HYBRID_VTOA_SO_GET_VS: 1347,
};

for (const [compiler, language] of [
  ['gcc', 'c'],
  ['g++', 'c++'],
] as const) {
  test(`uapi/toa.h is ${language} with the layout that programs rely on, beside the C library's headers`, (t) => {
    if (!requireCompiler(t, compiler)) return;
    const claim = language === 'c' ? '_Static_assert' : 'static_assert';
    const lines = [
      '#include <stddef.h>',
      '#include <netinet/in.h>',
      `#include "${header}"`,
      ...Object.entries(options).map(([name, value]) => `${claim}(${name} == ${value}, "${name}");`),
      ...Object.entries(layout).flatMap(([name, { size, fields }]) => [
        `${claim}(sizeof(struct ${name}) == ${size}, "${name}");`,
        ...Object.entries(fields).map(
          ([field, at]) => `${claim}(offsetof(struct ${name}, ${field}) == ${at}, "${name}.${field}");`,
        ),
      ]),
    ];
    const flags = ['-x', language, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only', '-'];
    const { status, stderr } = spawnSync(compiler, flags, {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });
}

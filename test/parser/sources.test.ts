import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const folder = 'kernel-module';
const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
const text = (name: string) => readFileSync(join(folder, name), 'utf8');

test('what differs between kernels stands in compat.h, and nowhere is a version compared', () => {
  for (const name of sources) {
    assert.doesNotMatch(text(name), /LINUX_VERSION_CODE|KERNEL_VERSION/, name);
    if (name === 'compat.h') continue;
    const conditions = text(name).match(/^\s*#\s*(if|elif|else).*/gm) ?? [];
    // the guard of a header
    assert.deepEqual(conditions, name.endsWith('.h') ? [`#ifndef _TOA_${guardOf(name)}_H`] : [], name);
  }
});

test('the parser needs no header of the kernel', () => {
  for (const name of ['parse.c', 'parse.h', 'formats.c', 'formats.h']) {
    for (const [, header] of text(name).matchAll(/^#include (.*)/gm)) {
      assert.match(header!, /^"(parse|formats)\.h"$/, name);
    }
  }
});

const guardOf = (name: string) => name.replace('.h', '').toUpperCase();

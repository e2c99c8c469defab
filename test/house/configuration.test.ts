import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultSettings, defaultTimeouts } from '../../lib/balancer/config/defaults.js';
import { type Fault, schedulerNames, validateConfig } from '../../lib/balancer/config/index.js';

const text = readFileSync('docs/configuration.md', 'utf8');

/** The examples under their headings. */
const examples = [...text.matchAll(/^### ([^\n]+)\n(?:(?!^### ).)*?^```json\n(.*?)^```$/gms)].map(
  ([, heading, json]) => ({ heading: heading!, config: JSON.parse(json!) as unknown }),
);

/** The keys of each object, by the part of the document that tells of them. */
const wrong = { 'no key': 1 };
const objects: readonly (readonly [heading: string, path: string, config: object])[] = [
  ["The balancer's configuration", '"no key"', wrong],
  ['Links', 'links[0]."no key"', { links: [wrong] }],
  ['Routes', 'routes[0]."no key"', { routes: [wrong] }],
  ['Services', 'services[0]."no key"', { services: [wrong] }],
  ['Real servers', 'services[0].realServers[0]."no key"', { services: [{ realServers: [wrong] }] }],
  ['The option', 'services[0].toa."no key"', { services: [{ toa: wrong }] }],
  ['Persistence', 'services[0].persistence."no key"', { services: [{ persistence: wrong }] }],
  ['Timeouts', 'services[0].timeouts."no key"', { services: [{ timeouts: wrong }] }],
  ['Limits', 'services[0].limits."no key"', { services: [{ limits: wrong }] }],
  ['SYN proxy', 'services[0].synProxy."no key"', { services: [{ synProxy: wrong }] }],
  ['Settings', 'settings."no key"', { settings: wrong }],
];

for (const [heading, path, config] of objects) {
  test(`docs/configuration.md has every key of ${path}, and no other`, () => {
    const { faults = [] } = validateConfig(config) as { faults?: readonly Fault[] };
    const fault = faults.find((each) => each.path === path);
    assert.ok(fault, `no fault at ${path}`);
    const keys = fault.wanted.replace('one of the keys ', '').split(', ');
    const [, part] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
    const tables = part!.split(/^#/m)[0]!;
    const documented = [...tables.matchAll(/(?:^\||\| \|) `(\w+)` \|/gm)].map(([, key]) => key!);
    assert.deepEqual(documented.sort(), keys.sort());
  });
}

test('docs/configuration.md has an example of every mode, and each is sound', () => {
  const modes = [
    'FULLNAT',
    'NAT64',
    'PROXY protocol v2',
    'NAT',
    'DR',
    'TUN',
    'FULLNAT and NAT with a SYN proxy',
    'UDP, persistence, CIDRs',
  ];
  assert.deepEqual(
    examples.map(({ heading }) => heading),
    modes,
  );
  for (const { heading, config } of examples) {
    assert.deepEqual(validateConfig(config).faults ?? [], [], heading);
  }
});

test('docs/configuration.md tells the timeouts and the settings that are the defaults', () => {
  const kernel = defaultTimeouts('nat', 'kernel');
  for (const [state, seconds] of Object.entries(defaultTimeouts('fullnat', 'kernel'))) {
    assert.ok(
      text.includes(`\`${state}\` | ${kernel[state as keyof typeof kernel]}, ${seconds} |`),
      `${state}: ${seconds}`,
    );
  }
  for (const [name, value] of Object.entries(defaultSettings)) {
    assert.match(text, new RegExp(`^\\| \`${name}\` \\|[^|]*\\| \`?${value}\`? \\|`, 'm'));
  }
  for (const name of schedulerNames) assert.ok(text.includes(`\`${name}\``), name);
});

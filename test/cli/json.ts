import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type SchemaObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { packageRoot } from '../../lib/native.js';

const folder = join(packageRoot, 'schemas');

/** The schemas of what `toa … --json` prints, by the names of their files: the command's words with dashes between. */
export const schemas: ReadonlyMap<string, SchemaObject> = new Map(
  readdirSync(folder).map((file) => [
    file.replace(/\.json$/, ''),
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as SchemaObject,
  ]),
);

/**
 * The same schema without room for fields that it does not name. Its readers must bear new fields, for those may come
 * without a new version; our tests must not, for then they are to be written down.
 */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  const inner = 'properties' in schema && !('additionalProperties' in schema);
  return { ...Object.fromEntries(entries), ...(inner && { additionalProperties: false }) };
}

const ajv = new Ajv2020({ strict: true, allErrors: true, strictRequired: false });
const validators = new Map<string, ValidateFunction>();

function validatorOf(name: string): ValidateFunction {
  const known = validators.get(name);
  if (known) return known;
  const schema = schemas.get(name);
  assert.ok(schema, `there is no schemas/${name}.json`);
  const validator = ajv.compile(closed(schema) as SchemaObject);
  validators.set(name, validator);
  return validator;
}

/**
 * Reads what a command printed with --json: one object a line, each as its schema says.
 * @param name the schema's, such as `module-status`
 */
export function readJson<Value = Record<string, unknown>>(name: string, stdout: string): Value[] {
  assert.match(stdout, /\n$/, 'the last line has an end');
  return stdout
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const value = JSON.parse(line) as { schema: string };
      assert.equal(value.schema.split('/')[0], name);
      const validate = validatorOf(name);
      assert.ok(validate(value), `${line}\n${ajv.errorsText(validate.errors, { separator: '\n' })}`);
      return value as Value;
    });
}

/** The same for a command that prints one object. */
export function readOneJson<Value = Record<string, unknown>>(name: string, stdout: string): Value {
  const [value, ...more] = readJson<Value>(name, stdout);
  assert.equal(more.length, 0);
  return value as Value;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findJsonFault } from '../../../lib/daemon/json-fault.js';

const rows: [text: string, line: number, column: number, given: string, wanted: string][] = [
  ['', 1, 1, 'the end of the file', 'a value'],
  ['{"a": x}', 1, 7, '"x}"', 'a value'],
  ['{"a": 1,}', 1, 9, '"}"', 'a name in double quotes'],
  ["{'a': 1}", 1, 2, `"'a': 1}"`, 'a name in double quotes'],
  ['{"a" 1}', 1, 6, '"1}"', '":"'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, '"\\"b\\": 2"', '"," or "}"'],
  ['[1, 2', 1, 6, 'the end of the file', '"," or "]"'],
  ['[1, 02]', 1, 5, '"02]"', 'a value'],
  ['[1, "tab\there"]', 1, 5, '"\\"tab\\there\\"]"', 'a value'],
  ['{"a": 1} // no comments', 1, 10, '"// no comments"', 'the end of the file'],
  ['[\r\n1,\r\n]', 3, 1, '"]"', 'a value'],
];

for (const [text, line, column, given, wanted] of rows) {
  test(`the fault in ${JSON.stringify(text)} is at line ${line}, column ${column}`, () => {
    assert.deepEqual(findJsonFault(text), { line, column, given, wanted });
  });
}

test('what JSON.stringify writes has no fault', () => {
  fc.assert(fc.property(fc.json(), (text) => assert.equal(findJsonFault(text), undefined)));
});

test('a text has a fault exactly if JSON.parse refuses it', () => {
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '0', '-', '.', '\\', '\n', 'e', ' '))
    .map(([text, at, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + 1);
    });
  fc.assert(
    fc.property(damaged, (text) => {
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      assert.equal(findJsonFault(text) === undefined, parses);
    }),
    { numRuns: 2000 },
  );
});

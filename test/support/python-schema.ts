import { execFileSync } from 'node:child_process';

/** Reads a schema and a list of values, and says of each whether the schema accepts it. */
const VALIDATE = `
import json, sys
from jsonschema import Draft202012Validator
work = json.load(sys.stdin)
Draft202012Validator.check_schema(work["schema"])
validator = Draft202012Validator(work["schema"])
json.dump([validator.is_valid(value) for value in work["values"]], sys.stdout)
`;

/** Debian's package `python3-jsonschema`. */
export const canRunPythonSchema = hasPythonSchema();

function hasPythonSchema(): boolean {
  try {
    execFileSync('python3', ['-c', 'from jsonschema import Draft202012Validator'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Whether Python's `jsonschema` accepts each of the values. @throws if it cannot load the schema */
export function validateInPython(schema: unknown, values: readonly unknown[]): boolean[] {
  const input = JSON.stringify({ schema, values });
  return JSON.parse(execFileSync('python3', ['-c', VALIDATE], { input, encoding: 'utf8' }));
}

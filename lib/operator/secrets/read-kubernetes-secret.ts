import * as v from 'valibot';
import { parse } from 'yaml';
import { OperatorError } from '../operator-error.ts';
import type { SecretFields } from './secret-fields.ts';

const secretSchema = v.object({
  apiVersion: v.literal('v1'),
  kind: v.literal('Secret'),
  data: v.nullish(v.record(v.string(), v.pipe(v.string(), v.base64()))),
  stringData: v.nullish(v.record(v.string(), v.string())),
});

/**
 * The fields of a Secret as `kubectl get secret NAME -o json` (or `yaml`) prints it, or as a manifest has it.
 *
 * @throws {@link OperatorError} that does not quote the text
 */
export function readKubernetesSecret(text: string): SecretFields {
  const parsed = v.safeParse(secretSchema, parsedYaml(text));
  if (!parsed.success) throw unreadable(v.getDotPath(parsed.issues[0]) ?? undefined);
  const { data, stringData } = parsed.output;
  const decoded = Object.entries(data ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  // As the cluster does: what is given as text goes before what is given as base64.
  return { ...Object.fromEntries(decoded), ...stringData };
}

function parsedYaml(text: string): unknown {
  try {
    // JSON is YAML, too.
    return parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
}

function unreadable(where: string | undefined): OperatorError {
  return new OperatorError(
    'NOT_A_KUBERNETES_SECRET',
    `what was given is not one Secret of Kubernetes${where === undefined ? '' : ` (see its ${where})`}`,
    'kubectl get secret keybuzz-ses -n NAMESPACE -o json | mailctl secrets diff --kubernetes-file -',
  );
}

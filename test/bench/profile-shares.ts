import { type Profiler, Session } from 'node:inspector/promises';

/** In the order in which they are tried for each frame, from the innermost outwards. */
const SHARES = [
  ['idle', /^\(idle\)$/],
  ['SMTP', /\/(?:lib\/adapters\/smtp|nodemailer\/dist\/\w+\/smtp-)/],
  ['SQL', /\/(?:lib\/adapters\/postgres|node_modules\/pg(?:-[\w-]+)?)\//],
  ['MIME', /\/(?:lib\/adapters\/mime|lib\/domain\/(?:mime-headers|header-corrections)|nodemailer\/dist)/],
] as const;

type Share = (typeof SHARES)[number][0] | 'other';

/** Runs a task under V8's profiler. @returns the share of its time in each kind of work, between 0 and 1 */
export async function profileShares(task: () => Promise<void>): Promise<ReadonlyMap<Share, number>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await task();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return sharesOf(profile);
}

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ReadonlyMap<Share, number> {
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const shareOf = (id: number): Share => {
    for (let at: number | undefined = id; at !== undefined; at = parentOf.get(at)) {
      const { functionName, url } = nodeOf.get(at)?.callFrame ?? { functionName: '', url: '' };
      const found = SHARES.find(([, pattern]) => pattern.test(url === '' ? functionName : url));
      if (found !== undefined) return found[0];
    }
    return 'other';
  };
  const known = new Map(nodes.map(({ id }) => [id, shareOf(id)]));
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const shares = new Map<Share, number>();
  for (const [index, id] of samples.entries()) {
    const share = known.get(id) ?? 'other';
    shares.set(share, (shares.get(share) ?? 0) + (timeDeltas[index] ?? 0) / total);
  }
  return shares;
}

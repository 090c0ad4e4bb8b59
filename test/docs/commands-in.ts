/** The mailctl commands in code blocks and inline code, without placeholders. */
export function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...spans].flatMap((line) => {
    const command = /^(?:npx )?(mailctl [^#|&;…]+)/.exec(line.trim())?.[1]?.trim();
    return command === undefined ? [] : [command];
  });
}

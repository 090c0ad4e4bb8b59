import { readFile, writeFile } from 'node:fs/promises';
import { OperatorError } from '../operator-error.ts';

/** @throws {@link OperatorError} where there is such a file already: somebody may have edited it */
export async function writeUseCase(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    const exists = cause.code === 'EEXIST';
    const message = exists ? `${file} is there already` : `${file} cannot be written: ${cause.code}`;
    const mend = exists
      ? 'name another --draft-file, or file it by --text'
      : 'name a file that can be written';
    throw new OperatorError(exists ? 'FILE_EXISTS' : 'FILE_UNWRITABLE', message, mend, { cause });
  });
}

/** @throws {@link OperatorError} */
export async function readUseCase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `${file} cannot be read: ${cause.code}`;
    throw new OperatorError('FILE_UNREADABLE', message, 'name a file that can be read', { cause });
  });
  return text.replaceAll('\r\n', '\n').trim();
}

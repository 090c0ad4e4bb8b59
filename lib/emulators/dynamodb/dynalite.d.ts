/** What is used of https://github.com/architect/dynalite, which comes without types. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  export default function dynalite(options: {
    /** How long a table is in the state CREATING. */
    readonly createTableMs: number;
  }): Server;
}

/** The used part of https://github.com/architect/dynalite, which has no types. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  export default function dynalite(options: {
    /** Duration of the table status CREATING. */
    readonly createTableMs: number;
  }): Server;
}

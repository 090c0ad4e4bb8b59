/** What only a pipeline on this machine has: what its servers accepted, their faults, and a form for rows. */
export interface LocalDesk {
  readonly directory: string;
}

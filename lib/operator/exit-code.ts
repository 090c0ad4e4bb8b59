/**
 * How a command ends. A script can tell "look at it" from "it is broken", and both from a mistyped command; 64 is
 * EX_USAGE of sysexits.h.
 */
export const EXIT = { ok: 0, warning: 1, failed: 2, usage: 64 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

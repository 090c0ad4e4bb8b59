/** Short enough that a slip is soon mended, long enough that receivers need not ask for each mail. */
export const RECORD_TTL_SECONDS = 1_800;

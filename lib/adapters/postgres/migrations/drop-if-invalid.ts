/**
 * A concurrent build lets the API go on writing while it runs. One that was broken off leaves an invalid index
 * behind, which `IF NOT EXISTS` would take for the real one. To drop it needs the table for a moment, and others
 * would wait behind that.
 */
export const dropIfInvalid = (index: string) => `
DO $$
BEGIN
  PERFORM set_config('lock_timeout', '2s', true);
  IF EXISTS (
    SELECT FROM pg_index WHERE indexrelid = to_regclass('${index}') AND NOT indisvalid
  ) THEN
    DROP INDEX ${index};
  END IF;
END
$$`;

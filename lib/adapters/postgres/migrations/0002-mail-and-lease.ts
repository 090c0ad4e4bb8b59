import type { Migration } from './migration.ts';

/**
 * What a worker needs beside the API's columns. All are nullable or have a constant default, so PostgreSQL
 * changes its catalogue alone and rewrites no row.
 */
export const mailAndLease: Migration = {
  name: '0002-mail-and-lease',
  inTransaction: true,
  statements: [
    `
ALTER TABLE outbound_deliveries
  ADD COLUMN IF NOT EXISTS mail jsonb,
  ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS expires_at timestamptz,
  ADD COLUMN IF NOT EXISTS owed_recipients text[],
  ADD COLUMN IF NOT EXISTS lease_owner text,
  ADD COLUMN IF NOT EXISTS lease_until timestamptz,
  ADD COLUMN IF NOT EXISTS lease_route text`,
  ],
};

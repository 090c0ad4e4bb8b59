/** What one server of a zone says about a name, or why it says nothing. */
export type ServerView =
  | { readonly kind: 'answered'; readonly host: string; readonly seen: SeenRecords }
  | { readonly kind: 'silent'; readonly host: string; readonly why: string };

export interface SeenRecords {
  /** Those of the name itself: what a wildcard of the zone answers for any name is left out. */
  readonly values: readonly string[];
  /** Where a CNAME leads that stands at the name. The values are those of its target then. */
  readonly alias?: string | undefined;
  /** The values at the name with the zone's name once more behind it, where none are at the name. */
  readonly atDoubledName: readonly string[];
}

export type ZoneView =
  | { readonly kind: 'served'; readonly zone: string; readonly servers: readonly ServerView[] }
  | { readonly kind: 'not-found'; readonly why: string };

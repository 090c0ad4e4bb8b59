/** Who knows of it. */
export type StorySource = 'row' | 'ledger' | 'row, ledger' | 'dead letters' | 'suppression list';

/** Something that happened to a delivery. */
export interface StoryEvent {
  readonly at: Date;
  readonly source: StorySource;
  readonly what: string;
  /** Whom it is about, by `addressKey`; none where it is about all of them. */
  readonly recipients: readonly string[];
}

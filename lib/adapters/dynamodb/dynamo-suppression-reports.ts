import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Strike, withStrike } from '../../message/suppression.ts';
import type { SuppressionReports } from '../../ports/suppression-list.ts';
import type { SuppressionOptions } from './suppression-options.ts';
import { SuppressionRecords } from './suppression-records.ts';

/** Writes bounces and complaints into the suppression list. */
export class DynamoSuppressionReports implements SuppressionReports {
  readonly #records: SuppressionRecords;

  constructor(client: DynamoDBClient, options: SuppressionOptions) {
    this.#records = new SuppressionRecords(client, options);
  }

  report(address: string, strike: Strike): Promise<void> {
    return this.#records.change(address, (record) => withStrike(record, strike));
  }
}

/** An item is not as the pipeline writes it; asking again does not help. The message quotes nothing of the item. */
export class DamagedItemError extends Error {
  override readonly name = 'DamagedItemError';
  readonly code = 'DamagedItem';

  /**
   * @param itemName tells which item it is, without an address
   * @param detail which attributes broke which rules
   */
  constructor(itemName: string, detail: string) {
    super(`${itemName} is damaged: ${detail}`);
  }
}

/** Others changed an item each time that it was to be changed. Asking again helps. */
export class ContendedItemError extends Error {
  override readonly name = 'ContendedItemError';
  readonly code = 'ContendedItem';

  /** @param itemName tells which item it is, without an address */
  constructor(itemName: string, tries: number) {
    super(`${itemName} was changed by others at each of ${tries} tries`);
  }
}

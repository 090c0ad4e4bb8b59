/**
 * The channel by which the database tells of deliveries to claim. The payload is the lease owner that gave them
 * back, or empty where they are new.
 */
export const ARRIVALS_CHANNEL = 'outbound_deliveries';

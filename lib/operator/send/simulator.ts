/**
 * SES's own mailbox: takes every mail, also from the sandbox, and harms nobody's name.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
 */
export const SIMULATOR = 'success@simulator.amazonses.com';

/**
 * Stands in for `node:http` in the bundles, where nodemailer imports it to compose a mail, and the SDK for an endpoint
 * without TLS, as the emulators have. Node reads every export of a built-in that is imported, and that of `WebSocket`
 * loads all of undici, which costs a third of what the function's own code does in a cold start. A built-in that is
 * asked for in this way is not read through.
 */
const http = process.getBuiltinModule('node:http');

export default http;
export const { Agent, request } = http;

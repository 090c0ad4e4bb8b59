/**
 * Stands in for `node:http` in the bundles. Node reads every export of a module that is imported, and that of
 * `WebSocket` loads all of undici: as long as a third of the rest of a cold start. A module that is asked for in this
 * way is not read through.
 */
const http = process.getBuiltinModule('node:http');

export default http;
export const { Agent, request } = http;

/** How the API reaches its own mail server. All times in milliseconds. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (port 465); otherwise STARTTLS where the server offers it. */
  readonly secure: boolean;
  /** Send nothing where the server does not offer STARTTLS. */
  readonly requireTls: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tlsRejectUnauthorized: boolean;
  /** PEM certificates to trust in place of the system's. */
  readonly tlsCa?: string | undefined;
  /** From the name look-up to the end of the TLS set-up. */
  readonly connectTimeoutMs: number;
  readonly greetingTimeoutMs: number;
  /** A socket on which nothing moves for this long is given up. */
  readonly socketTimeoutMs: number;
  /** The whole send, its wait for a free connection included: bounds a server that trickles. */
  readonly sendTimeoutMs: number;
  readonly maxConnections: number;
}

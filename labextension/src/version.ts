/** The version of this half; the server's half says its own. */
export const VERSION = '0.1.0';

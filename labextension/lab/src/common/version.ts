/** The version of the JupyterLab extension. The server extension reports its own. */
export const VERSION = '0.1.0';
